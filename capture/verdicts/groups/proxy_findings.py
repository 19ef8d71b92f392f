"""Two findings of one story: the requests of a proxy's clients, and what became of them at its upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.verdicts import catalogue
from capture.verdicts.groups.group import ALIKE, Group, count, say
from capture.wire.numpy_sets import among

if TYPE_CHECKING:
    from capture.verdicts.judge import Verdicts

LEFT = frozenset(("client_gave_up", "write_after_peer_close", "aborted", "no_response", "late_close"))
"""What a client that leaves makes of the upstream's connection, too."""


class Hop(Struct, frozen=True):
    """The other group of the same requests; `client_first`: the client's end came before the upstream's."""

    other: Group
    requests: int
    proxy: str
    client_first: bool

    def clause(self) -> str:
        """What became of them there, in a sentence."""
        from capture.verdicts.groups.group_patterns import place

        where = place(self.other.flows, self.other.members)
        code = "hop_client_first" if self.client_first else "hop_upstream_first"
        info = catalogue.info_of(self.other.cause)  # the cause of a group may be a variant of one
        assert info is not None, self.other.cause
        meaning = info.meaning
        return say(code, proxy=self.proxy, where=where, n=count(self.requests), meaning=meaning)


def join_proxy_hops(groups: list[Group], verdicts: Verdicts) -> list[tuple[Group, Hop | None]]:
    """The groups; of two that are hops of the same requests, the one that began it, with the other as its hop."""
    chains = verdicts.relations.chains
    if not chains:
        return [(group, None) for group in groups]
    fronts = {chain.front: chain for chain in chains.values()}.values()
    ends = np.array(sorted({end for chain in fronts for end in (chain.front, chain.back)}), np.int64)
    of: dict[int, int] = {}
    for number, group in enumerate(groups):  # of a capture of millions, few are a proxy's
        if group.cause != "harmless":
            of |= dict.fromkeys(ends[among(ends, np.sort(group.members))].tolist(), number)
    pairs: dict[tuple[int, int], list[int]] = {}
    for chain in fronts:
        if chain.front in of and chain.back in of:
            pairs.setdefault((of[chain.front], of[chain.back]), []).append(chain.front)
    hops: dict[int, Hop] = {}
    taken: set[int] = set()
    for (front, back), members in sorted(pairs.items(), key=lambda item: -len(item[1])):
        enough = len(members) >= ALIKE * max(len(groups[front].members), len(groups[back].members))
        if front == back or not enough or {front, back} & taken:
            continue
        taken |= {front, back}
        first = groups[front].cause in LEFT and groups[front].actor == 0 and groups[back].cause in LEFT
        main, other = (front, back) if first else (back, front)
        flows = verdicts.flows
        proxy = flows.addresses.text(int(flows.address[members[0], 1]))
        hops[main] = Hop(groups[other], len(members), proxy, first)
        hops[other] = hops[main]
    mains = {number for number, hop in hops.items() if hop.other is not groups[number]}
    return [
        (group, hops.get(number) if number in mains else None)
        for number, group in enumerate(groups)
        if number not in hops or number in mains
    ]
