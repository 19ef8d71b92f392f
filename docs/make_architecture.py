"""Make docs/architecture.svg of the imports themselves. Run `python -m docs.make_architecture`.

A box is a package, or a file between packages. An arrow is an import; one that others imply (A to B to C) is not drawn.
Left out: `model`, `language`, `safe_text` and other files of words, which everything imports.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = Path(__file__).with_name("architecture.svg")
BANDS = ("tui", "playbooks", "capture")  # imports go down
FILES = ("tui.app", "tui.cli", "playbooks.run", "playbooks.loader", "playbooks.fixing")
FILES += ("capture.decode", "capture.triage", "capture.ladder", "capture.reread", "capture.packet_layers")
WIDTH, BOX, ROW, LETTER = 1160, 26, 48, 7.3
COLOURS = {"tui": "#3b6ea5", "playbooks": "#8a6d1f", "capture": "#3d7a4b"}
Edges = dict[str, set[str]]


def imports() -> Edges:
    """Box → boxes that it imports, of everything below BANDS."""
    found: Edges = {}
    for band in BANDS:
        for file in sorted((ROOT / band).rglob("*.py")):
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            box = _box(module)
            for name in _imported(file):
                other = _box(name)
                if box and other and box != other:
                    found.setdefault(box, set()).add(other)
    return found


def _imported(file: Path) -> Iterable[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module in BANDS  # from capture import triage
            yield from ((f"{node.module}.{alias.name}" for alias in node.names) if whole else [node.module])


def _box(module: str) -> str:
    """The package of a module, or the module where it is one of FILES; "" for what is not drawn."""
    name = ".".join(module.split(".")[:2])
    return name if name in FILES or ((ROOT / Path(*name.split("."))).is_dir() and "." in name) else ""


def reduced(edges: Edges) -> Edges:
    """Without the edges that a longer way implies. Raises graphlib.CycleError, which names a circle."""
    below: Edges = {}
    for box in TopologicalSorter(edges).static_order():
        below[box] = edges.get(box, set()).union(*(below[other] for other in edges.get(box, ())))
    return {
        box: {other for other in others if not any(other in below[third] for third in others)}
        for box, others in edges.items()
    }


def places(edges: Edges) -> dict[str, tuple[float, float]]:
    """Middle of each box: a band for each folder, in it what imports above what is imported."""
    boxes = sorted({*edges, *(other for others in edges.values() for other in others)})
    placed: dict[str, tuple[float, float]] = {}
    y = 44.0
    for band in BANDS:
        inside = [box for box in boxes if box.startswith(f"{band}.")]
        rank: dict[str, int] = {}
        for box in reversed([*TopologicalSorter({one: edges.get(one, ()) for one in inside}).static_order()]):
            if box in inside:
                above = [rank[one] for one in inside if box in edges.get(one, ())]
                rank[box] = max(above, default=-1) + 1
        for level in range(max(rank.values(), default=-1) + 1):
            row = sorted(
                (box for box in inside if rank[box] == level), key=lambda box: (_wish(box, edges, placed), box)
            )
            for number, box in enumerate(row):
                placed[box] = (150 + (WIDTH - 170) * (number + 0.5) / len(row), y)
            y += ROW
        y += 16
    return placed


def _wish(box: str, edges: Edges, placed: dict[str, tuple[float, float]]) -> float:
    """Below what imports it."""
    above = [placed[one][0] for one, others in edges.items() if box in others and one in placed]
    return sum(above) / len(above) if above else WIDTH / 2


def picture(edges: Edges) -> str:
    """The SVG. Each arrow bears its two boxes (data-edge): a test holds them against the imports."""
    placed = places(edges)
    height = max(y for _, y in placed.values()) + 40
    arrows = [_arrow(box, other, placed) for box in sorted(edges) for other in sorted(edges[box])]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif"'
        ' font-size="13">',
        "<title>What imports what in tcptriage</title>",
        '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#777"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="white"/>',
        *(_band(band, [y for box, (_, y) in placed.items() if box.startswith(f"{band}.")]) for band in BANDS),
        '<g fill="none" stroke="#777" opacity="0.75">',
        *arrows,
        "</g>",
        *(_labelled(box, x, y) for box, (x, y) in sorted(placed.items())),
    ]
    return "\n".join([*out, "</svg>"]) + "\n"


def _band(band: str, ys: list[float]) -> str:
    top, bottom, colour = min(ys) - 26, max(ys) + 26, COLOURS[band]
    return (
        f'<rect x="8" y="{top:.0f}" width="{WIDTH - 16}" height="{bottom - top:.0f}" rx="8" fill="{colour}"'
        f' opacity="0.10"/><text x="22" y="{(top + bottom) / 2 + 5:.0f}" font-size="16" font-weight="bold"'
        f' fill="{colour}">{band}</text>'
    )


def _arrow(box: str, other: str, placed: dict[str, tuple[float, float]]) -> str:
    (x1, y1), (x2, y2) = placed[box], placed[other]
    y1, y2 = y1 + BOX / 2, y2 - BOX / 2
    bend = max(18.0, (y2 - y1) / 2.4)
    curve = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}"
    return f'<path data-edge="{box} {other}" d="{curve}" marker-end="url(#to)"/>'


def _labelled(box: str, x: float, y: float) -> str:
    band, _, name = box.partition(".")
    name += ".py" if box in FILES else ""
    width = len(name) * LETTER + 22
    return (
        f'<rect x="{x - width / 2:.0f}" y="{y - BOX / 2:.0f}" width="{width:.0f}" height="{BOX}" rx="5" fill="white"'
        f' stroke="{COLOURS[band]}"/><text x="{x:.0f}" y="{y + 4.5:.0f}" text-anchor="middle">{name}</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(reduced(imports())))
