"""Small changes to rules, arithmetic and checks, made one at a time: do the tests notice?

usage: python -m tests.bench.mutants [--area NAME]… [--file NAME]… [--count 60] [--seed 1] [--seconds 120] [--list]

Each change is made in a copy of the tree: a comparison turned, a constant moved, a sign or `and` swapped, a code of a
rule replaced, a `return` emptied. The tests that bear its file's name run first, then those of its area, until the
first failure. Prints every change that survived, and the share that was caught; exit status 1 below 95 %. Changes that
change nothing anyone can see stand in equivalent_mutants.toml with the reason, and are not made. Nothing of the tree
itself is changed.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEAST = 0.95
LEFT_OUT = (".git", ".venv", "build", "docs", "*.egg-info", ".mypy_cache", ".ruff_cache", ".hypothesis")
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")

OWNERS = ("owners", "process_limits", "process_visibility", "namespaces", "socket_table", "against_ss")
AREAS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # area: (code, the tests that are asked)
    "verdicts": (("capture/verdicts/**/*.py",), ("tests/capture/verdicts", "tests/capture/report")),
    "flows": (
        (
            *(
                f"capture/engine/{name}.c"
                for name in ("connection", "analysis", "events", "port_reuse", "roles", "event_folding")
            ),
            *(f"capture/engine/{name}.c" for name in ("captured_twice", "history", "payload_kinds", "missing_bytes")),
            "capture/flows/*.py",
        ),
        (
            *("tests/capture/flows", "tests/capture/wire/headers/test_payload_kinds.py", "tests/capture/verdicts"),
            *("tests/oracle", "tests/capture/engine/test_connection_release.py"),
        ),
    ),
    "filters": (("capture/filters/*.py",), ("tests/capture/filters",)),
    "owners": (
        ("capture/sockets/owners.py", "capture/sockets/process_limits.py"),
        tuple(f"tests/capture/sockets/test_{name}.py" for name in OWNERS),
    ),
    "checks": (("playbooks/checks/*.py",), ("tests/playbooks/checks", "tests/playbooks/test_run.py")),
}
COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
COMPARISONS |= {ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
C_CHANGES = (("<=", "<"), (">=", ">"), (" < ", " <= "), (" > ", " >= "), ("==", "!="), ("!=", "=="), (" + ", " - "))
C_CHANGES += ((" - ", " + "), (" && ", " || "), (" || ", " && "), (" & ", " | "), ("return 0;", "return 1;"))
C_CHANGES += (("return 1;", "return 0;"), ("if (!", "if ("), ("++", "--"))


@dataclass(frozen=True)
class Change:
    """One change: the text of `path` from `begin` to `end` becomes `text`."""

    path: Path
    line: int
    begin: int
    end: int
    text: str
    before: str
    source: str  # the line that it is in

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {' '.join(self.before.split())!r} -> {' '.join(self.text.split())!r}"


def changes_of(path: Path) -> list[Change]:
    """Every change that is made to a file."""
    source = (ROOT / path).read_text()
    return list(_of_c(path, source) if path.suffix == ".c" else _of_python(path, source))


def _of_python(path: Path, source: str) -> Iterator[Change]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    raw, lines = source.encode(), source.splitlines()
    skipped: set[ast.AST] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AnnAssign | ast.FunctionDef | ast.AsyncFunctionDef | ast.arg):
            told = [node.annotation] if isinstance(node, ast.AnnAssign | ast.arg) else [node.returns]
            skipped |= {each for part in told if part is not None for each in ast.walk(part)}
        if node in skipped:
            continue
        for made in _changed(node):
            assert isinstance(node, ast.expr | ast.stmt)
            assert node.end_lineno is not None
            assert node.end_col_offset is not None
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            before = raw[begin:end].decode()
            yield Change(path, node.lineno, begin, end, ast.unparse(made), before, lines[node.lineno - 1].strip())


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        yield ast.Compare(node.left, [COMPARISONS[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC and not _text(node):
        yield ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Return) and node.value is not None and not _nothing(node.value):
        false = isinstance(node.value, ast.Constant) and node.value.value is False  # None is as good as False
        yield ast.Return(ast.Constant(True if false else None))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Diagnosis" and node.args:
        yield ast.Call(node.func, [ast.Constant("unknown"), *node.args[1:]], node.keywords)


def _text(node: ast.BinOp) -> bool:
    return any(isinstance(side, ast.JoinedStr | ast.Constant) and isinstance(getattr(side, "value", ""), str)
               for side in (node.left, node.right))  # fmt: skip


def _nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _of_c(path: Path, source: str) -> Iterator[Change]:
    code = re.sub(
        r"/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"|^#[^\n]*", lambda found: " " * len(found[0]), source, flags=re.S | re.M
    )
    lines = source.splitlines()
    for old, new in C_CHANGES:
        for found in re.finditer(re.escape(old), code):
            at = len(source[: found.start()].encode())
            line = source.count("\n", 0, found.start()) + 1
            yield Change(path, line, at, at + len(old), new, old, lines[line - 1].strip())


def caught(change: Change, copy: Path, tests: tuple[str, ...], seconds: int) -> bool:
    """Whether a test fails with the change; a time-out counts as noticed."""
    target = copy / change.path
    whole, was = target.read_bytes(), target.stat()
    target.write_bytes(whole[: change.begin] + change.text.encode() + whole[change.end :])
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    # a compiled file is known by its source's time in seconds and its size: none is written of a change
    without = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        for asked in filter(
            None, (_named(change), tests)
        ):  # one after the other: a file and its folder at once are but the file
            done = subprocess.run([*pytest, *asked], cwd=copy, capture_output=True, timeout=seconds, env=without)
            if done.returncode not in (0, 5):
                return True
    except subprocess.TimeoutExpired:
        return True
    finally:
        target.write_bytes(whole)
        if change.path.suffix == ".py":  # the engine is compiled anew by the time of its sources
            os.utime(target, ns=(was.st_atime_ns, was.st_mtime_ns))
    return False


def _named(change: Change) -> list[str]:
    """The tests that bear the file's name."""
    mirrored = Path("tests") / change.path.parent / f"test_{change.path.stem}.py"
    return [str(mirrored)] if (ROOT / mirrored).exists() else []


def equivalent() -> set[tuple[str, str, str, str]]:
    """Changes that nobody can tell from the code: file, line of code, what of it, and what that becomes."""
    known = tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    return {(each["file"], each["line"], each["of"], each["becomes"]) for each in known}


def told_apart(change: Change, same: set[tuple[str, str, str, str]]) -> bool:
    """Whether a change is none of the equivalent ones."""
    return (str(change.path), change.source, change.before, change.text) not in same


def main() -> int:
    """Make the changes, print what survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--area", action="append", choices=sorted(AREAS))
    parser.add_argument("--file", action="append", help="only files of this name")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--list", action="store_true", help="only print which changes would be made")
    given = parser.parse_args()
    areas = given.area or sorted(AREAS)
    rng, chosen, same = random.Random(given.seed), [], equivalent()
    for number, area in enumerate(areas):
        patterns, tests = AREAS[area]
        files = sorted(path.relative_to(ROOT) for pattern in patterns for path in ROOT.glob(pattern))
        files = [path for path in files if not given.file or path.name in given.file]
        known = [change for path in files for change in changes_of(path) if told_apart(change, same)]
        share = given.count // len(areas) + (number < given.count % len(areas))
        chosen += [(change, tests) for change in rng.sample(known, min(share, len(known)))]
    if given.list:
        print("\n".join(str(change) for change, _ in chosen))
        return 0
    survived = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for change, tests in chosen:
            if not caught(change, copy, tests, given.seconds):
                survived.append(change)
                print(f"survived  {change}", flush=True)
    share = 1 - len(survived) / max(1, len(chosen))
    print(f"{len(chosen) - len(survived)} of {len(chosen)} changes caught ({share:.1%}), seed {given.seed}")
    return 0 if share >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
