"""The small changes that mutants.py makes: what of a file becomes what."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
COMPARISONS |= {ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
C_CHANGES = (("<=", "<"), (">=", ">"), (" < ", " <= "), (" > ", " >= "), ("==", "!="), ("!=", "=="), (" + ", " - "))
C_CHANGES += ((" - ", " + "), (" && ", " || "), (" || ", " && "), (" & ", " | "), ("return 0;", "return 1;"))
C_CHANGES += (("return 1;", "return 0;"), ("if (!", "if ("), ("++", "--"))
C_NUMBER = re.compile(r"(?:[<>+-]|[<>=!]=) (\d+)\b(?!\.)|^#define \w+ \(?(\d+)\b", re.MULTILINE)
LARGE = 100_000  # such numbers are doubled, and so are bits: one more is seldom another rule
OF_A_CLASS = ("frozen", "slots", "strict", "kw_only", "order", "gc", "cache_hash")  # how a class is made
CODES = {"CERTAIN": "LIKELY", "LIKELY": "POSSIBLE", "POSSIBLE": "LIKELY", "failed": "warned", "warned": "failed"}


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
        if isinstance(node, ast.Assert):  # made for mypy: a change of it fails wherever it is reached
            skipped |= set(ast.walk(node))
        if isinstance(node, ast.ImportFrom | ast.Import) or node in skipped:
            continue
        for made in _changed(node, source):
            node = node.value if isinstance(node, ast.keyword) else node
            assert isinstance(node, ast.expr | ast.stmt)
            assert node.end_lineno is not None
            assert node.end_col_offset is not None
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            before = raw[begin:end].decode()
            yield Change(path, node.lineno, begin, end, ast.unparse(made), before, lines[node.lineno - 1].strip())


def _changed(node: ast.AST, source: str) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        yield ast.Compare(node.left, [COMPARISONS[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC and not _text(node):
        yield ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield node.operand
    elif isinstance(node, ast.keyword) and node.arg not in OF_A_CLASS and _bool(node.value):
        yield ast.Constant(not node.value.value)  # type: ignore[attr-defined]
    elif isinstance(node, ast.Name) and node.id in CODES and isinstance(node.ctx, ast.Load):
        yield ast.Name(CODES[node.id])
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        bits = (ast.get_source_segment(source, node) or "").startswith("0x")
        yield ast.Constant(2 * node.value if node.value and (bits or node.value >= LARGE) else node.value + 1)
    elif isinstance(node, ast.Return) and node.value is not None and not _nothing(node.value):
        false = isinstance(node.value, ast.Constant) and node.value.value is False  # None is as good as False
        yield ast.Return(ast.Constant(True if false else None))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Diagnosis" and node.args:
        known = not (isinstance(node.args[0], ast.Constant) and node.args[0].value == "unknown")
        yield ast.Call(node.func, [ast.Constant("unknown" if known else "aborted"), *node.args[1:]], node.keywords)


def _text(node: ast.BinOp) -> bool:
    return any(isinstance(side, ast.JoinedStr | ast.Constant) and isinstance(getattr(side, "value", ""), str)
               for side in (node.left, node.right))  # fmt: skip


def _bool(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def _nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _of_c(path: Path, source: str) -> Iterator[Change]:
    code = re.sub(
        r"/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"|^#ifdef CHECK_.*?^#(?:else|endif)|^#(?!define)[^\n]*",
        lambda found: re.sub(r"[^\n]", " ", found[0]),
        source,
        flags=re.S | re.M,
    )
    lines = source.splitlines()
    for found in C_NUMBER.finditer(code):
        group = 1 if found[1] else 2
        at, number = len(source[: found.start(group)].encode()), found[group]
        line = source.count("\n", 0, found.start(group)) + 1
        yield Change(path, line, at, at + len(number), str(int(number) + 1), number, lines[line - 1].strip())
    for old, new in C_CHANGES:
        for found in re.finditer(re.escape(old), code):
            at = len(source[: found.start()].encode())
            line = source.count("\n", 0, found.start()) + 1
            if old == "++" and "for (" in lines[line - 1]:  # never ends: every test notices
                continue
            yield Change(path, line, at, at + len(old), new, old, lines[line - 1].strip())
