"""`tcptriage report`: decode captures and write what became of their connections."""

from __future__ import annotations

import os
import sys
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import IO, TYPE_CHECKING

from tui.arguments.capture_commands import report_parser
from tui.arguments.parser import complain
from tui.commands.report_output import output
from tui.work.process_settings import for_one_long_computation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from capture.decode import Progress
    from capture.filters import Filter
    from capture.triage import Triage
    from capture.wire.capture_errors import CaptureUnreadable
    from capture.wire.column_types import Bool

SILENT_S = 0.5  # progress is shown only of what takes longer
EVERY_S = 0.25


def run(arguments: list[str]) -> int:
    """Write the report; returns the exit status."""
    chosen = report_parser().parse_args(arguments)
    if not chosen.follow:
        for_one_long_computation()
    try:
        wanted = _filter(chosen.filter)
    except ValueError as error:
        complain(f"tcptriage report: {error}")
        return 2
    if chosen.files.count("-") > 1:
        complain("tcptriage report: standard input can be read once only; name it once")
        return 2
    if chosen.follow:
        from tui.commands.report_follow import run as follow

        return follow(chosen, wanted)
    chosen.format = chosen.format or "text"
    with ExitStack() as stack:
        return _report(chosen, wanted, stack)


def _report(chosen: argparse.Namespace, wanted: Filter | None, stack: ExitStack) -> int:
    from capture.triage import triage

    refused: list[CaptureUnreadable] = []
    piped = "-" in chosen.files
    kept = stack.enter_context(_kept()) if piped and chosen.format == "md" else None  # for its ladders
    try:
        with progress_line(sys.stderr.isatty()) as progress, _interrupts_noted(piped):
            triages = triage(chosen.files, join=chosen.join, progress=progress, refused=refused.append, copy=kept)
    except OSError as error:
        if kept is None:
            raise
        from tempfile import gettempdir

        complain(f"tcptriage report: standard input cannot be kept in {gettempdir()}: {error.strerror or error}")
        return 2
    for unreadable in refused:
        complain(f"tcptriage report: {unreadable}")
    if not triages:
        return 2
    selections = None
    if wanted is not None:
        masks = [wanted.select(t.decoded.flows, t.verdicts) for t in triages]
        selections = [selection(mask) for mask in masks]
        triages = [filtered(t, mask) for t, mask in zip(triages, masks, strict=True)]
        for misplaced in wanted.misplaced("connection"):
            complain(f"tcptriage report: {misplaced}")
    from capture.report.formats import write_report

    anonymize = None
    if chosen.anonymize:
        from capture.anonymizing import Anonymizer

        anonymize = Anonymizer(name for t in triages for name in t.decoded.flows.addresses.names.values())
    try:
        with output(chosen.output) as stream:
            write_report(triages, chosen.format, stream, selections=selections, anonymize=anonymize)
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(
            f"tcptriage report: {chosen.output or 'standard output'}: cannot be written: {error.strerror or error}"
        )
        return 2
    if refused:
        return 2
    return 1 if chosen.fail_on and found(triages, chosen.fail_on) else 0


def _interrupts_noted(piped: bool) -> AbstractContextManager[object]:
    """Of a pipe the first Ctrl-C is only noted."""
    if not piped:
        return nullcontext()
    from tui.work.interrupted_pipe import first_interrupt_noted

    return first_interrupt_noted()


def _kept() -> IO[bytes]:
    """A file for what comes in by a pipe; it goes with the command."""
    from tempfile import NamedTemporaryFile

    return NamedTemporaryFile()


def _filter(text: str | None) -> Filter | None:
    """The filter asked for; raises FilterError, a ValueError that points at the word."""
    if not text:
        return None
    from capture.filters import parse

    return parse(text)


def filtered(triage: Triage, mask: Bool) -> Triage:
    """The same with findings on the connections that a filter chose, which `--fail-on` then means too."""
    from msgspec.structs import replace

    from capture.verdicts.groups.group_findings import find_groups

    return replace(triage, findings=tuple(find_groups(triage.decoded.flows, triage.verdicts, mask)))


def selection(mask: Bool) -> list[int]:
    """The ids where a mask is set."""
    import numpy as np

    ids: list[int] = np.flatnonzero(mask).tolist()
    return ids


def found(triages: Sequence[Triage], severity: str) -> bool:
    """Whether any finding is as severe as asked for, or worse."""
    from capture.model import Severity

    limit = Severity(severity).rank
    return any(finding.severity.rank <= limit for triage in triages for finding in triage.findings)


@contextmanager
def progress_line(to_terminal: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Progress on one line of standard error, wiped at the end; None where nobody would see it."""
    if not to_terminal:
        yield None
        return
    from tui.work.capture_reading import Reading

    started = time.monotonic()
    last = 0.0
    shown = False

    def tell(now: Progress) -> None:
        nonlocal last, shown
        seconds = time.monotonic() - started
        if seconds < SILENT_S or seconds - last < EVERY_S:
            return
        last, shown = seconds, True
        width = os.get_terminal_size(2).columns - 1
        text = Reading(now.bytes_done, now.bytes_total, now.packets, seconds).sentence
        sys.stderr.write(f"\r\x1b[K{text[:width]}")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
