"""The packets that say something of how a connection went, before runs are folded: what verdicts are made from.

An event has a kind and marks; the plain middle of a transfer says nothing. Of what payloads begin with only TLS's
handshake is judged here, and no TTLs of senders with no other packet.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.oracle.analysis import REPETITIONS
from tests.oracle.measures import completed
from tests.oracle.packets import ACK, FIN, RST, SYN, End, Packet, ahead
from tests.oracle.tls import Words, handshake

STRAY_NS = 5_000_000  # sooner, a second ACK is loss, reordering or offload at work
BIG_SEGMENT = 1000  # bytes: what a path-MTU black hole swallows
REGULAR_STEP, FAR_OFF = 64, 2048  # IP identifications of one sender that make a line; far from it
RST_BACK = 2  # packets of the sender that make the line


@dataclass
class Event:
    """One packet that is worth a word."""

    packet: Packet
    kind: str
    marks: set[str] = field(default_factory=set)
    heard: bool = False  # of the other side, which was not captured: this packet acknowledges it
    late: bool = False  # captured once, after its own ACK

    @property
    def repeats(self) -> bool:
        return bool(self.packet.tags & REPETITIONS) and not self.late

    @property
    def speaks(self) -> bool:
        return self.kind in ("data", "fin")

    @property
    def end(self) -> int:
        return (self.packet.seq + self.packet.payload + (self.kind == "fin")) % 2**32


def kind_of(packet: Packet) -> str:
    """What a packet is, once flags, payload and analysis are read together."""
    if packet.flags & RST:
        return "rst"
    if packet.flags & SYN:
        return "syn_ack" if packet.flags & ACK else "syn"
    if packet.flags & FIN:
        return "fin"
    if packet.tags & {"keep_alive", "zero_window_probe"}:
        return "probe"
    return "data" if packet.payload else "ack"


def events_of(
    connection: list[Packet], refused: set[int], again: set[int], round_trip: int | None = None
) -> list[Event]:
    """The events of a connection, second copies left out. `refused`: numbers of RSTs that took no effect; `again`:
    of packets whose payload had all been seen before; `round_trip`: of its opening, in ns."""
    packets = [packet for packet in connection if "second_copy" not in packet.tags]
    told = [Event(packet, kind_of(packet), late=_late(packet, again)) for packet in packets]
    kept = [event.kind != "ack" for event in told]
    _probes_and_answers(told, kept)
    _acks_of_fins(told, kept)
    _closed_windows(told, kept)
    _strays(told, kept)
    _lost(told)
    _repeated_in_vain(told, kept)
    for place, event in enumerate(told):
        if event.kind == "rst":
            event.marks |= _reset_marks(told, place, refused)
        if event.kind == "fin":
            event.marks |= {"with_data"} if event.packet.payload else set()
            event.marks |= {"repeat"} if event.repeats else set()
    mark_handshake(told, round_trip or 0)
    _heard(told, kept)
    return [event for event, worth in zip(told, kept, strict=True) if worth]


def mark_handshake(told: list[Event], round_trip: int) -> None:
    """The data that is of a TLS handshake; where some of it was not captured, lengths tell it, which is not judged."""
    spoken = [event for event in told if event.kind == "data" or (event.kind == "fin" and event.packet.payload)]
    words = [Words(event.packet, event.kind == "data") for event in spoken]
    for place in handshake(words, round_trip):
        spoken[place].marks.add("handshake")


def _heard(told: list[Event], kept: list[bool]) -> None:
    """What the ACKs of one side tell of another one without packets: data, and a FIN where the last step is of one."""
    if not told or len({event.packet.source for event in told} | {told[0].packet.target}) > 2:
        return
    if any(event.packet.source == told[0].packet.target for event in told):
        return
    known, steps = None, []
    for place, event in enumerate(told):
        packet = event.packet
        if event.kind == "rst" or not packet.flags & ACK:
            continue
        if event.kind == "syn_ack" or known is None:
            known = packet.ack
        elif ahead(packet.ack, known) > 0:
            steps.append((place, ahead(packet.ack, known), packet.ack))
            known = packet.ack
    for number, (place, step, end) in enumerate(steps):
        following = steps[number + 1][0] if number + 1 < len(steps) else len(told)
        if step == 1:
            for later in range(place, following):
                acks = told[later].kind != "rst" and told[later].packet.flags & ACK
                if acks and ahead(told[later].packet.ack, end) >= 0:
                    told[later].marks.add("acks_fin")
                    kept[later] = True
    for place, step, end in reversed(steps):
        kind = "fin" if step == 1 and end == steps[-1][2] else "data"
        told.insert(place, Event(told[place].packet, kind, heard=True))
        kept.insert(place, True)


def _late(packet: Packet, again: set[int]) -> bool:
    return "spurious_retransmission" in packet.tags and packet.number not in again


def _probes_and_answers(told: list[Event], kept: list[bool]) -> None:
    """What comes right after a probe from the other side; pure ACKs right after a SYN, a SYN,ACK or a RST."""
    for place in range(1, len(told)):
        before, event = told[place - 1], told[place]
        if before.kind == "syn" and event.kind == "ack":
            kept[place] = True
        if event.packet.source == before.packet.source:
            continue
        opened = before.kind in ("syn", "syn_ack", "rst") and event.kind == "ack"
        kept[place] |= before.kind == "probe" or opened


def _acks_of_fins(told: list[Event], kept: list[bool]) -> None:
    """Packets that acknowledge the peer's FIN, which may have been captured late: the order at the far end is in ACK
    numbers, not in the capture."""
    fins: dict[End, int] = {}
    for place, event in enumerate(told):
        if event.kind == "fin":
            fins.setdefault(event.packet.source, place)
    for place, event in enumerate(told):
        packet = event.packet
        fin = fins.get(packet.target) if packet.target != packet.source else None
        if fin is None or event.kind == "rst" or not packet.flags & ACK or ahead(packet.ack, told[fin].end) < 0:
            continue
        last_before = not any(each.packet.source == packet.source for each in told[place + 1 : fin])
        if place > fin or (kept[place] and last_before):
            event.marks.add("acks_fin")
            kept[place] = True


def _closed_windows(told: list[Event], kept: list[bool]) -> None:
    """Windows of zero, and the packet of the same side that opens the window again."""
    closed: dict[End, bool] = {}
    for place, event in enumerate(told):
        if event.kind == "rst":
            continue
        zero = "zero_window" in event.packet.tags and event.kind in ("ack", "data", "fin", "probe")
        if zero:
            event.marks.add("zero")
        kept[place] |= zero or closed.get(event.packet.source, False)
        closed[event.packet.source] = zero


def _strays(told: list[Event], kept: list[bool]) -> None:
    """Pure ACKs that repeat the one right before them, unasked: a challenge ACK looks like this."""
    for place in range(1, len(told)):
        a, b = told[place - 1].packet, told[place].packet
        if not (_pure(a) and _pure(b)) or a.source != b.source:
            continue
        same = (a.seq, a.ack, a.window) == (b.seq, b.ack, b.window)
        asked = b.sack or b.tags & {"keep_alive", "keep_alive_ack"}
        own_packet = a.ip_id != b.ip_id or ":" in b.src
        if same and not asked and own_packet and b.time - a.time >= STRAY_NS:
            told[place].marks.add("stray")
            kept[place] = True


def _pure(packet: Packet) -> bool:
    return not packet.payload and not packet.control


def _acknowledged(told: list[Event]) -> dict[End, int]:
    """How far each side acknowledged; a RST's ACK counts for nothing, nor what came before a SYN,ACK of the handshake:
    it may have answered an older connection of the same ports."""
    found: dict[End, int] = {}
    done = completed([event.packet for event in told])
    for event in told:
        packet = event.packet
        if event.kind == "syn_ack" and (done is None or packet.number < done):
            found.pop(packet.source, None)
        if event.kind != "rst" and packet.flags & ACK:
            known = found.get(packet.source)
            if known is None or ahead(packet.ack, known) > 0:
                found[packet.source] = packet.ack
    return found


def _lost(told: list[Event]) -> None:
    """Data and FINs beyond what the peer acknowledged; where the peer was never seen, nothing is called lost."""
    acks = _acknowledged(told)

    def beyond(event: Event) -> bool:
        return ahead(event.end, acks.get(event.packet.target, 0)) > 0

    for event in told:
        if not event.speaks or event.packet.target not in acks or not beyond(event):
            continue
        event.marks.add("lost")
        if event.repeats:
            event.marks.add("repeat")
            same_side = [each for each in told if each.speaks and each.packet.source == event.packet.source]
            largest = max((each.packet.payload for each in same_side if not beyond(each)), default=0)
            first = next(each for each in same_side if beyond(each))  # a kernel joins small ones when it repeats them
            from_big = first is event or first.packet.payload >= BIG_SEGMENT
            if event.packet.payload >= BIG_SEGMENT and event.packet.payload > largest and from_big:
                event.marks.add("big")


def _repeated_in_vain(told: list[Event], kept: list[bool]) -> None:
    """Data and FINs repeated without news: after all that their side had to say and to acknowledge (lost, where the
    peer acknowledged nothing at all), after the peer's last data, or before its first word."""
    acks = _acknowledged(told)
    news, said, word = _last_news(told), _last_said(told), _first_words(told)
    for place, event in enumerate(told):
        if not event.speaks or not event.repeats:
            continue
        own, peer = event.packet.source, event.packet.target
        after_all = place > news.get(own, -1)
        known = "spurious_retransmission" in event.packet.tags and place > said.get(peer, -1)
        early = event.kind == "data" and place < word.get(peer, len(told))
        if after_all or known or early:
            event.marks.add("repeat")
            kept[place] = True
        if after_all and peer not in acks:
            event.marks.add("lost")


def _fresh(event: Event) -> bool:
    return not event.repeats and not event.packet.tags & {"keep_alive", "zero_window_probe"}


def _last_news(told: list[Event]) -> dict[End, int]:
    """Where each side last said or acknowledged something that it had not."""
    found: dict[End, int] = {}
    last_ack: dict[End, int] = {}
    for place, event in enumerate(told):
        packet = event.packet
        if event.kind == "rst":
            continue
        further = False
        if packet.flags & ACK:
            further = packet.source not in last_ack or ahead(packet.ack, last_ack[packet.source]) > 0
            last_ack[packet.source] = packet.ack
        speaks = packet.payload > 0 or packet.flags & (SYN | FIN)
        if further or (speaks and _fresh(event)):
            found[packet.source] = place
    return found


def _last_said(told: list[Event]) -> dict[End, int]:
    fresh = ((place, event) for place, event in enumerate(told) if event.kind != "rst" and _fresh(event))
    return {event.packet.source: place for place, event in fresh if event.packet.payload}


def _first_words(told: list[Event]) -> dict[End, int]:
    """Where each side first said something beside a SYN."""
    found: dict[End, int] = {}
    for place, event in enumerate(told):
        if not event.packet.flags & SYN:
            found.setdefault(event.packet.source, place)
    return found


def _reset_marks(told: list[Event], place: int, refused: set[int]) -> set[str]:
    """A RST's shape, and whether its claimed sender can have sent it."""
    packet, marks = told[place].packet, set()
    live = packet.timestamp or packet.window > 0
    if not packet.flags & ACK:
        marks.add("bare")
    elif not live:
        marks.add("cut" if packet.header_cut else "answer")
    theirs = [each for each in told[:place] if each.speaks and each.packet.source == packet.target]
    if packet.flags & ACK and theirs and ahead(theirs[-1].end, packet.ack) <= 0:
        marks.add("takes")
    if packet.number in refused:
        marks.add("unacceptable")
    own = [
        (i, each.packet) for i, each in enumerate(told) if each.packet.source == packet.source and each.kind != "rst"
    ]
    if own and packet.ttl and packet.ttl not in (own[0][1].ttl, own[-1][1].ttl):
        marks.add("foreign")
    if own and own[-1][0] > place and (ahead(own[-1][1].seq, packet.seq) >= 0 or "unacceptable" in marks):
        marks.add("afterlife")
    if _off_the_line(packet, [each for i, each in own if i < place][-RST_BACK:]):
        marks.add("odd_id")
    return marks


def _off_the_line(packet: Packet, line: list[Packet]) -> bool:
    """A RST,ACK far from the identifications of its sender's last packets; kernels number bare RSTs apart."""
    if len(line) < RST_BACK or not packet.flags & ACK or ":" in packet.src or not packet.ip_id:
        return False
    step, jump = (line[1].ip_id - line[0].ip_id) % 65536, (packet.ip_id - line[1].ip_id) % 65536
    return 0 < step <= REGULAR_STEP and FAR_OFF <= jump <= 65536 - FAR_OFF
