"""What is counted and measured of a connection. Pairs are (originator, responder); times are nanoseconds."""

from __future__ import annotations

from itertools import pairwise

from tests.oracle.packets import ACK, FIN, RST, SYN, End, Packet, ahead

Pair = tuple[int, int]
FARTHEST = 1 << 28  # an ACK so far ahead speaks of no segment
FAR = 1 << 20  # a SYN or RST whose number is this far off moves nothing


def packets_and_bytes(connection: list[Packet], ends: tuple[End, End]) -> tuple[Pair, Pair]:
    """Packets, and payload bytes seen."""
    sent = [[packet for packet in connection if packet.source == end] for end in ends]
    if ends[0] == ends[1]:
        sent = [connection, []]
    return (len(sent[0]), len(sent[1])), (sum(p.payload for p in sent[0]), sum(p.payload for p in sent[1]))


def longest_gap(connection: list[Packet]) -> int | None:
    """The longest silence between two packets; None with a single one."""
    gaps = [after.time - before.time for before, after in pairwise(connection)]
    return max([0, *gaps]) if gaps else None


def handshake(connection: list[Packet], originator: End) -> tuple[bool, int | None]:
    """Were SYN, SYN,ACK and its ACK all seen, and how long from the last SYN to that ACK?"""
    for place, answer in enumerate(connection):
        if answer.flags & (SYN | ACK | RST | FIN) != SYN | ACK or answer.source == originator:
            continue
        opening = [each for each in connection[:place] if each.bare_syn and each.source == originator]
        acking = [
            i
            for i in range(place + 1, len(connection))
            if connection[i].flags & (SYN | ACK | RST) == ACK and connection[i].source == originator
        ]
        if not opening or not acking:
            continue
        ack = connection[acking[0]]
        if ahead(ack.ack, answer.seq) > 0 and ahead(answer.ack, opening[-1].seq) > 0:
            latest = [each for each in connection[: acking[0]] if each.bare_syn and each.source == originator][-1]
            trip = ack.time - latest.time
            return True, trip if trip >= 0 else None
    return False, None


def positions(sent: list[Packet]) -> list[int]:
    """Where each segment of one side begins, relative to the first: numbers without a wrap."""
    found, at = [], 0
    for place, packet in enumerate(sent):
        at += ahead(packet.seq, sent[place - 1].seq) if place else 0
        found.append(at)
    return found


def unique_bytes(sent: list[Packet]) -> int:
    """Bytes between the lowest and the highest number of one side. SYN and FIN take one each that is no byte, both at
    once take the SYN's; a RST proves nothing."""
    spans, taken = [], set()
    for at, packet in zip(positions(sent), sent, strict=True):
        if packet.flags & RST:
            continue
        control = bool(packet.flags & (SYN | FIN))
        spans.append((at, at + packet.payload + control))
        if control:
            taken.add(at if packet.flags & SYN else at + packet.payload)
    return max(high for _, high in spans) - min(low for low, _ in spans) - len(taken) if spans else 0


def missing(sent: list[Packet], peers: list[Packet]) -> bool:
    """Was something of this side acknowledged, or passed over without its peer in sight, that is not here?"""
    segments = [
        (at, at + packet.payload + bool(packet.flags & (SYN | FIN)))
        for at, packet in zip(positions(sent), sent, strict=True)
        if not packet.flags & RST
    ]
    if not segments:
        return False
    acks = [ahead(packet.ack, sent[0].seq) for packet in _acking(peers, sent) if packet.number > sent[0].number]
    reached = segments[0][0]
    for begin, end in sorted(segments):  # what begins before the first that was captured leaves no gap
        if begin > reached and (not peers or any(ack > reached for ack in acks)):
            return True
        reached = max(reached, end)
    return any(reached < ack < reached + FARTHEST for ack in acks)


def completed(packets: list[Packet]) -> int | None:
    """The number of the packet that completed the handshake: an ACK of a SYN,ACK, by who had sent a SYN before."""
    opened: set[End] = set()
    accepts: list[Packet] = []
    for packet in packets:
        if packet.bare_syn:
            opened.add(packet.source)
        elif packet.flags & (SYN | ACK | RST) == SYN | ACK:
            accepts.append(packet)
        elif (
            packet.flags & (SYN | ACK | RST) == ACK
            and packet.source in opened
            and any(each.source == packet.target and ahead(packet.ack, each.seq) > 0 for each in accepts)
        ):
            return packet.number
    return None


def _acking(sent: list[Packet], peers: list[Packet]) -> list[Packet]:
    """What acknowledges: no RST, and nothing before its side's last SYN,ACK of the handshake, which may be of an older
    connection."""
    done = completed(sorted({id(each): each for each in (*sent, *peers)}.values(), key=lambda packet: packet.number))
    accepts = [
        place
        for place, packet in enumerate(sent)
        if packet.flags & (SYN | ACK) == SYN | ACK and (done is None or packet.number < done)
    ]
    return [each for each in sent[accepts[-1] if accepts else 0 :] if each.flags & ACK and not each.flags & RST]


def repeated(sent: list[Packet]) -> set[int]:
    """Numbers of the packets of one side whose payload had all been seen before."""
    found: set[int] = set()
    reached: int | None = None
    for at, packet in zip(positions(sent), sent, strict=True):
        end = at + packet.payload + bool(packet.flags & (SYN | FIN))
        if reached is not None and packet.payload and end <= reached:
            far = abs(end - reached) > FAR and packet.flags & (SYN | RST)
            if not far:
                found.add(packet.number)
        reached = end if reached is None else max(reached, end)
    return found
