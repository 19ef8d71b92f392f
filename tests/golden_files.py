"""Files that hold what is told of made cases: a name, then its lines, indented; an empty line between two."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path


def held(path: Path) -> dict[str, list[str]]:
    """What a file holds, by name; nothing where there is no file yet."""
    if not path.exists():
        return {}
    blocks = groupby(path.read_text().splitlines(), key=lambda line: not line)
    each = [list(lines) for empty, lines in blocks if not empty]
    return {lines[0]: [line.strip() for line in lines[1:]] for lines in each}


def hold(path: Path, names: Iterable[str], told: Callable[[str], list[str]]) -> None:
    """Write the file anew."""
    path.write_text("\n".join("\n  ".join([name, *told(name)]) + "\n" for name in names))
