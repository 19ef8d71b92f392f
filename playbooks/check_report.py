"""A finished run written out: JSON (tcptriage.check/1), text for a terminal, Markdown for the ticket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

import capture
from capture.cells import left, right
from capture.safe_text import printable
from playbooks.language import tr
from playbooks.masking import mask
from playbooks.model import CheckReport, Fix, Outcome, StepResult
from playbooks.run import Comparison
from playbooks.scope import scope_document, scope_text

Format = Literal["text", "json", "md"]
SCHEMA = "tcptriage.check/1"
MARKS = {
    Outcome.PASS: "ok     ",
    Outcome.WARN: "warning",
    Outcome.FAIL: "FAILED ",
    Outcome.UNKNOWN: "unknown",
    Outcome.MANUAL: "by hand",
}
FIX_FIELDS = ("title", "why", "target", "current", "proposed", "snippet", "apply", "verify", "undo", "risk", "lasts")


def document(report: CheckReport) -> dict[str, Any]:
    """The report as the contract's object; further keys may come."""
    return {
        "schema": SCHEMA,
        "playbook": report.playbook,
        "host": report.host,
        "time": f"{report.time:.3f}",
        "settings": {key: mask(value) for key, value in report.settings.items()},
        "steps": [
            {
                "id": step.id,
                "title": step.title,
                "outcome": step.outcome.value,
                "evidence": list(step.evidence),
                "command": step.command,
                "meaning": step.meaning,
                "next": step.next,
                "fixes": list(step.fixes),
                "scope": scope_document(step.scope),
            }
            for step in report.steps
        ],
        "fixes": [
            {name: getattr(fix, name) for name in FIX_FIELDS}
            | {"id": fix.id, "not_when": fix.not_when, "language": fix.language, "who": list(fix.who)}
            | {"refused": fix.refused or None}
            for fix in report.fixes
        ],
        "other_fixes": [{"id": fix.id, "title": fix.title, "who": list(fix.who)} for fix in report.others],
    }


def write(report: CheckReport, format: Format, comparison: Comparison | None = None) -> str:
    """The whole document, ending with a newline. `comparison` adds before and after (text and Markdown)."""
    if format == "json":
        return msgspec.json.format(msgspec.json.encode(document(report)), indent=1).decode() + "\n"
    lines = text_lines(report) if format == "text" else markdown_lines(report, comparison)
    text = "\n".join(lines) + "\n"
    if format == "text" and comparison is not None:
        text += "\n" + "\n".join(comparison_lines(comparison)) + "\n"
    return text


def text_lines(report: CheckReport) -> Iterator[str]:
    """For a terminal: each step with its evidence, then the fixes."""
    yield f"{report.playbook}: {report.title}  ({report.host}, {_when(report.time)})"
    for step in report.steps:
        yield f"{left(tr(MARKS[step.outcome]), 7)}  {step.title}"
        for line in step.evidence:
            yield f"           {line}"
        if scope := scope_text(step.scope):
            yield f"         @ {scope}"
        if step.meaning and step.outcome in (Outcome.FAIL, Outcome.WARN):
            yield from (f"         = {line}" for line in step.meaning.strip().splitlines())
        if step.outcome in (Outcome.MANUAL, Outcome.UNKNOWN) and step.command:
            yield from (f"         $ {line}" for line in step.command.strip().splitlines())
    for number, fix in enumerate(report.fixes, 1):
        yield ""
        yield from _text_fix(number, fix)
    if report.others:
        yield ""
        whom = _named(report.others)
        yield tr(
            "{n} more for other programs ({whom}): {command}",
            n=len(report.others),
            whom=whom,
            command=f"tcptriage playbook {report.playbook}",
        )


def _named(fixes: Iterable[Fix]) -> str:
    return ", ".join(dict.fromkeys(word for fix in fixes for word in fix.who[:1]))


def _text_fix(number: int, fix: Fix) -> Iterator[str]:
    how = tr("(risk {risk}, lasts: {lasts})", risk=tr(fix.risk), lasts=tr(fix.lasts))
    yield f"{tr('fix {n}', n=number)}  {fix.title}  {how}"
    if fix.refused:
        yield from _hanging("not here", fix.refused)
    for name in ("why", "target", "current", "proposed"):
        if text := getattr(fix, name):
            yield from _hanging(name, text)
    yield from _hanging("snippet", fix.snippet)
    for name in ("apply", "verify", "undo"):
        yield from _hanging(name, getattr(fix, name))
    yield from _hanging("not when", fix.not_when)


def _hanging(name: str, text: str) -> Iterator[str]:
    lines = text.strip("\n").splitlines() or [""]
    yield f"  {left(tr(name), 9)}{lines[0]}"
    yield from (f"           {line}".rstrip() for line in lines[1:])


def markdown_lines(report: CheckReport, comparison: Comparison | None = None) -> Iterator[str]:
    """For the ticket: host, time, steps, evidence, fixes; and what changed, after a recheck."""
    yield f"# {_cell(report.title)}"
    yield ""
    yield f"- {tr('playbook')}: `{report.playbook}`"
    yield f"- {tr('host')}: `{_code(report.host)}`"
    yield f"- {tr('time')}: {_when(report.time)}"
    for key, value in report.settings.items():
        yield f"- {key}: `{_code(mask(value))}`"
    yield ""
    yield tr("## Steps")
    for step in report.steps:
        yield ""
        yield from _markdown_step(step)
    if comparison is not None:
        yield ""
        yield tr("## Before and after")
        yield ""
        yield tr("| step | before | after |")
        yield "|---|---|---|"
        for change in comparison.changes:
            yield f"| {_cell(change.title)} | {_state(change.before)} | {_state(change.after)} |"
    if report.fixes:
        yield ""
        yield tr("## Fixes")
    for fix in report.fixes:
        yield ""
        yield from _markdown_fix(fix)
    yield ""
    yield f"_tcptriage {capture.__version__}_"


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """Before and after, a line a step, with what the evidence says now."""
    yield tr("before {before}, after {after}", before=_when(comparison.before.time), after=_when(comparison.after.time))
    for change in comparison.changes:
        before, after = _state(change.before), _state(change.after)
        yield f"  {right(before, 7)} -> {left(after, 7)}  {change.title}{'  ' + tr('(cured)') if change.cured else ''}"
        if before != after and change.after is not None:
            yield from (f"                        {line}" for line in change.after.evidence[:3])


def _markdown_step(step: StepResult) -> Iterator[str]:
    yield f"### {tr(step.outcome.value.upper())}: {_cell(step.title)}"
    yield ""
    if step.question:
        yield _cell(step.question)
        yield ""
    for line in step.evidence:
        yield f"- {_cell(line)}"
    if scope := scope_text(step.scope):
        yield f"- {tr('looked at')}: {_cell(scope)}"
    if step.meaning and step.outcome in (Outcome.FAIL, Outcome.WARN):
        yield ""
        yield _cell(" ".join(step.meaning.split()))
    if step.command:
        yield ""
        yield from _fenced("sh", step.command)


def _markdown_fix(fix: Fix) -> Iterator[str]:
    yield f"### {_cell(fix.title)}"
    yield ""
    yield _cell(" ".join(fix.why.split()))
    yield ""
    yield f"- {tr('target')}: `{_code(fix.target)}`"
    yield f"- {_cell(' '.join(fix.current.split()) or tr('not set'))} → {_cell(' '.join(fix.proposed.split()))}"
    yield "- " + tr("risk: {risk}; lasts: {lasts}", risk=tr(fix.risk), lasts=tr(fix.lasts))
    yield f"- {tr('not when')}: {_cell(' '.join(fix.not_when.split()))}"
    if fix.refused:
        yield f"- **{tr('not on this host')}**: {_cell(fix.refused)}"
    yield ""
    yield from _fenced(fix.language, fix.snippet)
    for name in ("apply", "verify", "undo"):
        yield ""
        yield f"{tr(name)}:"
        yield ""
        yield from _fenced("sh", getattr(fix, name))


def _fenced(language: str, text: str) -> Iterator[str]:
    lines = [printable(line.replace("\t", "    ")) for line in text.strip("\n").splitlines()]
    fence = "````" if any("```" in line for line in lines) else "```"
    yield f"{fence}{language}"
    yield from lines
    yield fence


def _state(step: StepResult | None) -> str:
    return tr(step.outcome.value) if step is not None else "-"


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _cell(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")


def _code(text: str) -> str:
    return printable(text).replace("`", "'")
