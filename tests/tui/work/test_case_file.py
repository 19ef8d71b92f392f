"""Cases on disk: written whole, held by one process, bounded, deleted and brought back."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from tui.work import case_file
from tui.work.case_file import (
    Case,
    CaseFolder,
    CaseUnusable,
    Opened,
    delete_case,
    list_cases,
    named_case,
    read_case,
    restore_case,
    take_up,
)
from tui.work.evidence_item import Item

ITEM = Item("note", "seen", "a body", 1.0, 1, "web1")


def kept(cases: Path, changed: float, *items: Item) -> tuple[Case, CaseFolder]:
    folder = CaseFolder(cases)
    folder.make(changed)
    case = Case(name=folder.name, host="web1", version="1", begun=changed, changed=changed, items=items)
    folder.write(case)
    return case, folder


def left(cases: Path, changed: float, *items: Item) -> Case:
    """A case whose process has ended."""
    case, folder = kept(cases, changed, *items)
    folder.let_go()
    return case


def test_a_case_is_read_as_it_was_written_and_by_its_owner_alone(tmp_path: Path) -> None:
    case, folder = kept(tmp_path / "cases", 1e9, ITEM)
    assert read_case(folder.path) == case
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.path / "case.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "cases").stat().st_mode) == 0o700


def test_two_processes_never_write_one_case(tmp_path: Path) -> None:
    older = left(tmp_path, 1e9, ITEM)
    newer, _folder = kept(tmp_path, 2e9, ITEM)
    with pytest.raises(CaseUnusable, match="open in another"):
        take_up(tmp_path, newer.name)
    assert take_up(tmp_path)[0] == older


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    case = left(tmp_path, 1e9, ITEM)
    script = (
        "import os, signal; from pathlib import Path; from tui.work.case_file import take_up;"
        f"take_up(Path({str(tmp_path)!r})); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert take_up(tmp_path)[0] == case


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, folder = kept(tmp_path, 1e9, ITEM)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        folder.write(replace(case, items=()))
    assert read_case(folder.path) == case
    assert sorted(one.name for one in folder.path.iterdir()) == ["case.json", "lock"]


def test_a_case_is_bounded(tmp_path: Path) -> None:
    case, folder = kept(tmp_path, 1e9)
    with pytest.raises(OSError, match="larger than"):
        folder.write(replace(case, items=(Item("note", "t", "x" * case_file.MOST_BYTES, 1.0, 1),)))
    assert read_case(folder.path) == case


def test_the_oldest_without_evidence_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_file, "KEPT_WITHOUT_EVIDENCE", 2)
    monkeypatch.setattr(case_file, "KEPT_CASES", 4)
    old = left(tmp_path, 1e9, ITEM)
    bare = [left(tmp_path, 1e9 + hour * 3600) for hour in range(1, 5)]
    case_file.tidy(tmp_path)
    assert [case.name for case in list_cases(tmp_path)] == [bare[3].name, bare[2].name, old.name]


def test_deleted_and_brought_back(tmp_path: Path) -> None:
    case = left(tmp_path, 1e9, ITEM)
    delete_case(tmp_path, case.name)
    assert list_cases(tmp_path) == []
    assert list_cases(tmp_path, deleted=True) == [case]
    restore_case(tmp_path, case.name)
    assert list_cases(tmp_path) == [case]


def test_an_open_case_is_not_deleted(tmp_path: Path) -> None:
    case, _folder = kept(tmp_path, 1e9, ITEM)
    with pytest.raises(CaseUnusable, match="open in another"):
        delete_case(tmp_path, case.name)
    assert list_cases(tmp_path) == [case]


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"schema": 3}', b"\xff\xfe", b'{"name": "x"}'])
def test_a_damaged_case_is_told_in_one_line(tmp_path: Path, text: bytes) -> None:
    case = left(tmp_path, 1e9, ITEM)
    (tmp_path / case.name / "case.json").write_bytes(text)
    with pytest.raises(CaseUnusable, match=f"case {case.name} is damaged") as told:
        take_up(tmp_path, case.name)
    assert "\n" not in str(told.value)
    assert list_cases(tmp_path) == []  # the others would still be listed


def test_names(tmp_path: Path) -> None:
    with pytest.raises(CaseUnusable, match="none was kept yet"):
        take_up(tmp_path / "nothing")
    one, two = left(tmp_path, 1e9), left(tmp_path, 1e9)
    assert two.name == f"{one.name}-2"
    assert named_case(tmp_path, one.name) == one
    with pytest.raises(CaseUnusable, match=f"several cases begin.*{two.name}"):
        named_case(tmp_path, one.name[:8])
    with pytest.raises(CaseUnusable, match=f"no case 'other'; there are {one.name}"):
        named_case(tmp_path, "other")


def test_what_was_open_in_few_words() -> None:
    assert Opened().sentence == "live connections"
    assert Opened(files=("/a/b.pcap", "/c.pcap"), hosts=("web1",)).sentence == "b.pcap, c.pcap, web1"
