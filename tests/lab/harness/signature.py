"""A connection's packets in short: `cS sSA cA cPA11 sA sFA cA cPA11 sR[ttl64,win0]`.

Read with a decoder of its own (struct, no code of the product's), so that a scenario knows by itself that its mechanism
happened before any verdict is asked for. c and s say who sent; S F R P A are flags; a number is the payload's length;
`*` is a retransmission, `k` a keep-alive or window probe, `z` a zero window; `i3.1` is an ICMP error, type and code.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Ends = tuple[tuple[str, int], tuple[str, int]]
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_LINK = {0: 4, 1: 14, 101: 0, 113: 16, 276: 20}


@dataclass(frozen=True)
class Segment:
    """One TCP segment, or (icmp set) an ICMP error about one; `source` then is the quoted segment's sender."""

    source: tuple[str, int]
    destination: tuple[str, int]
    flags: int = 0
    seq: int = 0
    length: int = 0
    window: int = 0
    ttl: int = 0
    timestamp: bool = False
    icmp: str = ""
    time: float = 0.0


def records(path: Path) -> Iterator[tuple[float, int, bytes, int]]:
    """(time, link type, kept bytes, original length) of each packet; pcap as tcpdump writes it."""
    data = path.read_bytes()
    link = struct.unpack_from("<I", data, 20)[0]
    at = 24
    while at + 16 <= len(data):
        seconds, micros, kept, original = struct.unpack_from("<4I", data, at)
        yield seconds + micros / 1e6, link, data[at + 16 : at + 16 + kept], original
        at += 16 + kept


def segments(path: Path) -> Iterator[Segment]:
    """The TCP segments and ICMP errors of a capture; -i any shows a forwarded packet twice, and so does this."""
    for at, link, frame, _ in records(path):
        start = _LINK[link]
        if link == 1:
            while frame[start - 2 : start] in (b"\x81\x00", b"\x88\xa8"):
                start += 4
        found = _packet(frame[start:], at)
        if found is not None:
            yield found


def _packet(ip: bytes, at: float, quoted: bool = False) -> Segment | None:
    if not ip:
        return None
    if ip[0] >> 4 == 4:
        header, total, protocol, ttl = (ip[0] & 15) * 4, int.from_bytes(ip[2:4]), ip[9], ip[8]
        ends = socket.inet_ntop(socket.AF_INET, ip[12:16]), socket.inet_ntop(socket.AF_INET, ip[16:20])
    elif ip[0] >> 4 == 6 and len(ip) >= 40:
        header, total, protocol, ttl = 40, 40 + int.from_bytes(ip[4:6]), ip[6], ip[7]
        ends = socket.inet_ntop(socket.AF_INET6, ip[8:24]), socket.inet_ntop(socket.AF_INET6, ip[24:40])
    else:
        return None
    body = ip[header:]
    error = (protocol == 1 and body[:1] in (b"\x03", b"\x0b")) or (
        protocol == 58 and body[:1] in (b"\x01", b"\x02", b"\x03")
    )
    if error and not quoted:
        about = _packet(body[8:], at, quoted=True)
        if about is None:
            return None
        return Segment(about.source, about.destination, icmp=f"i{body[0]}.{body[1]}({ends[0]})", time=at)
    if protocol != 6 or len(body) < 8:
        return None
    source, destination = struct.unpack_from(">HH", body)
    if quoted:
        return Segment((ends[0], source), (ends[1], destination))
    offset = (body[12] >> 4) * 4
    return Segment(
        (ends[0], source),
        (ends[1], destination),
        flags=body[13],
        seq=int.from_bytes(body[4:8]),
        length=max(0, total - header - offset),
        window=int.from_bytes(body[14:16]),
        ttl=ttl,
        timestamp=b"\x08\x0a" in body[20:offset],
        time=at,
    )


def opened(path: Path) -> list[tuple[str, int]]:
    """Who opened connections in a recording, in order."""
    return list(dict.fromkeys(seen.source for seen in segments(path) if seen.flags & (SYN | ACK) == SYN))


def signature(path: Path, client: tuple[str, int], server: tuple[str, int], use: int = 0) -> str:
    """The packets of one connection, in short; empty where the capture holds none.

    Where a 4-tuple was used again, `use` counts its uses from 0: each begins with a SYN of another sequence number.
    """
    edge: dict[bool, int] = {}
    uses: list[list[str]] = []
    begun: int | None = None
    for seg in segments(path):
        if {seg.source, seg.destination} != {client, server}:
            continue
        opens = seg.flags & (SYN | ACK) == SYN and seg.source == client
        if not uses or (opens and begun not in (None, seg.seq)):
            uses.append([])
            edge.clear()
        if opens:
            begun = seg.seq
        uses[-1].append(seg.icmp or ("c" if seg.source == client else "s") + _word(seg, edge, seg.source == client))
    return " ".join(uses[use]) if use < len(uses) else ""


def _word(seg: Segment, edge: dict[bool, int], ours: bool) -> str:
    letters = "".join(
        name for bit, name in ((SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (ACK, "A")) if seg.flags & bit
    )
    if seg.flags & RST:
        return f"{letters}[ttl{seg.ttl},{'ts,' if seg.timestamp else ''}win{seg.window}]"
    word = letters + (str(seg.length) if seg.length else "")
    span = seg.length + bool(seg.flags & SYN) + bool(seg.flags & FIN)
    known = edge.get(ours)
    if known is not None:
        behind = (known - seg.seq) % 2**32
        if not seg.flags & (SYN | FIN) and seg.length <= 1 and behind == 1:
            return word + "k"
        if span and 0 < behind < 2**31:
            return word + "*"
    if known is None or (seg.seq + span - known) % 2**32 < 2**31:
        edge[ours] = (seg.seq + span) % 2**32
    return word + ("z" if seg.window == 0 and not seg.flags & SYN else "")
