"""A filter asked of a whole flow table: arrays where the table has them, distinct values where it has words.

Verdicts are asked last, and only of the connections that are still in question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from capture.filters.matchers import End, Span, plain_address
from capture.filters.moments import Moments, Recent
from capture.model import COUNT_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from capture.filters.matchers import Matcher
    from capture.filters.parsing import Clause
    from capture.flows.connection_table import FlowTable
    from capture.model import Verdict
    from capture.wire.column_types import I64, Bool

    Numbers = npt.NDArray[np.float64]


class VerdictLookup(Protocol):
    """Gives the verdict of a connection."""

    def of(self, connection: int, /) -> Verdict:
        """The verdict of one connection, by its number."""
        ...


def select(clauses: Iterable[Clause], flows: FlowTable, verdicts: VerdictLookup) -> Bool:
    """Which connections match all clauses: shape (n,)."""
    chosen = np.ones(len(flows), dtype=np.bool_)
    for clause in sorted(clauses, key=_asks_verdict):
        matched = _matched(clause, flows, verdicts, chosen)
        chosen &= ~matched if clause.negated else matched
    return chosen


def _asks_verdict(clause: Clause) -> bool:
    return any(term.verdict is not None for term, _ in clause.tests)


def _matched(clause: Clause, flows: FlowTable, verdicts: VerdictLookup, chosen: Bool) -> Bool:
    found = np.zeros(len(flows), dtype=np.bool_)
    for term, matcher in clause.tests:
        column = _COLUMNS.get(term.name)
        if column is not None:
            found |= column(flows, matcher)
    of_verdict = [(term.verdict, matcher) for term, matcher in clause.tests if term.verdict is not None]
    if of_verdict:
        for rows in _alike(verdicts, np.flatnonzero(chosen & ~found)):
            verdict = verdicts.of(int(rows[0]))
            found[rows] = any(matcher.test(value) for get, matcher in of_verdict for value in get(verdict))
    return found


def _alike(verdicts: VerdictLookup, rows: I64) -> Iterable[I64]:
    """Rows in groups that share a verdict's codes: by `template_of` where the verdicts have it, else one by one."""
    template_of = getattr(verdicts, "template_of", None)
    if template_of is None or not len(rows):
        return np.split(rows, len(rows)) if len(rows) else []
    templates = np.asarray(template_of)[rows]
    order = np.argsort(templates, kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(templates[order])) + 1)


def _any(hits: Bool) -> Bool:
    return np.asarray(hits.any(axis=1), dtype=np.bool_)


def _numbers(get: Callable[[FlowTable], Numbers]) -> Callable[[FlowTable, Matcher], Bool]:
    """A column of numbers, NaN where unknown; shape (n,) or (n, k), where any of k may match."""

    def matched(flows: FlowTable, matcher: Matcher) -> Bool:
        numbers = get(flows)
        hits: Bool = matcher.mask(numbers) if isinstance(matcher, Span) else np.isnan(numbers)
        return _any(hits) if hits.ndim == 2 else hits

    return matched


def _words(get: Callable[[FlowTable], Sequence[object]]) -> Callable[[FlowTable, Matcher], Bool]:
    """A column of words of which there are few different ones."""

    def matched(flows: FlowTable, matcher: Matcher) -> Bool:
        words = get(flows)
        known = {word: matcher.test(word) for word in set(words)}
        return np.fromiter((known[word] for word in words), dtype=np.bool_, count=len(words))

    return matched


def _ends(*sides: int) -> Callable[[FlowTable, Matcher], Bool]:
    """Ends of the connection: address and port of the same side must match."""

    def matched(flows: FlowTable, matcher: Matcher) -> Bool:
        assert isinstance(matcher, End)
        hits = np.ones((len(flows), len(sides)), dtype=np.bool_)
        if matcher.ports is not None:
            hits &= matcher.ports.mask(flows.port[:, sides])
        if matcher.network is not None:
            hits &= _in_network(flows, matcher, sides)
        return _any(hits)

    return matched


def _in_network(flows: FlowTable, end: End, sides: tuple[int, ...]) -> Bool:
    network = end.network
    assert network is not None
    keys = flows.address[:, sides]
    is_v4 = keys < 1 << 32
    hits = np.zeros(keys.shape, dtype=np.bool_)
    if network.version == 4:
        hits |= is_v4 & (keys >= int(network.network_address)) & (keys <= int(network.broadcast_address))
    if flows.addresses.v6:
        plain = (plain_address(_v6_text(packed)) for packed in flows.addresses.v6)
        known = np.array([address.version == network.version and address in network for address in plain])
        hits |= ~is_v4 & known[np.where(is_v4, 0, keys - (1 << 32))]
    return hits


def _v6_text(packed: bytes) -> str:
    from ipaddress import IPv6Address

    return str(IPv6Address(packed))


def _scopes(name: str) -> Callable[[FlowTable], Sequence[object]]:
    return lambda flows: [getattr(flows.scopes.scopes[scope], name) for scope in flows.scope.tolist()]


def _known(column: I64, unit: float) -> Numbers:
    """Nanoseconds, -1 where unknown, in seconds with NaN."""
    return np.where(column < 0, np.nan, column / unit)


def _ids(flows: FlowTable) -> Numbers:
    """Its place in the table; rows of several captures say theirs (capture.fleet.result)."""
    ids: Numbers = getattr(flows, "ids", np.arange(len(flows))).astype(np.float64)
    return ids


def _age(flows: FlowTable) -> Numbers:
    return (flows.highest_time - flows.lowest_time) / 1e9


def _in_moments(flows: FlowTable, matcher: Matcher) -> Bool:
    """Connections that were there at some moment of the span."""
    assert isinstance(matcher, Moments)
    return np.asarray(matcher.meets(flows.lowest_time / 1e9, flows.highest_time / 1e9), dtype=np.bool_)


def _until_the_end(flows: FlowTable, matcher: Matcher) -> Bool:
    """Connections with a packet in the last seconds of the capture."""
    assert isinstance(matcher, Recent)
    end = flows.highest_time.max() if len(flows) else 0
    return np.asarray((end - flows.highest_time) / 1e9 <= matcher.seconds, dtype=np.bool_)


def _sum_of_count(name: str) -> Callable[[FlowTable], Numbers]:
    return lambda flows: flows.counts[name].sum(axis=1).astype(np.float64)


_COLUMNS: dict[str, Callable[[FlowTable, Matcher], Bool]] = {
    "port": _numbers(lambda flows: flows.port.astype(np.float64)),
    "peer": _ends(0, 1),
    "originator": _ends(0),
    "responder": _ends(1),
    "state": _words(lambda flows: flows.conn_state),
    "conn-state": _words(lambda flows: flows.conn_state),
    "history": _words(lambda flows: flows.history),
    "handshake": _words(lambda flows: flows.complete_handshake.tolist()),
    "vlan": _words(_scopes("vlan")),
    "tunnel": _words(_scopes("tunnel")),
    "time": _in_moments,
    "last": _until_the_end,
    "id": _numbers(_ids),
    "age": _numbers(_age),
    "bytes": _numbers(lambda flows: flows.bytes.sum(axis=1).astype(np.float64)),
    "packets": _numbers(lambda flows: flows.packet_count.sum(axis=1).astype(np.float64)),
    "rtt": _numbers(lambda flows: _known(flows.rtt_ns, 1e9)),
    "gap": _numbers(lambda flows: _known(flows.longest_gap_ns, 1e9)),
    **{name.replace("_", "-"): _numbers(_sum_of_count(name)) for name in COUNT_NAMES},
}
