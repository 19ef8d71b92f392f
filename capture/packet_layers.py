"""One packet in full, decoded by dpkt when someone looks at it: layers as lines of safe text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from capture.model import TcpFlags
from capture.reread import changed, whole_packets
from capture.safe_text import printable
from capture.wire.capture_errors import PacketUnreadable
from capture.wire.files.pcapng_comments import comments
from capture.wire.headers.link_types import ETHERNET, link_name

if TYPE_CHECKING:
    from capture.decode import FilePart
    from capture.engine.session import WholePacket

MOST_BYTES = 65_536  # of a packet that are decoded and shown
_WIDTH = 16  # bytes a line of the dump


@dataclass(frozen=True, slots=True)
class PacketLayer:
    """One header: its name, and its fields as lines."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PacketDetail:
    """A packet as shown: times are epoch nanoseconds, lengths bytes; `dump` is hexadecimal and text beside it."""

    offset: int
    time: int
    captured: int
    original: int
    link_type: str
    layers: tuple[PacketLayer, ...]
    dump: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """All layers, one after another, fields indented."""
        return tuple(line for layer in self.layers for line in (layer.name, *(f"  {field}" for field in layer.lines)))


def full_packet(part: FilePart, offset: int, number: int) -> PacketDetail:
    """A packet of a file, by its number in the capture; `offset` is where a text has it.

    Raises PacketUnreadable where it cannot be read again: a pipe, a file that has gone or changed.
    """
    recorded = whole_packets(part, [number], MOST_BYTES)
    if recorded is None:
        line = _line(part.stored or part.path, offset)
        return PacketDetail(offset, 0, len(line), len(line), "text", (PacketLayer("Text", (printable(line),)),), ())
    found = recorded.get(number)
    if found is None:
        raise changed(part.path)
    when = datetime.fromtimestamp(found.time // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    remarks = comments(found.options, ">" if found.big else "<")
    frame = PacketLayer(
        f"Frame {number}",
        (
            f"{found.original} bytes on the wire, {len(found.data)} captured",
            f"time {when}.{found.time % 1_000_000_000:09d} UTC",
            f"link type {link_name(found.link)}",
            *(f"comment: {comment}" for comment in remarks),
        ),
    )
    layers = (frame, *_decoded(found))
    dump, link = tuple(_dump(found.data)), link_name(found.link)
    return PacketDetail(found.offset, found.time, len(found.data), found.original, link, layers, dump)


def _line(path: str, offset: int) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.readline(MOST_BYTES).decode("utf-8", "replace").strip()
    except OSError as error:
        raise PacketUnreadable(f"cannot read {printable(path)} again: {error.strerror}") from None


def _decoded(found: WholePacket) -> Iterator[PacketLayer]:
    """Layers of a frame; where dpkt cannot go on, the rest is only in the dump."""
    try:
        packet = _first(found)
    except Exception:  # dpkt raises what its parsers stumble over
        packet = None
    if packet is None:
        yield PacketLayer("Not decoded", ("this frame is damaged, cut, or of a kind that is shown as bytes only",))
        return
    for _ in range(32):
        try:
            layer, packet = _layer(packet)
        except Exception:  # as above
            yield PacketLayer("Not decoded", ("the rest is damaged or cut",))
            return
        if layer is not None:
            yield layer
        if packet is None or isinstance(packet, bytes):
            return


@lru_cache(maxsize=1)
def _dpkt() -> Any:
    import dpkt

    return dpkt


def _first(found: WholePacket) -> Any:
    """The outermost header that dpkt reads: Ethernet, or IP behind any other link layer."""
    if found.link == ETHERNET:
        return _dpkt().ethernet.Ethernet(found.data)
    return None if found.ip_at < 0 else _ip(found.data[found.ip_at :])


def _ip(data: bytes) -> Any:
    dpkt = _dpkt()
    if not data:
        return None
    return dpkt.ip.IP(data) if data[0] >> 4 == 4 else dpkt.ip6.IP6(data) if data[0] >> 4 == 6 else None


def _layer(packet: Any) -> tuple[PacketLayer | None, Any]:
    """One header as lines, and what it carries."""
    dpkt = _dpkt()
    following = packet.data if not isinstance(packet.data, bytes) or packet.data else None
    if isinstance(packet, dpkt.ethernet.Ethernet):
        lines = [f"{_mac(packet.src)} → {_mac(packet.dst)}", f"type 0x{packet.type:04x}"]
        lines += [f"VLAN {tag.id}, priority {tag.pri}" for tag in getattr(packet, "vlan_tags", ())]
        lines += [f"MPLS label {label.val}, TTL {label.ttl}" for label in getattr(packet, "mpls_labels", ())]
        return PacketLayer("Ethernet", tuple(lines)), following
    if isinstance(packet, dpkt.ip.IP):
        return _ipv4(packet), following
    if isinstance(packet, dpkt.ip6.IP6):
        return _ipv6(packet), following
    if isinstance(packet, dpkt.tcp.TCP):
        return _tcp(packet), following
    if isinstance(packet, dpkt.udp.UDP):
        inner = dpkt.ethernet.Ethernet(packet.data[8:]) if packet.dport == 4789 and len(packet.data) > 22 else following
        return PacketLayer("UDP", (f"{packet.sport} → {packet.dport}, length {packet.ulen}",)), inner
    if isinstance(packet, (dpkt.icmp.ICMP, dpkt.icmp6.ICMP6)):
        quoted = getattr(packet.data, "data", None)
        return PacketLayer(type(packet).__name__, (f"type {packet.type}, code {packet.code}",)), quoted
    name = type(packet).__name__
    fields = tuple(
        f"{key} {printable(str(value), 80)}" for key, value in list(vars(packet).items())[:12] if _plain(key, value)
    )
    return PacketLayer(printable(name, 40), fields), following


def _plain(key: str, value: object) -> bool:
    return not key.startswith("_") and isinstance(value, int)


def _mac(address: bytes) -> str:
    return address.hex(":")


def _ipv4(packet: Any) -> PacketLayer:
    flags = [name for name, bit in (("DF", packet.df), ("MF", packet.mf)) if bit]
    return PacketLayer(
        "IPv4",
        (
            f"{ip_address(packet.src)} → {ip_address(packet.dst)}",
            f"length {packet.len}, TTL {packet.ttl}, identification {packet.id}",
            f"flags {' '.join(flags) or 'none'}, fragment offset {packet.offset}, DSCP {packet.tos >> 2}",
            f"protocol {packet.p}, header checksum 0x{packet.sum:04x}",
        ),
    )


def _ipv6(packet: Any) -> PacketLayer:
    return PacketLayer(
        "IPv6",
        (
            f"{ip_address(packet.src)} → {ip_address(packet.dst)}",
            f"payload length {packet.plen}, hop limit {packet.hlim}, flow label 0x{packet.flow:05x}",
            f"next header {packet.nxt}, traffic class {packet.fc}",
        ),
    )


def _tcp(packet: Any) -> PacketLayer:
    bits = packet.flags
    flags = " ".join(flag.name or "" for flag in TcpFlags if flag & bits) or "none"
    lines = [
        f"{packet.sport} → {packet.dport}, {flags}",
        f"sequence {packet.seq}, acknowledgement {packet.ack}",
        f"window {packet.win}, checksum 0x{packet.sum:04x}, urgent pointer {packet.urp}",
        f"header {packet.off * 4} bytes, payload {len(packet.data)} bytes captured",
    ]
    options = ", ".join(_options(packet.opts))
    return PacketLayer("TCP", (*lines, f"options {options}") if options else tuple(lines))


def _options(options: bytes) -> Iterator[str]:
    """TCP options by name (IANA's registry), as far as they are whole."""
    at = 0
    while at < len(options):
        kind = options[at]
        if kind == 0:
            return
        size = 1 if kind == 1 else options[at + 1] if at + 1 < len(options) else 0
        if size < 1 or (kind != 1 and size < 2) or at + size > len(options):
            yield "damaged"
            return
        if kind != 1:
            yield _option(kind, options[at + 2 : at + size])
        at += size


def _option(kind: int, value: bytes) -> str:
    number = int.from_bytes(value, "big")
    words = [int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value), 4)]
    if kind == 2 and len(value) == 2:
        return f"MSS {number}"
    if kind == 3 and len(value) == 1:
        return f"window scale {number}"
    if kind == 4:
        return "SACK permitted"
    if kind == 5 and len(value) % 8 == 0:
        blocks = " ".join(f"{left}–{right}" for left, right in zip(words[::2], words[1::2], strict=True))
        return f"SACK {blocks}"
    if kind == 8 and len(value) == 8:
        return f"timestamp {words[0]} echo {words[1]}"
    if kind == 34:
        return f"Fast Open cookie {value.hex()}" if value else "Fast Open cookie request"
    return f"option {kind} ({len(value)} bytes)"


def _dump(data: bytes) -> Iterator[str]:
    for at in range(0, len(data), _WIDTH):
        row = data[at : at + _WIDTH]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{at:04x}  {row[:8].hex(' '):23}  {row[8:].hex(' '):23}  {text}"
