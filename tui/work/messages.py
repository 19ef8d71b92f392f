"""What workers report: facts, in the past tense. A worker never touches a widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from capture.triage import Triage
    from tui.rows.connection_rows import ConnectionRows
    from tui.rows.live_look import Look
    from tui.terminal.clipboard import Sent
    from tui.work.capture_reading import Reading
    from tui.work.first_sockets import Peek


class CaptureProgressed(Message):
    """So much of the capture was read."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.reading = reading


class CaptureDecoded(Message):
    """A capture was decoded, or its first block (`complete` False)."""

    def __init__(self, triages: list[Triage], rows: ConnectionRows, complete: bool) -> None:
        super().__init__()
        self.triages = triages
        self.rows = rows
        self.complete = complete


class CaptureGrew(Message):
    """A capture that is still being written has shown more: all of it that there is by now."""

    def __init__(self, triage: Triage) -> None:
        super().__init__()
        self.triage = triage


class FollowingEnded(Message):
    """A file is no longer followed; `text` says why."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class CaptureFailed(Message):
    """A capture could not be read. `text` is one line: what, where, why, what to do."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class DecodingStopped(Message):
    """Decoding was cancelled."""


class TextSent(Message):
    """A text was sent to the clipboards within reach."""

    def __init__(self, what: str, sent: Sent) -> None:
        super().__init__()
        self.what = what
        self.sent = sent


class SnapshotTaken(Message):
    """The worker took a look."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look


class RowsPeeked(Message):
    """The first rows are there; owners, ages and findings follow with the first look."""

    def __init__(self, peek: Peek) -> None:
        super().__init__()
        self.peek = peek


class LookingFailed(Message):
    """No source of sockets works any more."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why
