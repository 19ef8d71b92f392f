"""Programs in Go, built from the sources beside the scenarios with what Debian packages (no module is fetched)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent.parent / "programs"
GOCODE = Path("/usr/share/gocode")


def build(name: str, folder: Path, needs: str | None = None) -> Path:
    """Build programs/NAME; skips where Go or the Debian package that it `needs` (an import path) is not installed."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("not installed: golang-go")
    if needs and not (GOCODE / "src" / needs).is_dir():
        pytest.skip(f"not installed: Debian's package of {needs}")
    made = folder / name
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": str(GOCODE), "GOFLAGS": "", "CGO_ENABLED": "0"}
    environment.setdefault("GOCACHE", str(folder / "cache"))
    done = subprocess.run(
        [go, "build", "-o", str(made), "."],
        cwd=PROGRAMS / name,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return made
