"""Which sockets a finding speaks of, so that their rows carry its severity."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from capture.sockets.inet_diag_msg import cookie_bytes

if TYPE_CHECKING:
    from capture.model import Finding, Severity
    from capture.sockets.row import SocketRow


def severities(findings: Iterable[Finding], rows: Sequence[SocketRow]) -> Mapping[Hashable, Severity]:
    """The gravest severity of each socket of a finding, by the socket's key.

    A finding names some of its sockets only. Of a larger pile the others are those that share what all of the named
    ones share: state, holder, local port, peer, network namespace; the oldest, as many as it counted.
    """
    marks: dict[Hashable, Severity] = {}
    for finding in sorted(findings, key=lambda one: -one.severity.rank):
        for row in members(finding, rows):
            marks[key_of(row)] = finding.severity
    return marks


def key_of(row: SocketRow) -> Hashable:
    """The cookie, as the kernel's 8 bytes."""
    return row.raw[44:52]


def members(finding: Finding, rows: Sequence[SocketRow]) -> Sequence[SocketRow]:
    """The sockets that a finding speaks of, as far as they are among the rows."""
    names = {str(one) for one in finding.sample}
    if not names:
        return ()
    named = _named(names, rows)
    if finding.connections <= len(names) or not named:
        return named
    shared = [part for part in _PARTS if len({part(row) for row in named}) == 1]
    wanted = [part(named[0]) for part in shared]
    like = [row for row in rows if all(part(row) == value for part, value in zip(shared, wanted, strict=True))]
    return sorted(like, key=lambda row: -row.age_s)[: finding.connections]


def _named(names: set[str], rows: Sequence[SocketRow]) -> list[SocketRow]:
    keys = set()
    for name in names:
        with suppress(ValueError):  # of another host, or of another kind of look
            keys.add(cookie_bytes(name))
    return [row for row in rows if row.raw[44:52] in keys]


_PARTS: tuple[Callable[[SocketRow], object], ...] = (
    lambda row: row.state,
    lambda row: row.netns,
    lambda row: row.owners[0].pid if row.owners else None,
    lambda row: row.local.port,
    lambda row: row.remote.ip,
)
