"""Nothing tracked names a place that only the author's machine has, or where packages are fetched from."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def tracked() -> list[Path]:
    if shutil.which("git") is None:
        pytest.skip("not installed: git")
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=30, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_tracked_file_names_the_machine_it_was_written_on() -> None:
    here = f"{ROOT.parent}/".encode()
    if len(ROOT.parent.parts) < 3:
        pytest.skip(f"the checkout lies in {ROOT.parent}, which every machine has")
    assert [path.name for path in tracked() if path.is_file() and here in path.read_bytes()] == []


def test_pins_say_what_and_never_from_where() -> None:
    pins = (ROOT / "requirements-dev.txt").read_text()
    assert "://" not in pins
    assert not [line for line in pins.splitlines() if line.startswith("--")]
    assert "uv.lock" not in [path.name for path in tracked()]


def test_examples_stay_small() -> None:
    files = [path for path in tracked() if path.suffix in (".pcap", ".pcapng", ".gz", ".zst")]
    assert sum(path.stat().st_size for path in files if "examples" in path.parts) < 400_000
    assert all(path.stat().st_size < 300_000 for path in files)
