"""JSON of compared connections that nothing happened to, from columns: a hundred thousand in two seconds.

A line says exactly what the document of any other connection says (comparing.py).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from msgspec.json import encode

from capture.points.joint_verdict import better

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from capture.points.comparison import Comparison, Entry
    from capture.triage import Triage

    F64 = npt.NDArray[np.float64]
    I64 = npt.NDArray[np.int64]

_NOTHING = "".join(
    f'"{name}":[],'
    for name in ("lost", "injected", "modified", "reordered", "delayed", "duplicated", "not_captured", "undecided")
)


class PlainLines:
    """Lines of the pairs that are plain."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._ends = tuple(_Ends(point.triage) for point in comparison.points)
        self._plain = comparison.plain.tolist()
        self._better = lru_cache(maxsize=4096)(self._better_of)

    def of(self, entries: Sequence[Entry]) -> dict[Entry, bytes]:
        """The lines of those of the entries that are plain."""
        c = self._comparison
        pairs = [(c.pair_of(entry), entry) for entry in entries]
        is_plain = self._plain
        plain = [(pair, entry) for pair, entry in pairs if pair is not None and is_plain[pair]]
        if not plain:
            return {}
        at = np.array([pair for pair, _ in plain], np.int64)
        last_members = self._last_members(at)
        ends_a = self._ends[0].of(c.matched.pairs.a[at], np.zeros(len(at), np.int64))
        ends_b = self._ends[1].of(c.matched.pairs.b[at], c.matched.pairs.flipped[at].astype(np.int64))
        ways = _milliseconds(c.one_way[at])
        rows = zip(plain, last_members, ends_a, ends_b, c.common[at].tolist(), ways[::2], ways[1::2], strict=True)
        return {entry: _line(entry, *row) for (_, entry), *row in rows}

    def _last_members(self, pairs: I64) -> list[str]:
        """The last members of each: cause, certainty and sentence."""
        c = self._comparison
        ids = c.matched.pairs.a[pairs], c.matched.pairs.b[pairs]
        verdicts = tuple(point.triage.verdicts for point in c.points)
        kinds = zip(*(verdicts[k].template_of[ids[k]].tolist() for k in (0, 1)), strict=True)
        chosen = [self._better(*both) for both in kinds]
        first = np.array([one[0] for one in chosen], np.bool_)
        last_members = [""] * len(pairs)
        for k, which in ((0, np.flatnonzero(first)), (1, np.flatnonzero(~first))):
            for _, places, wording in verdicts[k].worded(ids[k][which]):
                sentences = wording.sentences(len(places))
                for place, sentence in zip(which[places].tolist(), sentences, strict=True):
                    last_members[place] = f'{chosen[place][1]},"sentence":{encode(sentence).decode()}}}'
        return last_members

    def _better_of(self, a: int, b: int) -> tuple[bool, str]:
        """Of two templates: whether a's is taken, and the members that tell its cause."""
        at_a, at_b = (point.triage.verdicts.templates for point in self._comparison.points)
        first, sure = better(at_a[a].diagnosis, at_b[b].diagnosis, None)
        cause = (at_a[a] if first else at_b[b]).diagnosis.cause
        return first, f'"cause":{encode(cause).decode()},"certainty":"{sure.value}"'


class _Ends:
    """The ends of connections of one capture as JSON."""

    def __init__(self, triage: Triage) -> None:
        self._flows = triage.decoded.flows
        self._text = lru_cache(maxsize=1 << 17)(self._address)

    def _address(self, key: int) -> str:
        return encode(self._flows.addresses.text(key)).decode()

    def of(self, connections: I64, flip: I64) -> list[tuple[str, str]]:
        """Originator and responder, or the other way round."""
        sides = []
        for side in (flip, 1 - flip):
            addresses = self._flows.address[connections, side].tolist()
            ports = self._flows.port[connections, side].tolist()
            sides.append(
                [f'{{"ip":{self._text(ip)},"port":{port}}}' for ip, port in zip(addresses, ports, strict=True)]
            )
        return list(zip(*sides, strict=True))


def _line(
    entry: Entry, last_members: str, a: tuple[str, str], b: tuple[str, str], matched: int, way: str, back: str
) -> bytes:
    other = f'true,"readdressed_as":{{"originator":{b[0]},"responder":{b[1]}}}' if a != b else "false"
    return (
        f'{{"a":{entry[0]},"b":{entry[1]},"originator":{a[0]},"responder":{a[1]},"readdressed":{other},'
        f'"matched":{matched},{_NOTHING}"one_way_ms":{{"originator":{way},"responder":{back}}},{last_members}'
    ).encode()


def _milliseconds(nanoseconds: F64) -> list[str]:
    """All of them, row by row, as JSON: NaN is null."""
    return encode([round(ms, 6) for ms in (nanoseconds / 1e6).ravel().tolist()]).decode()[1:-1].split(",")
