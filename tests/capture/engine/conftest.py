"""The engine under AddressSanitizer and UndefinedBehaviorSanitizer, compiled once for all programs that drive it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE, ENGINE = Path(__file__).parent, Path(__file__).parents[3] / "capture" / "engine"
FLAGS = [
    "-std=c11",
    "-g",
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
]
FLAGS += ["-DHOT_AT_FIRST=1", "-DCHECK_STEADY", f"-I{ENGINE}"]


class Sanitized:
    """Object files of the engine, and what links a program to them."""

    def __init__(self, compiler: str, folder: Path) -> None:
        self.compiler, self.folder = compiler, folder

    def program(self, source: str, target: Path, *flags: str) -> Path:
        objects = self.folder.glob("*.o")
        subprocess.run([self.compiler, *FLAGS, *flags, HERE / source, *objects, "-o", target], check=True)
        return target

    def without(self, target: Path, *flags: str) -> Path:
        """The fuzzer without sanitizers, and without what is compiled for tests."""
        sources = [*ENGINE.glob("*.c"), HERE / "fuzz.c"]
        subprocess.run([self.compiler, "-std=c11", "-O1", *flags, f"-I{ENGINE}", *sources, "-o", target], check=True)
        return target


@pytest.fixture(scope="session")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Sanitized:
    folder = tmp_path_factory.mktemp("sanitized")
    for compiler in filter(None, map(shutil.which, ("gcc", "clang"))):
        done = subprocess.run([compiler, *FLAGS, "-c", *ENGINE.glob("*.c")], cwd=folder, capture_output=True)
        if done.returncode == 0:
            return Sanitized(compiler, folder)
    pytest.skip("no compiler with AddressSanitizer")
