"""Kernel events of this machine, read from time to time: tracepoints and the ends of connections together."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from types import TracebackType

from capture.kernel.closed_sockets import ClosedSockets
from capture.kernel.connect_calls import ConnectCalls
from capture.kernel.equal_events import fold
from capture.kernel.event import Ends, EventOwner, Reading
from capture.kernel.event_errors import EventsUnavailable
from capture.kernel.instance import Instance
from capture.kernel.janitor import Janitor
from capture.kernel.joining import Joiner
from capture.kernel.records import TraceRecord
from capture.kernel.threads import Threads
from capture.kernel.tracefs import open_tracefs
from capture.model import Endpoint
from capture.sockets.process_visibility import read_visibility


class KernelEvents:
    """Open it, read now and then, close it. `limits` are sentences on what this kernel or user does not get.

    `outlived`: a small process stays behind as root and cleans up even where this one is killed or has dropped its
    privileges; to be asked for before there are threads. Raises EventsUnavailable where there is nothing to be had.
    """

    def __init__(self, outlived: bool = False) -> None:
        self._janitor: Janitor | None = None
        self._joiner = Joiner()
        self._ahead: list[tuple[int, bytes]] = []
        self._instance: Instance | None = None
        self._closed: ClosedSockets | None = None
        limits = []
        # Its numbers of threads are those of the first pid namespace: another process may have them in this one.
        self._foreign = read_visibility().processes == "pid_namespace"
        try:
            self._instance = _open_instance()
        except EventsUnavailable as error:
            limits.append(f"no kernel events: {error}")
        else:
            limits += [f"no event {missing}" for missing in self._instance.missing]
            if self._foreign:
                limits.append("processes of kernel events: their numbers are those outside of this pid namespace")
            if outlived:
                self._janitor = self._instance.janitor()
        try:
            self._closed = ClosedSockets()
        except EventsUnavailable as error:
            limits.append(str(error))
        if self._instance is None and self._closed is None:
            raise EventsUnavailable("; ".join(limits))
        self.limits = tuple(limits)

    @property
    def names(self) -> tuple[str, ...]:
        """The tracepoints that are listened to, and whether ends of connections are."""
        points = self._instance.formats.values() if self._instance is not None else ()
        names = sorted(wanted.path.replace("/", ":") for wanted, _ in points)
        return (*names, *(("ends of connections (sock_diag)",) if self._closed is not None else ()))

    @property
    def tracefs(self) -> int | None:
        """The descriptor of the root of tracefs, which is read again for names of threads; None without events."""
        return self._instance.tracefs.root if self._instance is not None else None

    def read(self) -> Reading:
        """What happened since the last reading. Costs some microseconds an event, 1 an end."""
        said, lost = self._records()
        events, left_out = fold(self._joiner.events(said, self._threads()))
        ends, missed = self._closed.read() if self._closed is not None else (Ends(), 0)
        return Reading(time.time(), events, ends, lost + left_out + missed)

    def callers(self) -> dict[Endpoint, set[EventOwner]]:
        """Instead of `read`: which processes called connect() since the last time, also those that have ended, by where
        their calls went, in any network namespace."""
        self._records()  # what is no call is not decoded
        calls, found = self._joiner.calls, dict[Endpoint, set[EventOwner]]()
        if calls is None or self._instance is None:
            return found
        threads = self._threads()
        for remote, thread in calls.callers():
            if (owner := threads.owner(thread)) is not None:
                found.setdefault(remote, set()).add(owner)
        calls.forget()
        return found

    def close(self) -> None:
        """Leaves nothing enabled and nothing behind."""
        if self._instance is not None:
            self._instance.close()
        if self._janitor is not None:
            self._janitor.close()
            self._janitor = None
        if self._closed is not None:
            self._closed.close()

    def __enter__(self) -> KernelEvents:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _threads(self) -> Threads:
        if self._instance is None or self._foreign:
            return Threads(lambda table: "", lambda thread: None)
        return Threads(self._instance.thread_names)

    def _records(self) -> tuple[Iterator[tuple[float, TraceRecord]], int]:
        """Records in order of time, decoded when they are asked for (a storm is tens of thousands), and how many were
        lost.

        Processors are read one by one: what came after the first of them was begun waits for the next reading, for
        what led to it may lie on one that was read already.
        """
        if self._instance is None:
            return iter(()), 0
        began, lost = time.monotonic_ns(), 0
        calls = self._connect_calls()
        offset = time.time_ns() - began  # anew each time: the wall clock may be set
        found, self._ahead = self._ahead, []
        kept = (calls.kept, calls.keep) if calls is not None else ()  # as many as there are connects: not decoded
        for one in self._instance.read(*kept):
            if isinstance(one, int):
                lost += one
            else:
                (found if one[0] <= began else self._ahead).append(one)
        if calls is not None:
            calls.offset = offset
        found.sort(key=lambda entry: entry[0])
        return self._decoded(found, offset), lost

    def _decoded(self, found: list[tuple[int, bytes]], offset: int) -> Iterator[tuple[float, TraceRecord]]:
        formats = self._instance.formats if self._instance is not None else {}
        for at, record in found:
            known = formats.get(int.from_bytes(record[:2], sys.byteorder))
            if known is not None:
                wanted, form = known
                yield (at + offset) / 1e9, wanted.decode(form, record)

    def _connect_calls(self) -> ConnectCalls | None:
        calls = self._joiner.calls
        if calls is None and self._instance is not None:
            for wanted, form in self._instance.formats.values():
                if wanted.path.endswith("/inet_sock_set_state"):
                    calls = self._joiner.calls = ConnectCalls(form)
        return calls


def _open_instance() -> Instance:
    tracefs = open_tracefs()
    try:
        return Instance(tracefs)
    except BaseException:
        tracefs.close()
        raise
