"""The evidence as one Markdown page that can go into a ticket as it is."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import capture
from capture.anonymizing import Anonymizer
from capture.safe_text import printable
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.work.evidence_item import Item

CHAPTERS = (
    ("note", "Notes"),
    ("finding", "Findings"),
    ("log", "Log lines"),
    ("connection", "Connections"),
    ("check", "Checks"),
    ("fix", "Fixes proposed"),
)
WANTED = {"finding": "finding", "connection": "verdict of a connection", "fix": "fix"}
IN_SUMMARY = 5  # of a kind; how many more there are is said
STAMP = "%Y-%m-%d %H:%M:%S %z"


def page(items: Sequence[Item], *, anonymize: bool = False, now: float | None = None, host: str = "") -> str:
    """Summary, then each kind of evidence in a chapter; the tool's version at the end. `host` where the case was kept:
    this machine if left out; an anonymous page names none."""
    at = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(now))
    where = "" if anonymize else printable(host or socket.gethostname())
    lines = [_head(at, where), "", *_summary(items, where)]
    for kind, title in CHAPTERS:
        chosen = [item for item in items if item.kind == kind]
        if not chosen:
            continue
        lines += ["", f"## {tr(title)}"]
        for item in chosen:
            when = time.strftime("%H:%M:%S", time.localtime(item.at))
            seen = tr(", seen in {what}", what=_heading(item.of)) if item.of and not anonymize else ""
            lines += ["", f"### {_heading(item.title)}", f"_{tr('kept {time}', time=when)}{seen}_", ""]
            lines += [printable(line) for line in item.body.split("\n")]
    lines += ["", f"_tcptriage {capture.__version__}_", ""]
    text = "\n".join(lines)
    return Anonymizer()(text) if anonymize else text


def _head(at: str, host: str) -> str:
    return (
        tr("# TCP evidence of {time} on {host}", time=at, host=host)
        if host
        else tr("# TCP evidence of {time}", time=at)
    )


def _summary(items: Sequence[Item], host: str) -> list[str]:
    """What a reader of the ticket needs first: what is wrong, why, what to change, where, when."""
    lines = [tr("## Summary"), ""]
    lines += _section(items, "note", "Note", lambda item: item.title)
    lines += _section(items, "finding", "Finding", lambda item: f"{item.title}{_behind(_paragraph(item, 1))}")
    lines += _section(items, "connection", "Verdict", lambda item: f"{item.title}{_behind(_paragraph(item, 0))}")
    lines += _section(items, "check", "Check", lambda item: item.title)
    lines += _section(items, "fix", "Fix", lambda item: f"{item.title}{_behind(_target(item))}")
    kinds = {item.kind for item in items}
    missing = [name for kind, name in WANTED.items() if kind not in kinds]
    lines += [tr("- Not kept: {what}", what=", ".join(map(tr, missing)))] if missing else []
    lines += [tr("- **Host:** {host}", host=host)] if host else []
    seen = list(dict.fromkeys(item.of for item in items if item.of)) if host else []
    lines += [tr("- **Seen in:** {what}", what="; ".join(map(_heading, seen)))] if seen else []
    if items:
        first, last = (time.strftime(STAMP, time.localtime(pick(item.at for item in items))) for pick in (min, max))
        span = tr("{begin} to {end}", begin=first, end=last) if last != first else first
        lines.append(tr("- **Time:** kept {time}", time=span))
    return lines


def _section(items: Sequence[Item], kind: str, name: str, words: Callable[[Item], str]) -> list[str]:
    chosen = [item for item in items if item.kind == kind]
    lines = [f"- **{tr(name)}:** {_heading(words(item))}" for item in chosen[:IN_SUMMARY]]
    more = len(chosen) - IN_SUMMARY
    return [*lines, tr("- and {n} more below", n=more)] if more > 0 else lines


def _paragraph(item: Item, number: int) -> str:
    paragraphs = item.body.split("\n\n")
    return paragraphs[number].replace("\n", " ") if number < len(paragraphs) else ""


def _target(item: Item) -> str:
    """Where a fix goes, and what is there now: the line under its snippet."""
    lines = item.body.split("\n")
    fences = [at for at, line in enumerate(lines) if line.startswith("```")]
    return next((line for line in lines[fences[1] + 1 :] if line), "") if len(fences) > 1 else ""


def _behind(text: str) -> str:
    return f" — {text}" if text else ""


def _heading(text: str) -> str:
    return printable(text).replace("<", "&lt;").replace("#", "\\#")
