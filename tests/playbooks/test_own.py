"""A user's own playbook: written, checked, run with consent, and led to by lines."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from playbooks.loader import lint, load, own_for
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
settings = ["porrt"]
[[steps]]
id = "a"
title = "t"
question = "q"
check = "log-symptomz"
[[steps]]
id = "b"
titel = "t"
question = "q"
[[steps]]
id = "c"
title = "t"
question = "q"
check = "log-symptoms"
with = {symptomms = []}
offers = {fail = ["nothing"]}
[[fixes]]
id = "f"
title = "{{x}}"
"""


def test_all_errors_at_once_with_what_is_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = "\n".join(lint(BAD, "mine.toml"))
    for said in ("steps[1]", "titel", "fixes[0]", "title: Expected `str`, got `int`", "not_when"):
        assert said in found, found
    found = "\n".join(lint(BAD.replace("title = 7", 'title = "t"').replace("titel", "title"), "mine.toml"))
    told = ("settings[0]: expected one of pid, port", "log-symptoms", "symptomms: not an argument", "no fix 'nothing'")
    for said in told:
        assert said in found, found
    (tmp_path / "mine.toml").write_text(BAD)
    assert main(["playbooks", "--lint", str(tmp_path / "mine.toml")]) == 1
    assert len(capsys.readouterr().out.splitlines()) >= 3
    assert lint("a = [", "x")[0].startswith("x: not TOML")


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
