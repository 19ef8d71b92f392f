"""Where looks come from and go to: this machine, a recording of one, a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from capture.sockets.snapshot import Snapshot
    from tui.live_feed import Looker


class Recorder(Protocol):
    """Takes looks."""

    def __call__(self, snapshot: Snapshot, /) -> None:
        """One look."""
        ...

    def close(self) -> None:
        """No more."""
        ...


class _Nowhere:
    def __call__(self, snapshot: Snapshot, /) -> None:
        return

    def close(self) -> None:
        return


def open_looker(replay: str | None, *, all_namespaces: bool) -> Looker:
    """A recording of looks where one is named, else this machine. Raises OSError, ValueError, SourceUnavailable."""
    if replay is not None:
        from capture.sockets.recording import Replay

        return Replay(replay)
    from capture.sockets.watching import Watcher

    return Watcher(all_namespaces=all_namespaces)


def recorder(path: str | None) -> Recorder:
    """What writes looks to a file; nothing where none is named."""
    if path is None:
        return _Nowhere()
    from capture.sockets.recording import Recording

    return Recording(path)
