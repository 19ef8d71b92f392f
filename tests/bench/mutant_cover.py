"""Which tests run a line: a plugin for pytest that writes it down, and what it tells of a change.

Made once in the scratch copy: of each test the lines of the watched folders that it ran (in its own process), and how
long it took.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

WATCHED = ("capture", "playbooks")
SHORT = 1.0  # seconds, while its lines are noted


class Cover:
    """A pytest plugin: what each test ran; `write` at the end."""

    def __init__(self, root: Path, target: Path) -> None:
        self.root, self.target = str(root) + "/", target
        self.lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.took: dict[str, float] = {}
        self.names: dict[CodeType, str | None] = {}
        self.test = ""
        self.failed: set[str] = set()
        self.apart: set[str] = set()  # tests that start processes: what those run is not seen
        sys.addaudithook(self._started)

    def _started(self, event: str, _of: tuple[Any, ...]) -> None:
        if event in ("subprocess.Popen", "os.fork", "os.posix_spawn"):
            self.apart.add(self.test)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.test, begun = item.nodeid, time.monotonic()
        sys.settrace(self._called)
        threading.settrace(self._called)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            self.took[item.nodeid] = time.monotonic() - begun

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    def _called(self, frame: FrameType, _event: str, _value: Any) -> Any:
        code = frame.f_code
        if code not in self.names:
            name = code.co_filename.removeprefix(self.root)
            self.names[code] = name if name.split("/")[0] in WATCHED else None
        name = self.names[code]
        if name is None:
            return None
        lines, test = self.lines[name], self.test
        lines[frame.f_lineno].add(test)

        def ran(frame: FrameType, event: str, _value: Any) -> Any:
            if event == "line":
                lines[frame.f_lineno].add(test)
            return ran

        return ran

    def pytest_sessionfinish(self) -> None:
        """Write it down."""
        number = {test: at for at, test in enumerate(self.took)}
        told = {
            "tests": list(self.took.items()),
            "failed": sorted(self.failed),
            "apart": sorted(number[test] for test in self.apart if test in number),
            "lines": {
                name: {line: sorted(number[test] for test in tests) for line, tests in of.items()}
                for name, of in self.lines.items()
            },
        }
        self.target.write_text(json.dumps(told))


class Covered:
    """What `Cover` wrote."""

    def __init__(self, path: Path) -> None:
        told = json.loads(path.read_text())
        self.tests: list[tuple[str, float]] = [(name, took) for name, took in told["tests"]]
        self.lines: dict[str, dict[int, list[int]]] = {
            name: {int(line): tests for line, tests in of.items()} for name, of in told["lines"].items()
        }
        self.apart = set(told["apart"])
        self.failed: list[str] = told["failed"]  # without any change: on a busy machine some do

    def tests_of(self, path: Path, line: int, source: str) -> list[str]:
        """The tests that run a line's statement, those that bear the file's name first, then the shortest first. Of
        what runs once, when the file is loaded, all that run anything of it."""
        of = self.lines.get(str(path), {})
        first, last, inside = _statement(source, line)
        wanted = [tests for at, tests in of.items() if not inside or first <= at <= last]
        found = {test for tests in wanted or of.values() for test in tests}  # some runs while files are loaded alone
        own = re.compile(rf"/test_(\w+_)?{path.stem}\.py")
        # what runs in a network of its own runs in another process, unseen: those that bear the file's name are asked
        found |= {at for at in self.apart if own.search(self.tests[at][0])}
        found -= {at for at, (name, _) in enumerate(self.tests) if name in self.failed}
        ordered = sorted(
            found, key=lambda at: (not own.search(self.tests[at][0]), self.tests[at][1] > 1, self.tests[at][1])
        )
        return [self.tests[at][0] for at in ordered]

    def others(self, asked: list[str], paths: tuple[str, ...]) -> list[str]:
        """The other tests of these paths that are short or start processes: what is kept from an earlier test, and what
        runs in another process, is not seen."""
        already = {*asked, *self.failed}
        return [
            name
            for at, (name, took) in enumerate(self.tests)
            if name not in already and name.startswith(paths) and (took < SHORT or at in self.apart)
        ]


@cache
def _tree(source: str) -> ast.Module:
    return ast.parse(source)


def _statement(source: str, line: int) -> tuple[int, int, bool]:
    """First and last line of the innermost statement's head at a line, and whether it is in a function."""
    first, last, inside = line, line, False
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.stmt) and node.end_lineno and node.lineno <= line <= node.end_lineno:
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else node.end_lineno
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and line >= body[0].lineno:
                inside = True
            if node.lineno <= line <= max(end, node.lineno):
                first, last = node.lineno, max(end, node.lineno)
    return first, last, inside


if __name__ == "__main__":
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[2:]], [Cover(Path.cwd(), Path(sys.argv[1]))]))
