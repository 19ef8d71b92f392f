"""A proxy's two connections of one request, where one capture holds both: client to proxy, proxy to upstream.

They are found by time (the upstream's begins right after the client's, or after its request), by the size of the first
request, and by the proxy's address where it has one only. One such pair may be chance: a listener's connections are
paired with another's only where nearly all of them fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.model import TcpFlags
from capture.wire.numpy_sets import in_groups, largest, numbered

if TYPE_CHECKING:
    from capture.flows.connection_table import FlowTable
    from capture.wire.column_types import I64, Bool

PASSED_ON_NS = 1_000_000_000  # from a client's SYN or request to what a proxy makes of it
AT_ONCE_NS = 50_000_000  # … where hardly anything else explains it
SPREAD = 10  # times the usual delay: what took longer was another request's, on a connection that had been kept alive
LEAST_SPREAD_NS = 5_000_000
ALIKE_BYTES = 600  # what a proxy adds to a request, or leaves out
MOSTLY = 0.8  # of a proxy's upstream connections belong to requests of its clients
SOME = 0.5  # … where the proxy's address is the same on both sides
LOOKED_BACK = 64  # clients that one upstream connection is held against: a bound on work
TRIED = 6  # of a place's connections, before all of them are
MOST_PLACES = 12  # listeners that are held against each other, the busiest first
_SYN = int(TcpFlags.SYN)


class Chain(Struct, frozen=True):
    """Two connections of one request; `sure` where no other client's could have caused the upstream's."""

    front: int
    back: int
    sure: bool


class _Times(Struct, frozen=True):
    """Of each connection: begin, end, each side's first words (epoch ns, 0: none), the originator's in bytes."""

    begin: I64
    end: I64
    asked: I64
    answered: I64
    size: I64


class _Listener(Struct, frozen=True):
    """A listener's connections in order of their begin, each one's begin and client; `chosen`: which are meant."""

    connections: I64
    begin: I64
    clients: I64
    chosen: Bool | None = None

    def but_of(self, client: int) -> _Listener:
        """Its connections of all clients but one."""
        return _Listener(self.connections, self.begin, self.clients, self.clients != client)

    def until(self, when: int) -> I64:
        """The last LOOKED_BACK connections that had begun by then."""
        upto = int(self.begin.searchsorted(when, "right"))
        if self.chosen is None:
            return self.connections[max(0, upto - LOOKED_BACK) : upto]
        return self.connections[self.chosen[:upto].nonzero()[0][-LOOKED_BACK:]]


def chains_of(flows: FlowTable, left_out: dict[int, int], fronts: I64) -> dict[int, Chain]:
    """The chain of each connection that is part of one; `fronts` are the numbers of their listeners."""
    if len(flows) < 2:
        return {}
    times = _times(flows)
    backs = numbered(fronts * (1 << 33) + flows.address[:, 0])  # a proxy's address, and the upstream it asks
    again = np.array(list(left_out), np.int64)
    listeners = [
        _Listener(front, times.begin[front], flows.address[front, 0]) for front in _busiest(fronts, again, times)
    ]
    pairings = []
    for back in _busiest(backs, again, times):
        proxy = int(flows.address[back[0], 0])
        asked = set(fronts[flows.address[:, 0] == proxy].tolist())  # listeners of which it is a client itself
        for front in listeners:
            listener = int(fronts[front.connections[0]])
            if listener == fronts[back[0]]:
                continue
            same_host = bool(flows.address[front.connections[0], 1] == proxy)
            own = not same_host and listener in asked
            others = front.but_of(proxy) if own else front  # a proxy is not its own client
            some = back[:: max(1, len(back) // TRIED)]
            if not _links(others, some, times, SOME * len(some)):
                continue
            links = _alike(_links(others, back, times, (SOME if same_host else MOSTLY) * len(back)), times)
            if links:
                delay = int(np.median([times.begin[chain.back] - times.begin[chain.front] for chain in links.values()]))
                pairings.append((delay, listener, int(fronts[back[0]]), links))
    return _closest(pairings)


def _closest(pairings: list[tuple[int, int, int, dict[int, Chain]]]) -> dict[int, Chain]:
    """Of pairings that exclude each other those in which the upstream follows soonest."""
    found: dict[int, Chain] = {}
    seen: set[tuple[int, int]] = set()
    for _, front, back, links in sorted(pairings, key=lambda pairing: pairing[:3]):
        if (back, front) in seen:
            continue
        seen.add((front, back))
        for chain in links.values():
            if chain.front not in found and chain.back not in found:
                found[chain.front] = found[chain.back] = chain
    return found


def _busiest(place: I64, left_out: I64, times: _Times) -> list[I64]:
    """The connections of each of the busiest places, by their begin."""
    counts = np.bincount(place)
    np.subtract.at(counts, place[left_out], 1)
    busiest = largest(counts, MOST_PLACES)
    rank = np.full(len(counts), MOST_PLACES, np.uint8)  # of each place: MOST_PLACES is none of the busiest
    rank[busiest] = np.arange(len(busiest))
    ranks = rank[place]
    ranks[left_out] = MOST_PLACES
    ends = np.cumsum(counts[busiest]).tolist()
    groups = np.split(in_groups(ranks, MOST_PLACES + 1)[: ends[-1]], ends[:-1])
    groups = [group for group in groups if len(group)]
    return [group[np.argsort(times.begin[group], kind="stable")] for group in groups]


def _times(flows: FlowTable) -> _Times:
    words = flows.numbers
    asked, answered = words.word_time[:, 0], words.word_time[:, 1]
    return _Times(flows.first_time, flows.last_time, asked, answered, words.word_size[:, 0].astype(np.int64))


def _alike(links: dict[int, Chain], times: _Times) -> dict[int, Chain]:
    """The links of a proxy that passes requests and answers on about as fast as it mostly does.

    Of connections that are kept alive only the first request is known: a later one may have made the upstream's.
    """
    if not links:
        return links
    front, back = (np.array([getattr(chain, end) for chain in links.values()]) for end in ("front", "back"))
    asked = times.begin[back] - np.where(times.asked[front] > 0, times.asked[front], times.begin[front])
    both = (times.answered[front] > 0) & (times.answered[back] > 0)
    relayed = np.where(both, times.answered[front] - times.answered[back], 0)
    fits = (asked <= _usual(asked)) & (relayed >= 0) & (relayed <= _usual(relayed[both]))
    return {number: chain for (number, chain), fit in zip(links.items(), fits.tolist(), strict=True) if fit}


def _usual(delays: I64) -> int:
    """The longest delay that is like most."""
    return max(LEAST_SPREAD_NS, SPREAD * int(np.median(delays))) if len(delays) else 0


def _links(front: _Listener, back: I64, times: _Times, least: float) -> dict[int, Chain]:
    """Each upstream connection with the client's that caused it: of those in question the one that waited longest.

    `back` in order of their begin. Nothing where fewer than `least` have one: a few connections mostly show it.
    """
    taken: set[int] = set()
    links: dict[int, Chain] = {}
    for left, number in zip(range(len(back), 0, -1), back.tolist(), strict=True):
        if len(links) + left < least:
            return {}
        when, size = int(times.begin[number]), int(times.size[number])
        near_by = front.until(when)
        near_by = near_by[times.end[near_by] >= when]
        if not len(near_by):
            continue
        asked, answered, sizes = times.asked[near_by], times.answered[near_by], times.size[near_by]
        cause = np.where((asked > 0) & (asked <= when), asked, times.begin[near_by])
        fits = (when - cause <= PASSED_ON_NS) & ((answered == 0) | (answered >= when))
        if size > 0:
            fits &= (sizes <= 0) | (np.abs(sizes - size) <= ALIKE_BYTES)
        open_ = [int(i) for i in near_by[fits] if int(i) not in taken and int(i) != number]
        if open_:
            taken.add(open_[0])
            at_once = when - int(cause[near_by == open_[0]][0]) <= AT_ONCE_NS
            links[number] = Chain(open_[0], number, at_once and len(open_) == 1)
    return links if len(links) >= least else {}
