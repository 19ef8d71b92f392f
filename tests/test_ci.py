"""What .ci/run must not hide: a worker that crashed, a test that failed once, one that only root can run."""

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


SKIPPED = """
import os, pytest
pytestmark = pytest.mark.xdist_group("some-group")

@pytest.mark.skipif("READY" not in os.environ, reason="not yet")
@pytest.mark.parametrize("name", ["a", "b@c", "d.e"])
def test_later(name):
    pass

class TestAll:
    @pytest.mark.skipif("READY" not in os.environ, reason="not yet")
    def test_later(self):
        pass

def test_now():
    pass
"""


def test_what_was_skipped_is_found_again(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_some.py").write_text(SKIPPED)
    (tmp_path / "tests" / "test_whole.py").write_text(SKIPPED.replace("import os, pytest", "import os, pytest\n"
        "if 'READY' not in os.environ: pytest.skip('not yet', allow_module_level=True)"))  # fmt: skip
    pytest_here = [sys.executable, "-m", "pytest", "-q", "-n", "1", "--dist", "loadgroup"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}

    def run(words: list[str], ready: dict[str, str]) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=environment | ready, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "1 passed, 5 skipped" in run([*pytest_here, "--junitxml=tests.xml", "tests"], {})
    found = run([sys.executable, str(ROOT / ".ci" / "skipped_tests.py"), "tests.xml"], {})
    (tmp_path / "skipped").write_text(found)
    assert "9 passed" in run([*pytest_here, "@skipped"], {"READY": "1"})
