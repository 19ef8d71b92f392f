"""A comparison of two captures as JSON (`tcptriage.compare/1`), text and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.json import encode

import capture
from capture.language import count_of, tr
from capture.points.findings import clocks_by_proxy, findings_of
from capture.report.compared_lines import PlainLines
from capture.report.document import findings_document
from capture.report.text import finding_lines
from capture.safe_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from capture.points.compared import Altered, Both, Changed, Moved, Point, SeenPacket
    from capture.points.comparison import Comparison

SCHEMA = "tcptriage.compare/1"
WORST = 20
BATCH = 4096  # connections reported at once
MOST_PACKETS = 8  # of one kind that a line of text names


def json_lines(comparison: Comparison) -> Iterator[bytes]:
    """The whole comparison as one JSON object, piece by piece."""
    yield b'{"schema":' + encode(SCHEMA)
    yield b',"points":' + encode(_points(comparison))
    yield b',"clock":' + encode(clock_document(comparison))
    yield b',"findings":' + encode(findings_document(findings_of(comparison)))
    yield b',"connections":['
    before = b"\n"
    for line in connection_lines(comparison):
        yield before + line
        before = b",\n"
    yield b"]}\n"


def connection_lines(comparison: Comparison) -> Iterator[bytes]:
    """Each connection as JSON; those that nothing happened to, which are most, without an object for each."""
    plain = PlainLines(comparison)
    for at in range(0, len(comparison.entries), BATCH):
        entries = comparison.entries[at : at + BATCH]
        lines = plain.of(entries)
        comparison.prepare([entry for entry in entries if entry not in lines])
        for entry in entries:
            line = lines.get(entry)
            yield encode(connection_document(comparison.connection(entry))) if line is None else line


def _points(comparison: Comparison) -> list[dict[str, Any]]:
    near = comparison.near
    return [point_document(point) | {"seen_from": _seen_from(point.name, near)} for point in comparison.points]


def point_document(point: Point) -> dict[str, Any]:
    """One entry of `points`."""
    notices = [{"code": n.code, "packet": n.packet, "text": n.text} for n in point.triage.decoded.notices]
    document: dict[str, Any] = {"path": point.path}
    if point.place:
        document["place"] = point.place
    return document | {
        "packets": point.triage.decoded.packets,
        "tcp_packets": len(point.rows) if point.place else point.triage.decoded.tcp_packets,
        "connections": len(point.connections) if point.place else len(point.triage.decoded.flows),
        "notices": notices,
    }


def _seen_from(name: str, near: str | None) -> str | None:
    return None if near is None else "originator" if name == near else "responder"


def clock_document(comparison: Comparison) -> dict[str, float | None]:
    """`clock`; where a proxy is between, as its requests tell it, without a bound."""
    clock = comparison.clock
    by_proxy = comparison.chained.ahead_ns if comparison.chained.a else None
    return {
        "offset_ms": _ms(clock.offset_ns if clock.offset_ns is not None else by_proxy),
        "drift_ppm": _ppm(clock.drift),
        "drift_bound_ppm": _ppm(clock.drift_bound),
        "bound_ms": _ms(clock.bound_ns),
    }


def _ppm(share: float | None) -> float | None:
    return None if share is None else round(share * 1e6, 3)


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
        "undecided": [_seen(packet, "from") for packet in both.undecided],
        "one_way_ms": {"originator": _ms(both.one_way_ns[0]), "responder": _ms(both.one_way_ns[1])},
        "cause": both.cause,
        "certainty": both.certainty.value,
        "sentence": both.sentence,
    }


def _seen(packet: SeenPacket, sender: str) -> dict[str, Any]:
    found: dict[str, Any] = {sender: packet.sender.value, "seen_at": packet.seen_at, "packet": packet.packet}
    found |= {"flags": packet.flags, "bytes": packet.payload}
    if packet.missing:
        found["bytes_lost"] = packet.missing
    return found


def _injected(packet: SeenPacket) -> dict[str, Any]:
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
    yield from finding_lines_of(comparison)
    yield ""
    shown = comparison.worst(WORST)
    if not shown:
        yield f"{tr('CONNECTIONS')}  {tr('none has a difference')}"
        return
    most = f" ({WORST})" if len(shown) == WORST else ""
    yield f"{tr('CONNECTIONS')}  {tr('with differences, worst first')}{most}"
    for both in shown:
        yield f"  {title_of(both)}  {both.cause} ({both.certainty})"
        yield f"      {printable(both.sentence)}"
        yield from (f"      {line}" for line in details_of(both))


def summary(comparison: Comparison) -> Iterator[str]:
    """What was compared, and how the clocks relate."""
    for point in comparison.points:
        decoded = point.triage.decoded
        place = _seen_from(point.name, comparison.near)
        side = (
            (tr(", on the originators' side") if place == "originator" else tr(", on the responders' side"))
            if place
            else ""
        )
        seen = (len(point.rows), len(point.connections)) if point.place else (decoded.tcp_packets, len(decoded.flows))
        packets = f"{count_of(seen[0], 'TCP packet')}, {count_of(seen[1], 'connection')}"
        yield f"{point.name.upper()}  {printable(point.title)}: {packets}{side}"
        for notice in decoded.notices:
            yield f"  ! {notice.code}: {printable(notice.text)}"
    common, alone = len(comparison.matched.pairs.a), comparison.alone.ids
    only = tr("; only in A {a}, only in B {b}", a=f"{len(alone['a']):,}", b=f"{len(alone['b']):,}")
    packets = count_of(len(comparison.matched.same_a), "packet")
    yield tr("in both: {connections}, {packets}", connections=count_of(common, "connection"), packets=packets) + only
    yield tr("clocks: {said}", said=_clock_text(comparison))


def _clock_text(comparison: Comparison) -> str:
    clock = comparison.clock
    if clock.offset_ns is None and comparison.chained.a:
        return clocks_by_proxy(comparison.chained)
    if clock.offset_ns is None:
        return tr("nothing tells how they stand to each other")
    if not (clock.offset_ns or clock.drift or clock.bound_ns is None or clock.bound_ns):
        return tr("they show the same: no packet's times differ")
    ahead = tr(
        "B's is {ms} ms ahead of A's" if clock.offset_ns >= 0 else "B's is {ms} ms behind A's",
        ms=f"{abs(clock.offset_ns) / 1e6:,.3f}",
    )
    if clock.bound_ns is None:
        return tr("{ahead}, or less: only one direction was seen, and its delay is part of that", ahead=ahead)
    if clock.drift:
        within = f"{(clock.drift_bound or 0) * 1e6:.2g}"
        ahead += tr(", and gains {drift} ppm (within {within})", drift=f"{clock.drift * 1e6:+.1f}", within=within)
    bound = f"{clock.bound_ns / 1e6:,.3f}"
    return tr("{ahead}, within {bound} ms (half of the least round trip between the points)", ahead=ahead, bound=bound)


def finding_lines_of(comparison: Comparison) -> Iterator[str]:
    """The findings, or that all is well."""
    found = findings_of(comparison)
    if not found:
        yield f"{tr('FINDINGS')}  {all_well(comparison)}"
        return
    yield tr("FINDINGS")
    for finding in found:
        yield from finding_lines(finding)


def all_well(comparison: Comparison) -> str:
    """What no finding means, of what both points saw."""
    if comparison.alone.ids["a"] or comparison.alone.ids["b"]:
        return tr("none: what entered the path of the connections that both points saw left it, in order and unchanged")
    return tr("none: what entered the path left it, in order and unchanged")


def title_of(both: Both) -> str:
    """Its ids at both points, and its ends."""
    ids = f"A#{both.a}" if both.b is None else f"B#{both.b}" if both.a is None else f"A#{both.a} B#{both.b}"
    as_other = ""
    if both.readdressed_as:
        as_other = tr(
            " (at B {originator} -> {responder})", originator=both.readdressed_as[0], responder=both.readdressed_as[1]
        )
    return f"{ids} {both.originator} -> {both.responder}{as_other}"


def details_of(both: Both) -> Iterator[str]:
    """What became of its packets, a line a kind."""
    for name, packets in (
        (tr("lost"), both.lost),
        (tr("injected"), both.injected),
        (tr("doubled"), both.duplicated),
        (tr("not captured"), both.missed),
        (tr("lost, or not captured"), both.undecided),
    ):
        if packets:
            yield f"{name}: {_named([_packet_line(packet) for packet in packets])}"
    if both.modified:
        changes = (", ".join(change_text(c) for c in m.changed) for m in both.modified)
        changed = [f"A {m.a} = B {m.b} ({change})" for m, change in zip(both.modified, changes, strict=True)]
        yield f"{tr('changed')}: {_named(changed)}"
    for name, moved in ((tr("out of order"), both.reordered), (tr("late"), both.delayed)):
        if moved:
            yield f"{name}: {_named([f'A {m.a} = B {m.b} ({m.late_ms:,.1f} ms)' for m in moved])}"


def _packet_line(packet: SeenPacket) -> str:
    size = f" {packet.payload} B" if packet.payload else ""
    part = tr(", {n} B of it", n=packet.missing) if packet.missing else ""
    whose = tr("of the originator") if packet.sender == "originator" else tr("of the responder")
    return f"{packet.seen_at.upper()} {packet.packet} {packet.flags}{size} {whose}{part}"


def change_text(change: Changed) -> str:
    """A field and what became of it: "ttl 64 -> 60"."""
    return change.what if change.a is None and change.b is None else f"{change.what} {change.a} -> {change.b}"


def _named(changed: list[str]) -> str:
    more = tr("; {n} more", n=f"{len(changed) - MOST_PACKETS:,}") if len(changed) > MOST_PACKETS else ""
    return "; ".join(changed[:MOST_PACKETS]) + more


def markdown_lines(comparison: Comparison) -> Iterator[str]:
    """The same for a ticket."""
    a, b = (printable(point.path).replace("`", "'") for point in comparison.points)
    yield tr("# `{a}` and `{b}` compared", a=a, b=b)
    yield ""
    yield from _fenced(summary(comparison))
    yield ""
    yield tr("## Findings")
    yield ""
    yield from _fenced(finding_lines_of(comparison))
    yield ""
    shown = comparison.worst(WORST)
    if shown:
        yield tr("## Connections with differences, worst first")
        yield ""
        yield tr("| connection | cause | certainty | lost | injected | what happened |")
        yield "|---|---|---|---|---|---|"
    for both in shown:
        cells = (
            title_of(both),
            both.cause,
            str(both.certainty),
            str(len(both.lost)),
            str(len(both.injected)),
            both.sentence,
        )
        yield "| " + " | ".join(printable(cell).replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"
    if shown:
        yield ""
        yield from _fenced(line for both in shown for line in (title_of(both), *(f"  {d}" for d in details_of(both))))
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
