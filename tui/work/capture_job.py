"""One reading of captures: runs on a worker's thread, tells what happens in messages, and can be cancelled."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.text.language import tr
from tui.work.messages import CaptureDecoded, CaptureFailed, CaptureGrew, CaptureProgressed, DecodingStopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.message import Message

    from capture.filters import Filter
    from capture.triage import Triage
    from tui.rows.arrangement import Arrangement
    from tui.rows.connection_rows import ConnectionRows
    from tui.work.capture_reading import Reading
    from tui.work.standard_input import StandardInput


class CaptureJob:
    """Captures to be read. `tell` takes the messages, from any thread; once it is `dropped` nothing more comes."""

    def __init__(
        self,
        paths: Sequence[str],
        join: bool,
        wanted: Filter | None,
        arrangement: Arrangement,
        tell: Callable[[Message], object],
        stdin: StandardInput | None = None,
    ) -> None:
        self._paths = tuple(paths)
        self._join = join
        self._wanted = wanted
        self._arrangement = arrangement
        self._send = tell
        self._stdin = stdin
        self._cancel = threading.Event()
        self._dropped = False
        names = " + ".join if join else ", ".join
        self.called = printable(names(Path(path).name if path != "-" else "standard input" for path in paths), 60)

    def cancel(self) -> None:
        """Stop; a message will say that it stopped."""
        self._cancel.set()

    def drop(self) -> None:
        """Stop, and say nothing more: another reading takes its place, or its screen is gone."""
        self._dropped = True
        self._cancel.set()

    def run(self) -> None:
        """Read. Ends with one message: decoded, stopped, or failed with one line of what, where, why, what to do."""
        names = ", ".join(self._paths)
        try:
            self._read_or_say_why_not()
        except OSError as error:
            self._tell(
                CaptureFailed(
                    tr("cannot read {path}: {why}", path=error.filename or self._paths[0], why=error.strerror or error)
                )
            )
        except MemoryError:
            self._tell(CaptureFailed(tr("{names}: not enough memory; filter it first: tcpdump -r … -w …", names=names)))
        except Exception as error:  # a defect of ours must end as a line, not as a reading that never ends
            self._tell(
                CaptureFailed(tr("{names}: a defect stopped the reading: {error}", names=names, error=_kept(error)))
            )

    def _read_or_say_why_not(self) -> None:
        from capture.decode import DecodingCancelled
        from capture.wire.capture_errors import CaptureUnreadable

        try:
            self._read()
        except DecodingCancelled:
            self._tell(DecodingStopped())
        except CaptureUnreadable as error:
            came_by_pipe = error.path not in self._paths and "-" in self._paths
            self._tell(CaptureFailed(str(CaptureUnreadable("-", error.why, error.hint) if came_by_pipe else error)))

    def _read(self) -> None:
        from tui.work.capture_reading import Growing, read, spool

        paths = self._paths
        if "-" in paths and self._stdin is not None:
            arrived = spool(
                self._stdin.descriptor,
                self._progressed,
                self._cancel.is_set,
                lambda path: Growing(path, self._grew),
            )
            self._stdin.hold(arrived)
            paths = tuple(arrived if path == "-" else path for path in paths)
            if not self._dropped:
                self._cancel.clear()  # it ended the waiting for more; what has arrived is read
        read(
            paths,
            self._join,
            wanted=self._wanted,
            arrangement=self._arrangement,
            report=self._progressed,
            decoded=self._decoded,
            cancelled=self._cancel.is_set,
        )

    def _progressed(self, now: Reading) -> None:
        self._tell(CaptureProgressed(now))

    def _decoded(self, triages: list[Triage], rows: ConnectionRows, complete: bool) -> None:
        if complete or not self._cancel.is_set():
            self._tell(CaptureDecoded(triages, rows, complete))

    def _grew(self, triage: Triage) -> None:
        if not self._cancel.is_set():
            self._tell(CaptureGrew(triage))

    def _tell(self, message: Message) -> None:
        if not self._dropped:
            self._send(message)


def _kept(error: Exception) -> str:
    """The defect in a line; its traceback goes to a file."""
    import traceback

    from tui.terminal.clipboard import to_file

    to_file(traceback.format_exc(), name="crash.txt")
    return f"{type(error).__name__}: {error}"
