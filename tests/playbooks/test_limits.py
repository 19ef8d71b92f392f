"""Fixes of limits: never below what is in force, for a user who is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbooks.checks.files import lasting_limit, open_files_of_processes
from playbooks.facts.facts import Facts
from playbooks.facts.open_file_limits import granted, pam_lines
from playbooks.facts.socket_facts import Granted, Process, Processes
from playbooks.loader import load
from playbooks.model import CheckReport
from playbooks.run import judge

BOB = 54321  # a number without an account: limits.conf names it :54321


def pam(tmp_path: Path, **files: str) -> str:
    folder = tmp_path / "etc" / "security" / "limits.d"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder.parent / "limits.conf" if name == "main" else folder / f"{name}.conf").write_text(text)
    return str(tmp_path)


def full(**more: object) -> Process:
    values = {"pid": 7, "name": "app", "uid": BOB, "open_files": 1020, "soft_limit": 1024, "hard_limit": 4096}
    return Process(**(values | more))  # type: ignore[arg-type]


def report(*rows: Process, **more: object) -> CheckReport:
    facts = Facts(
        host="h",
        time=0.0,
        root=True,
        settings={},
        processes=Processes(rows, 0),
        kernel={"fs.nr_open": "1048576", "fs.file-nr": "100 0 1000000", "fs.file-max": "1000000"},
    )
    return judge(load("open-files", Path("/nonexistent")), facts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* hard nofile 20000\n* soft nofile 8000\n", (8000, 20000)),
        ("* - nofile 9000\n", (9000, 9000)),
        (f":{BOB} hard nofile 30000\n* hard nofile 20000\n", (None, 30000)),  # a user before all, wherever it stands
        (f"{BOB - 1}:{BOB + 1} hard nofile 50\n", (None, 50)),
        (f":{BOB + 1} hard nofile 50\n", (None, None)),
        ("# * hard nofile 20000\nroot hard nofile 20000\n@staff hard nofile 9\n", (None, None)),
        ("* hard nofile unlimited\n", (None, 1_048_576)),
        ("* hard nproc 20000\n", (None, None)),
    ],
)
def test_what_pam_grants(tmp_path: Path, text: str, expected: tuple[int | None, int | None]) -> None:
    given = granted(full(), [], pam(tmp_path, main=text))
    assert (given.soft, given.hard) == expected
    assert given.account == f":{BOB}"


def test_a_later_file_wins(tmp_path: Path) -> None:
    root = pam(tmp_path, main="* hard nofile 1\n", a="* hard nofile 2\n", b="* hard nofile 3\n")
    assert [value for _, _, value in pam_lines(BOB, "", root)] == [1, 2, 3]
    assert list(pam_lines(0, "root", root)) == []
    assert granted(full(), [], root).by.endswith("limits.d/b.conf:1")


def test_what_a_users_other_processes_have_is_in_force() -> None:
    others = [full(pid=8, soft_limit=20000, hard_limit=30000), full(pid=1, uid=0, soft_limit=9, hard_limit=99999)]
    given = granted(full(), [full(), *others], "/nonexistent")
    assert (given.soft, given.hard) == (20000, 99999)


@pytest.mark.parametrize("name", ["limits-conf", "systemd-limit"])
def test_nothing_in_force_is_lowered(name: str) -> None:
    unit = "app.service" if name == "systemd-limit" else ""
    process = full(unit=unit, granted=Granted(2048, 20000, "bob", "/etc/security/limits.conf:3"))
    fix = next(fix for fix in report(process).fixes if fix.id == name)
    numbers = [int(word) for word in fix.snippet.replace(":", " ").replace("=", " ").split() if word.isdigit()]
    assert max(numbers) == 20000
    assert "soft 2048, hard 20000" in fix.current
    assert fix.risk == "medium"
    if name == "limits-conf":
        assert [line.split()[0] for line in fix.snippet.splitlines()[1:]] == ["bob", "bob"]
        assert "bob" in fix.target


def test_a_process_that_lowered_its_own_limit_changes_no_file() -> None:
    found = report(full(granted=Granted(20000, 20000, "bob", "/etc/security/limits.conf:3")))
    assert {fix.id for fix in found.fixes}.isdisjoint(("systemd-limit", "limits-conf"))
    assert any("lowered its own limit" in text for text in found.steps[0].evidence)


def test_what_is_not_known_is_said() -> None:
    found = report(full(granted=Granted(None, None, "bob")))
    fix = next(fix for fix in found.fixes if fix.id == "limits-conf")
    assert "unknown" in fix.current


def test_no_unit_no_drop_in() -> None:
    assert "systemd-limit" not in {fix.id for fix in report(full(granted=Granted(1024, 4096, "bob"))).fixes}


@pytest.mark.parametrize("given", [None, Granted(None, None, "bob"), Granted(1, 1, "bob"), Granted(5000, 10**6, "bob")])
@pytest.mark.parametrize("hard", [1024, 4096, 500_000, None])
def test_lasting_limits_are_no_lower_than_any_in_force(given: Granted | None, hard: int | None) -> None:
    process = full(hard_limit=hard, granted=given)
    facts = Facts(host="h", time=0.0, root=True, settings={}, processes=Processes((process,), 0))
    soft_limit, hard_limit = lasting_limit(facts, process)
    assert 1024 < soft_limit <= hard_limit
    assert hard_limit >= max(hard or 0, (given.hard if given else None) or 0)
    assert soft_limit >= ((given.soft if given else None) or 0)
    assert open_files_of_processes(facts).offers
