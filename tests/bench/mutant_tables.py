"""Small changes held against the tables of what is told alone (golden.txt and its like): every change, a moment each.

usage: python -m tests.bench.mutant_tables AREA [--count N] [--seed 1] [--results FILE]

mutants.py asks real tests in a copy of the tree, seconds a change. Most of what they catch the tables catch, and those
need no pytest: in a child of this process the changed module is loaded, and what the tables' stories tell then is held
against what is written. Without --count all changes of an area are made, in an order by the seed. Prints those that
survive and the share that was caught: a lower bound of what mutants.py would find.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pickle
import random
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.bench.mutant_changes import ROOT, Change, changes_of
from tests.bench.mutant_cover import _statement
from tests.bench.mutants import AREAS, equivalent, results_of, told_apart

TABLES = {
    # area: modules with HELD and told(name), and what of the program is loaded anew for each change
    "verdicts": (
        *("tests.capture.verdicts.test_golden", "tests.capture.verdicts.test_captures_golden"),
        "tests.capture.verdicts.test_groups_golden",
    ),
    "filters": ("tests.capture.filters.test_filters_golden",),
    "findings": ("tests.capture.sockets.findings.test_findings_golden",),
    "checks": ("tests.playbooks.checks.test_made_golden", "tests.playbooks.checks.test_recorded_golden"),
}
LOADED_ANEW = {
    "verdicts": ("capture.verdicts", "tests.capture.verdicts.test_"),
    "filters": ("capture.filters", "tests.capture.filters"),
    "findings": ("capture.sockets", "tests.capture.sockets"),
    "checks": ("playbooks.checks", "tests.playbooks.checks"),
}
SECONDS = 60


class _Changed(importlib.abc.MetaPathFinder):
    """Finds one module with another source."""

    def __init__(self, change: Change) -> None:
        self.name, self.path = str(change.path)[:-3].replace("/", "."), str(ROOT / change.path)
        whole = (ROOT / change.path).read_bytes()
        self.source = whole[: change.begin] + change.text.encode() + whole[change.end :]

    def find_spec(self, name: str, _path: Any, _target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """See importlib."""
        if name != self.name:
            return None
        source, path = self.source, self.path

        class Loader(importlib.machinery.SourceFileLoader):
            def get_code(self, _name: str) -> CodeType:
                return compile(source, path, "exec")

        return importlib.util.spec_from_file_location(name, path, loader=Loader(name, path))


def _in_child(do: Callable[[], Any], seconds: int) -> Any:
    """What a function returns in a child; None where it ended otherwise."""
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hear)
        signal.alarm(seconds)
        with suppress(BaseException), os.fdopen(tell, "wb") as file:
            file.write(pickle.dumps(do()))
        os._exit(0)
    os.close(tell)
    with os.fdopen(hear, "rb") as file:
        told = file.read()
    os.waitpid(child, 0)
    return pickle.loads(told) if told else None


def _forget(area: str) -> None:
    for name in [name for name in sys.modules if name.startswith(LOADED_ANEW[area])]:
        del sys.modules[name]
        parent, _, own = name.rpartition(".")
        if parent in sys.modules and hasattr(sys.modules[parent], own):
            delattr(sys.modules[parent], own)


def _differs(module: Any, name: str) -> bool:
    try:
        return bool(module.told(name) != module.HELD[name])
    except Exception:  # whatever it is: the test would have failed
        return True


class Tables:
    """The tables of an area, and which lines each of their stories runs."""

    def __init__(self, area: str) -> None:
        self.area, self.modules = area, TABLES[area]
        sys.dont_write_bytecode = False  # else each child compiles all of it anew
        for module in self.modules:  # libraries and the engine, once
            importlib.import_module(module)
        self.lines: dict[tuple[str, str], set[tuple[str, int]]] = _in_child(self._cover, 3600)

    def _cover(self) -> dict[tuple[str, str], set[tuple[str, int]]]:
        found: dict[tuple[str, str], set[tuple[str, int]]] = {}
        ran: set[tuple[str, int]] = set()
        within = str(ROOT) + "/"

        def called(frame: FrameType, _event: str, _value: Any) -> Any:
            name = frame.f_code.co_filename
            if not name.startswith(within) or name.startswith(within + "tests/"):
                return None
            path = name[len(within) :]
            ran.add((path, frame.f_lineno))

            def line(frame: FrameType, event: str, _value: Any) -> Any:
                if event == "line":
                    ran.add((path, frame.f_lineno))
                return line

            return line

        for module in self.modules:
            loaded = importlib.import_module(module)
            for name in loaded.HELD:
                ran.clear()
                sys.settrace(called)
                wrong = _differs(loaded, name)
                sys.settrace(None)
                if wrong:
                    raise SystemExit(f"{module}: {name} does not hold without any change")
                found[module, name] = set(ran)
        return found

    def catch(self, change: Change) -> str:
        """The first story that tells something else with the change; empty where none does."""
        path = str(change.path)
        first, last, inside = _statement((ROOT / path).read_text(), change.line)
        wanted = {(path, line) for line in range(first, last + 1)}
        asked = [key for key, ran in self.lines.items() if not inside or not wanted.isdisjoint(ran)]
        asked = asked or list(self.lines)  # what runs while files are loaded, no story runs

        def ask() -> str:
            _forget(self.area)
            sys.meta_path.insert(0, _Changed(change))
            for module, name in asked:
                try:
                    loaded = importlib.import_module(module)
                except Exception:
                    return "cannot be loaded"
                if _differs(loaded, name):
                    return name
            return ""

        caught = _in_child(ask, SECONDS)
        return "ended or took too long" if caught is None else str(caught)


def main() -> int:
    """Make the changes, print what survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("area", choices=sorted(TABLES))
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, help="a line for each change; what is in it is not made again")
    given = parser.parse_args()
    paths = sorted(path.relative_to(ROOT) for pattern in AREAS[given.area][0] for path in ROOT.glob(pattern))
    same = equivalent()
    changes = [change for path in paths for change in changes_of(path) if told_apart(change, same)]
    random.Random(given.seed).shuffle(changes)
    chosen, made, tables = changes[: given.count], results_of(given.results), None
    for change in chosen:
        if str(change) in made:
            continue
        tables = tables or Tables(given.area)
        made[str(change)] = caught = tables.catch(change)
        if not caught:
            print(f"survived  {change}", flush=True)
        if given.results is not None:
            with given.results.open("a") as file:
                file.write(f"{change}\t{' '.join(caught.split())}\n")
    caught_ones = sum(bool(made[str(change)]) for change in chosen)
    print(f"{caught_ones} of {len(chosen)} changes caught ({caught_ones / max(1, len(chosen)):.1%}), seed {given.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
