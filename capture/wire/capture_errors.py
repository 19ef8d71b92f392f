"""What can go wrong before the first packet."""

from __future__ import annotations

from capture.language import tr
from capture.safe_text import printable


class CaptureUnreadable(Exception):  # noqa: N818 - named for the reader: it says what it is
    """Nothing of this input could be read. `str()` is one line: what, where, why, what to do. `empty`: it has no byte,
    as the newest file of a rotated capture before its first packet."""

    def __init__(self, path: str, why: str, hint: str = "", *, empty: bool = False) -> None:
        self.path, self.why, self.hint, self.empty = path, why, hint, empty
        name = tr("standard input") if path == "-" else printable(path)
        text = tr("cannot read {name}: {why}", name=name, why=tr(why))
        super().__init__(f"{text}; {tr(hint)}" if hint else text)


class PacketUnreadable(Exception):  # noqa: N818
    """The one packet asked for cannot be read again (its file has gone, changed, or was a pipe)."""
