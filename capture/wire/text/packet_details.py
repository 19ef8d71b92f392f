"""Packets in full, as `tshark -V` and Wireshark's export print them: one frame on many lines.

Fields by the words of packet-frame.c, packet-ip.c, packet-tcp.c, packet-icmp.c, old and new; what is nested in an ICMP
error is what it quotes. A frame ends where the next begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address

from msgspec import Struct

from capture.engine.library import library
from capture.wire.headers.payload_kinds import Content
from capture.wire.text.contents import content_of_row, of_length
from capture.wire.text.printed import SYN, Clock, Heading, Printed, PrintedError, PrintedPacket

_FRAME = re.compile(r" {0,8}Frame (\d{1,10})(?:: | \()")
_ENDS = re.compile(r"(?:\[?Internet Protocol(?: Version [46])?), Src: (.{1,300}?), Dst: (.{1,300})$")
_PORTS = re.compile(
    r"Transmission Control Protocol, Src Port: (.{1,80}?), Dst Port: ([^,]{1,80})(?:,.*?Len: (\d{1,10}))?"
)
_IN_BRACKETS = re.compile(r"\(([^()]{1,253})\)$")
_HEX_DIGITS = re.compile(r"(?:[0-9a-f]{2}){1,64}")
_ERROR_TYPES = {3, 4, 5, 11, 12}
_ERROR_TYPES_6 = {1, 2, 3, 4}


class _Inside(Struct):
    """What one IP packet of a frame said: the outer one, or the one that an ICMP error quotes."""

    src: str = ""
    dst: str = ""
    ipv6: bool = False
    ttl: int | None = None
    ip_id: int | None = None
    tcp: bool = False
    sport: str = ""
    dport: str = ""
    length: int | None = None
    seq: int | None = None
    raw_seq: int | None = None
    ack: int | None = None
    raw_ack: int | None = None
    flags: int = 0
    window: int | None = None
    scaled: bool = False
    wscale: int | None = None
    timestamp: bool = False
    sack: bool = False
    fast_open: bool = False
    wrong_checksum: bool = False
    repeated: bool = False
    content: Content = Content.UNKNOWN

    def printed(self) -> Printed:
        """As a segment."""
        raw = self.raw_seq is not None
        syn = bool(self.flags & SYN)
        return Printed(
            src=self.src,
            sport=self.sport,
            dst=self.dst,
            dport=self.dport,
            flags=self.flags,
            seq=self.raw_seq if raw else self.seq,
            ack=self.raw_ack if raw else self.ack,
            window=self.window,
            length=self.length or 0,
            wscale=None if self.wscale is None else min(self.wscale, 14),
            timestamp=self.timestamp,
            sack=self.sack,
            fast_open=self.fast_open,
            wrong_checksum=self.wrong_checksum,
            own_numbers=True,
            absolute=raw,
            scaled=self.scaled and not syn,
            anew=syn and not raw and not self.repeated,
            content=of_length(self.content, self.length or 0),
        )


class Tree:
    """Lines of frames in, packets out."""

    def __init__(self) -> None:
        self._offset: int | None = None
        self._clock: Clock | None = None
        self._vlans: tuple[int, ...] = ()
        self._vni: int | None = None
        self._mtu: int | None = None
        self._error: tuple[bool, list[int]] | None = None  # ICMPv6 or not; type and code
        self._outer = self._inner = _Inside()

    @property
    def open(self) -> bool:
        """Has a frame begun?"""
        return self._offset is not None

    @staticmethod
    def begins(line: str) -> bool:
        """Does a frame begin on this line?"""
        return _FRAME.match(line) is not None

    def begin(self, offset: int) -> PrintedPacket | None:
        """A frame begins: the one before it is whole."""
        before = self.end()
        self.__init__()  # type: ignore[misc]
        self._offset = offset
        return before

    def end(self) -> PrintedPacket | None:
        """The last frame: nothing more comes of it."""
        if self._offset is None:
            return None
        offset, self._offset = self._offset, None
        outer = self._outer
        what: Printed | PrintedError | None = None
        if self._error is not None and len(self._error[1]) == 2:
            what = self._icmp(*self._error)
        elif outer.tcp:
            what = outer.printed()
        heading = Heading(self._clock, outer.ipv6, outer.ttl, outer.ip_id, self._vlans, self._vni)
        return PrintedPacket(offset, heading, what)

    def _icmp(self, ipv6: bool, numbers: list[int]) -> PrintedError | None:
        kind, code = numbers
        if kind not in (_ERROR_TYPES_6 if ipv6 else _ERROR_TYPES):
            return None
        quoted = self._inner.printed() if self._inner is not self._outer and self._inner.tcp else None
        return PrintedError(self._outer.src, self._outer.dst, kind, code, ipv6, quoted=quoted, mtu=self._mtu)

    def line(self, line: str) -> None:
        """One line of the frame."""
        text = line.strip()
        if text.startswith("Internet Protocol"):
            self._ip(text)
        elif text.startswith("Transmission Control Protocol"):
            self._tcp(text)
        elif text.startswith("Internet Control Message Protocol"):
            if self._error is None:
                self._error = (text.endswith("v6"), [])
        elif text.startswith("802.1Q Virtual LAN"):
            self._vlans += ((_last_number(text) or 0) & 0xFFF,)
        else:
            name, _, value = text.partition(": ")
            field = _FIELDS.get(name.lower())
            if field is not None:
                field(self, value)
            elif text.startswith("TCP Option - "):
                self._option(text)
            elif "etransmission" in text:
                self._inner.repeated = True
            elif text.startswith(("TLSv", "SSLv", "HTTP/")) or text.endswith(" HTTP/1.1\\r\\n"):
                _content(self, text)

    def _ip(self, text: str) -> None:
        ends = _ENDS.match(text)
        if ends is None:
            return
        quoted = self._error is not None
        inside = _Inside(_address(ends[1]), _address(ends[2]), "Version 6" in text)
        if quoted:
            self._inner = inside
        else:
            self._outer = self._inner = inside

    def _tcp(self, text: str) -> None:
        ports = _PORTS.match(text)
        if ports is not None:
            inside = self._inner
            inside.tcp, inside.sport, inside.dport = True, _port(ports[1]), _port(ports[2])
            inside.length = min(int(ports[3]), 0x7FFFFFFF) if ports[3] else inside.length

    def _option(self, text: str) -> None:
        what = text.removeprefix("TCP Option - ")
        self._inner.timestamp |= what.startswith("Timestamps")
        self._inner.sack |= what.startswith("SACK") and "permitted" not in what
        self._inner.fast_open |= what.startswith(("Fast Open Cookie", "TCP Fast Open")) and "Request" not in what

    def _time(self, value: str) -> None:
        whole, _, part = value.split(" ")[0].partition(".")
        if whole.isdigit() and part.isdigit() and len(whole) < 11 and len(part) < 10:
            self._clock = Clock(int(whole) * 1_000_000_000 + int(part.ljust(9, "0")), epoch=True)

    def _arrival(self, value: str) -> None:
        if self._clock is not None:
            return
        stamp = " ".join(value.split()[:4])
        head, _, part = stamp.partition(".")
        try:
            when = datetime.strptime(head, "%b %d, %Y %H:%M:%S")
        except ValueError:
            return
        day = when.strftime("%Y-%m-%d")
        fraction = part.split(" ")[0][:9]
        seconds = when.hour * 3600 + when.minute * 60 + when.second
        self._clock = Clock(seconds * 1_000_000_000 + int(fraction.ljust(9, "0")) if fraction.isdigit() else 0, day)

    def _printed_number(self, value: str) -> None:
        """An ICMP type, then its code."""
        number = _last_number(value) if value[:1].isalpha() else _first_number(value)
        if self._error is not None and len(self._error[1]) < 2 and number is not None and number <= 0xFF:
            self._error[1].append(number)


def _number(name: str, most: int = 0xFFFFFFFF) -> Callable[[Tree, str], None]:
    """A field's number, once; one that its field on the wire cannot hold was not printed so: it is not known."""

    def put(tree: Tree, value: str) -> None:
        inside = tree._inner
        number = _first_number(value)
        if number is not None and number <= most and getattr(inside, name) is None:
            setattr(inside, name, number)

    return put


def _flags(tree: Tree, value: str) -> None:
    if tree._inner.tcp and value.startswith("0x"):
        tree._inner.flags = (_first_number(value) or 0) & 0x1FF


def _window(tree: Tree, value: str) -> None:
    if tree._inner.tcp and tree._inner.window is None:
        tree._inner.window = _first_number(value)
        tree._inner.scaled = "scaled" in value


def _checksum(tree: Tree, value: str) -> None:
    tree._inner.wrong_checksum |= tree._inner.tcp and value.startswith("Bad")


def _network(tree: Tree, value: str) -> None:
    tree._vni = _first_number(value)


def _next_hop(tree: Tree, value: str) -> None:
    tree._mtu = _first_number(value)


def _content(tree: Tree, text: str) -> None:
    """A record of TLS, or what another protocol's line says; the first one counts."""
    inside = tree._inner
    if inside.tcp and inside.length and inside.content == Content.UNKNOWN:
        inside.content = content_of_row(text)


def _data(tree: Tree, value: str) -> None:
    """The payload itself, in hexadecimal, as far as it is printed: no protocol was found in it."""
    inside, digits = tree._inner, _HEX_DIGITS.match(value)
    if digits is None or not inside.tcp or not inside.length or inside.content != Content.UNKNOWN:
        return
    begin = bytes.fromhex(digits[0])
    inside.content = Content(library().call.content_of(begin, len(begin), inside.length))


_FIELDS: dict[str, Callable[[Tree, str], None]] = {
    "epoch time": Tree._time,
    "epoch arrival time": Tree._time,
    "arrival time": Tree._arrival,
    "time to live": _number("ttl", 0xFF),
    "hop limit": _number("ttl", 0xFF),
    "identification": _number("ip_id", 0xFFFF),
    "sequence number": _number("seq"),
    "sequence number (raw)": _number("raw_seq"),
    "acknowledgment number": _number("ack"),
    "acknowledgement number": _number("ack"),
    "acknowledgment number (raw)": _number("raw_ack"),
    "[tcp segment len": _number("length", 0x7FFFFFFF),
    "flags": _flags,
    "window": _window,
    "window size": _window,
    "window size value": _window,
    "shift count": _number("wscale", 0xFF),
    "[checksum status": _checksum,
    "vxlan network identifier (vni)": _network,
    "mtu of next hop": _next_hop,
    "mtu": _next_hop,
    "data": _data,
    "type": Tree._printed_number,
    "code": Tree._printed_number,
}


def _first_number(value: str) -> int | None:
    found = re.match(r"0x([0-9a-fA-F]{1,8})|(\d{1,10})", value)
    if found is None:
        return None
    return int(found[1], 16) if found[1] else int(found[2]) & 0xFFFFFFFF


def _last_number(value: str) -> int | None:
    found = re.search(r"(\d{1,10})\)?$", value)
    return int(found[1]) & 0xFFFFFFFF if found else None


def _address(text: str) -> str:
    """The address of "10.1.1.1", "10.1.1.1 (10.1.1.1)" or "host.example (10.1.1.1)"."""
    text = text.rstrip("]")
    name = text.split(" ")[0]
    inner = _IN_BRACKETS.search(text)
    try:
        ip_address(name)
    except ValueError:
        return inner[1] if inner else name
    return name


def _port(text: str) -> str:
    inner = _IN_BRACKETS.search(text.strip())
    return inner[1] if inner else text.strip()
