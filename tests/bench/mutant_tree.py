"""The scratch copy of the tree that mutants.py changes: its engine, the tests' coverage, and one run after another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from tests.bench.mutant_changes import ROOT, Change
from tests.bench.mutant_cover import Covered

LEFT_OUT = (".git", ".venv", "build", "docs", "*.egg-info", ".mypy_cache", ".ruff_cache", ".hypothesis", "*.so")
FIRST = 60  # tests asked at first: nearly every change that is caught at all is caught by them
FLAGS = ("-std=c11", "-O1", "-g0", "-fPIC", "-fvisibility=hidden")
MOST_FAILED = 5
LATER = 1 << 20  # seconds by which the copy's engine is newer than its sources: it is never compiled by the program


class CannotCompile(Exception):  # noqa: N818 - as in capture.engine.compiling
    """A change that is no C."""


class Tree:
    """A copy at `folder`, and a process that runs pytest in it, `seconds` for a run at most."""

    def __init__(self, folder: Path, seconds: int, thorough: bool = False) -> None:
        self.folder, self.seconds, self.thorough = folder, seconds, thorough
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
        self.engine, self.objects = folder / "capture/engine", folder / "build"
        self.objects.mkdir()
        for source in self.engine.glob("*.c"):
            self._compile(source)
        self._link()
        self.server = subprocess.Popen(
            [sys.executable, "tests/bench/mutant_server.py"], cwd=folder, text=True, stdin=-1, stdout=-1
        )

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.server.terminate()
        self.server.wait()

    def cover(self, paths: tuple[str, ...], kept: Path | None = None) -> Covered:
        """Run the tests once, see what they run of the code, and leave their compiled files; or read what is kept."""
        target = kept.absolute() if kept is not None else self.folder / "build/cover.json"
        if target.exists():
            return Covered(target)
        without = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.mutant_cover", str(target), *paths],
            cwd=self.folder,
            env=without,
            capture_output=True,
        )
        if done.returncode not in (0, 1, 5):
            raise SystemExit(f"the tests cannot be run:\n{done.stdout.decode()[-3000:]}")
        covered = Covered(target)
        if covered.failed:
            print(f"fails without any change, and is not asked: {' '.join(covered.failed)}", file=sys.stderr)
        if len(covered.failed) > MOST_FAILED:
            raise SystemExit("the tests fail without any change")
        return covered

    def caught(self, change: Change, covered: Covered, tests: tuple[str, ...], long: tuple[str, ...] = ()) -> str:
        """The first test that fails with the change, or why it cannot be run; empty where it survives. `long`: which of
        the tests are no part of the coverage.

        Raises CannotCompile.
        """
        target = self.folder / change.path
        whole, was = target.read_bytes(), target.stat()
        made = self.objects / f"{target.stem}.o"
        compiled = made.read_bytes() if change.path.suffix == ".c" else b""
        target.write_bytes(whole[: change.begin] + change.text.encode() + whole[change.end :])
        # a compiled file is known by its source's time in seconds and its size
        os.utime(target, (was.st_atime, was.st_mtime + 1000))
        try:
            if change.path.suffix == ".c":
                self._compile(target)
                self._link()
                return next((failed for path in tests if (failed := self._ask(None, (path,)))), "")
            found = covered.tests_of(change.path, change.line, whole.decode())
            others = covered.others(found, tests) if self.thorough else []
            for asked in (found[:FIRST], found[FIRST:], others):
                if asked and (failed := self._ask(asked, ())):
                    return failed
            return self._ask(None, long) if self.thorough and long else ""
        finally:
            target.write_bytes(whole)
            os.utime(target, ns=(was.st_atime_ns, was.st_mtime_ns))
            if change.path.suffix == ".c":
                made.write_bytes(compiled)
                self._link()

    def _ask(self, tests: list[str] | None, paths: tuple[str, ...]) -> str:
        files = list(dict.fromkeys(name.split("::")[0] for name in tests)) if tests is not None else list(paths)
        asked = {"tests": tests, "files": files, "seconds": self.seconds}
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps(asked) + "\n")
        self.server.stdin.flush()
        return str(json.loads(self.server.stdout.readline()))

    def _compile(self, source: Path) -> None:
        made = ["cc", *FLAGS, "-c", "-o", str(self.objects / f"{source.stem}.o"), str(source)]
        if subprocess.run(made, capture_output=True).returncode:
            raise CannotCompile(source.name)

    def _link(self) -> None:
        library = self.engine / "_tcptriage_engine.so"
        objects = sorted(map(str, self.objects.glob("*.o")))
        subprocess.run(["cc", "-shared", "-o", str(library), *objects], check=True)
        later = time.time() + LATER
        os.utime(library, (later, later))
