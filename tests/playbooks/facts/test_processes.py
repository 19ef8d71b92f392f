"""Descriptors that may be listed and not read are of an unknown kind, not of none."""

from __future__ import annotations

from playbooks.facts.processes import collect_processes
from playbooks.facts.socket_facts import Processes
from tests.capture.sockets.making import maker
from tests.capture.sockets.network import in_own_network
from tests.capture.sockets.test_owners import CAP_SYS_PTRACE, drop_from_effective


@in_own_network
def test_descriptors_that_may_not_be_read_are_of_an_unknown_kind() -> None:
    with maker(5) as made:
        seen = collect_processes(made.pid)
        drop_from_effective(CAP_SYS_PTRACE)
        hidden = collect_processes(made.pid)
    assert isinstance(seen, Processes)
    assert isinstance(hidden, Processes)
    assert seen.rows[0].kinds["socket"] == 11
    assert seen.rows[0].lost_sockets == 0
    assert hidden.rows[0].open_files == seen.rows[0].open_files
    assert hidden.rows[0].kinds == {}
    assert hidden.rows[0].lost_sockets is None
