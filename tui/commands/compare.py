"""`tcptriage compare A B`: the same connections captured at two points."""

from __future__ import annotations

from contextlib import nullcontext

from tui.arguments import compare_parser, complain
from tui.commands.report_output import output
from tui.work.interrupted_pipe import first_interrupt_noted
from tui.work.process_settings import for_one_long_computation


def run(arguments: list[str]) -> int:
    """Compare two captures; returns the exit status."""
    chosen = compare_parser().parse_args(arguments)
    if chosen.a == "-" and chosen.b == "-":
        complain("tcptriage compare: standard input can be read once only; name it once")
        return 2
    for_one_long_computation()
    from capture.points.comparison import compare
    from capture.report.comparing import write_comparison
    from capture.wire.capture_errors import CaptureUnreadable

    try:
        with first_interrupt_noted() if "-" in (chosen.a, chosen.b) else nullcontext():
            comparison = compare(chosen.a, chosen.b)
    except CaptureUnreadable as error:
        complain(f"tcptriage compare: {error}")
        return 2
    with output(None) as stream:
        for piece in write_comparison(comparison, chosen.format):
            stream.write(piece)
    return 0
