"""Nothing tracked names a place that only the author's machine has, or where packages are fetched from."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# written in pieces, so that this file does not hold what it looks for
PLACES = re.compile(
    "|".join(
        (
            "/" + "work/",
            "/" + "opt/(?:pypi|wheels)",
            "pypi" + r"\.org",
            "python" + "hosted",
            "deb" + r"\.debian\.org",
            "npm" + r"js\.org",
        )
    ).encode()
)


def tracked() -> list[Path]:
    if shutil.which("git") is None:
        pytest.skip("not installed: git")
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=30, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {found[0].decode()}"
        for path in tracked()
        if path.is_file() and (found := PLACES.search(path.read_bytes()))
    ]
    assert wrong == []


def test_examples_stay_small() -> None:
    files = [path for path in tracked() if path.suffix in (".pcap", ".pcapng", ".gz", ".zst")]
    assert sum(path.stat().st_size for path in files if "examples" in path.parts) < 400_000
    assert all(path.stat().st_size < 300_000 for path in files)
