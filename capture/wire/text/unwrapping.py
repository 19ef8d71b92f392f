"""Puts together lines that a mail program or a terminal broke.

A line that begins a packet and does not end it waits for the next ones, which begin none. Where the pieces meet, either
a space was broken (mail) or a word (a terminal's edge): the first broken lines tell which.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from capture.wire.text import tcpdump_line
from capture.wire.text.clock import clock_of
from capture.wire.text.wireshark_rows import begins_row, is_row, is_whole_row

MOST_PIECES = 6
LOOKED_AT = 24  # lines from the first broken one on
MOSTLY = 0.75  # of broken lines reach a terminal's edge; the others print on several lines what is no TCP
WIDEST = 132  # characters of a broken line
_NARROWEST = 20
_TAIL = re.compile(
    r": Flags \[(?:[A-Za-z.]{1,9}|none)\](?:, cksum 0x[0-9a-f]{1,4} \([^()]{1,40}\))?"
    r"(?:, seq (?P<begin>\d{1,10})(?::(?P<end>\d{1,10}))?)?(?:, ack \d{1,10})?, win \d{1,5}(?:, urg \d{1,5})?"
    r"(?:, options \[[^\]]*\])?, length (?P<length>\d{1,10})(?=[:\s]|$)"
)
_OLD_TAIL = re.compile(
    r": (?:[SFPRWEU]{1,7}\.?|\.) (?:\[[^\]]{0,40}\] )?(?:\d{1,10}:\d{1,10}\(\d{1,10}\) ?)?(?:ack \d{1,10} ?)?"
    r"(?:win \d{1,5})?(?: urg \d{1,5})?(?: <[^>]*>)?(?: \(DF\))?(?: \[[^\]]{1,30}\])?(?: \(ttl [^)]{1,60}\))?$"
)
_LENGTH = re.compile(r", length \d{1,10}\b")
_OPTION = re.compile(r" {0,8}[A-Za-z_]{0,9}=?\d{0,10}(?: (?:MSS|WS|TSval|TSecr|SLE|SRE|SACK_PERM|TFO)\b.*| ?\[.*)?$")
_ETHERTYPE_IP = re.compile(r", ethertype IPv[46] \(0x[0-9a-f]{4}\), length \d{1,10}: ")
_MAIL = re.compile(r" {0,3}(?:> ?){1,8}")
_BEGUN = re.compile(r"(?:^| )IP6?(?: |$)")
_START = re.compile(r" {0,8}(?:IP6? |ARP, |Frame \d|0x[0-9a-f]{4}:|listening on |tcpdump: |[$#] |No\. |\"?No\.\")")


class Unwrapping:
    """Lines in, whole lines out. `joined` counts those put together, `broken` those that stayed in pieces."""

    def __init__(self) -> None:
        self.joined = self.broken = 0
        self._offset = 0
        self._pieces: list[str] = []
        self._sample: list[tuple[int, str]] = []  # from the first broken line on, until the way of breaking shows
        self._way: _Way | None = None
        self._depth = 0  # how many ">" a mail program put before each line

    def put(self, offset: int, line: str) -> Iterator[tuple[int, str]]:
        """The lines that are whole now."""
        line = self._unquoted(line)
        if self._sample:
            self._sample.append((offset, line))
            if len(self._sample) >= LOOKED_AT:
                yield from self._again()
        elif self._way is None and self._pieces and _Way(None).goes_on(self._pieces, line):
            self._sample = [(self._offset, self._pieces[0]), (offset, line)]
            self._pieces = []
        else:
            yield from self._put(self._way or _Way(None), offset, line)

    def _unquoted(self, line: str) -> str:
        """The line without the marks of a mail program; other lines may begin with one of tcpdump's own."""
        if not self._depth:
            mark = _MAIL.match(line)
            if mark is None or not _begins(line[mark.end() :]):
                return line
            self._depth = mark[0].count(">")
        for _ in range(self._depth):
            rest = line.lstrip(" ")
            if not rest.startswith(">"):
                break
            line = rest[1:].removeprefix(" ")
        return line

    def end(self) -> Iterator[tuple[int, str]]:
        """What was waiting for more."""
        if self._sample:
            yield from self._again()
        yield from self._finish(self._way or _Way(None))

    def _again(self) -> Iterator[tuple[int, str]]:
        """The lines that were looked at, now that the way they are broken is known."""
        sample, self._sample = self._sample, []
        self._way = way_of([line for _, line in sample])
        for offset, line in sample:
            yield from self._put(self._way, offset, line)

    def _put(self, way: _Way, offset: int, line: str) -> Iterator[tuple[int, str]]:
        if self._pieces and len(self._pieces) < MOST_PIECES and way.goes_on(self._pieces, line):
            self._pieces.append(line)
            return
        yield from self._finish(way)
        if _may_go_on(line):
            self._offset, self._pieces = offset, [line]
        else:
            yield offset, line

    def _finish(self, way: _Way) -> Iterator[tuple[int, str]]:
        if not self._pieces:
            return
        pieces, self._pieces = self._pieces, []
        whole = way.joined(pieces)
        if not is_whole(whole):
            self.broken += " > " in whole or begins_row(whole)
        elif len(pieces) > 1:
            self.joined += 1
        yield self._offset, whole


class _Way:
    """How a text is broken: at `edge` characters through words (a terminal), at spaces (0), or not known (None)."""

    def __init__(self, edge: int | None) -> None:
        self._edge = edge

    def goes_on(self, pieces: list[str], line: str) -> bool:
        """May this line be the next piece of what waits?"""
        if not line or len(line) > WIDEST or _begins(line):
            return False
        if self._edge and len(pieces[-1]) == self._edge:
            return True
        return _OPTION.match(line) is not None or not is_whole(self.joined(pieces))

    def joined(self, pieces: list[str]) -> str:
        """The pieces as one line, a whole one where there is a way to make one."""
        bare = [pieces[0], *(piece.lstrip(" ") for piece in pieces[1:])]
        if self._edge:
            exact = "".join(piece.ljust(self._edge) for piece in pieces[:-1]) + pieces[-1]
            return next((line for line in (exact, *_ways_to_join(bare)) if _is_whole_segment(line)), exact)
        spaced = " ".join(bare)
        if self._edge == 0 or is_whole(spaced):
            return spaced
        return next((line for line in _ways_to_join(bare) if is_whole(line)), spaced)


def _ways_to_join(pieces: list[str]) -> Iterator[str]:
    """The pieces with a space or nothing where they meet."""
    for gaps in itertools.product((" ", ""), repeat=len(pieces) - 1):
        yield pieces[0] + "".join(gap + piece for gap, piece in zip(gaps, pieces[1:], strict=True))


def _is_whole_segment(line: str) -> bool:
    return is_whole(line) and (tcpdump_line.NEW_WORDING in line or is_row(line) or tcpdump_line.is_ip_header(line))


def way_of(lines: list[str]) -> _Way:
    """How these lines are broken."""
    pairs = itertools.pairwise(lines)
    broken = [len(line) for line, following in pairs if line and following and not _begins(following)]
    if len(broken) < 2:
        return _Way(None)
    edge = max(broken)
    near = sum(size >= edge - 1 for size in broken)
    return _Way(edge if near >= MOSTLY * len(broken) else 0)


def _begins(line: str) -> bool:
    """Does something of its own begin here?"""
    if _START.match(line) or begins_row(line) or clock_of(line[:80]) is not None:
        return True
    return tcpdump_line.segment_of(line) is not None and line[:1] == " "


def _may_go_on(line: str) -> bool:
    """Does a packet begin here that this line does not end, or a row whose options may be on the next?"""
    if not _NARROWEST <= len(line) <= WIDEST:
        return False
    if is_row(line) and tcpdump_line.segment_of(line) is None:
        return True
    begun = tcpdump_line.is_packet(line) or " > " in line or (_BEGUN.search(line) and clock_of(line) is not None)
    return bool(begun) and not is_whole(line)


def is_whole(line: str) -> bool:
    """Is this all of a packet's line? What is no TCP segment counts as whole."""
    if is_row(line) and tcpdump_line.NEW_WORDING not in line:
        return is_whole_row(line)
    if ("IP (" in line or "IP6 (" in line) and line.count("(") > line.count(")"):
        return False
    colon = line.rfind(tcpdump_line.NEW_WORDING)
    if colon >= 0:
        return _has_tail(line, colon)
    arrow = line.rfind(" > ")
    if arrow < 0:
        return not _BEGUN.search(line) or tcpdump_line.is_ip_header(line)
    colon = line.find(": ", arrow)
    if colon < 0:
        return False
    if tcpdump_line.OLD_WORDING.match(line, colon + 2):
        return _OLD_TAIL.match(line, colon) is not None
    rest = line[colon + 2 :]
    if _ETHERTYPE_IP.search(
        line, arrow
    ):  # the arrow is that of -e: the addresses come yet, or are on the next line (-v)
        return rest.startswith("(") and rest.count("(") == rest.count(")")
    if rest.startswith("ICMP"):
        return _LENGTH.search(rest) is not None
    return bool(rest) and not "Flags [".startswith(rest) and not rest.startswith("Flags")


def _has_tail(line: str, colon: int) -> bool:
    found = _TAIL.match(line, colon)
    if found is None:
        return "[|tcp]" in line or "[bad " in line
    if found["end"] is None:
        return True
    return (int(found["end"]) - int(found["begin"])) & 0xFFFFFFFF == int(found["length"])
