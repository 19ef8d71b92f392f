"""Which payloads are of a TLS handshake (RFC 8446): by what they begin with, and the tickets that follow it.

A server of TLS 1.3 sends its client tickets for later, unasked, right after the handshake, in records that look like
any others: two to four of one length, together. They are the first that it says after the client's Finished; a single
one cannot be told from an answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.packets import Packet, ahead

HANDSHAKE, CHANGE_CIPHER, DATA = 22, 20, 23
HEADER, ALERT = 5, 24  # bytes: of a record's header; of an alert of TLS 1.3
SHORTEST, LONGEST, LONGEST_UNPROVEN = 100, 2000, 535
MOST = 4
TOGETHER_NS, SOON_NS = 50_000_000, 200_000_000


@dataclass
class Words:
    """A payload; `alone`: no FIN is with it."""

    packet: Packet
    alone: bool

    @property
    def record(self) -> tuple[int, int] | None:
        """Type and length, with its header, of the TLS record that it begins with."""
        begin = self.packet.begin
        if len(begin) < HEADER or begin[0] not in range(20, 24) or begin[1] != 3 or begin[2] > 4:
            return None
        return begin[0], int.from_bytes(begin[3:5], "big") + HEADER

    @property
    def shakes(self) -> bool:
        """It begins with a handshake's record, or with a change of cipher that no request can be behind."""
        if self.record is None or self.record[0] not in (HANDSHAKE, CHANGE_CIPHER):
            return False
        begin = self.packet.begin
        finished = self.record == (CHANGE_CIPHER, HEADER + 1) and begin[6:7] == bytes([DATA])
        return not (finished and int.from_bytes(begin[9:11], "big") + 11 < self.packet.payload)

    @property
    def records(self) -> int:
        """How many records of one length it is, and nothing else; 0: it is not, or not known to be."""
        if self.record is None or self.packet.payload % self.record[1]:
            return 0
        count = self.packet.payload // self.record[1]
        return count if count <= MOST else 0

    @property
    def holds_data(self) -> bool:
        """It begins with TLS's data, or with a Finished that more follows."""
        return (
            self.record is not None and self.record[0] in (CHANGE_CIPHER, DATA) and not self.shakes and not self.closes
        )

    @property
    def closes(self) -> bool:
        return self.record == (DATA, ALERT) and self.packet.payload == ALERT


def handshake(words: list[Words], round_trip: int) -> list[int]:
    """Which of a connection's payloads, in order, are of its handshake; `round_trip` in ns, 0 where it is not known."""
    shaking = [place for place, each in enumerate(words) if each.shakes]
    alone = [place for place, each in enumerate(words) if each.alone]
    return shaking + tickets(words, alone, SOON_NS + round_trip)


def tickets(words: list[Words], places: list[int], soon: int) -> list[int]:
    """Those of these places that are tickets; the first comes `soon` after Finished."""
    if not places or not words[places[0]].shakes:
        return []
    client = words[places[0]].packet.source
    answered = finished = None
    for at, place in enumerate(places):
        if words[place].packet.source == client:
            finished = finished if finished is not None or answered is None else place
        elif words[place].shakes:
            answered, finished = place, None
        elif finished is not None:
            late = words[place].packet.time - words[finished].packet.time > soon
            return [] if late or not _may_be(words[place]) else _together(words, places[at:])
    return []


def _together(words: list[Words], places: list[int]) -> list[int]:
    """The first of these and what its side says at once behind it, as long, before the client says more. What is said
    again counts once, and where it is too much nothing counts."""
    run = [places[0]]
    for place in places[1:]:
        last, each = words[run[-1]], words[place]
        if each.packet.source != last.packet.source:
            break
        if not each.shakes and ahead(each.packet.after, last.packet.after) <= 0:
            continue
        alike = each.packet.payload == last.packet.payload and (each.records > 1) == (last.records > 1)
        if each.shakes or not alike or each.packet.time - last.packet.time > TOGETHER_NS:
            break
        run.append(place)
    if words[run[0]].records > 1:
        return run if len(run) == 1 else []
    return run if 2 <= len(run) <= MOST else []


def _may_be(first: Words) -> bool:
    longest = LONGEST if first.records else LONGEST_UNPROVEN
    return first.holds_data and SHORTEST <= first.packet.payload <= longest
