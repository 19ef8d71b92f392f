"""The part of a report that an incident adds: what froze it, what the kernel said, the log lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from capture.kernel.event_groups import groups
from capture.kernel.events_report import line
from capture.language import tr
from capture.recorder.events_of_connections import event_of
from capture.recorder.incident_folder import LOG
from capture.safe_text import printable

if TYPE_CHECKING:
    from capture.recorder.incident_folder import Incident

GROUPS = 10
LINES = 10
LONGEST = 300


def incident_lines(incident: Incident) -> Iterator[str]:
    """For people."""
    from capture.report.moments import utc

    manifest = incident.manifest
    when = utc(int(manifest.trigger.time * 1e9))
    yield f"{tr('INCIDENT')}  {printable(manifest.host, 100)}, {when}: {printable(manifest.trigger.kind, 60)}"
    yield f"          {printable(manifest.trigger.text, LONGEST)}"
    seconds = manifest.end - manifest.begin
    indent = " " * 10
    yield indent + tr(
        "{seconds} s: {packets} packets ({dropped} dropped)",
        seconds=f"{seconds:.0f}",
        packets=manifest.packets,
        dropped=manifest.packets_dropped,
    )
    yield indent + tr(
        "{events} kernel events ({lost} lost), {looks} looks",
        events=manifest.events,
        lost=manifest.events_lost,
        looks=manifest.looks,
    )
    yield indent + tr("{n} log lines", n=manifest.log_lines)
    for note in manifest.notes:
        yield "  ! " + tr("not recorded: {what}", what=printable(note, LONGEST))
    if manifest.suppressed:
        yield "  ! " + tr("{n} further triggers made no folder of their own", n=manifest.suppressed)
    yield from _events(incident)
    yield from _log(incident)


def incident_document(incident: Incident) -> dict[str, Any]:
    """One entry of a report's `incidents`: the manifest, and where it lies."""
    return {"path": incident.path, **msgspec.to_builtins(incident.manifest)}


def _events(incident: Incident) -> Iterator[str]:
    found = groups(
        event for entry in incident.events() if (event := event_of(entry)) is not None and event.last is None
    )
    if found:
        yield tr("KERNEL")
        yield from (f"  {printable(line(one), LONGEST)}" for one in found[:GROUPS])
    if len(found) > GROUPS:
        yield "  " + tr("and {n} more groups", n=len(found) - GROUPS)


def _log(incident: Incident) -> Iterator[str]:
    path = incident.file(LOG)
    if path is None:
        return
    shown, total = [], 0
    with open(path, encoding="utf-8", errors="replace") as file:
        for text in file:
            total += 1
            if total <= LINES:
                shown.append(printable(text.rstrip("\n"), LONGEST))
    if total:
        yield tr("LOG  {n} lines", n=total) + (tr(", the first {n}", n=LINES) if total > LINES else "")
        yield from (f"  {text}" for text in shown)
