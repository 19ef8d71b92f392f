"""Two hosts' views of one 4-tuple are both ends of a connection: what neither end can prove alone."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from capture.language import catalogue, count_of, per_language, tr
from capture.model import Endpoint, Finding, Severity, TcpState
from capture.sockets.row import SocketRow
from capture.sockets.snapshot import Snapshot

if TYPE_CHECKING:
    from capture.remote.host import Host

LEAST_S: Final = 5.0
"""A close that takes so long is no close on its way."""
APART_S: Final = 3.0
"""Looks further apart than this say nothing of the same moment."""
SAMPLE: Final = 20
WAITING: Final = frozenset({TcpState.FIN_WAIT_1, TcpState.FIN_WAIT_2})

Ends = tuple[Endpoint, Endpoint]


class OfHost(Protocol):
    """Looks at one host."""

    @property
    def host(self) -> Host:
        """Which."""


Looks = TypeVar("Looks", bound=OfHost)


class _View:
    """One host's sockets by their ends. Loopback is left out: each host has its own."""

    def __init__(self, looks: OfHost, snapshot: Snapshot) -> None:
        self.name = looks.host.name
        self.arrived = looks.host.arrived
        self.rows: dict[Ends, SocketRow] = {}
        self.addresses: set[str] = set()
        for row in snapshot.rows:
            ends = row.local, row.remote
            if not ends[0].ip.startswith("127.") and ends[0].ip not in ("::1", "0.0.0.0", "::"):
                self.addresses.add(ends[0].ip)
                self.rows[ends] = row


class BothEnds:
    """Remembers which ends were missing in the last look: one look alone may have been a moment too early."""

    def __init__(self) -> None:
        self._missing: set[tuple[str, str, Ends]] = set()

    def joined(self, taken: Sequence[tuple[Looks, Snapshot | None]]) -> list[tuple[Looks, Snapshot | None]]:
        """The looks with findings of both ends added to the host whose process they are about."""
        views = [_View(looks, snapshot) for looks, snapshot in taken if snapshot is not None]
        found: defaultdict[str, list[Finding]] = defaultdict(list)
        missing: set[tuple[str, str, Ends]] = set()
        for here in views:
            for there in views:
                if here is not there and abs(here.arrived - there.arrived) <= APART_S:
                    found[here.name] += _leaks(here, there)
                    gone = {(here.name, there.name, ends) for ends in _unknown(here, there)}
                    found[here.name] += _one_end_gone(here, there, [ends for *_, ends in gone & self._missing])
                    missing |= gone
        self._missing = missing
        return [(looks, _with(snapshot, found.get(looks.host.name, []))) for looks, snapshot in taken]


def _with(snapshot: Snapshot | None, findings: Sequence[Finding]) -> Snapshot | None:
    if snapshot is None or not findings:
        return snapshot
    together = sorted((*findings, *snapshot.findings), key=lambda finding: finding.severity.rank)
    return replace(snapshot, findings=tuple(together))


def _leaks(here: _View, there: _View) -> Iterable[Finding]:
    leaks: defaultdict[tuple[str, int], list[SocketRow]] = defaultdict(list)
    for (local, remote), row in here.rows.items():
        if row.state is TcpState.CLOSE_WAIT and row.age_s >= LEAST_S:
            mirror = there.rows.get((remote, local))
            if mirror is not None and mirror.state in WAITING:
                leaks[_process(row), local.port].append(row)
    for (process, port), rows in leaks.items():
        facts = {"oldest": f"{max(row.age_s for row in rows):.0f} s", "port": port}
        yield _finding("leak_proven", Severity.CRITICAL, here, there, process, rows, facts)


def _unknown(here: _View, there: _View) -> Iterable[Ends]:
    """Established connections to an address of the other host that it does not know."""
    for (local, remote), row in here.rows.items():
        lasting = row.state is TcpState.ESTABLISHED and row.age_s >= LEAST_S
        if lasting and remote.ip in there.addresses and (remote, local) not in there.rows:
            yield local, remote


def _one_end_gone(here: _View, there: _View, gone: Sequence[Ends]) -> Iterable[Finding]:
    by_process: defaultdict[str, list[SocketRow]] = defaultdict(list)
    for ends in gone:
        by_process[_process(here.rows[ends])].append(here.rows[ends])
    for process, rows in by_process.items():
        yield _finding("one_end_gone", Severity.WARNING, here, there, process, rows, {"address": rows[0].remote.ip})


def _finding(
    code: str,
    severity: Severity,
    here: _View,
    there: _View,
    process: str,
    rows: Sequence[SocketRow],
    facts: Mapping[str, object],
) -> Finding:
    words = _words()[code]
    values = {
        "process": process,
        "host": here.name,
        "peer": there.name,
        "here": here.name,
        "connections": count_of(len(rows), "connection"),
        **facts,
    }
    return Finding(
        code=code,
        severity=severity,
        title=words["title"].format(**values),
        text=words["text"].format(**values),
        connections=len(rows),
        sample=tuple(row.cookie for row in rows[:SAMPLE]),
        playbook=words["playbook"],
        facts=dict(values),
    )


def _process(row: SocketRow) -> str:
    return f"{row.owners[0].name}[{row.owners[0].pid}]" if row.owners else tr("a process that does not show")


@per_language
def _words() -> dict[str, dict[str, str]]:
    return catalogue(os.path.dirname(__file__), "findings")
