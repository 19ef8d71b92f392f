"""A text, fed in any pieces, as TCP segments. The answer depends on the bytes alone, never on how they were cut."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

from msgspec.structs import replace

from capture.model import Notice
from capture.safe_text import printable
from capture.wire.text import tcpdump_line
from capture.wire.text.clock import Timeline
from capture.wire.text.held_rows import Queue, WaitingRow
from capture.wire.text.packet_details import Tree
from capture.wire.text.plain_lines import Lines
from capture.wire.text.printed import (
    RST,
    ApplicationRow,
    Heading,
    Printed,
    PrintedError,
    PrintedPacket,
    TextQuote,
    TextSegment,
)
from capture.wire.text.sequence_numbers import Conversations
from capture.wire.text.unwrapping import Unwrapping
from capture.wire.text.wireshark_rows import is_row, row_of

_HEX = re.compile(r"^\s*(?:0x[0-9a-f]{4}: |[0-9a-f]{4} {2,3}(?:[0-9a-f]{2} ){1,16})")
_LINK = re.compile(r"link-type ([A-Z0-9_]+)")
_HEADER = re.compile(r'^ {0,8}"?No\."?[ ,]')
_NOT_LINES = re.compile(r'^\s*(?:"_source": \{|<(?:pdml|psml|packet)\b|\{"timestamp"|"_index": )')
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
_MOST_NAMES = 100


class TextReader:
    """Feed it; take the segments. `packets` counts all packets read, `quotes` grows with ICMP errors."""

    def __init__(self, number: int = 0) -> None:
        self.packets = 0
        self.link_names: list[str] = []
        self.quotes: list[TextQuote] = []
        self.first_time: int | None = None
        self.last_time: int | None = None
        self._before = number  # packets of the files before
        self._segments = 0
        self._lines, self._whole, self._tree = Lines(), Unwrapping(), Tree()
        self._timeline, self._conversations = Timeline(), Conversations()
        self._above: PrintedPacket | None = None  # a packet whose segment, or quotation, comes on the next line
        self._quoting = False  # the header of what an ICMP error quotes was the last line
        self._listed: PrintedPacket | None = None  # a row that a tree may follow
        self._after_header = False
        self._recent: dict[str, None] = {}
        self._quiet = self._other_form = self._named = self._no_ttl = False
        self._unnamed: set[str] = set()
        self._queue = Queue()

    def feed(self, data: bytes | memoryview) -> list[TextSegment]:
        """The segments that are known once these bytes came."""
        return self._taken(self._lines.feed(data))

    def end(self) -> list[TextSegment]:
        """The rest: nothing more comes."""
        found = self._taken(self._lines.end())
        for offset, line in self._whole.end():
            found += self._line(offset, line)
        for packet in (self._above, self._listed, self._tree.end()):
            if packet is not None:
                found += self._timed(packet)
        self._above = self._listed = None
        for time, packet in self._timeline.end():
            found += self._numbered(time, packet)
        return found + self._queue.end()

    @property
    def begun(self) -> bool:
        """Was a packet seen?"""
        return self.packets > 0 or self._timeline.holds

    @property
    def refusal(self) -> tuple[str, str] | None:
        """Why no TCP packet was read, and what to do; None where some were, or where the text simply holds none."""
        if self._segments:
            return None
        if self._quiet:
            return (
                "tcpdump -q leaves out flags and sequence numbers",
                "print it again without -q, or save packets with -w",
            )
        if self._other_form:
            return "it is tshark's JSON or XML", "give the capture itself, or the lines of: tshark -r CAPTURE"
        if self._queue.lost:
            return "its rows tell no ports", "copy the TCP rows too, or give the capture"
        if not self.packets:
            return "it is no capture", "give a pcap, a pcapng, or what tcpdump or tshark prints"
        return None

    @property
    def notices(self) -> list[Notice]:
        """What this text cannot say."""
        found = []
        if self._timeline.undated:
            found.append(Notice("no_date", "the lines say no date: times count from midnight (tcpdump -tttt has it)"))
        if self._timeline.untimed:
            found.append(Notice("no_time", "lines without a time: gaps and time-outs cannot be seen"))
        if self._no_ttl:
            found.append(Notice("no_ttl", "lines without a TTL: whose a RST is cannot be seen (tcpdump -v has it)"))
        if self._quiet:
            found.append(Notice("no_flags", "lines of tcpdump -q are left out: they tell no flags and no numbers"))
        if self._named:
            found.append(Notice("names", "names stand for addresses: tcpdump -nn has the addresses"))
        if self._unnamed:
            some = ", ".join(sorted(self._unnamed)[:3])
            found.append(Notice("names", f"ports by names that are not known here are shown as 0: {some}"))
        if self._whole.joined:
            found.append(Notice("wrapped", f"{self._whole.joined} packets were on several lines and were put together"))
        if self._whole.broken:
            found.append(Notice("broken_lines", f"{self._whole.broken} lines break off within a packet"))
        if self._queue.lost:
            lost = f"{self._queue.lost} rows tell the application's protocol only, not which connection's: left out"
            found.append(Notice("no_ports", lost))
        return found

    def _taken(self, lines: Iterable[tuple[int, str]]) -> list[TextSegment]:
        found: list[TextSegment] = []
        for offset, line in lines:
            for at, whole in self._whole.put(offset, line):
                found += self._line(at, whole)
        return found

    def _line(self, offset: int, line: str) -> list[TextSegment]:
        if not line:
            return []
        if Tree.begins(line):
            before, self._listed = self._tree.begin(offset), None
            return self._timed(before) if before is not None else []
        found: list[TextSegment] = []
        if self._tree.open:
            if not _HEADER.match(line) and (line[:1] == " " or not (tcpdump_line.is_packet(line) or row_of(line))):
                self._tree.line(line)
                return []
            before = self._tree.end()
            found = self._timed(before) if before is not None else []
        if self._listed is not None:
            found += self._timed(self._listed)
            self._listed = None
        return found + self._one_line(offset, line)

    def _one_line(self, offset: int, line: str) -> list[TextSegment]:
        """A line of a form that tells a packet on one line, or two."""
        if _HEX.match(line):
            return []
        segment = tcpdump_line.segment_of(line)
        if segment is not None:
            return self._segment(offset, *segment)
        pktmon = tcpdump_line.pktmon_heading(line)
        if pktmon is not None:
            return self._replace_above(PrintedPacket(offset, pktmon))
        if is_row(line):
            return self._row(offset, line)
        if tcpdump_line.is_ip_header(line) or tcpdump_line.is_packet(line):
            return self._packet(offset, line)
        if self._above is not None and " > " in line:
            return self._second_line(line)
        self._other(line)
        return []

    def _other(self, line: str) -> None:
        """A line without a packet."""
        self._after_header = self._after_header or _HEADER.match(line) is not None
        self._other_form = self._other_form or _NOT_LINES.match(line) is not None
        if (link := _LINK.search(line)) and link[1] not in self.link_names and len(self.link_names) < _MOST_NAMES:
            self.link_names.append(link[1])

    def _packet(self, offset: int, line: str) -> list[TextSegment]:
        """A line on which a packet begins, and no segment is: it comes on the next line, or the packet is no TCP."""
        heading = tcpdump_line.heading_of(line)
        nested = heading.clock is None and tcpdump_line.is_ip_header(line)
        if nested and self._above is not None and isinstance(self._above.what, PrintedError):
            self._quoting = True
            return []
        self._quiet = self._quiet or tcpdump_line.is_quiet(line)
        return self._replace_above(PrintedPacket(offset, heading, tcpdump_line.error_of(line)))

    def _second_line(self, line: str) -> list[TextSegment]:
        """The second line of a packet without a segment: ICMP, UDP and the like."""
        above = self._above
        assert above is not None
        self._quiet = self._quiet or tcpdump_line.is_quiet(line)
        error = tcpdump_line.error_of(line)
        if error is not None and above.what is None:
            self._above = PrintedPacket(above.offset, above.heading, error)
            return []
        return self._replace_above(None)

    def _segment(self, offset: int, printed: Printed, before: str, more: str) -> list[TextSegment]:
        heading = tcpdump_line.heading_of(before, more)
        above = self._above
        if above is not None and isinstance(above.what, PrintedError) and self._quotes(heading, before):
            what = above.what
            self._above, self._quoting = None, False
            quoted = replace(what, quoted=printed)
            return self._timed(PrintedPacket(above.offset, above.heading, quoted))
        if above is not None and above.what is None and heading.clock is None and not before.lstrip().startswith("IP"):
            self._above = None
            return self._timed(PrintedPacket(offset, tcpdump_line.merged(above.heading, heading), printed))
        return self._replace_above(None) + self._timed(PrintedPacket(offset, heading, printed))

    def _quotes(self, heading: Heading, before: str) -> bool:
        """Is this segment what the ICMP error above quotes?"""
        return heading.clock is None and (self._quoting or not before.strip())

    def _row(self, offset: int, line: str) -> list[TextSegment]:
        row = row_of(line)
        if row is None:
            return []
        found = self._replace_above(None)
        packet = PrintedPacket(offset, *row)
        if self._after_header:
            self._after_header, self._listed = False, packet
            return found
        return found + self._timed(packet)

    def _replace_above(self, packet: PrintedPacket | None) -> list[TextSegment]:
        """Another packet begins: the one before had no segment of its own."""
        before, self._above, self._quoting = self._above, packet, False
        return self._timed(before) if before is not None else []

    def _timed(self, packet: PrintedPacket) -> list[TextSegment]:
        found: list[TextSegment] = []
        for time, each in self._timeline.put(packet):
            found += self._numbered(time, each)
        return found

    def _numbered(self, time: int, packet: PrintedPacket) -> list[TextSegment]:
        """A packet has its time: count it, and work out its numbers."""
        self.packets += 1
        self.first_time = time if self.first_time is None else min(self.first_time, time)
        self.last_time = time if self.last_time is None else max(self.last_time, time)
        number, what = self._before + self.packets, packet.what
        if isinstance(what, PrintedError):
            self._quote(what, time)
            return []
        if isinstance(what, ApplicationRow):
            placed = self._conversations.segment_of(what)
            if placed is None:
                return self._queue.wait(WaitingRow(what, time, number, packet))
            what = placed
        if what is None:
            return []
        for row, segment in self._queue.found_by(what, number, self._conversations):
            row.segment = self._finished(segment, row.time, row.number, row.packet)
        return self._queue.put(self._finished(what, time, number, packet))

    def _finished(self, printed: Printed, time: int, number: int, packet: PrintedPacket) -> TextSegment:
        self._segments += 1
        self._no_ttl = self._no_ttl or (packet.heading.ttl is None and bool(printed.flags & RST))
        heading = packet.heading
        numbers = self._conversations.numbers(printed, time, heading.clock is not None)
        identity = None
        if heading.appearance is not None:
            identity = f"{heading.appearance} {printed.src} {printed.dst} {printed.sport} {printed.dport} {numbers.seq}"
        return TextSegment(
            number=number,
            offset=packet.offset,
            time=time,
            src=self._address(printed.src),
            sport=self._port(printed.sport),
            dst=self._address(printed.dst),
            dport=self._port(printed.dport),
            seq=numbers.seq,
            ack=numbers.ack,
            flags=printed.flags,
            window=numbers.window,
            length=printed.length,
            ttl=heading.ttl,
            ip_id=heading.ip_id,
            wscale=printed.wscale,
            timestamp=printed.timestamp,
            sack=printed.sack,
            fast_open=printed.fast_open,
            ipv6=heading.ipv6 or ":" in printed.src,
            wrong_checksum=printed.wrong_checksum,
            vlans=heading.vlans,
            vni=heading.vni,
            again=identity is not None and self._seen(identity),
            content=printed.content,
        )

    def _seen(self, identity: str) -> bool:
        """Was this packet of pktmon's seen at another component before?"""
        if identity in self._recent:
            return True
        self._recent[identity] = None
        if len(self._recent) > 256:
            self._recent.pop(next(iter(self._recent)))
        return False

    def _quote(self, error: PrintedError, time: int) -> None:
        found = self._conversations.ends_of(error, time)
        if found is None:
            return
        (src, sport), (dst, dport), seq = found
        reporter = printable(error.reporter, 253)
        ends = self._address(src), self._port(sport), self._address(dst), self._port(dport)
        number = self._before + self.packets
        self.quotes.append(
            TextQuote(number, time, reporter, error.icmp_type, error.icmp_code, error.ipv6, *ends, seq, error.mtu)
        )

    def _address(self, name: str) -> str:
        if not _is_address(name):
            self._named = True
        return name

    def _port(self, text: str) -> int:
        if text.isascii() and text.isdigit():
            return int(text) & 0xFFFF
        port = _service(text)
        if port is None and len(self._unnamed) < _MOST_NAMES:
            self._unnamed.add(printable(text, 40))
        return port or 0


@lru_cache(maxsize=4096)
def _is_address(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def _service(name: str) -> int | None:
    """The TCP port of a service's name."""
    if name in _PORTS or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        return _PORTS.get(name)
    try:
        return socket.getservbyname(name, "tcp")
    except OSError:
        return None


def refusal_of(sample: bytes | memoryview) -> tuple[str, str] | None:
    """None where the begin of a file shows packets of a text; otherwise why it does not, and what to do."""
    reader = TextReader()
    for at in range(0, len(sample), 1 << 13):
        reader.feed(bytes(sample[at : at + (1 << 13)]))
        if reader.begun:
            return None
    reader.end()
    return None if reader.packets else reader.refusal
