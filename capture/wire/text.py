"""tcpdump's text output as packets: people paste it.

tcpdump prints sequence numbers relative to a conversation's first packet with ACK (print-tcp.c), and none at all for
segments without data; both are worked out again here, so that the same analysis can be done as on a capture.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from ipaddress import ip_address

import numpy as np

from capture.model import Notice, TcpFlags
from capture.safe_text import printable
from capture.wire.columns import AddressTable, Mark, PacketColumns, QuotedTcp, Scope, ScopeTable
from capture.wire.feed import Feed
from capture.wire.textline import Heading, SegmentLine, error_of, heading_of, is_ip_header, is_packet, segment_of

LONGEST = 1 << 14  # bytes of a line; longer ones are no packets
MOST_CONVERSATIONS = 200_000  # whose numbers are remembered; the oldest gives way
_ROWS = 20_000  # of one block
_DAY = 86_400_000_000_000
_NOISE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HEX = re.compile(r"^\s*0x[0-9a-f]{4}:")
_LINK = re.compile(r"link-type ([A-Z0-9_]+)")
_PORTS = {
    "http": 80,
    "https": 443,
    "domain": 53,
    "ssh": 22,
    "smtp": 25,
    "ldap": 389,
    "imaps": 993,
    "mysql": 3306,
    "postgresql": 5432,
    "redis": 6379,
    "amqp": 5672,
    "http-alt": 8080,
    "webcache": 8080,
    "microsoft-ds": 445,
}
_MODULUS = 1 << 32
_FIN, _SYN, _RST, _ACK = (int(flag) for flag in (TcpFlags.FIN, TcpFlags.SYN, TcpFlags.RST, TcpFlags.ACK))
_LATEST = 9_000_000_000_000_000_000  # nanoseconds: the year 2255; more does not fit
_TIMESTAMP, _SACK, _FAST_OPEN, _IPV6, _BAD_CHECKSUM = (
    int(mark) for mark in (Mark.TIMESTAMP, Mark.SACK, Mark.FAST_OPEN, Mark.IPV6, Mark.BAD_CHECKSUM)
)

Row = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int]


def is_tcpdump_text(sample: bytes) -> bool:
    """Is there a line of tcpdump's in this?"""
    lines = _decoded(sample, _encoding(sample)).splitlines()
    return any(segment_of(line) is not None or is_packet(line) for line in lines[:5000])


def _counts_from_before(feed: Feed) -> bool:
    """Does each line say the time since the line before (-ttt)? Then the first says 0, and times go up and down."""
    sample = bytes(feed.buffer[feed.start : min(feed.end, feed.start + (1 << 16))])
    clocks = [
        clock
        for line in _decoded(sample, _encoding(sample)).splitlines()
        if (segment_of(line) is not None or is_packet(line)) and (clock := heading_of(line).clock)
    ]
    if not clocks or clocks[0].nanoseconds or clocks[0].day:
        return False
    times = [clock.nanoseconds for clock in clocks]
    return times != sorted(times)


def _encoding(prefix: bytes) -> str:
    if prefix.startswith(b"\xff\xfe"):
        return "utf-16-le"  # what PowerShell's > writes
    return "utf-16-be" if prefix.startswith(b"\xfe\xff") else "utf-8"


def _decoded(line: bytes, encoding: str) -> str:
    return _NOISE.sub("", line.decode(encoding, "replace")).lstrip("\ufeff")


@dataclass
class _Conversation:
    """What tcpdump remembers of a conversation, and what is known of each side's next sequence number."""

    base: dict[int, int] = field(default_factory=dict)  # side -> what its numbers are relative to
    following: dict[int, int] = field(default_factory=dict)  # side -> next sequence number
    relative: bool | None = None


class TextPackets:
    """The packets of a text. `link_names` and `notices` grow while reading."""

    format = "text"

    def __init__(self, feed: Feed, addresses: AddressTable, scopes: ScopeTable, number: int = 0) -> None:
        self._feed, self._addresses, self._scopes = feed, addresses, scopes
        self.link_names: list[str] = []
        self.packets = 0
        self.first_time: int | None = None
        self.last_time: int | None = None
        self._number = number
        self.quoted: list[QuotedTcp] = []
        self._error: tuple[str, int, int, bool] | None = None  # the ICMP error of the line before
        self._rows: list[Row] = []
        self._deltas = _counts_from_before(feed)
        self._above: Heading | None = None  # of a packet whose segment comes on the next line
        self._conversations: dict[tuple[int, int, int, int], _Conversation] = {}
        self._clock, self._days = -1, 0
        self._keys: dict[str, int] = {}
        self._unnamed: set[str] = set()
        self._undated = self._untimed = self._named = False

    @property
    def notices(self) -> list[Notice]:
        """What this text cannot say."""
        found = []
        if self._undated:
            found.append(Notice("no_date", "the lines say no date: times count from midnight (tcpdump -tttt has it)"))
        if self._untimed:
            found.append(Notice("no_time", "lines without a time: gaps and time-outs cannot be seen"))
        if self._named:
            found.append(Notice("names", "names stand for addresses: tcpdump -nn has the addresses"))
        if self._unnamed:
            some = ", ".join(sorted(self._unnamed)[:3])
            found.append(Notice("names", f"ports by names that are not known here are shown as 0: {some}"))
        return found

    def blocks(self) -> Iterator[PacketColumns]:
        """The TCP packets, in blocks of up to 20,000."""
        for offset, line in self._lines():
            self._read(offset, line)
            if len(self._rows) >= _ROWS:
                yield self._columns()
        if self._rows:
            yield self._columns()

    def _lines(self) -> Iterator[tuple[int, str]]:
        feed, at = self._feed, self._feed.start
        encoding = _encoding(bytes(feed.buffer[at : min(at + 4, feed.end)]))
        ending = "\n".encode(encoding)
        skipping = False
        while True:
            while (found := feed.buffer.find(ending, at, feed.end)) >= 0:
                # In UTF-16 a line end may be found across two characters.
                if len(ending) == 2 and (found - at) % 2:
                    found = feed.buffer.find(ending, found + 1, feed.end)
                    if found < 0:
                        break
                if not skipping and found - at <= LONGEST:
                    yield feed.base + at, _decoded(bytes(feed.buffer[at:found]), encoding).rstrip("\r")
                skipping, at = False, found + len(ending)
            if feed.end - at > LONGEST:
                skipping, at = True, feed.end
            left = feed.end - at
            if not feed.advance(at):
                break
            at = feed.start
        if left and not skipping:
            yield feed.base + at, _decoded(bytes(feed.buffer[at : at + left]), encoding).rstrip("\r")

    def _read(self, offset: int, line: str) -> None:
        if not line or _HEX.match(line):
            return
        segment = segment_of(line)
        if segment is not None:
            self._segment(offset, segment[0], segment[1])
        elif is_ip_header(line) or is_packet(line):
            heading = heading_of(line)
            if heading.clock is not None or not line[:1].isspace():
                self._count(heading)
                # The segment comes on the next line: under -v, or within a tunnel.
                self._above = heading
                self._error = error_of(line)
        elif self._above is not None and " > " in line:
            self._above, self._error = None, error_of(line)
        elif (link := _LINK.search(line)) and link[1] not in self.link_names:
            self.link_names.append(link[1])

    def _segment(self, offset: int, segment: SegmentLine, before: str) -> None:
        heading = heading_of(before)
        above, self._above = self._above, None
        if heading.clock is None and above is not None:
            heading = _merged(above, heading)
        elif heading.clock is None and before[:1].isspace() and self._number:
            self._quote(segment)
            return
        else:
            self._count(heading)
        source, destination = (self._key(name) for name in (segment.src, segment.dst))
        sport, dport = self._port(segment.sport), self._port(segment.dport)
        seq, ack = self._absolute(segment, (source, sport, destination, dport))
        vlan = ",".join(str(tag) for tag in heading.vlans if tag) or None
        scope = self._scopes.index(Scope(vlan, None if heading.vni is None else f"vxlan:{heading.vni}"))
        marks = 0
        for told, mark in (
            (segment.timestamp, _TIMESTAMP),
            (segment.sack, _SACK),
            (segment.fast_open, _FAST_OPEN),
            (heading.ipv6, _IPV6),
            (segment.wrong_checksum, _BAD_CHECKSUM),
        ):
            marks |= mark if told else 0
        self._rows.append(
            (
                self._number,
                self.last_time or 0,
                source,
                destination,
                sport,
                dport,
                seq,
                ack,
                segment.flags,
                segment.window,
                segment.length,
                heading.ttl,
                heading.ip_id,
                segment.wscale,
                marks,
                scope,
                offset,
                0,
            )
        )  # fmt: skip

    def _quote(self, segment: SegmentLine) -> None:
        """A segment that an ICMP error quotes, as -v shows it."""
        error, self._error = self._error, None
        if error is None:
            return
        reporter, kind, code, ipv6 = error
        ends = self._key(segment.src), self._key(segment.dst), self._port(segment.sport), self._port(segment.dport)
        reversed_ = (ends[1], ends[3], ends[0], ends[2])
        known = self._conversations.get(min((ends[0], ends[2], ends[1], ends[3]), reversed_))
        seq = segment.seq if segment.flags & _SYN or known is None else None
        self.quoted.append(
            QuotedTcp(self._number, self.last_time or 0, printable(reporter, 253), kind, code, ipv6, *ends, seq)
        )

    def _count(self, heading: Heading) -> None:
        """A packet begins: its number and its time."""
        self._number += 1
        self.packets += 1
        clock = heading.clock
        if clock is None:
            self._untimed = True
            time = max(self._clock, 0)
        elif clock.epoch:
            time = clock.nanoseconds
        else:
            if clock.day is not None:
                self._days = _days(clock.day)
            else:
                self._undated = True
                if (
                    not self._deltas
                    and self._clock >= 0
                    and clock.nanoseconds + self._days * _DAY < self._clock - _DAY // 2
                ):
                    self._days += 1  # past midnight
            time = clock.nanoseconds + self._days * _DAY
            if self._deltas:
                time = max(self._clock, 0) + clock.nanoseconds
        time = min(max(time, -_LATEST), _LATEST)
        self._clock = time
        self.first_time = time if self.first_time is None else min(self.first_time, time)
        self.last_time = time

    def _absolute(self, segment: SegmentLine, ends: tuple[int, int, int, int]) -> tuple[int, int]:
        """Sequence and acknowledgement numbers as on the wire, as far as can be known."""
        reverse = ends[2:] + ends[:2]
        side = 0 if ends <= reverse else 1
        if len(self._conversations) >= MOST_CONVERSATIONS:
            self._conversations.pop(next(iter(self._conversations)))
        known = self._conversations.setdefault(min(ends, reverse), _Conversation())
        seq, ack = segment.seq, segment.ack
        syn = bool(segment.flags & _SYN)
        if segment.flags & _ACK and ack is not None:
            if not known.base or syn:
                first = seq if seq is not None else known.following.get(side, 0)
                known.base = {side: first, 1 - side: (ack - 1) % _MODULUS}
                if syn:
                    known.relative = None
            else:
                if known.relative is None and (ack > 1 or seq):
                    known.relative = _looks_relative(seq, ack, known.base[side], known.base[1 - side])
                if known.relative is not False:
                    ack = (ack + known.base[1 - side]) % _MODULUS
                    seq = None if seq is None else (seq + known.base[side]) % _MODULUS
        if seq is None:
            seq = known.following.get(side, known.base.get(side, 0))
        occupied = segment.length + (1 if syn else 0) + (1 if segment.flags & _FIN else 0)
        if not segment.flags & _RST:
            ends_at = (seq + occupied) % _MODULUS
            before = known.following.get(side)
            if before is None or syn or (ends_at - before) % _MODULUS < _MODULUS // 2:
                known.following[side] = ends_at
        if ack is not None and 1 - side not in known.following:
            known.following[1 - side] = ack
        return seq, ack or 0

    def _key(self, name: str) -> int:
        known = self._keys.get(name)
        if known is None:
            if len(self._keys) >= MOST_CONVERSATIONS:
                self._keys.clear()
            known = self._keys[name] = self._new_key(name)
        return known

    def _new_key(self, name: str) -> int:
        try:
            address = ip_address(name.partition("%")[0])
        except ValueError:
            self._named = True
            return self._addresses.named(name)
        return self._addresses.key(address.packed)

    def _port(self, text: str) -> int:
        if text.isascii() and text.isdigit():
            return int(text) & 0xFFFF
        port = _service(text)
        if port is None and len(self._unnamed) < 100:
            self._unnamed.add(printable(text, 40))
        return port or 0

    def _columns(self) -> PacketColumns:
        rows, self._rows = self._rows, []
        kinds = (
            np.uint32, np.int64, np.int64, np.int64, np.uint16, np.uint16, np.uint32, np.uint32, np.uint16, np.uint16,
            np.int32, np.uint8, np.uint16, np.int8, np.uint8, np.int32, np.int64, np.uint8,
        )  # fmt: skip
        return PacketColumns(
            *(np.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True))
        )


def _merged(above: Heading, heading: Heading) -> Heading:
    """The heading of the line above, and what this line adds."""
    return Heading(
        above.clock,
        above.ipv6 or heading.ipv6,
        heading.ttl or above.ttl,
        heading.ip_id or above.ip_id,
        above.vlans + heading.vlans,
        above.vni if heading.vni is None else heading.vni,
    )


def _looks_relative(seq: int | None, ack: int, base: int, other: int) -> bool:
    """Are these numbers counted from the conversation's begin? With -S they are near to where it began instead."""
    pairs = [(ack, other)] if seq is None else [(seq, base), (ack, other)]
    return all(value < min((value - start) % _MODULUS, (start - value) % _MODULUS) for value, start in pairs)


@lru_cache(maxsize=1024)
def _service(name: str) -> int | None:
    """The TCP port of a service's name."""
    if name in _PORTS or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        return _PORTS.get(name)
    try:
        return socket.getservbyname(name, "tcp")
    except OSError:
        return None


def _days(text: str) -> int:
    try:
        return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return 0
