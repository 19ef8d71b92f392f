"""A log of something else holds none of these errors, and that says nothing."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from playbooks.facts.collecting import collect
from playbooks.facts.log_kind import kind_of, nature_of
from playbooks.loader import load_all
from playbooks.model import CheckReport, Outcome, StepResult
from playbooks.run import judge

ACCESS = '10.0.0.7 - - [30/Nov/2026:10:00:0{} +0000] "GET /a HTTP/1.1" 200 612 "-" "curl"'
HAPROXY = (
    "Nov 30 10:00:0{} lb haproxy[811]: 10.0.0.7:51234 [30/Nov/2026:10:00:01.123] fe be/s1 0/0/1/2/5 200 209 - - "
    '---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"'
)
ODD = "Nov 30 10:00:0{} lb haproxy[811]: client=10.0.0.7 st=502 term=SH be=be/s1"
JSON_ACCESS = '{{"time":"2026-11-30T10:00:0{}Z","st":499,"uri":"/a"}}'
JSON_APPLICATION = '{{"time":"2026-11-30T10:00:0{}Z","level":"info","status":200,"path":"/a","msg":"served"}}'
APPLICATION = "2026-11-30T10:00:0{}Z INFO served /a in 12 ms"


BROKEN_PIPE = load_all(Path("/nonexistent"))["broken-pipe"]


def judged(path: Path) -> CheckReport:
    """By the log alone: nothing else is looked at."""
    return judge(BROKEN_PIPE, collect(("log",), {"log": str(path)}))


def log_step(path: Path) -> StepResult:
    return next(step for step in judged(path).steps if step.id == "log")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (ACCESS, Outcome.UNKNOWN),
        (HAPROXY, Outcome.UNKNOWN),
        (ODD, Outcome.UNKNOWN),
        (JSON_ACCESS, Outcome.UNKNOWN),
        (JSON_APPLICATION, Outcome.PASS),
        (APPLICATION, Outcome.PASS),
    ],
    ids=["access", "haproxy", "haproxy's own format", "json access", "json application", "application"],
)
def test_none_of_these_errors_is_fine_only_in_a_log_that_would_tell(
    line: str, expected: Outcome, tmp_path: Path
) -> None:
    path = tmp_path / "x.log"
    path.write_text("".join(f"{line.format(number)}\n" for number in range(4)))
    step = log_step(path)
    assert step.outcome is expected, step.evidence
    assert step.scope.log == str(path)


NO_TEXT = {
    "random": random.Random(7).randbytes(20_000),
    "zeros": b"\x00" * 5000,
    "program": b"\x7fELF" + bytes(range(256)) * 40,
    "empty": b"",
}


@pytest.mark.parametrize("kind", NO_TEXT)
def test_no_text_is_no_log(kind: str, tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(NO_TEXT[kind])
    assert log_step(tmp_path / "x.log").outcome is Outcome.UNKNOWN


def test_errors_are_told_in_whatever_log_they_stand(tmp_path: Path) -> None:
    lines = [ACCESS.format(1)] * 20 + ["write tcp 127.0.0.1:80->127.0.0.1:5555: write: broken pipe"]
    (tmp_path / "x.log").write_text("\n".join(lines))
    assert log_step(tmp_path / "x.log").outcome is Outcome.FAIL


def test_other_troubles_of_its_program_are_no_all_clear(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text("read tcp 127.0.0.1:80->127.0.0.1:5555: read: connection reset by peer\n")
    step = log_step(tmp_path / "x.log")
    assert step.outcome is Outcome.WARN
    assert "connection_reset 1" in step.evidence[-1]


def test_from_when_to_when(tmp_path: Path) -> None:
    plain, packed = tmp_path / "x.log", tmp_path / "x.log.gz"
    text = "no time here\n" + "".join(f"{APPLICATION.format(number)}\n" for number in range(1, 8)) + "\n"
    plain.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))
    found = nature_of(str(plain))
    assert found.kind == "text"
    assert found.first is not None
    assert found.last == found.first + 6
    assert nature_of(str(packed)).last is None
    assert nature_of(str(packed)).first == found.first
    scope = log_step(plain).scope
    assert (scope.begin, scope.end) == (found.first, found.last)


def test_a_few_odd_characters_make_no_binary() -> None:
    assert kind_of(["\x1b[31mERROR\x1b[0m broken pipe \ufffd of a long line with colours", "\tat a.b.C"] * 5) == "text"


@pytest.mark.parametrize(
    ("lines", "speaks"),
    [
        (["Nov 30 10:00:01 web CRON[812]: (root) CMD (run-parts /etc/cron.hourly)"], False),
        (["2026-11-30 10:00:01 install libssl3:amd64 <none> 3.0.15-1"], False),
        (["Nov 30 10:00:01 web sudo: ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/true"], False),
        (["type=LOGIN msg=audit(1796032801.123:4): pid=812 uid=0 res=1"], False),
        (["2026-11-30 10:00:01 INFO started, 12 workers"], True),
        (["Nov 30 10:00:01 web gateway[812]: order 1812 took 12 ms"], True),
    ],
)
def test_a_log_of_programs_without_connections_is_told(lines: list[str], speaks: bool, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("\n".join(lines * 20) + "\n")
    assert nature_of(str(log)).speaks is speaks
    found = judged(log)
    outcome = next(step.outcome for step in found.steps if any(str(log) in one for one in step.evidence))
    assert outcome is (Outcome.PASS if speaks else Outcome.UNKNOWN)
