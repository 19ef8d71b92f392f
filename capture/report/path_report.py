"""A comparison of several points, or of those inside one file: JSON (`tcptriage.compare/1`), text, Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.json import encode

import capture
from capture.language import count_of, tr
from capture.points.findings import findings_of
from capture.report.comparing import (
    SCHEMA,
    WORST,
    clock_document,
    connection_lines,
    details_of,
    finding_lines_of,
    point_document,
    summary,
    write_comparison,
)
from capture.report.document import findings_document
from capture.safe_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.points.along import Along, Leg, Path


def write_path(path: Path, format: str) -> Iterator[bytes]:
    """The whole path in a format: text, json or md. Two points are a comparison like any other."""
    if len(path.points) == 2:
        yield from write_comparison(path.legs[0].comparison, format)
        return
    if format == "json":
        yield from _json(path)
        return
    lines = _text(path) if format == "text" else _markdown(path)
    for line in lines:
        yield line.encode() + b"\n"


def _json(path: Path) -> Iterator[bytes]:
    """Points in the order of the path; of each leg what a comparison of two says; connections along the path."""
    yield b'{"schema":' + encode(SCHEMA)
    yield b',"points":' + encode([point_document(point) for point in path.points])
    yield b',"findings":' + encode(_findings(path))
    yield b',"legs":['
    for number, leg in enumerate(path.legs):
        yield b",\n{" if number else b"\n{"
        yield b'"a":%d,"b":%d,"clock":' % (leg.a, leg.b) + encode(clock_document(leg.comparison))
        yield b',"connections":['
        before = b"\n"
        for line in connection_lines(leg.comparison):
            yield before + line
            before = b",\n"
        yield b"]}"
    yield b'],"connections":['
    before = b"\n"
    for along in path:
        yield before + encode(_along(along))
        before = b",\n"
    yield b"]}\n"


def _findings(path: Path) -> list[dict[str, Any]]:
    return [
        found | {"leg": number}
        for number, leg in enumerate(path.legs)
        for found in findings_document(findings_of(leg.comparison))
    ]


def _along(along: Along) -> dict[str, Any]:
    best = along.best
    ends = {"originator": best.originator, "responder": best.responder}
    document: dict[str, Any] = {"ids": along.ids}
    document |= {name: {"ip": end.ip, "port": end.port} for name, end in ends.items()}
    kinds = ("lost", "injected", "modified", "reordered", "delayed", "duplicated", "missed", "undecided")
    counts = [{"leg": n} | {kind: len(getattr(both, kind)) for kind in kinds} for n, both in along.seen]
    for count in counts:
        count["not_captured"] = count.pop("missed")
    joint = {"leg": along.leg, "cause": best.cause, "certainty": best.certainty.value, "sentence": best.sentence}
    return document | {"counts": counts} | joint


def between(leg: Leg) -> str:
    """A leg in words; in what is said of it, its points are A and B."""
    return tr("BETWEEN {a} (A) AND {b} (B)", a=leg.a + 1, b=leg.b + 1)


def points_lines(path: Path) -> Iterator[str]:
    """The points by number, from the originators' side on."""
    for number, point in enumerate(path.points):
        packets = f"{count_of(len(point.rows), 'TCP packet')}"
        yield f"{number + 1}  {printable(point.title)}: {packets}"
        for notice in point.triage.decoded.notices if not point.place else ():
            yield f"  ! {notice.code}: {printable(notice.text)}"
    if path.is_reordered and not path.points[0].place:
        yield tr("The points stand in the order of the path, not as they were named.")


def _text(path: Path) -> Iterator[str]:
    yield tr("POINTS  along the path, from the originators' side")
    yield from points_lines(path)
    for leg in path.legs:
        yield ""
        yield between(leg)
        yield from list(summary(leg.comparison))[-2:]
        yield from finding_lines_of(leg.comparison)
    yield ""
    yield from _connections(path)


def _connections(path: Path) -> Iterator[str]:
    shown = path.worst(WORST)
    if not shown:
        yield f"{tr('CONNECTIONS')}  {tr('none has a difference')}"
        return
    most = f" ({WORST})" if len(shown) == WORST else ""
    yield f"{tr('CONNECTIONS')}  {tr('with differences, worst first')}{most}"
    for along in shown:
        best = along.best
        ids = " ".join(f"{at + 1}#{one}" for at, one in enumerate(along.ids) if one is not None)
        yield f"  {ids} {best.originator} -> {best.responder}  {best.cause} ({best.certainty})"
        if along.leg is not None:
            yield f"      {_place(path.legs[along.leg])}: {printable(best.sentence)}"
        else:
            yield f"      {printable(best.sentence)}"
        for number, both in along.seen:
            for line in details_of(both):
                yield f"      {_place(path.legs[number])}: {line}"


def _place(leg: Leg) -> str:
    return tr("between {a} (A) and {b} (B)", a=leg.a + 1, b=leg.b + 1)


def _markdown(path: Path) -> Iterator[str]:
    yield tr("# A path of {n} points compared", n=len(path.points))
    yield ""
    yield "```text"
    for line in _text(path):
        yield printable(line).replace("```", "'''")
    yield "```"
    yield ""
    yield f"_tcptriage {capture.__version__}_"
