"""`tcptriage cases`: the list, one away and back, one's page."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tui.cli import main
from tui.work.case_file import Case, CaseFolder, Opened, cases_folder
from tui.work.evidence_item import Item

ITEMS = (
    Item("finding", "20 clients gave up", "**warning** — 20 clients gave up\n\nAll after 801 ms.", 1e9, 1, "a.pcap"),
    Item("connection", "10.1.1.1:5 → 10.1.1.2:80: client_gave_up", "The client left after 801 ms.\n\nfacts", 1e9, 2),
    Item("fix", "Raise the time-out", "why\n\n```\nx\n```\n\nin nginx.conf; now: not set; risk low", 1e9 + 60, 3),
)


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    cases = cases_folder()
    assert cases is not None
    folder = CaseFolder(cases)
    folder.make(1e9)
    opened = Opened(files=("/somewhere/a\x1b[31m.pcap",))
    folder.write(
        Case(name="", host="web1", version="1", begun=1e9, changed=1e9, opened=opened, items=ITEMS),
    )
    folder.let_go()
    return folder.name


def test_the_list(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["case", "last", "used", "host", "evidence", "open"]
    assert line.startswith(name)
    assert "web1" in line
    assert "\x1b" not in line
    assert main(["cases", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "tcptriage.cases/1"
    assert [(case["name"], case["evidence"], case["host"]) for case in told["cases"]] == [(name, 3, "web1")]


def test_one_away_and_back(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "--delete", name[:6]]) == 0
    assert f"--restore {name}" in capsys.readouterr().out
    assert main(["cases"]) == 0
    assert "no case was kept yet" in capsys.readouterr().out
    assert main(["cases", "--restore", "../" + name]) == 2
    assert main(["cases", "--restore", name]) == 0
    assert main(["cases", "--show", name]) == 0


def test_the_page_begins_with_what_a_reader_needs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "--show", name]) == 0
    lines = capsys.readouterr().out.split("\n")
    summary = "\n".join(lines[lines.index("## Summary") : lines.index("## Findings")])
    assert "- **Finding:** 20 clients gave up — All after 801 ms." in summary
    assert "- **Verdict:** 10.1.1.1:5 → 10.1.1.2:80: client_gave_up — The client left after 801 ms." in summary
    assert "- **Fix:** Raise the time-out — in nginx.conf; now: not set; risk low" in summary
    assert "- **Host:** web1" in summary
    assert "- **Seen in:** a.pcap" in summary
    assert "- **Time:** kept 2001-09-09" in summary


def test_what_is_not_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "none"))
    for words in (["--show", "x"], ["--delete", "x"], ["--restore", "x"]):
        assert main(["cases", *words]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not os.path.exists(tmp_path / "none")
