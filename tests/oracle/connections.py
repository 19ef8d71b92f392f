"""Which packets make one connection, and who opened it.

A conversation is everything between two ends (in one VLAN); it may hold several connections, one after another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.oracle.packets import ACK, FIN, RST, SYN, End, Packet, ahead

LOOK_BACK, LOOK_AHEAD = 4096, 255  # packets of the conversation around a doubtful SYN
LONE_RST_NS = 5_000_000_000  # RSTs alone and this far apart are separate events
NEAR = 1 << 20  # sequence numbers this close belong to the same stream
SERVER_PORTS = 1024  # begun midway: a port below this one is the responder's
PASSING_PORTS = 32768  # and from this one on it is one that a system gives to its clients
MANY_PEERS = 3  # and so is one with which so many talk

Conversation = tuple[frozenset[End], str | None]


def split(packets: Sequence[Packet]) -> list[list[Packet]]:
    """The connections of a capture, in order of first packet."""
    conversations: dict[Conversation, list[Packet]] = {}
    for packet in packets:
        conversations.setdefault((frozenset((packet.source, packet.target)), packet.vlan), []).append(packet)
    connections = [connection for talk in conversations.values() for connection in split_conversation(talk)]
    return sorted(connections, key=lambda connection: connection[0].number)


def split_conversation(talk: list[Packet]) -> list[list[Packet]]:
    """The connections of one conversation."""
    found = [[talk[0]]]
    for place in range(1, len(talk)):
        earlier = found[-1][-LOOK_BACK:]
        if begins_connection(talk[place], earlier, talk[place + 1 : place + 1 + LOOK_AHEAD]):
            found.append([])
        found[-1].append(talk[place])
    return found


def begins_connection(packet: Packet, earlier: list[Packet], later: list[Packet]) -> bool:
    """Does a connection begin here? `earlier` are those of the connection so far."""
    only_resets = all(each.flags & RST for each in earlier)
    if not packet.bare_syn:
        late = bool(earlier[-1].flags & RST) and packet.time - earlier[-1].time >= LONE_RST_NS
        return late and only_resets
    if _answered_before(packet, earlier):
        return False
    closed = any(each.flags & (FIN | RST) for each in earlier)
    established = any(
        each.kind(SYN | ACK) or (not each.flags & SYN and (each.payload > 0 or each.flags & FIN)) for each in earlier
    )
    syns = [each for each in earlier if each.kind(SYN)]
    own_syns = [each for each in syns if each.source == packet.source]
    if own_syns:
        if own_syns[-1].seq == packet.seq:  # sent again; or used again after a close, and answered
            return closed and established and _answered(packet, later)
        return closed or not _goes_on(packet, earlier, later)
    if syns:  # the other side opened too: at once, unless that connection was already a fact
        return established or closed
    if only_resets:
        return packet.time - earlier[-1].time >= LONE_RST_NS
    return closed or not _goes_on(packet, earlier, later)


def _answered_before(syn: Packet, earlier: list[Packet]) -> bool:
    """The SYN,ACK or a segment of the new stream was captured before the SYN itself."""
    after = (syn.seq + 1) % 2**32
    own = [each for each in earlier if each.source == syn.source]
    if any(each.source != syn.source and each.kind(SYN | ACK) and each.ack == after for each in earlier):
        return not any(each.kind(SYN) and each.seq == syn.seq for each in own)
    spoken = [each for each in own if not each.flags & RST]
    return bool(spoken) and spoken[0].seq == after


def _answered(syn: Packet, later: list[Packet]) -> bool:
    """A SYN or SYN,ACK from the other side acknowledges it."""
    after = (syn.seq + 1) % 2**32
    return any(each.source != syn.source and each.flags & SYN and each.ack == after for each in later)


def _goes_on(syn: Packet, earlier: list[Packet], later: list[Packet]) -> bool:
    """After an unanswered SYN its sender went on in the old stream: the SYN was a stray (RFC 5961, 4)."""
    if _answered(syn, later):
        return False
    said = [each for each in earlier if each.source == syn.source and not each.flags & (SYN | RST)]
    says = [each for each in later if each.source == syn.source and not each.flags & (SYN | RST)]
    if not said or not says:
        return False
    to_old, to_new = abs(ahead(says[0].seq, said[-1].seq)), abs(ahead(says[0].seq, syn.seq))
    return to_old < NEAR and to_new > to_old


def originators(connections: list[list[Packet]]) -> list[End]:
    """Who opened each of the connections of a capture.

    The first SYN's sender, else the one a SYN,ACK went to. Where the capture began later: the end that does not answer
    SYNs in other connections, or has fewer peers, else the sender of the first packet, unless its port is more of a
    server's: well-known, or registered where the other is not.
    """
    opened = [_opener(connection) for connection in connections]
    told = [opener or _by_port(connection[0]) for opener, connection in zip(opened, connections, strict=True)]
    if len(connections) < 2:
        return told
    pairs = [ends_of(connection) for connection in connections]
    peers = Counter(end for pair in pairs for end in pair)
    serves = Counter(other_end(pair, opener) for pair, opener in zip(pairs, opened, strict=True) if opener)
    for place, (one, other) in enumerate(pairs):
        if opened[place] is not None:
            continue
        undecided = (one[1] < SERVER_PORTS) == (other[1] < SERVER_PORTS)
        for count, least, asked in ((peers, MANY_PEERS, undecided), (serves, 1, True)):
            if asked and count[one] != count[other] and max(count[one], count[other]) >= least:
                told[place] = one if count[one] < count[other] else other
    return told


def ends_of(connection: list[Packet]) -> tuple[End, End]:
    return connection[0].source, connection[0].target


def other_end(ends: tuple[End, End], end: End) -> End:
    return ends[1] if end == ends[0] else ends[0]


def _opener(connection: list[Packet]) -> End | None:
    if connection[0].kind(SYN):
        return connection[0].source
    for wanted in (SYN, SYN | ACK):
        for packet in connection:
            if packet.kind(wanted):
                return packet.source if wanted == SYN else packet.target
    return None


def _by_port(first: Packet) -> End:
    return first.target if _port_class(first.sport) < _port_class(first.dport) else first.source


def _port_class(port: int) -> int:
    return (port >= SERVER_PORTS) + (port >= PASSING_PORTS)
