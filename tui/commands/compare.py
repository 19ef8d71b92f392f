"""`tcptriage compare A B …`: the same connections captured at two points or more."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from tui.arguments.capture_commands import compare_parser
from tui.arguments.parser import complain
from tui.commands.report_output import output
from tui.work.interrupted_pipe import first_interrupt_noted
from tui.work.process_settings import for_one_long_computation

if TYPE_CHECKING:
    import argparse


def run(arguments: list[str]) -> int:
    """Compare captures; returns the exit status."""
    chosen = compare_parser().parse_args(arguments)
    captures: list[str] = chosen.captures
    if captures.count("-") > 1:
        complain("tcptriage compare: standard input can be read once only; name it once")
        return 2
    if chosen.screen:
        return _on_screen(chosen)
    for_one_long_computation()
    from capture.points.along import compare_along
    from capture.report.path_report import write_path
    from capture.wire.capture_errors import CaptureUnreadable

    try:
        with first_interrupt_noted() if "-" in captures else nullcontext():
            path = compare_along(captures)
    except CaptureUnreadable as error:
        complain(f"tcptriage compare: {error}")
        return 2
    with output(None) as stream:
        for piece in write_path(path, chosen.format):
            stream.write(piece)
    return 0


def _on_screen(chosen: argparse.Namespace) -> int:
    if "-" in chosen.captures:
        complain("tcptriage compare: packets are read again for the screen: save standard input to a file first")
        return 2
    from tui.commands.dashboard import open_screen
    from tui.work.investigation import Request

    return open_screen(Request(compare=tuple(chosen.captures)), chosen)
