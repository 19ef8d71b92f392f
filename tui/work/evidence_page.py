"""The evidence as one Markdown page that can go into a ticket as it is."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import capture
from capture.anonymizing import Anonymizer
from capture.safe_text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.work.investigation import Item

CHAPTERS = (
    ("note", "Notes"),
    ("finding", "Findings"),
    ("log", "Log lines"),
    ("connection", "Connections"),
    ("check", "Checks"),
    ("fix", "Fixes proposed"),
)


def page(items: Sequence[Item], *, anonymize: bool = False, now: float | None = None) -> str:
    """Summary, then each kind of evidence in a chapter; the tool's version at the end."""
    at = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(now))
    host = "" if anonymize else f" on {printable(socket.gethostname())}"
    lines = [f"# TCP evidence of {at}{host}", "", *_summary(items)]
    for kind, title in CHAPTERS:
        chosen = [item for item in items if item.kind == kind]
        if not chosen:
            continue
        lines += ["", f"## {title}"]
        for item in chosen:
            when = time.strftime("%H:%M:%S", time.localtime(item.at))
            lines += ["", f"### {_heading(item.title)}", f"_kept {when}_", ""]
            lines += [printable(line) for line in item.body.split("\n")]
    lines += ["", f"_tcptriage {capture.__version__}_", ""]
    text = "\n".join(lines)
    return Anonymizer()(text) if anonymize else text


def _summary(items: Sequence[Item]) -> list[str]:
    named = [f"- {title.lower()}: {sum(item.kind == kind for item in items)}" for kind, title in CHAPTERS]
    first = [f"- **{_heading(item.title)}**" for item in items if item.kind in ("finding", "note")][:5]
    return ["## Summary", "", *first, *(line for line in named if not line.endswith(": 0"))]


def _heading(text: str) -> str:
    return printable(text).replace("<", "&lt;").replace("#", "\\#")
