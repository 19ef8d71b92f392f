"""Segments that were no part of the stream: forged or stray SYNs, rival answers, RSTs that nobody would honour.

They must not make good data look like a repetition.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.packets import ACK, RST, SYN, Packet, ahead

OPENING_SHOWS = 64  # segments after an opening in which its stream must show
LOOK_BACK = 16  # segments of a RST's side that are looked at


@dataclass
class Judged:
    """Packet numbers: of stale openings and RSTs that are to be passed over, and of RSTs that took no effect."""

    strangers: set[int]
    refused: set[int]


def judge(connection: list[Packet]) -> Judged:
    """What of a connection was no part of it."""
    stale = stale_openings(connection)
    strangers = {place for place in stale if not _late(connection, place)}
    after = _ends(connection, stale)
    refused = {
        place
        for place, packet in enumerate(connection)
        if packet.flags & RST and not honoured(connection, place, after)
    }
    for place in refused:
        if any(later.source == connection[place].source for later in connection[place + 1 :]):
            strangers.add(place)
    return Judged({connection[place].number for place in strangers}, {connection[place].number for place in refused})


def _own_before(connection: list[Packet], place: int) -> int | None:
    """The last packet before this one from the same side."""
    source = connection[place].source
    return next((i for i in range(place - 1, -1, -1) if connection[i].source == source), None)


def _peer_before(connection: list[Packet], place: int) -> int | None:
    source = connection[place].source
    return next((i for i in range(place - 1, -1, -1) if connection[i].source != source), None)


def stale_openings(connection: list[Packet]) -> set[int]:
    """Places of packets with SYN whose numbers their side did not go on with."""
    found: set[int] = set()
    for place, packet in enumerate(connection):
        own = _own_before(connection, place) if packet.flags & SYN else None
        if own is not None and connection[own].seq != packet.seq:
            found |= _left_behind(connection, place, own)
    return found


def _left_behind(connection: list[Packet], suspect: int, rival: int) -> set[int]:
    """Which of a SYN and the segment before it of the same side the stream left behind."""
    source = connection[suspect].source
    following = [each for each in connection[suspect + 1 : suspect + 1 + OPENING_SHOWS] if not each.flags & (SYN | RST)]
    own = [each.seq for each in following if each.source == source]
    acks = [each.ack for each in following if each.source != source and each.flags & ACK]
    if not own and not acks:
        return set()
    then = own[0] if own else acks[0]
    to_suspect, to_rival = (abs(ahead(then, connection[place].seq + 1)) for place in (suspect, rival))
    if to_rival < to_suspect:
        return {suspect}
    return {rival} if to_suspect < to_rival and connection[rival].flags & SYN else set()


def _late(connection: list[Packet], place: int) -> bool:
    """It repeats the opening of its own direction, late: a repetition like any other."""
    packet = connection[place]
    own = [each for each in connection[: min(place, OPENING_SHOWS)] if each.source == packet.source]
    if not own:
        return False
    return (own[0].seq - packet.seq) % 2**32 == (0 if own[0].flags & SYN else 1)


def _ends(connection: list[Packet], stale: set[int]) -> list[int]:
    """The number after each packet; what a side sent with a stale opening is what it had sent before."""
    plain = [packet.after for packet in connection]
    ends = list(plain)
    for place in stale:
        own = _own_before(connection, place)
        ends[place] = plain[-1 if own is None else own]
    return ends


def honoured(connection: list[Packet], place: int, after: list[int]) -> bool:
    """Would its receiver honour a RST (RFC 9293, 3.10.7.4), as far as the capture shows?

    The receiver takes exactly its next expected number, which lies between its last ACK and the last byte its peer had
    sent. A SYN is answered by a RST that acknowledges it. A RST before the first SYN met no connection.
    """
    reset = connection[place]
    first_syn = next((i for i, each in enumerate(connection) if each.flags & (SYN | ACK | RST) == SYN), None)
    if first_syn is not None and place < first_syn:
        return False
    own, peer = _own_before(connection, place), _peer_before(connection, place)
    if peer is None:
        return True
    last = connection[peer]
    if last.kind(SYN):
        answers = bool(reset.flags & ACK) and reset.ack == after[peer]
        return answers or (own is not None and reset.seq == after[own])
    if not last.flags & ACK:
        return True
    most, looked = 0, 0
    while own is not None and looked < LOOK_BACK:
        most, looked = max(most, ahead(after[own], last.ack)), looked + 1
        own = _own_before(connection, own)
    return 0 <= ahead(reset.seq, last.ack) <= most
