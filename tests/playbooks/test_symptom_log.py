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


FULL = 'connection to server at "10.0.0.5", port 5432 failed: FATAL:  sorry, too many clients already'


def test_a_server_that_is_full_is_no_clean_log(tmp_path: Path) -> None:
    """Such lines have no symptom: nothing happened to a connection. They lead to their playbook all the same."""
    path = tmp_path / "x.log"
    lines = [f"2026-05-04T10:00:0{number}Z {FULL}" for number in range(4)]
    path.write_text("\n".join(["started", *lines, "2026-05-04T11:00:00Z INFO served", ""]))
    found = collect_log(str(path), None)
    assert isinstance(found, SymptomLog)
    (group,) = found.groups
    assert (group.symptom, group.peer, group.count, group.line) == ("", "10.0.0.5:5432", 4, 2)
    assert (group.playbooks, group.sources, len(group.moments)) == (("server-full",), {"postgres": 4}, 1)
    later = collect_log(str(path), datetime(2026, 5, 4, 10, 30, tzinfo=UTC).timestamp())
    assert isinstance(later, SymptomLog)
    assert later.groups == ()


def test_whose_library_and_store_lines_tell_of(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(
        "[sarama] 2026/05/04 10:00:01 client/metadata got error: read tcp 10.0.0.1:40000->10.0.0.5:9092: EOF\n"
        "Error #01: write tcp 10.0.0.1:80->10.0.0.8:40000: write: broken pipe\n"
        "[Recovery] 2026/05/04 - 10:00:01 panic recovered: write tcp 10.0.0.1:80->10.0.0.9:40000: broken pipe\n"
        "read tcp 10.0.0.1:40000->10.0.0.5:6379: read: connection reset by peer\n"
    )
    found = collect_log(str(path), None)
    assert isinstance(found, SymptomLog)
    words = {group.symptom: set(group.sources) for group in found.groups}
    assert words["unexpected_eof"] == {"kafka", "sarama"}
    assert words["connection_reset"] == {"go", "redis"}
    assert all("gin" in group.sources for group in found.groups if group.symptom == "broken_pipe")
