"""The oracle: every count of every direction by a plain loop over dpkt's packets, nothing shared with the fast path.

Written to be obviously right, not fast. Reads pcap of Ethernet, raw IP and Linux cooked frames with plain TCP in them.
"""

from __future__ import annotations

import socket
from collections import defaultdict
from dataclasses import dataclass, field

import dpkt

FIN, SYN, RST, ACK = 1, 2, 4, 16
End = tuple[str, int]


@dataclass
class Segment:
    time: int  # nanoseconds
    source: End
    target: End
    seq: int
    ack: int
    flags: int
    window: int
    length: int
    wscale: int | None


@dataclass
class Side:
    """What one direction of a connection has shown so far."""

    isn: int | None = None
    next: int | None = None
    next_time: int = 0
    contiguous: int | None = None
    ack: int = 0
    ack_time: int = 0
    window: int = 0
    wscale: int | None = None
    synced: bool = False
    duplicates: int = 0
    was_keep_alive: bool = False
    last_was_syn: bool = False
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass
class Connection:
    sides: dict[End, Side]
    syn_time: int | None = None
    round_trip: int | None = None


def before(a: int, b: int) -> bool:
    """Sequence number a comes before b, across the wrap."""
    return 0 < (b - a) % 2**32 < 2**31


def segments(path: str) -> list[Segment]:
    found = []
    with open(path, "rb") as stream:
        reader = dpkt.pcap.Reader(stream)
        link = reader.datalink()
        for time, frame in reader:
            ip = _ip(link, frame)
            if ip is None or not isinstance(ip.data, dpkt.tcp.TCP):
                continue
            tcp = ip.data
            family = socket.AF_INET if isinstance(ip, dpkt.ip.IP) else socket.AF_INET6
            total = ip.len - ip.hl * 4 if family == socket.AF_INET else ip.plen
            found.append(
                Segment(
                    time=round(float(time) * 1e6) * 1000,
                    source=(socket.inet_ntop(family, ip.src), tcp.sport),
                    target=(socket.inet_ntop(family, ip.dst), tcp.dport),
                    seq=tcp.seq,
                    ack=tcp.ack,
                    flags=tcp.flags & 0xFF,
                    window=tcp.win,
                    length=total - tcp.off * 4,
                    wscale=_wscale(tcp),
                )
            )
    return found


def _ip(link: int, frame: bytes) -> dpkt.ip.IP | dpkt.ip6.IP6 | None:
    if link == dpkt.pcap.DLT_EN10MB:
        packet = dpkt.ethernet.Ethernet(frame).data
    elif link == dpkt.pcap.DLT_LINUX_SLL:
        packet = dpkt.sll.SLL(frame).data
    elif link == dpkt.pcap.DLT_LINUX_SLL2:
        packet = dpkt.sll2.SLL2(frame).data
    else:
        packet = dpkt.ip.IP(frame) if frame[0] >> 4 == 4 else dpkt.ip6.IP6(frame)
    return packet if isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6) else None


def _wscale(tcp: dpkt.tcp.TCP) -> int | None:
    for kind, value in dpkt.tcp.parse_opts(tcp.opts):
        if kind == dpkt.tcp.TCP_OPT_WSCALE:
            return int(value[0])
    return None


def counts(found: list[Segment]) -> dict[tuple[End, End], dict[str, int]]:
    """(source, target) -> count name -> number, over all connections between the two."""
    current: dict[frozenset[End], Connection] = {}
    sums: dict[tuple[End, End], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for segment in found:
        key = frozenset((segment.source, segment.target))
        connection = current.get(key)
        if connection is None or _starts_anew(connection, segment):
            connection = current[key] = Connection({segment.source: Side(), segment.target: Side()})
        own, peer = connection.sides[segment.source], connection.sides[segment.target]
        names = _plain_counts(segment) | _judge(segment, own, peer, connection)
        _remember(segment, own, connection)
        for name, number in names.items():
            sums[segment.source, segment.target][name] += number
    return sums


def _starts_anew(connection: Connection, segment: Segment) -> bool:
    own = connection.sides[segment.source]
    bare_syn = segment.flags & (SYN | ACK | FIN | RST) == SYN
    return bare_syn and own.isn is not None and own.isn != segment.seq


def _plain_counts(segment: Segment) -> dict[str, int]:
    return {
        "packets": 1,
        "bytes": segment.length,
        "syn": int(bool(segment.flags & SYN)),
        "fin": int(bool(segment.flags & FIN)),
        "rst": int(bool(segment.flags & RST)),
    }


def _judge(segment: Segment, own: Side, peer: Side, connection: Connection) -> dict[str, int]:
    """Wireshark's analysis, as its User's Guide (TCP analysis) words it."""
    names: dict[str, int] = {}
    plain = not segment.flags & (SYN | FIN | RST)
    speaks = segment.length > 0 or bool(segment.flags & (SYN | FIN))
    expected = own.next is not None and segment.seq == own.next
    if segment.length == 1 and expected and peer.window == 0:
        names["window_probe"] = 1
    else:
        if segment.window == 0 and plain:
            names["zero_window"] = 1
        if own.next is not None and before(own.next, segment.seq) and not segment.flags & RST:
            names["lost_segment"] = 1
        if own.next is not None and plain and segment.length <= 1 and segment.seq == (own.next - 1) % 2**32:
            names["keep_alive"] = 1
        if segment.length > 0 and plain and _fills_window(segment, own, peer):
            names["window_full"] = 1
        same = plain and segment.length == 0 and expected and segment.ack == own.ack and segment.window != 0
        if same and segment.window == own.window and not peer.was_keep_alive:
            own.duplicates = max(own.duplicates, 0) + 1
            names["duplicate_ack"] = 1
    if segment.ack != own.ack:
        own.duplicates = 0
    if segment.flags & ACK and peer.contiguous is not None and before(peer.contiguous, segment.ack):
        if peer.next is not None and before(peer.contiguous, peer.next):
            peer.contiguous = peer.next
        else:
            peer.duplicates = -1
    if speaks and "keep_alive" not in names:
        kind = _repetition(segment, own, peer, connection)
        if kind:
            names[kind] = 1
        if kind in ("fast_retransmission", "spurious_retransmission"):
            names["retransmission"] = 1
    own.was_keep_alive = "keep_alive" in names
    if "window_probe" not in names:
        after = (segment.seq + segment.length + bool(segment.flags & (SYN | FIN))) % 2**32
        if own.next is None or before(own.next, after):
            own.next, own.next_time = after, segment.time
        if own.contiguous is None or own.contiguous == segment.seq:
            own.contiguous = own.next
    return names


def _fills_window(segment: Segment, own: Side, peer: Side) -> bool:
    if (own.synced and own.wscale is None) or (peer.synced and peer.wscale is None):
        scale = 0
    elif peer.wscale is None:
        return False
    else:
        scale = 0 if peer.last_was_syn else peer.wscale
    return (segment.seq + segment.length) % 2**32 == (peer.ack + (peer.window << scale)) % 2**32


def _repetition(segment: Segment, own: Side, peer: Side, connection: Connection) -> str | None:
    end = (segment.seq + segment.length) % 2**32
    behind = own.next is not None and before(segment.seq, own.next)
    if own.next is not None and segment.length > 1 and segment.seq == (own.next - 1) % 2**32:
        behind = False
    if segment.length > 0 and peer.ack and (end == peer.ack or before(end, peer.ack)):
        return "spurious_retransmission"
    if not behind:
        return None
    if peer.duplicates >= 2 and peer.ack == segment.seq and 0 <= segment.time - peer.ack_time < 20_000_000:
        return "fast_retransmission"
    waited = segment.time - own.next_time
    if 0 <= waited < (connection.round_trip or 3_000_000):
        after = (end + bool(segment.flags & (SYN | FIN))) % 2**32
        if after != own.next:
            return "out_of_order"
    return "retransmission"


def _remember(segment: Segment, own: Side, connection: Connection) -> None:
    own.window, own.ack, own.ack_time = segment.window, segment.ack, segment.time
    if segment.flags & SYN:
        own.last_was_syn = own.synced = True
        own.isn = segment.seq
        own.wscale = segment.wscale if own.wscale is None else own.wscale
        if not segment.flags & ACK:
            connection.syn_time = segment.time
    elif segment.flags & ACK:
        own.last_was_syn = False
        if connection.syn_time is not None and not connection.round_trip:
            connection.round_trip = segment.time - connection.syn_time
