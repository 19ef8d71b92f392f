"""Where looks come from and go to: this machine, a recording of one, a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.remote.host import Host
    from capture.sockets.findings.thresholds import Thresholds
    from capture.sockets.snapshot import Snapshot
    from tui.work.look_loop import Looker


class Taker(Protocol):
    """Takes looks and keeps them."""

    def write(self, snapshot: Snapshot) -> None:
        """One look."""
        ...

    def close(self) -> None:
        """No more."""
        ...


class _Nowhere:
    def write(self, snapshot: Snapshot) -> None:
        return

    def close(self) -> None:
        return


class _Replayed:
    """A recording as a source of looks: its end is an end of iteration."""

    def __init__(self, path: str, thresholds: Thresholds | None) -> None:
        from capture.sockets.recordings.replay import Replay

        self._replay = Replay(path, thresholds)
        self.all_namespaces = True  # those that were looked into when it was recorded

    @property
    def thresholds(self) -> Thresholds:
        return self._replay.thresholds

    @thresholds.setter
    def thresholds(self, thresholds: Thresholds) -> None:
        self._replay.thresholds = thresholds

    def look(self) -> Snapshot:
        if self._replay.ended:
            raise StopIteration
        return self._replay.look()

    def close(self) -> None:
        return


def open_looker(
    replay: str | None, *, all_namespaces: bool | None, exact: bool = False, thresholds: Thresholds | None = None
) -> Looker:
    """A recording of looks where one is named, else this machine. Raises RecordingUnreadable, SourceUnavailable.

    `exact`: every look reads every socket's round trip and every process's descriptors anew.
    """
    if replay is not None:
        return _Replayed(replay, thresholds)
    from capture.sockets.socket_watch import Watcher

    return Watcher(all_namespaces=all_namespaces, exact=exact, thresholds=thresholds)


def taker(path: str | None, overwrite: bool = False) -> Taker:
    """What writes looks to a file; nothing where none is named. Raises OSError, also where there is a file already."""
    if path is None:
        return _Nowhere()
    from capture.sockets.recordings.recording import Recorder

    return Recorder(path, overwrite)


def opener(replay: str | None, all_namespaces: bool | None, hosts: Sequence[Host] = ()) -> Callable[[], Looker]:
    """What opens the source of looks, on the worker's thread: imports included."""

    def opened() -> Looker:
        if hosts and replay is None:
            from capture.remote.host_looks import HostsTogether

            return HostsTogether(hosts)
        return open_looker(replay, all_namespaces=all_namespaces)

    return opened
