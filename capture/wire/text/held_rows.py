"""Rows that tell the application's protocol only, held until later rows show whose bytes they are.

Of several conversations between two hosts, the one whose numbers jump by just as many bytes has sent them. Segments
that come meanwhile wait behind such a row, so that all keep their order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from msgspec.structs import replace

from capture.wire.text.printed import ACK, RST, ApplicationRow, Printed, PrintedPacket, TextSegment
from capture.wire.text.sequence_numbers import Conversations

MOST = 512  # segments and rows that wait
_RUN = 8  # rows that may make up one jump


@dataclass
class WaitingRow:
    """A row without ports; `segment` once it is known."""

    row: ApplicationRow
    time: int
    number: int
    packet: PrintedPacket
    segment: TextSegment | None = None


class Queue:
    """Segments and rows in order. `lost` counts the rows that no number explained."""

    def __init__(self) -> None:
        self.lost = 0
        self._held: deque[TextSegment | WaitingRow] = deque()

    def wait(self, row: WaitingRow) -> list[TextSegment]:
        """A row waits; what is ready comes back."""
        self._held.append(row)
        return self._ready()

    def put(self, segment: TextSegment) -> list[TextSegment]:
        """A segment follows; what is ready comes back."""
        if not self._held:
            return [segment]
        self._held.append(segment)
        return self._ready()

    def end(self) -> list[TextSegment]:
        """Nothing more comes: what waits is lost."""
        return self._ready(most=0)

    def found_by(self, printed: Printed, number: int, conversations: Conversations) -> list[tuple[WaitingRow, Printed]]:
        """The waiting rows whose bytes this segment shows, in order, as segments of its conversation."""
        if not self._held:
            return []
        found = []
        for sender, receiver, gap in conversations.gaps(printed):
            waiting = self._waiting(sender[0], receiver[0])
            segments = [conversations.segment_in(each.row, sender, receiver) for each in waiting]
            sent = 0
            for place in _run([0 if each is None else each.length for each in segments], gap):
                segment = segments[place]
                if segment is not None:
                    found.append((waiting[place], _later(segment, sent)))
                    sent += segment.length
        if not found and printed.flags & (RST | ACK) == RST:
            found = self._reset_by(printed, number, conversations)
        return found

    def _reset_by(
        self, printed: Printed, number: int, conversations: Conversations
    ) -> list[tuple[WaitingRow, Printed]]:
        """The row right before a RST without ACK: such a RST answers a segment (RFC 9293, 3.10.7.1)."""
        waiting = self._waiting(printed.dst, printed.src)
        if not waiting or not self._answered_next(waiting[-1], number):
            return []
        ends = (printed.dst, printed.dport), (printed.src, printed.sport)
        segment = conversations.segment_in(waiting[-1].row, *ends) if conversations.knows(*ends) else None
        return [] if segment is None else [(waiting[-1], segment)]

    def _answered_next(self, row: WaitingRow, number: int) -> bool:
        """Is there nothing between a row and a packet but other rows as long, and the RSTs that answered those?"""
        between = list(self._held)[self._held.index(row) + 1 :]
        if len(between) != number - row.number - 1:
            return False
        return all(
            each.flags & (RST | ACK) == RST
            if isinstance(each, TextSegment)
            else each.segment is not None and each.row.frame_length == row.row.frame_length
            for each in between
        )

    def _waiting(self, src: str, dst: str) -> list[WaitingRow]:
        rows = [each for each in self._held if isinstance(each, WaitingRow) and each.segment is None]
        return [each for each in rows if (each.row.src, each.row.dst) == (src, dst)]

    def _ready(self, most: int = MOST) -> list[TextSegment]:
        found = []
        while self._held:
            first = self._held[0]
            if isinstance(first, WaitingRow):
                if first.segment is None and len(self._held) <= most:
                    break
                self.lost += first.segment is None
                if first.segment is not None:
                    found.append(first.segment)
            else:
                found.append(first)
            self._held.popleft()
        return found


def _run(lengths: list[int], gap: int) -> range:
    """The first consecutive lengths that make up a gap."""
    for begin in range(len(lengths)):
        left = gap
        for place in range(begin, min(begin + _RUN, len(lengths))):
            left -= lengths[place]
            if not lengths[place] or left < 0:
                break
            if not left:
                return range(begin, place + 1)
    return range(0)


def _later(segment: Printed, by: int) -> Printed:
    return replace(segment, seq=((segment.seq or 0) + by) & 0xFFFFFFFF) if by else segment
