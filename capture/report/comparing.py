"""A comparison of two captures as JSON (`tcptriage.compare/1`), text and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import capture
from capture.points.findings import findings_of
from capture.report.document import findings_document
from capture.report.text import counted
from capture.safe_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from capture.points.compared import Altered, Both, Moved, Sighted
    from capture.points.comparison import Comparison

SCHEMA = "tcptriage.compare/1"
WORST = 20
MOST_PACKETS = 8  # of one kind that a line of text names


def json_lines(comparison: Comparison) -> Iterator[bytes]:
    """The whole comparison as one JSON object, piece by piece."""
    import msgspec

    encode = msgspec.json.encode
    yield b'{"schema":' + encode(SCHEMA)
    yield b',"points":' + encode(_points(comparison))
    yield b',"clock":' + encode(_clock(comparison))
    yield b',"findings":' + encode(findings_document(findings_of(comparison)))
    yield b',"connections":['
    before = b"\n"
    for both in comparison:
        yield before + encode(connection_document(both))
        before = b",\n"
    yield b"]}\n"


def _points(comparison: Comparison) -> list[dict[str, Any]]:
    near = comparison.near
    return [
        {
            "path": point.path,
            "seen_from": _seen_from(point.name, near),
            "packets": point.triage.decoded.packets,
            "tcp_packets": point.triage.decoded.tcp_packets,
            "connections": len(point.triage.decoded.flows),
            "notices": [{"code": n.code, "packet": n.packet, "text": n.text} for n in point.triage.decoded.notices],
        }
        for point in comparison.points
    ]


def _seen_from(name: str, near: str | None) -> str | None:
    return None if near is None else "originator" if name == near else "responder"


def _clock(comparison: Comparison) -> dict[str, float | None]:
    clock = comparison.clock
    return {
        "offset_ms": _ms(clock.offset_ns),
        "drift_ppm": None if clock.drift is None else round(clock.drift * 1e6, 3),
        "bound_ms": _ms(clock.bound_ns),
    }


def _ms(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / 1e6, 6)


def connection_document(both: Both) -> dict[str, Any]:
    """One entry of `connections`."""
    ends = {"originator": both.originator, "responder": both.responder}
    document: dict[str, Any] = {"a": both.a, "b": both.b}
    document |= {name: {"ip": end.ip, "port": end.port} for name, end in ends.items()}
    document["readdressed"] = both.readdressed
    if both.readdressed_as is not None:
        there = zip(ends, both.readdressed_as, strict=True)
        document["readdressed_as"] = {name: {"ip": end.ip, "port": end.port} for name, end in there}
    if both.shifted is not None:
        document["renumbered"] = {"originator": both.shifted[0], "responder": both.shifted[1]}
    if both.proxied:
        document["proxied"] = True
    return document | {
        "matched": both.matched,
        "lost": [_seen(packet, "from") for packet in both.lost],
        "injected": [_injected(packet) for packet in both.injected],
        "modified": [_altered(packet) for packet in both.modified],
        "reordered": [_moved(packet) for packet in both.reordered],
        "delayed": [_moved(packet) for packet in both.delayed],
        "duplicated": [_seen(packet, "from") for packet in both.duplicated],
        "not_captured": [_seen(packet, "from") for packet in both.missed],
        "one_way_ms": {"originator": _ms(both.one_way_ns[0]), "responder": _ms(both.one_way_ns[1])},
        "cause": both.cause,
        "certainty": both.certainty.value,
        "sentence": both.sentence,
    }


def _seen(packet: Sighted, sender: str) -> dict[str, Any]:
    found: dict[str, Any] = {sender: packet.sender.value, "seen_at": packet.seen_at, "packet": packet.packet}
    found |= {"flags": packet.flags, "bytes": packet.payload}
    if packet.missing:
        found["bytes_lost"] = packet.missing
    return found


def _injected(packet: Sighted) -> dict[str, Any]:
    found = {"seen_at": packet.seen_at, "packet": packet.packet, "flags": packet.flags}
    return found | {"claims": packet.sender.value, "bytes": packet.payload}


def _altered(packet: Altered) -> dict[str, Any]:
    changed = [{"what": change.what, "a": change.a, "b": change.b} for change in packet.changed]
    return {"from": packet.sender.value, "a": packet.a, "b": packet.b, "changed": changed}


def _moved(packet: Moved) -> dict[str, Any]:
    return {"from": packet.sender.value, "a": packet.a, "b": packet.b, "late_ms": packet.late_ms}


def text_lines(comparison: Comparison) -> Iterator[str]:
    """Points, clocks, findings, and the connections with differences."""
    yield from summary(comparison)
    yield ""
    yield from _findings(comparison)
    yield ""
    shown = comparison.worst(WORST)
    if not shown:
        yield "CONNECTIONS  none has a difference"
        return
    yield f"CONNECTIONS  with differences, worst first{f' ({WORST})' if len(shown) == WORST else ''}"
    for both in shown:
        yield f"  {_title(both)}  {both.cause} ({both.certainty})"
        yield f"      {printable(both.sentence)}"
        yield from (f"      {line}" for line in _details(both))


def summary(comparison: Comparison) -> Iterator[str]:
    """What was compared, and how the clocks stand."""
    for point in comparison.points:
        decoded = point.triage.decoded
        place = _seen_from(point.name, comparison.near)
        side = f", on the {place}s' side" if place else ""
        packets = f"{counted(decoded.tcp_packets, 'TCP packet')}, {counted(len(decoded.flows), 'connection')}"
        yield f"{point.name.upper()}  {printable(point.path)}: {packets}{side}"
        for notice in decoded.notices:
            yield f"  ! {notice.code}: {printable(notice.text)}"
    common, alone = len(comparison.matched.pairs.a), comparison.alone.ids
    only = f"; only in A {len(alone['a']):,}, only in B {len(alone['b']):,}"
    packets = counted(len(comparison.matched.same_a), "packet")
    yield f"in both: {counted(common, 'connection')}, {packets}{only}"
    yield f"clocks: {_clock_text(comparison)}"


def _clock_text(comparison: Comparison) -> str:
    clock = comparison.clock
    if clock.offset_ns is None:
        return "nothing tells how they stand to each other"
    ahead = f"B's is {abs(clock.offset_ns) / 1e6:,.3f} ms {'ahead of' if clock.offset_ns >= 0 else 'behind'} A's"
    if clock.bound_ns is None:
        return f"{ahead}, or less: only one direction was seen, and its delay is part of that"
    drift = f", and gains {clock.drift * 1e6:+.1f} ppm" if clock.drift else ""
    return f"{ahead}{drift}, within {clock.bound_ns / 1e6:,.3f} ms (half of the least round trip between the points)"


def _findings(comparison: Comparison) -> Iterator[str]:
    found = findings_of(comparison)
    if not found:
        alone = comparison.alone.ids["a"] or comparison.alone.ids["b"]
        seen = " of the connections that both points saw" if alone else ""
        yield f"FINDINGS  none: what entered the path{seen} left it, in order and unchanged"
        return
    yield "FINDINGS"
    for finding in found:
        yield f"  {finding.severity.upper():<8} {printable(finding.title)}"
        yield f"           {printable(finding.text)}"
        if finding.playbook:
            yield f"           next: tcptriage playbook {finding.playbook}"


def _title(both: Both) -> str:
    ids = f"A#{both.a}" if both.b is None else f"B#{both.b}" if both.a is None else f"A#{both.a} B#{both.b}"
    as_other = f" (at B {both.readdressed_as[0]} -> {both.readdressed_as[1]})" if both.readdressed_as else ""
    return f"{ids} {both.originator} -> {both.responder}{as_other}"


def _details(both: Both) -> Iterator[str]:
    for name, packets in (
        ("lost", both.lost),
        ("injected", both.injected),
        ("doubled", both.duplicated),
        ("not captured", both.missed),
    ):
        if packets:
            yield f"{name}: {_named([_sight(packet) for packet in packets])}"
    if both.modified:
        changes = (", ".join(_change(c.what, c.a, c.b) for c in m.changed) for m in both.modified)
        told = [f"A {m.a} = B {m.b} ({change})" for m, change in zip(both.modified, changes, strict=True)]
        yield f"changed: {_named(told)}"
    for name, moved in (("out of order", both.reordered), ("late", both.delayed)):
        if moved:
            yield f"{name}: {_named([f'A {m.a} = B {m.b} ({m.late_ms:,.1f} ms)' for m in moved])}"


def _sight(packet: Sighted) -> str:
    size = f" {packet.payload} B" if packet.payload else ""
    part = f", {packet.missing} B of it" if packet.missing else ""
    return f"{packet.seen_at.upper()} {packet.packet} {packet.flags}{size} of the {packet.sender}{part}"


def _change(what: str, a: int | str | None, b: int | str | None) -> str:
    return what if a is None and b is None else f"{what} {a} -> {b}"


def _named(told: list[str]) -> str:
    more = f"; {len(told) - MOST_PACKETS:,} more" if len(told) > MOST_PACKETS else ""
    return "; ".join(told[:MOST_PACKETS]) + more


def markdown_lines(comparison: Comparison) -> Iterator[str]:
    """The same for a ticket."""
    a, b = (printable(point.path).replace("`", "'") for point in comparison.points)
    yield f"# `{a}` and `{b}` compared"
    yield ""
    yield from _fenced(summary(comparison))
    yield ""
    yield "## Findings"
    yield ""
    yield from _fenced(_findings(comparison))
    yield ""
    shown = comparison.worst(WORST)
    if shown:
        yield "## Connections with differences, worst first"
        yield ""
        yield "| connection | cause | certainty | lost | injected | what happened |"
        yield "|---|---|---|---|---|---|"
    for both in shown:
        cells = (
            _title(both),
            both.cause,
            str(both.certainty),
            str(len(both.lost)),
            str(len(both.injected)),
            both.sentence,
        )
        yield "| " + " | ".join(printable(cell).replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"
    if shown:
        yield ""
        yield from _fenced(line for both in shown for line in (_title(both), *(f"  {d}" for d in _details(both))))
        yield ""
    yield f"_tcptriage {capture.__version__}_"


def _fenced(lines: Iterable[str]) -> Iterator[str]:
    yield "```text"
    for line in lines:
        yield printable(line).replace("```", "'''")
    yield "```"


def write_comparison(comparison: Comparison, format: str) -> Iterator[bytes]:
    """The comparison in a format: text, json or md."""
    if format == "json":
        yield from json_lines(comparison)
        return
    for line in text_lines(comparison) if format == "text" else markdown_lines(comparison):
        yield line.encode() + b"\n"
