"""`tcptriage report --follow`: JSON lines of connections as they end, of a capture that is still being written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.language import tr
from tui.arguments.parser import complain
from tui.work.interrupted_pipe import first_interrupt_noted

if TYPE_CHECKING:
    import argparse

    from capture.filters import Filter
    from capture.model import Notice


def run(chosen: argparse.Namespace, wanted: Filter | None) -> int:
    """Follow until the writer ends, or Ctrl-C; returns the exit status."""
    wrong = _wrong(chosen)
    if wrong:
        complain(f"tcptriage report: {wrong}")
        return 2
    from capture.engine.session import Engine
    from capture.report.followed_lines import EndedConnections, follow
    from capture.wire.capture_errors import CaptureUnreadable
    from capture.wire.files.growing_file import Followed
    from tui.commands.report_output import output

    engine = Engine()
    (path,) = chosen.files
    with first_interrupt_noted() as interrupt:
        try:
            followed = Followed(path, engine)
            with output(chosen.output) as stream:
                # a pipe ends by itself when what writes into it does; a file does not
                ended = EndedConnections(followed, engine, stream, wanted)
                follow(followed, ended, lambda: interrupt.pressed and path != "-", _tell)
        except CaptureUnreadable as error:
            complain(f"tcptriage report: {error}")
            return 2
    return 0


def _tell(notice: Notice) -> None:
    where = tr("packet {n}: ", n=notice.packet) if notice.packet is not None else ""
    complain(f"tcptriage report: {where}{notice.text}")


def _wrong(chosen: argparse.Namespace) -> str | None:
    """Why these arguments make no sense together."""
    if len(chosen.files) != 1:
        return "--follow takes one file: the other files of its ring are found by their names"
    if chosen.format not in (None, "jsonl"):
        return f"--follow writes JSON lines; {chosen.format} needs the whole capture"
    for name, given in (("--fail-on", chosen.fail_on), ("--anonymize", chosen.anonymize), ("--join", chosen.join)):
        if given:
            return f"{name} needs the whole capture: it does not go with --follow"
    return None
