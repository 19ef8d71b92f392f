"""Walking steps on recorded facts: outcomes, settings, consent, before and after, documents."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import msgspec
import pytest

from capture.model import Endpoint
from playbooks.check_report import comparison_lines, write
from playbooks.facts.facts import Absence, Facts
from playbooks.facts.log_facts import LogGroup, SymptomLog
from playbooks.facts.socket_facts import Holder, Socket, Sockets
from playbooks.loader import load, parse
from playbooks.model import Outcome
from playbooks.playbook_errors import BadSetting
from playbooks.run import Comparison, checked_settings, judge, run_checks


def socket_of(number: int, state: str = "CLOSE-WAIT", age: float = 30.0, **more: object) -> Socket:
    values = {
        "state": state,
        "local": Endpoint("10.0.0.1", 8080),
        "remote": Endpoint("10.0.0.7", 40000 + number),
        "age_s": age,
        "age_is_minimum": True,
        "recv_q": 1,
        "send_q": 0,
        "owners": (Holder(812, "java\x1b[2J", 5 + number),),
        "cookie": f"{number:x}",
        "inode": number + 1,
    }
    return Socket(**(values | more))  # type: ignore[arg-type]


def facts(*rows: Socket, **more: object) -> Facts:
    sockets = Sockets(2.5, "sock_diag", 0, (), rows, {}, {"ListenOverflows": 0})
    values = {"host": "h", "time": 1_700_000_000.0, "root": True, "settings": {}, "sockets": sockets}
    return Facts(**(values | more))  # type: ignore[arg-type]


def outcome(name: str, step: str, given: Facts) -> Outcome:
    report = judge(load(name, Path("/nonexistent")), given)
    return next(one.outcome for one in report.steps if one.id == step)


def test_facts_are_written_and_read_as_json() -> None:
    before = facts(*(socket_of(n) for n in range(3)), absent={"log": Absence("not_given", "x")})
    assert msgspec.json.decode(msgspec.json.encode(before), type=Facts) == before


def test_a_pile_fails_and_what_passes_does_not() -> None:
    assert outcome("close-wait", "pile", facts(*(socket_of(n) for n in range(12)))) is Outcome.FAIL
    assert outcome("close-wait", "pile", facts(*(socket_of(n, age=0.4) for n in range(50)))) is Outcome.PASS
    assert outcome("close-wait", "pile", facts(*(socket_of(n, stayed=False) for n in range(50)))) is Outcome.PASS
    sending = [socket_of(n, send_q=9000) for n in range(50)]
    assert outcome("close-wait", "pile", facts(*sending)) is Outcome.PASS
    assert outcome("close-wait", "pile", facts(*(socket_of(n, age=300.0) for n in range(3)))) is Outcome.FAIL


def test_a_hidden_owner_is_unknown_for_a_pid_and_still_a_failure_for_the_machine() -> None:
    rows = [socket_of(n, owners=(), owner_missing="no permission", uid=33) for n in range(20)]
    assert outcome("close-wait", "pile", facts(*rows)) is Outcome.FAIL
    assert outcome("close-wait", "pile", facts(*rows, settings={"pid": "812"})) is Outcome.UNKNOWN


def test_what_cannot_be_read_is_unknown_and_what_was_not_given_is_manual() -> None:
    gone = Facts(host="h", time=0.0, root=False, settings={}, absent={
        "sockets": Absence("unreadable", "no sock_diag, no /proc"), "capture": Absence("not_given", "none named"),
        "kernel": Absence("unreadable", "no /proc/sys"), "processes": Absence("unreadable", "no /proc")})  # fmt: skip
    report = judge(load("close-wait", Path("/nonexistent")), gone)
    assert [step.outcome for step in report.steps] == [Outcome.UNKNOWN] * 3 + [Outcome.MANUAL] * 2
    assert report.exit_status == 3
    assert "no sock_diag" in report.steps[1].evidence[0]


def test_a_failure_decides_over_an_unknown() -> None:
    given = facts(*(socket_of(n) for n in range(12)), absent={"processes": Absence("unreadable", "hidden")})
    assert judge(load("close-wait", Path("/nonexistent")), given).exit_status == 1


def test_evidence_is_printable_and_without_secrets() -> None:
    log = SymptomLog(
        "app.log", 10, (LogGroup("broken_pipe", "10.0.0.7:1", 3, "", "", "token=s3cr3t \x1b[31m EPIPE", 4),)
    )
    report = judge(load("broken-pipe", Path("/nonexistent")), facts(*(socket_of(n) for n in range(12)), log=log))
    for format in ("text", "json", "md"):
        text = write(report, format)  # type: ignore[arg-type]
        assert "\x1b" not in text
        assert "s3cr3t" not in text
    assert "3 x broken_pipe, peer 10.0.0.7:1" in write(report, "text")


def test_the_document_has_the_contracts_keys() -> None:
    report = judge(load("close-wait", Path("/nonexistent")), facts(*(socket_of(n) for n in range(12))))
    document = json.loads(write(report, "json"))
    assert document["schema"] == "tcptriage.check/1"
    assert document["playbook"] == "close-wait"
    for step in document["steps"]:
        assert {"id", "title", "outcome", "evidence", "command"} <= step.keys()
        assert step["outcome"] in ("pass", "warn", "fail", "unknown", "manual")
        assert all(isinstance(text, str) for text in step["evidence"])
    keys = {"title", "why", "target", "current", "proposed", "snippet", "apply", "verify", "undo", "risk", "lasts"}
    for fix in document["fixes"]:
        assert keys <= fix.keys()
        assert all(isinstance(fix[key], str) and fix[key] for key in keys)
        assert "{{" not in json.dumps(fix)
        assert fix["risk"] in ("none", "low", "medium", "high")
        assert fix["lasts"] in ("now", "reboot", "permanent")


def test_before_and_after() -> None:
    book = load("close-wait", Path("/nonexistent"))
    comparison = Comparison(
        judge(book, facts(*(socket_of(n) for n in range(12)))), judge(book, facts(socket_of(0, "ESTAB")))
    )
    change = next(one for one in comparison.changes if one.id == "pile")
    assert change.cured
    assert any("fail -> pass" in line and "cured" in line for line in comparison_lines(comparison))
    assert "| Sockets that stay in CLOSE_WAIT | fail | pass |" in write(comparison.after, "md", comparison)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("close-wait", {"host": "x"}, "close-wait takes pid, port, capture"),
        ("close-wait", {"pid": "abc"}, "is no pid"),
        ("close-wait", {"port": "70000"}, "is no port"),
        ("close-wait", {"port": ""}, "is no port"),
        ("load-test", {"url": "ftp://x"}, "does not begin with http"),
        ("silent-drop", {"host": "-x"}, "cannot be one"),
    ],
)
def test_wrong_settings_are_usage(name: str, settings: dict[str, str], said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        checked_settings(load(name, Path("/nonexistent")), settings)


def test_a_file_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "bad.pcap").write_bytes(b"nothing")
    report = run_checks("middlebox-reset", {"capture": str(tmp_path / "bad.pcap")})
    assert report.steps[0].outcome is Outcome.UNKNOWN
    assert report.exit_status == 3
    report = run_checks("broken-pipe", {"log": str(tmp_path / "absent.log")})
    assert report.steps[0].outcome is Outcome.UNKNOWN


def test_a_capture_decides_its_step() -> None:
    lab = Path(__file__).parents[1] / "data" / "lab" / "02a-epipe-two-writes" / "lo.pcap"
    report = run_checks("broken-pipe", {"capture": str(lab)})
    step = next(one for one in report.steps if one.id == "capture")
    assert step.outcome is Outcome.FAIL
    assert "write_after_peer_close" in step.evidence[0]
    assert report.exit_status == 1
    elsewhere = run_checks("broken-pipe", {"capture": str(lab), "port": "1"})
    assert elsewhere.steps[1].outcome is not Outcome.FAIL


def test_a_log_decides_its_step(tmp_path: Path) -> None:
    line = "2026/05/04 10:00:0{} write tcp 10.0.0.5:8080->10.0.0.9:51234: write: broken pipe\n"
    (tmp_path / "app.log").write_text("started\n" + "".join(line.format(n) for n in range(4)))
    seen = []
    report = run_checks("broken-pipe", {"log": str(tmp_path / "app.log")}, on_step=seen.append)
    assert [step.id for step in seen] == [step.id for step in report.steps]
    assert report.steps[0].outcome is Outcome.FAIL
    assert "4 x broken_pipe" in report.steps[0].evidence[0]
    assert "10.0.0.9" in report.steps[0].evidence[0]


MINE = """
name = "mine"
title = "t"
summary = "s"
[[steps]]
id = "a"
title = "t"
question = "q"
run = "{}"
"""


def test_a_users_command_runs_only_with_consent() -> None:
    book = parse(MINE.format("sh -c 'echo token=abc; exit 3'"), "mine.toml", own=True)
    asked: list[str] = []
    report = run_checks(book)
    assert report.steps[0].outcome is Outcome.MANUAL
    assert "exit 3" in report.steps[0].command
    report = run_checks(book, consent=lambda command: asked.append(command) is not None)
    assert report.steps[0].outcome is Outcome.MANUAL
    report = run_checks(book, consent=lambda command: bool(asked))
    assert report.steps[0].outcome is Outcome.FAIL
    assert "status 3" in report.steps[0].evidence[0]
    assert "abc" not in str(report.steps[0].evidence)
    assert run_checks(parse(MINE.format("true"), "m", own=True), consent=lambda _: True).exit_status == 0
    assert run_checks(parse(MINE.format("no-such-program"), "m", own=True), consent=lambda _: True).exit_status == 3


def test_a_fix_is_verified_by_what_the_log_gets_since(tmp_path: Path) -> None:
    """Lines of before stay in the log: a look at the whole would fail for ever."""
    log = tmp_path / "app.log"
    log.write_text("psycopg2.OperationalError: server closed the connection unexpectedly\n")
    (first, *_) = run_checks("keepalive-race", {"log": str(log)}).fixes
    assert first.id == "idle-postgres"
    command = first.verify.partition("|")[0]
    assert subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout == ""
    with log.open("a") as more:
        more.write("again\n")
    assert subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout == "again\n"
