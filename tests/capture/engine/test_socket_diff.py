"""The comparison of dumps by itself, under AddressSanitizer and UndefinedBehaviorSanitizer."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from tests.capture.engine.conftest import Sanitized

pytestmark = [pytest.mark.xdist_group("fuzz"), pytest.mark.timeout(600)]


def test_random_dumps_stay_within_bounds(sanitized: Sanitized, tmp_path: Path) -> None:
    program = sanitized.program("fuzz_sockets.c", tmp_path / "fuzz")
    seed = random.SystemRandom().randrange(1, 1 << 20)
    done = subprocess.run([program, str(seed), "300"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-2000:]}"
