"""`tcptriage explain`: what error lines say, and which playbook goes on from them."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tui.arguments.parser import complain
from tui.arguments.playbook_commands import explain_parser
from tui.commands.report import EVERY_S, SILENT_S
from tui.commands.report_output import output
from tui.work.process_settings import load_msgspec_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def run(arguments: list[str]) -> int:
    """Explain lines or logs; returns the exit status."""
    chosen = explain_parser().parse_args(arguments)
    load_msgspec_alone()
    if chosen.text and chosen.log:
        complain("tcptriage explain: give lines as arguments, or --log, not both; see 'tcptriage explain --help'")
        return 2
    from playbooks.explain_report import explain_logs, explain_texts, write_json, write_text
    from playbooks.symptoms.log_blocks import LogUnreadable

    try:
        with progress_line(sys.stderr.isatty()) as progress, output(None) as stream:
            logs = chosen.log or ["-"]
            explanation = explain_texts(chosen.text) if chosen.text else explain_logs(logs, progress)
            if chosen.format == "json":
                write_json(explanation, stream)
            else:
                write_text(explanation, stream)
    except LogUnreadable as error:
        complain(f"tcptriage explain: {error}")
        return 2
    return 0


@contextmanager
def progress_line(to_terminal: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Progress on one line of standard error, wiped at the end; None where nobody would see it."""
    if not to_terminal:
        yield None
        return
    from tui.text.quantities import size

    started = time.monotonic()
    last = 0.0
    shown = False

    def tell(done: int, lines: int) -> None:
        nonlocal last, shown
        seconds = time.monotonic() - started
        if seconds < SILENT_S or seconds - last < EVERY_S:
            return
        last, shown = seconds, True
        text = f"{size(done)}B, {lines:,} lines, {size(done / seconds)}B/s"
        sys.stderr.write(f"\r\x1b[K{text[: os.get_terminal_size(2).columns - 1]}")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
