"""A pass is made of what was looked at; there is no other way to one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from playbooks import run
from playbooks.checks.looked import Looked, NothingSeen, Pass, Result, Seen
from playbooks.checks.registry import Check, known_checks
from playbooks.facts.facts import Facts
from playbooks.loader import parse
from playbooks.model import Outcome
from playbooks.run import judge
from playbooks.scope import NOTHING, Scope
from tests.playbooks.checks.making import TOTALS, changed, host, row, sockets

HERE = Scope(host="web1", netns="4026531840", begin=1.0, end=4.0)
FACTS = Facts(host="web1", time=4.0, root=True, settings={}, kernel={"net.ipv4.tcp_wmem": "1 2 3"})
BOOK = parse(
    'name = "b"\ntitle = "t"\nsummary = "s"\n[[steps]]\nid = "a"\ntitle = "t"\nquestion = "q"\ncheck = "send-buffer"\n'
    '[[steps]]\nid = "b"\ntitle = "t"\nquestion = "q"\ncheck = "send-buffer"\n',
    "b.toml",
)


def test_nothing_seen_is_unknown_and_one_thing_seen_may_pass() -> None:
    assert Looked(HERE).passed("no pile", seen=[]).outcome is Outcome.UNKNOWN
    assert Looked(HERE).passed("no pile", seen=0).outcome is Outcome.UNKNOWN
    found = Looked(HERE).passed("no pile", seen=1)
    assert isinstance(found, Pass)
    assert found.scope == HERE


def test_what_is_hidden_may_be_what_is_wrong() -> None:
    found = Looked(HERE).passed("no pile", seen=40, hidden=2)
    assert found.outcome is Outcome.UNKNOWN
    assert "2 more could not be looked at" in found.evidence[-1]


@pytest.mark.parametrize(
    "made", [lambda: Seen(HERE, 0), lambda: Seen(NOTHING, 5), lambda: Looked(NOTHING).passed(seen=5)]
)
def test_a_pass_cannot_be_built_from_nothing_or_from_nowhere(made: Callable[[], object]) -> None:
    with pytest.raises(NothingSeen):
        made()


def test_no_result_is_a_pass() -> None:
    with pytest.raises(NothingSeen):
        Result(Outcome.PASS, ("ok",))  # type: ignore[arg-type]


def test_mypy_refuses_a_bare_pass(tmp_path: Path) -> None:
    """The habit that this replaces does not compile."""
    written = tmp_path / "habit.py"
    head = "from playbooks.checks.looked import Judgement, Pass, Result\nfrom playbooks.model import Outcome\n"
    for habit in ('Result(Outcome.PASS, ("ok",))', 'Pass(("ok",))', 'Pass(None, ("ok",))', "Outcome.PASS"):
        written.write_text(f"{head}def habit() -> Judgement:\n    return {habit}\n")
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(written)],
            capture_output=True, text=True, timeout=110, cwd=Path(__file__).parents[3],
        )  # fmt: skip
        assert done.returncode == 1, f"{habit}: {done.stdout}{done.stderr}"
        assert f"{written.name}:4: error" in done.stdout


class OddError(Exception):
    """A kind that nobody listed."""


def raising(error: BaseException) -> Callable[..., Any]:
    def judge(facts: Facts, **given: Any) -> Any:
        raise error

    return judge


BROKEN = {
    "KeyError": raising(KeyError("x")),
    "AttributeError": raising(AttributeError("x")),
    "AssertionError": raising(AssertionError()),
    "RuntimeError": raising(RuntimeError("x")),
    "RecursionError": raising(RecursionError()),
    "OSError": raising(OSError(13, "denied")),
    "MemoryError": raising(MemoryError()),
    "StopIteration": raising(StopIteration()),
    "UnicodeDecodeError": raising(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x")),
    "NothingSeen": raising(NothingSeen("x")),
    "OddError": raising(OddError("x")),
    "None": lambda facts, **given: None,
    "True": lambda facts, **given: True,
    "PASS": lambda facts, **given: Outcome.PASS,
    "a word": lambda facts, **given: "pass",
    "no text": lambda facts, **given: Pass(Seen(HERE, 1), (3,)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_defect_of_a_check_never_reads_as_fine(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Check("send-buffer", BROKEN[kind], ("kernel",), (), frozenset())
    calls = iter((broken, known_checks()["send-buffer"]))
    monkeypatch.setattr(run, "known_checks", lambda: {"send-buffer": next(calls)})
    first, second = judge(BOOK, FACTS).steps
    assert first.outcome is Outcome.UNKNOWN
    assert "send-buffer" in first.evidence[0]
    assert first.scope.host == "web1"
    assert second.outcome is Outcome.PASS  # and it takes no other step along


IDLE = {"ActiveOpens": 0, "InSegs": 0}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("counters-moved", {"names": ["EstabResets"]}),
        ("listen-counters", {}),
        ("syn-defences", {}),
        ("connecting-now", {}),
    ],
)
def test_counters_that_stand_still_say_nothing_where_nothing_could_move_them(name: str, given: dict[str, Any]) -> None:
    judge = known_checks()[name].judge

    def outcome(moved: dict[str, int], totals: dict[str, int]) -> Outcome:
        found = sockets(row(), moved=moved, totals=TOTALS | totals | moved)
        return judge(changed(host(), sockets=found), **given).outcome

    assert outcome({}, IDLE) is Outcome.UNKNOWN
    assert outcome({"ActiveOpens": 1, "InSegs": 1}, IDLE) is Outcome.PASS
    assert outcome({}, {}) is Outcome.PASS  # there was traffic since boot, and they never moved
    before = dict.fromkeys(("EstabResets", "ListenOverflows", "SyncookiesSent", "AttemptFails"), 3)
    assert outcome({}, before) is Outcome.UNKNOWN  # they did move once, and nothing came while they were looked at
