"""Descriptors on recorded facts: hidden is not fine, and to have seen oneself is to have seen nothing."""

from __future__ import annotations

import msgspec
import pytest

from playbooks.checks.files import lost_sockets, open_files_of_processes
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Process, Processes
from playbooks.model import Outcome
from tests.playbooks.checks.making import row, sockets

SELF = Process(9, "tcptriage", 0, open_files=20, soft_limit=1024, hard_limit=4096, lost_sockets=0)


def app(open_files: int | None, lost: int | None = 0) -> Process:
    return Process(10, "app", 0, open_files=open_files, soft_limit=1000, hard_limit=4096, lost_sockets=lost)


def facts(*rows: Process, root: bool = True, **more: object) -> Facts:
    hidden = sum(1 for row in rows if row.open_files is None)
    return Facts("h", 0.0, root, {}, processes=Processes(rows, hidden, own_pid=9, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((SELF,), Outcome.UNKNOWN),
        ((SELF, app(None)), Outcome.UNKNOWN),
        ((SELF, app(749)), Outcome.PASS),
        ((SELF, app(750)), Outcome.WARN),
        ((SELF, app(899)), Outcome.WARN),
        ((SELF, app(900)), Outcome.FAIL),
        ((), Outcome.UNKNOWN),
    ],
)
@pytest.mark.parametrize("root", [True, False])
def test_open_files(rows: tuple[Process, ...], expected: Outcome, root: bool) -> None:
    found = open_files_of_processes(facts(*rows, root=root))
    assert found.outcome is expected, found.evidence


def test_what_proc_leaves_out_is_not_fine() -> None:
    for check in (open_files_of_processes, lost_sockets):
        assert check(facts(SELF, app(20), unseen="hidepid=2")).outcome is Outcome.UNKNOWN


def test_a_container_is_said() -> None:
    found = open_files_of_processes(facts(SELF, app(20), unseen="pid namespace", contained=True))
    assert found.outcome is Outcome.PASS
    assert any("container" in text for text in found.evidence)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (app(100, lost=None), Outcome.UNKNOWN),
        (app(100, lost=49), Outcome.PASS),
        (app(100, lost=50), Outcome.WARN),
        (app(300, lost=50), Outcome.PASS),
    ],
)
def test_lost_sockets(row: Process, expected: Outcome) -> None:
    assert lost_sockets(facts(SELF, row)).outcome is expected


def test_a_container_in_the_hosts_network_does_not_show_who_holds_its_sockets() -> None:
    seen = facts(SELF, app(20), unseen="pid namespace", contained=True)
    outside = msgspec.structs.replace(seen, sockets=sockets(row(), hidden_owners=1))
    for check in (open_files_of_processes, lost_sockets):
        assert check(seen).outcome is Outcome.PASS
        assert check(outside).outcome is Outcome.UNKNOWN
