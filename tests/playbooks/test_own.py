"""A user's own playbook: written, checked, run with consent, and led to by lines."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from playbooks.linting import lint
from playbooks.loader import load, own_for
from playbooks.model import Outcome
from tui.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "tcptriage" / "playbooks"


def test_a_new_one_is_whole_and_never_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playbooks", "--new", "our-502"]) == 0
    path = folder / "our-502.toml"
    assert capsys.readouterr().out == f"{path}\n"
    assert main(["playbooks", "--lint", str(path)]) == 0
    path.write_text(path.read_text() + "# mine\n")
    assert main(["playbooks", "--new", "our-502"]) == 2
    assert path.read_text().endswith("# mine\n")
    assert main(["playbooks", "--new", "../out"]) == 2
    assert load("our-502").title


def test_the_documents_example_is_the_one_that_is_written() -> None:
    shown = re.search(r"```toml\n(.*?)```", (ROOT / "docs" / "playbooks.md").read_text(), re.DOTALL)
    template = resources.files("playbooks").joinpath("new.toml").read_text(encoding="utf-8")
    assert shown is not None
    assert shown[1] == template.replace("NAME-OF-THIS-FILE", "our-502")


BAD = """
name = "mine"
title = 7
summary = "s"
colour = "red"
settings = ["porrt"]
see_also = ["conection-reset"]
cures = ["idel"]
borrowed = ["connection-reset/nothing", "x"]
symptoms = ["broken_pipes"]
[[steps]]
id = "a"
title = "t"
question = "q"
check = "log-symptomz"
next = {fail = "b", maybe = "c", warn = "no-such-book"}
[[steps]]
id = "a"
titel = "t"
question = "q"
run = "true"
check = "listening"
[[steps]]
id = "c"
title = "t"
question = "q"
check = "log-symptoms"
with = {symptomms = []}
offers = {fail = ["gone"]}
[[fixes]]
id = "f"
title = "{{x}}"
risk = "tiny"
sets = {"oracle:x" = ""}
"""
ERRORS = {
    "title": "Expected `str`, got `int`",
    "colour": "no key here; expected one of name, title",
    "settings[0]": "expected one of pid, port",
    "see_also[0]": "did you mean connection-reset",
    "cures[0]": "expected one of backlog, close",
    "borrowed[0]": "expected PLAYBOOK/FIX that exists",
    "borrowed[1]": "expected PLAYBOOK/FIX that exists",
    "symptoms": "expected one of accept_queue_full",
    "steps[0].check": "log-symptoms",
    "steps[0].next.maybe": "expected one of pass, warn, fail, unknown, manual; got 'maybe'",
    "steps[0].next.fail": "no step and no playbook is called 'b'",
    "steps[0].next.warn": "no step and no playbook is called 'no-such-book'",
    "steps[1].id": "expected a new id",
    "steps[1].titel": "did you mean title?",
    "steps[1].title": "expected, but missing",
    "steps[1].run": "expected either check or run",
    "steps[2].with.symptomms": "expected: besides, calls, fits",
    "steps[2].offers.fail": "no fix 'gone'; expected one of f, nothing, topic:idel",
    "fixes[0].title": "{{x}} has no default",
    "fixes[0].risk": "expected one of none, low, medium, high; got 'tiny'",
    "fixes[0].why": "expected, but missing",
    "fixes[0].not_when": "expected, but missing",
    "fixes[0].sets.oracle:x": "expected SERVICE:NAME, one of apache:",
}
"""By key, and what is allowed there."""


def test_all_errors_at_once_with_what_is_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = dict(line.removeprefix("mine.toml: ").split(": ", 1) for line in lint(BAD, "mine.toml"))
    others = {f"fixes[0].{key}" for key in ("target", "proposed", "snippet", "apply", "verify", "undo", "lasts")}
    assert sorted(found) == sorted({*ERRORS, *others})
    for key, said in ERRORS.items():
        assert said in found[key]
    (tmp_path / "mine.toml").write_text(BAD)
    assert main(["playbooks", "--lint", str(tmp_path / "mine.toml")]) == 1
    assert len(capsys.readouterr().out.splitlines()) == len(found)
    assert lint("a = [", "x")[0].startswith("x: not TOML")


def test_a_step_that_leads_nowhere() -> None:
    text = BAD.partition("[[steps]]")[0].replace("title = 7", 'title = "t"')
    step = '[[steps]]\nid = "a"\ntitle = "t"\nquestion = "q"\nnext = {fail = "no-such-book", pass = "mtu", warn = "a"}'
    found = [one for one in lint(text + step, "m") if ".next" in one]
    assert found == ["m: steps[0].next.fail: no step and no playbook is called 'no-such-book'"]


@pytest.mark.parametrize("text", ["", "steps = 3", "fixes = [1, 'x']", 'steps = ["a"]', "steps = [{with = 3}]"])
def test_what_is_no_playbook_at_all_is_told_in_lines(text: str) -> None:
    found = lint(text, "m")
    assert any(one.startswith("m: name: expected, but missing") for one in found)
    assert all("\n" not in one and one.startswith("m: ") for one in found)


def test_lines_lead_to_it_and_its_command_runs_with_consent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playbooks", "--new", "ours"]) == 0
    path = folder / "ours.toml"
    path.write_text(path.read_text().replace("systemctl is-active our-service", "false"))
    assert own_for("upstream_closed") == ["ours"]
    assert own_for("broken_pipe") == []
    capsys.readouterr()
    main(["explain", "upstream prematurely closed connection while reading response header from upstream"])
    assert "(yours: ours)" in capsys.readouterr().out
    assert main(["check", "ours"]) == 3
    assert "--consent" in capsys.readouterr().out
    assert main(["check", "ours", "--consent"]) == 1
    said = capsys.readouterr().out
    assert "ended with status 1: false" in said
    assert "Start our-service again" in said
    assert load("ours").steps[1].offers == {Outcome.FAIL: ("restart",)}
