"""Reading captures for the screen: on a worker's thread, with progress, cancellable. Nothing here knows textual."""

from __future__ import annotations

import glob
import os
import shlex
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.text.language import count, tr
from tui.text.quantities import duration, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.decode import Progress
    from capture.engine.session import Engine
    from capture.filters import Filter
    from capture.triage import Triage
    from capture.wire.files.growing_file import Followed
    from tui.rows.arrangement import Arrangement
    from tui.rows.connection_rows import ConnectionRows

EVERY_S = 0.25
LOOK_S = 0.1  # between two looks at a pipe that has shown something
SOON_S = 0.3  # between two tables of a capture that grows
MOST_S = 1.0  # of reading what came, before it is shown
SPOOL_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the reading is. `total` None: unknown (a pipe, a compressed file)."""

    done: int
    total: int | None
    packets: int
    seconds: float

    @property
    def sentence(self) -> str:
        """Bytes, packets, rate and time left."""
        rate = self.done / self.seconds if self.seconds > 0 else 0.0
        done = f"{size(self.done)}B"
        if self.total:
            percent = min(99, self.done * 100 // self.total)
            done = tr("{done} of {all}B ({percent} %)", done=done, all=size(self.total), percent=percent)
        text = f"{done}, {count(self.packets, 'packet')}, {size(rate)}B/s"
        if self.total and rate > 0 and self.seconds > 0.5:
            text += tr(", {time} left", time=duration(max(0.0, (self.total - self.done) / rate)))
        return text


def named(text: str) -> tuple[tuple[str, ...], bool]:
    """The captures that a typed line names, and whether it says --join: as on the command line, a shell's * and ~ too.

    A line that is a file's whole name is that file, whatever blanks or quotes are in it.
    """
    if os.path.exists(os.path.expanduser(text)):
        return (os.path.expanduser(text),), False
    try:
        words = shlex.split(text)
    except ValueError:  # a quote that is not closed: it belongs to the name
        words = [text]
    paths: list[str] = []
    for word in words:
        if word != "--join":
            path = os.path.expanduser(word)
            paths += sorted(glob.glob(path)) or [path]
    return tuple(paths), "--join" in words


Decoded = Callable[["list[Triage]", "ConnectionRows", bool], None]


def read(
    paths: Sequence[str],
    join: bool,
    *,
    wanted: Filter | None,
    arrangement: Arrangement,
    report: Callable[[Reading], None],
    decoded: Decoded,
    cancelled: Callable[[], bool],
) -> None:
    """Decode captures; `decoded` is called with the first block (complete False) and with the whole.

    Raises CaptureUnreadable where nothing could be read, DecodingCancelled where `cancelled` said so.
    """
    from capture.triage import triage
    from tui.rows.connection_groups import grouped
    from tui.rows.connection_rows import connection_rows

    started = time.monotonic()
    last = 0.0

    def progress(now: Progress) -> None:
        nonlocal last
        seconds = time.monotonic() - started
        if seconds - last >= EVERY_S:
            last = seconds
            report(Reading(now.bytes_done, now.bytes_total, now.packets, seconds))

    def preview(first: Triage) -> None:
        decoded([first], connection_rows([first], wanted, ("start", False), whole=False), False)

    triages = triage(paths, join=join, progress=progress, cancelled=cancelled, preview=preview)
    decoded(triages, grouped(connection_rows(triages, wanted, arrangement.sort), arrangement), True)


class Growing:
    """A capture that is still being written: `grew` gets what it has shown, each time that there is more."""

    def __init__(self, path: str, grew: Callable[[Triage], None], least: int = 0) -> None:
        """`least`: how many packets are known of it; fewer are not shown."""
        self._path, self._grew = path, grew
        self._engine: Engine | None = None
        self._followed: Followed | None = None
        self._shown = (max(0, least), 0)  # packets and notices
        self._next = 0.0  # when it may be looked at again

    def look(self, now: float) -> bool:
        """Read what came, and show it; False where the last look was too short a while ago.

        Raises CaptureUnreadable where what came is no capture.
        """
        if now < self._next:
            return False
        from capture.engine.session import Engine
        from capture.wire.files.growing_file import Followed

        if self._engine is None or self._followed is None:
            self._engine = Engine()
            self._followed = Followed(self._path, self._engine)
        while self._followed.poll() and (self._followed.packets <= self._shown[0] or time.monotonic() < now + MOST_S):
            pass
        self._show(self._engine, self._followed)
        self._next = time.monotonic() + max(SOON_S, 5 * (time.monotonic() - now))
        return True

    def _show(self, engine: Engine, followed: Followed) -> None:
        there = (followed.packets, len(followed.notices))
        if there <= self._shown or not engine.totals.tcp_packets:
            return
        from capture.decode import so_far
        from capture.triage import judged

        self._shown = there
        self._grew(judged(so_far(engine, followed)))

    def close(self) -> None:
        """Give the file back."""
        if self._followed is not None:
            self._followed.close()


def spool(
    descriptor: int,
    report: Callable[[Reading], None],
    cancelled: Callable[[], bool],
    growing: Callable[[str], Growing] | None = None,
) -> str:
    """A capture that comes in by a pipe, written to a file of its own, so that its packets can be looked at again.

    `growing` makes what shows it meanwhile. Cancelling ends the reading, not the program: what has arrived is the
    capture. Returns the file's path.
    """
    import select

    from capture.wire.capture_errors import CaptureUnreadable

    handle, path = tempfile.mkstemp(prefix="tcptriage-", suffix=".pcap")
    started = last = time.monotonic()
    done = shown = 0
    shows = growing(path) if growing is not None else None
    with os.fdopen(handle, "wb", buffering=0) as file:
        while not cancelled():
            ready, _, _ = select.select([descriptor], [], [], LOOK_S if done > shown else EVERY_S)
            if ready:
                block = os.read(descriptor, SPOOL_BLOCK)
                if not block:
                    break
                file.write(block)
                done += len(block)
            now = time.monotonic()
            if shows is not None and done > shown:
                try:
                    shown = done if shows.look(now) else shown
                except CaptureUnreadable:  # it is said when all of it is read
                    shows = None
            if now - last >= EVERY_S:
                last = now
                report(Reading(done, None, 0, now - started))
    return path
