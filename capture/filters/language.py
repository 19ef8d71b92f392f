"""The filter itself: parsed once, then asked of connections, of sockets, or of a whole flow table at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from capture.filters.filter_errors import FilterError, message
from capture.filters.matchers import Words
from capture.filters.moments import Recent
from capture.filters.parsing import Clause, clauses_of

if TYPE_CHECKING:
    from capture.filters.column_filter import VerdictLookup
    from capture.filters.row_protocols import LineLike, SocketLike
    from capture.filters.terms import Kind, Term
    from capture.flows.connection_table import FlowTable
    from capture.model import Connection
    from capture.wire.column_types import Bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter: all of its clauses must match. Without clauses everything matches."""

    text: str
    clauses: tuple[Clause, ...]

    def __bool__(self) -> bool:
        return bool(self.clauses)

    def matches_connection(self, connection: Connection, until: int | None = None) -> bool:
        """Whether a captured connection matches; `until`: its capture's end (epoch ns), which `last:` counts from."""
        return all(_connection_matches(clause, connection, until) != clause.negated for clause in self.clauses)

    def matches_socket(self, row: SocketLike) -> bool:
        """Whether a live socket matches."""
        return all(_socket_matches(clause, row) != clause.negated for clause in self.clauses)

    def matches_line(self, line: LineLike) -> bool:
        """Whether a line of a log matches."""
        return all(_line_matches(clause, line) != clause.negated for clause in self.clauses)

    def select(self, flows: FlowTable, verdicts: VerdictLookup) -> Bool:
        """Which connections of a flow table match: shape (n,). Says what `matches_connection` says of each."""
        from capture.filters.column_filter import select

        return select(self.clauses, flows, verdicts)

    def misplaced(self, kind: Kind) -> tuple[FilterError, ...]:
        """The terms that tell nothing of rows of this kind, each as an error that was not raised.

        Such a term matches no row. Whoever filters shows these beside the result, so that an empty one explains itself.
        """
        found = []
        for clause in self.clauses:
            complaint = _misplacement(clause, kind)
            if complaint:
                found.append(FilterError(self.text, clause.start, clause.end, complaint))
        return tuple(found)


def parse(text: str) -> Filter:
    """A filter from its text; raises FilterError, which holds the span of the wrong word and says what to write."""
    return Filter(text, clauses_of(text))


def _connection_matches(clause: Clause, connection: Connection, until: int | None) -> bool:
    for term, matcher in clause.tests:
        if isinstance(matcher, Recent):
            if until is not None and matcher.test((until - connection.last_time) / 1e9):
                return True
            continue
        if term.connection is not None and any(map(matcher.test, term.connection(connection))):
            return True
        if term.verdict is not None and any(map(matcher.test, term.verdict(connection.verdict))):
            return True
    return False


def _socket_matches(clause: Clause, row: SocketLike) -> bool:
    return any(term.socket is not None and any(map(matcher.test, term.socket(row))) for term, matcher in clause.tests)


def _line_matches(clause: Clause, line: LineLike) -> bool:
    return any(term.line is not None and any(map(matcher.test, term.line(line))) for term, matcher in clause.tests)


def _misplacement(clause: Clause, kind: Kind) -> str | None:
    term = clause.term
    if term is None:
        return None
    if not term.tells_of(kind):
        return message(_needs(term, kind), term=term.name)
    if term.name == "state":  # lines have none: they were answered above
        from capture.filters.code_lists import LIVE_STATES, ZEEK_STATES

        possible = ZEEK_STATES if kind == "connection" else LIVE_STATES
        tests = [matcher for _, matcher in clause.tests if isinstance(matcher, Words)]
        if tests and not any(matcher.test(state) for matcher in tests for state in possible):
            value = clause.written
            return message(
                "state_of_socket" if kind == "connection" else "state_of_capture", term=term.name, value=value
            )
    return None


def _needs(term: Term, kind: Kind) -> str:
    """The message's code: of what rows a misplaced term tells."""
    if kind == "line":
        return "not_of_lines"
    if not any(term.tells_of(other) for other in ("connection", "socket", "event")):
        return "needs_lines"
    if kind == "connection":
        return "needs_sockets"
    return "needs_moments" if term.of_moments else "needs_captured"
