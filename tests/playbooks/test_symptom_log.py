"""An application's log, grouped by who the lines are about."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from playbooks.facts.log_facts import SymptomLog
from playbooks.facts.symptom_log import collect_log


def test_a_clients_many_ports_are_one_host_and_a_service_keeps_its_port(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    lines = [
        f"2026/11/21 13:00:{n:02} write tcp 10.0.0.1:8080->10.9.0.7:{41000 + n}: write: broken pipe" for n in range(20)
    ]
    lines += ["2026/11/21 13:01:00 read tcp 10.0.0.1:33000->10.9.0.8:5432: read: connection reset by peer"] * 3
    lines += ["2026/11/21 13:01:00 read tcp 10.0.0.1:33000->10.9.0.9:50051: read: connection reset by peer"] * 2
    log.write_text("\n".join(lines) + "\n")
    found = collect_log(str(log), None)
    assert isinstance(found, SymptomLog)
    assert {(one.symptom, one.peer, one.count) for one in found.groups} == {
        ("broken_pipe", "10.9.0.7", 20),
        ("connection_reset", "10.9.0.8:5432", 3),
        ("connection_reset", "10.9.0.9:50051", 2),
    }


def test_after_a_fix_no_line_is_not_no_error(tmp_path: Path) -> None:
    """The same steps again: an error of before does not count, and silence of the log is no cure."""
    path = tmp_path / "x.log"
    path.write_text("2026-05-04T10:00:01Z write tcp 127.0.0.1:80->127.0.0.1:5555: write: broken pipe\n")
    since = datetime(2026, 5, 4, 11, tzinfo=UTC).timestamp()
    silent = collect_log(str(path), since)
    assert isinstance(silent, SymptomLog)
    assert (silent.lines, silent.groups) == (0, ())
    with path.open("a") as file:
        file.write("2026-05-04T11:00:09Z INFO served\n")
    spoken = collect_log(str(path), since)
    assert isinstance(spoken, SymptomLog)
    assert (spoken.lines, spoken.groups) == (2, ())
