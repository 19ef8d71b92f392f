"""Filters on disk: what was used and named is there the next time; a damaged or hostile file is an empty one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui.work.kept_filters import MOST, KeptFilters, default_path


def test_what_was_used_and_named_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "filters.json"
    first = KeptFilters(path)
    for text in ("port:80", "port:443", "port:80", ""):
        first.use("socket", text)
    first.save(" web ", "port:80,443")
    again = KeptFilters(path)
    assert again.history("socket") == ["port:443", "port:80"]
    assert again.history("connection") == []
    assert again.saved == {"web": "port:80,443"}
    assert path.stat().st_mode & 0o777 == 0o600
    again.drop("web")
    assert KeptFilters(path).saved == {}


def test_it_does_not_grow_without_end(tmp_path: Path) -> None:
    kept = KeptFilters(tmp_path / "f.json")
    for number in range(MOST + 20):
        kept.use("socket", f"port:{number}")
    kept.use("socket", "x" * 10_000)
    assert len(kept.history("socket")) == MOST
    assert KeptFilters(tmp_path / "f.json").history("socket")[-1] == f"port:{MOST + 19}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"history": 3, "saved": [1]}',
        '{"history": {"socket": [1, null, "a\\u001b[2Jb"]}, "saved": {"x": 1, "y\\u0007": "port:1"}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_an_empty_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "f.json"
    path.write_text(text)
    kept = KeptFilters(path)
    assert kept.history("socket") == []
    assert kept.saved == {}
    kept.use("socket", "port:1")
    assert json.loads(path.read_text())["history"] == {"socket": ["port:1"]}


def test_where_nothing_can_be_written_they_live_on_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (None, tmp_path / "file" / "f.json"):
        kept = KeptFilters(path)
        kept.use("socket", "port:1")
        assert kept.history("socket") == ["port:1"]


def test_the_folder_is_the_state_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "tcptriage" / "filters.json"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/x")
    assert default_path() == Path("/home/x/.local/state/tcptriage/filters.json")
