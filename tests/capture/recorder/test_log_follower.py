from __future__ import annotations

import os
from pathlib import Path

from capture.recorder.log_follower import FARTHEST_BEHIND, LONGEST_LINE, LOOKS_GONE, LogFollower


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_lines_from_the_end_on(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("before\n")
    follower = LogFollower(str(log))
    assert follower.lines() == []
    add(log, "one\ntwo\npart")
    assert follower.lines() == ["one", "two"]
    add(log, " of three\r\n")
    assert follower.lines() == ["part of three"]


def test_a_rotated_log_is_read_to_its_end_and_the_new_one_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    follower = LogFollower(str(log))
    add(log, "last of the old\n")
    log.rename(tmp_path / "app.log.1")
    add(log, "first of the new\n")
    assert follower.lines() == ["last of the old", "first of the new"]


def test_what_comes_to_the_old_file_before_the_new_one_is_there(tmp_path: Path) -> None:
    log, old = tmp_path / "app.log", tmp_path / "app.log.1"
    log.write_text("")
    follower = LogFollower(str(log))
    log.rename(old)
    add(old, "still the old\n")
    assert follower.lines() == ["still the old"]
    add(log, "new\n")
    assert follower.lines() == ["new"]


def test_a_truncated_log_is_read_anew(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("x" * 100 + "\n")
    follower = LogFollower(str(log))
    log.write_text("short\n")
    assert follower.lines() == ["short"]


def test_a_log_that_is_not_there_is_waited_for_and_said(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    follower = LogFollower(str(log))
    assert "No such file" in follower.trouble
    assert follower.lines() == []
    add(log, "first\n")
    assert follower.lines() == ["first"]
    assert follower.trouble == ""


def test_what_is_no_regular_file_is_said_until_there_is_one(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    os.mkfifo(log)
    for path in (log, tmp_path, Path("/dev/zero")):
        follower = LogFollower(str(path))
        assert follower.trouble == f"{path}: no regular file: what is written there cannot be read twice"
        assert follower.lines() == []
    follower = LogFollower(str(log))
    log.unlink()
    add(log, "now it is one\n")
    assert follower.lines() == ["now it is one"]
    assert follower.trouble == ""


def test_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    follower = LogFollower(str(log))
    add(log, "a" * (LONGEST_LINE * 3))
    first = follower.lines()
    assert [len(line) for line in first] == [LONGEST_LINE]
    add(log, "b" * LONGEST_LINE + "\nnext\n")
    assert follower.lines() == ["next"]
    assert len(follower._rest) == 0


def test_a_log_that_disappears_is_said_and_followed_again(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    follower = LogFollower(str(log))
    log.unlink()
    for _ in range(LOOKS_GONE - 1):
        assert follower.lines() == []
        assert follower.trouble == ""  # a rotation takes a moment
    assert follower.lines() == []
    assert "No such file" in follower.trouble
    add(log, "back\n")
    assert follower.lines() == ["back"]
    assert follower.trouble == ""


def test_a_log_that_grows_faster_than_it_is_read_is_left_behind_and_said(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    follower = LogFollower(str(log))
    line = "x" * 99 + "\n"
    add(log, line * (FARTHEST_BEHIND // len(line) + 1000))
    add(log, "the last\n")
    found = [*follower.lines(), *follower.lines()]
    assert found[-1] == "the last"
    assert set(found[:-1]) == {line.rstrip()}  # no half one
    assert 0 < follower.skipped < FARTHEST_BEHIND + 100_000
    add(log, "and on\n")
    assert follower.lines() == ["and on"]
