"""The numbers of sentences, for many connections of one template at once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from capture.language import tr
from capture.verdicts import catalogue
from capture.verdicts.events.ending import icmp_class
from capture.verdicts.events.event_codes import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.flows.connection_table import FlowTable, Spans
    from capture.verdicts.rules.signatures import Signatures
    from capture.verdicts.rules.verdict_template import Template
    from capture.wire.column_types import I64, QuotedTcp


def duration(ns: int) -> str:
    """A duration as people say it: 35 ms, 3.1 s, 2 min 5 s, 2 h 0 min."""
    seconds = max(0, ns) / 1e9
    if seconds < 0.0995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 119.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


_WORDS = frozenset(("reporter", "icmp", "mtu", "mss", "times", "other"))
"""Placeholders that are no durations."""

_TIMED_BY_THE_KERNEL = frozenset(
    (
        "unanswered_again", "still_asking", "ignored_data", "syn_again", "syn_ack_again", "syn_ack_after_ack",
        "syn_after_syn_ack", "keepalive", "keepalive_again", "window_probe", "icmp", "too_big", "prober_reset",
    )
)  # fmt: skip
"""Evidence whose silence before is a kernel's own timer: retransmissions and probes."""


class Numbers:
    """Per connection (m of them, all of one template) the times and packets behind a sentence, in nanoseconds."""

    def __init__(
        self, flows: FlowTable, signed: Signatures, template: Template, connections: Sequence[int] | I64
    ) -> None:
        self.flows, self.signed, self.template = flows, signed, template
        self.connections = np.asarray(connections, dtype=np.int64)
        self._plain = not any(int(i) in signed.merged for i in self.connections) if signed.merged else True

    def text(self, name: str) -> list[str]:
        """The value of a placeholder, per connection."""
        if name in _WORDS:
            return [getattr(self, f"_{name}")(int(i)) for i in self.connections]
        return [duration(ns) for ns in getattr(self, name).tolist()]

    def rows(self, at: int) -> I64:
        """The row of an event, -1 - k for the k-th ICMP error. Shape (m,)."""
        if self._plain:
            found: I64 = self.signed.events.first[self.connections] + at
            return found
        return np.array([self.signed.rows(int(i))[at] for i in self.connections], np.int64)

    def packets(self, at: int) -> list[int]:
        """The packet number of an event, per connection."""
        rows = self.rows(at)
        numbers: list[int] = self._of_events(self.signed.events.number, rows).tolist()
        for k in np.flatnonzero(rows < 0).tolist():
            numbers[k] = self._error(k, rows).number
        return numbers

    def _at(self, at: int) -> I64:
        rows = self.rows(at)
        times = self._of_events(self.signed.events.time, rows)
        for k in np.flatnonzero(rows < 0).tolist():
            times[k] = self._error(k, rows).time
        return times

    def _of_events(self, column: I64 | Spans, rows: I64) -> I64:
        """A column's values at rows of events; anything where a row is an error's."""
        if not len(column):  # all of them are
            return np.zeros(len(rows), np.int64)
        rows = np.maximum(rows, 0)
        values: I64 = column[rows] if isinstance(column, np.ndarray) else column.of(rows, self.connections)
        return values

    def _error(self, k: int, rows: I64) -> QuotedTcp:
        return self.flows.quoted[int(self.connections[k])][-1 - int(rows[k])]

    def _before(self, rows: I64) -> I64:
        """The silence before the packets of events; 0 before a connection's first. Of an error: of the last event."""
        last = np.maximum(self.signed.events.first[self.connections + 1] - 1, 0)
        silence: I64 = np.maximum(self._of_events(self.signed.events.gap, np.where(rows >= 0, rows, last)), 0)
        return silence

    @property
    def _end(self) -> I64:
        """The row of the event that ended it; -1: its last packet."""
        at = self.template.end.at
        return np.full(len(self.connections), -1, np.int64) if at is None else self.rows(at)

    @property
    def _evidence(self) -> list[int]:
        return [proof.at for proof in self.template.diagnosis.proofs]

    @property
    def gap(self) -> I64:
        """Silence before the end."""
        return self._before(self._end)

    @property
    def between_fins(self) -> I64:
        """From one FIN to the other."""
        a, b = self.template.history.fins
        return self.gap if a is None or b is None else np.abs(self._at(a) - self._at(b))

    @property
    def waited(self) -> I64:
        """From the request on, to the FIN of the side that waited; 0 where nobody had left yet."""
        requests = [p.at for p in self.template.diagnosis.proofs if p.code == "request"]
        fins = [at for at in self.template.history.fins if at is not None]
        if requests and fins:
            return self._at(min(fins)) - self._at(requests[0])
        return self.gap if self.template.end.at is not None else np.zeros(len(self.connections), np.int64)

    @property
    def server_left(self) -> I64:
        """When the responder sent its first FIN, or the RST that ended it; 0 where it did neither. Epoch ns."""
        fin, end = self.template.history.fins[1], self.template.end
        if fin is not None:
            return self._at(fin)
        if end.by == 1 and end.at is not None:
            return self._at(end.at)
        return np.zeros(len(self.connections), np.int64)

    @property
    def age(self) -> I64:
        """From the first packet to the end."""
        end, last = self._end, self.flows.last_time[self.connections]
        ended = np.where(end >= 0, self._of_events(self.signed.events.time, end), last)
        age: I64 = ended - self.flows.first_time[self.connections]
        return age

    @property
    def span(self) -> I64:
        """From the first packet of the evidence to the last."""
        at = self._evidence
        return self._at(at[-1]) - self._at(at[0]) if at else np.zeros(len(self.connections), np.int64)

    @property
    def quiet(self) -> I64:
        """Silence before the first packet of the evidence."""
        at = self._evidence
        return self._before(self.rows(at[0])) if at else np.zeros(len(self.connections), np.int64)

    @cached_property
    def longest_wait(self) -> I64:
        """The longest silence before any packet of the evidence."""
        asked = [proof.at for proof in self.template.diagnosis.proofs if proof.code not in _TIMED_BY_THE_KERNEL]
        waits = [self._before(self.rows(at)) for at in asked]
        return np.maximum.reduce(waits) if waits else np.zeros(len(self.connections), np.int64)

    def _reporter(self, connection: int) -> str:
        rows = [row for row in self.signed.rows(connection) if row < 0]
        return self.flows.quoted[connection][-1 - rows[-1]].reporter if rows else "?"

    def _too_big(self, connection: int) -> list[int]:
        """The MTUs in routers' errors, one an error."""
        return [error.mtu for error in self.flows.quoted.get(connection, []) if error.mtu]

    def _other(self, connection: int) -> str:
        """The address of the host that answered in the responder's place, or in whose place it answered."""
        other = self.signed.elsewhere.get(connection)
        if other is None:
            return "?"
        mine = set(self.flows.address[connection].tolist())
        theirs = [key for key in self.flows.address[other].tolist() if key not in mine]
        return self.flows.addresses.text(int(theirs[0])) if theirs else "?"

    def _mtu(self, connection: int) -> str:
        mtus = self._too_big(connection)
        return str(min(mtus)) if mtus else "?"

    def _mss(self, connection: int) -> str:
        mtus = self._too_big(connection)
        headers = 60 if any(error.ipv6 for error in self.flows.quoted.get(connection, [])) else 40
        return str(min(mtus) - headers) if mtus else "?"

    def _times(self, connection: int) -> str:
        times = len(self._too_big(connection))
        return tr("once") if times == 1 else tr("{n} times", n=times)

    def _icmp(self, _: int) -> str:
        history = self.template.history
        errors = history.indexes(Kind.ICMP)
        return catalogue.icmp_meaning(icmp_class(history, errors[-1]).name) if errors else "?"
