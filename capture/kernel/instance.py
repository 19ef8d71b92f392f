"""A tracing instance of our own: own events, filters, clock and ring; nothing else of tracing is touched."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Final

from capture.kernel.event_errors import EventsUnavailable
from capture.kernel.formats import Format, parse_format
from capture.kernel.janitor import Janitor
from capture.kernel.records import WANTED, Wanted
from capture.kernel.ring_pages import NOTHING, Kept, entries, missed, new_parting
from capture.kernel.tracefs import Tracefs

PREFIX: Final = "tcptriage-"
BUFFERS_KB: Final = 16384
LEAST_KB, MOST_KB = 256, 4096
"""Of all processors together, and of each: 4 MB hold 50,000 events of 76 bytes between two readings."""
LARGEST_PAGE: Final = 65536
SETTINGS: Final = (
    ("trace_clock", "mono"),
    ("options/overwrite", "1"),
    ("buffer_size_kb", str(max(LEAST_KB, min(MOST_KB, BUFFERS_KB // (os.cpu_count() or 1))))),
)
HELPFUL: Final = (("options/record-tgid", "1"), ("options/record-cmd", "1"))
"""Old kernels lack these: then the process of a thread that has ended is not named."""


class Instance:
    """Events of this kernel, enabled while this object lives. `missing`: wanted ones that it does not have, and why.

    Raises EventsUnavailable where no event could be enabled. Left alone by a program that was killed, an instance is
    removed by the next start: the kernel lets nobody remove one that is being read.
    """

    def __init__(self, tracefs: Tracefs) -> None:
        self.tracefs = tracefs
        self.formats: dict[int, tuple[Wanted, Format]] = {}
        self.missing: list[str] = []
        self._pipes: list[int] = []
        self._parting = new_parting()
        self._name = ""
        clean_stale(tracefs)
        for last in (False, False, True):
            self._name = self._make()
            try:
                self._set_up()
            except FileNotFoundError as error:
                # a program of another pid namespace took it for stale before it was read
                self.close()
                if last:
                    raise EventsUnavailable("the tracing instance vanished while it was set up") from error
            except BaseException:
                self.close()
                raise
            else:
                return

    def read(
        self, kept: Kept = NOTHING, keep: Callable[[bytes], None] | None = None
    ) -> Iterator[tuple[int, bytes] | int]:
        """(time, record) of each event there is, processor by processor; a bare number: so many were lost there.

        Times are nanoseconds of CLOCK_MONOTONIC. `keep` takes those that are only kept, as they were parted from their
        page. A generator: what is not consumed of a page is gone.
        """
        for pipe in self._pipes:
            while page := _page(pipe):
                if lost := missed(page):
                    yield lost
                taken, others = self._parting.parted(page, *kept)
                if taken and keep is not None:
                    keep(taken)
                yield from entries(others)

    def thread_names(self, table: str) -> str:
        """The kernel's own memory of threads, as `saved_tgids` or `saved_cmdlines`; empty where it keeps none."""
        try:
            return self.tracefs.read(table)
        except OSError:
            return ""

    def janitor(self) -> Janitor:
        """A process that removes this instance when this program is gone."""
        return Janitor(self.tracefs.root, self._name)

    def close(self) -> None:
        """Removes the instance: the kernel disables its events. Safe to call twice."""
        for pipe in self._pipes:
            os.close(pipe)
        self._pipes = []
        if self._name:
            with contextlib.suppress(OSError):
                self.tracefs.remove(f"instances/{self._name}")
            self._name = ""

    def _make(self) -> str:
        for attempt in range(1, 100):
            name = f"{PREFIX}{os.getpid()}" + (f"-{attempt}" if attempt > 1 else "")
            try:
                self.tracefs.make(f"instances/{name}")
            except FileExistsError:
                continue
            except OSError as error:
                raise EventsUnavailable(f"no tracing instance can be made ({error.strerror}): run as root") from error
            return name
        raise EventsUnavailable("no tracing instance can be made: a hundred of this process are there")

    def _set_up(self) -> None:
        place = f"instances/{self._name}"
        self.formats, self.missing = {}, []
        try:
            for path, value in SETTINGS:
                self.tracefs.write(f"{place}/{path}", value)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise EventsUnavailable(f"the tracing instance cannot be set up ({error.strerror})") from error
        for path, value in HELPFUL:
            with contextlib.suppress(OSError):
                self.tracefs.write(f"{place}/{path}", value)
        for name in sorted(self.tracefs.names(f"{place}/per_cpu")):
            pipe = f"{place}/per_cpu/{name}/trace_pipe_raw"
            self._pipes.append(self.tracefs.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
        for wanted in WANTED.values():
            why = self._enable(f"{place}/events/{wanted.path}", wanted)
            if why:
                self.missing.append(f"{wanted.path.split('/')[1]}: {why}")
        if not self.formats:
            raise EventsUnavailable("this kernel has none of the events: " + "; ".join(self.missing))

    def _enable(self, place: str, wanted: Wanted) -> str:
        """Why an event cannot be had; empty where it is enabled."""
        try:
            form = parse_format(self.tracefs.read(f"{place}/format"))
            lacking = [name for name in wanted.needs if name not in form.fields]
            chosen = wanted.filter(form)
            if lacking or chosen == "":
                return "this kernel's event has no " + (", ".join(lacking) or "reasons")
            if chosen is not None:
                self.tracefs.write(f"{place}/filter", chosen)
            self.tracefs.write(f"{place}/enable", "1")
        except FileNotFoundError:
            return "this kernel has no such event"
        except (OSError, ValueError) as error:
            return str(getattr(error, "strerror", None) or error)
        self.formats[form.id] = (wanted, form)
        return ""


def clean_stale(tracefs: Tracefs) -> None:
    """Removes instances of programs that were killed. Those in use stay: the kernel answers EBUSY; one that is being
    set up is not in use yet, but its process lives."""
    try:
        names = tracefs.names("instances")
    except OSError:
        return
    for name in names:
        if name.startswith(PREFIX) and not _lives(name.removeprefix(PREFIX).partition("-")[0]):
            with contextlib.suppress(OSError):
                tracefs.remove(f"instances/{name}")


def _lives(pid: str) -> bool:
    return pid.isdigit() and os.path.isdir(f"/proc/{pid}")


def _page(pipe: int) -> bytes:
    try:
        return os.read(pipe, LARGEST_PAGE)
    except BlockingIOError:
        return b""
