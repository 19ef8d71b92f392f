"""What .ci/run must not hide: a worker that crashed, a test that failed once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ONCE = """
import os, pathlib
MARK = pathlib.Path({mark!r})

def test_wrong_the_first_time():
    if not MARK.exists():
        MARK.touch()
        {end}

def test_well():
    pass
"""


@pytest.mark.parametrize("end", ["os.abort()", "assert False"])
def test_what_fails_once_has_failed(end: str, tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    function = re.search(r"^tests\(\) \{.*?^\}$", (ROOT / ".ci" / "run").read_text(), re.DOTALL | re.MULTILINE)
    assert function is not None
    (tmp_path / "test_once.py").write_text(ONCE.format(mark=str(tmp_path / "mark"), end=end))
    script = f"set -euo pipefail\nwork={tmp_path}\nstep() {{ :; }}\nfail() {{ echo FAILED; exit 1; }}\n{function[0]}\n"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"{script}tests 60 {tmp_path}"],
        capture_output=True, text=True, timeout=100, cwd=tmp_path, env=os.environ | {"PATH": path},
    )  # fmt: skip
    assert (tmp_path / "mark").exists()
    assert done.returncode == 1, done.stdout
    assert done.stdout.rstrip().endswith("FAILED")
