"""What a start removes from the output folder, and what it leaves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from capture.recorder.housekeeping import make_out, make_rings


def test_half_folders_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    being_written = tmp_path / f".incident-20261130T100000Z.{os.getpid()}.partial"
    left_behind = tmp_path / f".incident-20261130T100000Z-2.{1 << 30}.partial"
    for folder in (being_written, left_behind):
        folder.mkdir()
    rings = make_rings(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == sorted([being_written, Path(rings)])


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(NotADirectoryError, match="a file of that name"):
        make_out(str(tmp_path / "out"), None)
