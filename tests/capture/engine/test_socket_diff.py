"""The comparison of dumps by itself, under AddressSanitizer and UndefinedBehaviorSanitizer."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from tests.capture.engine.test_fuzz import SANITIZE, built


def test_random_dumps_stay_within_bounds(tmp_path: Path) -> None:
    program = built(tmp_path / "fuzz", *SANITIZE, source="fuzz_sockets.c")
    seed = random.SystemRandom().randrange(1, 1 << 20)
    done = subprocess.run([program, str(seed), "300"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-2000:]}"
