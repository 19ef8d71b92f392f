"""What records say together: the addresses of a failed call's socket, a refused connect, the caller's process."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from capture.kernel.connect_calls import ConnectCalls
from capture.kernel.event import EventOwner, KernelEvent, Kind
from capture.kernel.formats import Format
from capture.kernel.records import SYN_SENT, TraceRecord, ends_of
from capture.kernel.threads import Threads
from capture.model import Endpoint

REMEMBERED: Final = 16384
"""Sockets whose addresses are kept, half a kilobyte each: those that failed or ended last. What a storm leaves out has
its addresses in its own records, but for failed calls."""
CALLERS: Final = 8192
"""Sockets whose connect() was called last: those that fail mostly do so within a round trip."""
KEPT_S: Final = 60.0
"""The kernel uses a socket's memory again: what was not heard of for so long is not believed."""
JUST_NOW_S: Final = 1.0
"""An error of a socket that was connecting so short a time ago is connect()'s."""
KINDS: Final = {
    "send_reset": Kind.RESET_SENT,
    "receive_reset": Kind.RESET_RECEIVED,
    "error_report": Kind.ERROR_REPORTED,
    "send": Kind.CALL_FAILED,
    "recv": Kind.CALL_FAILED,
    "retransmit": Kind.RETRANSMITTED,
    "drop": Kind.DROPPED,
}

Pair = tuple[Endpoint | None, Endpoint | None]


class _Socket(NamedTuple):
    ends: Pair
    late: tuple[Format, bytes] | None
    cookie: int
    time: float


class Joiner:
    """Turns records, in order of time, into events. Remembers sockets between readings."""

    def __init__(self) -> None:
        self._sockets: dict[int, _Socket] = {}  # by the kernel's address of it
        self._connecting: dict[Pair, tuple[float, int]] = {}  # when it ended, and the thread that had called
        self._callers: dict[int, int] = {}  # socket → the thread that called connect()
        self.calls: ConnectCalls | None = None
        """Where the calls of this machine are, which are not given as records."""

    @property
    def remembered(self) -> int:
        """How many sockets it knows the addresses of."""
        return len(self._sockets)

    def events(self, said: Iterable[tuple[float, TraceRecord]], threads: Threads) -> Iterator[KernelEvent]:
        """`said` is (epoch seconds, record). A change of state is no event: it only names a socket."""
        for time, one in said:
            if one.socket and (one.local is not None or one.late is not None):
                self._remember(one, time)
            if one.what == "connecting":
                self._note_caller(one)
            if one.what in ("set_state", "connecting") or _of_its_own_close(one):
                continue
            call, thread = self._call(one, time)
            thread = thread or self._caller(one, time)
            yield self._event(time, one, call, threads.owner(one.thread) or threads.owner(thread))

    def _event(self, time: float, one: TraceRecord, call: str | None, caller: EventOwner | None) -> KernelEvent:
        (local, remote), cookie = (one.local, one.remote), one.cookie
        if one.socket:
            known = self._known(one.socket, time)
            if local is None:
                local, remote = known[0]
            cookie = cookie or known[1]
        return KernelEvent(
            time=time,
            kind=KINDS[one.what],
            local=local,
            remote=remote,
            errno=errno.errorcode.get(one.error, str(one.error)) if one.error else None,
            call=call,
            reason=one.reason,
            owner=caller,
            cookie=f"{cookie:x}" if cookie else None,
        )

    def _call(self, one: TraceRecord, time: float) -> tuple[str | None, int]:
        """connect for an error of a socket that was connecting a moment ago: its state changes just before. And the
        thread that had called it, 0 where that is not known."""
        if one.what in ("send", "recv"):
            return one.what, 0
        if one.what != "error_report":
            return None, 0
        at, thread = self._connecting.pop((one.local, one.remote), (float("-inf"), 0))
        return ("connect", thread) if time - at < JUST_NOW_S else (None, 0)

    def _caller(self, one: TraceRecord, time: float) -> int:
        """Who had connected the socket that a packet came for: most that are reset live between two looks only."""
        if one.thread or not one.socket or one.remote is None or self.calls is None:
            return 0
        return self.calls.thread(one.socket, time, one.remote)

    def _note_caller(self, one: TraceRecord) -> None:
        self._callers.pop(one.socket, None)
        self._callers[one.socket] = one.thread
        if len(self._callers) > CALLERS:
            del self._callers[next(iter(self._callers))]

    def _remember(self, one: TraceRecord, time: float) -> None:
        before = self._sockets.pop(one.socket, None)
        cookie = one.cookie or (before.cookie if before is not None and before.ends == (one.local, one.remote) else 0)
        self._sockets[one.socket] = _Socket((one.local, one.remote), one.late, cookie, time)
        while (oldest := next(iter(self._sockets))) != one.socket:  # in order of when they were heard of
            if len(self._sockets) <= REMEMBERED and time - self._sockets[oldest].time < KEPT_S:
                break
            del self._sockets[oldest]
        if one.what == "set_state" and one.state == SYN_SENT:
            thread = self._callers.pop(one.socket, 0) or (self.calls.thread(one.socket, time) if self.calls else 0)
            self._connecting[one.local, one.remote] = (time, thread)
            while (first := next(iter(self._connecting))) != (one.local, one.remote):
                if len(self._connecting) <= REMEMBERED and time - self._connecting[first][0] < JUST_NOW_S:
                    break
                del self._connecting[first]

    def _known(self, socket: int, time: float) -> tuple[Pair, int]:
        known = self._sockets.get(socket)
        if known is None or time - known.time >= KEPT_S:
            return (None, None), 0
        del self._sockets[socket]
        self._sockets[socket] = known._replace(time=time)
        return (ends_of(*known.late) if known.late is not None else known.ends), known.cookie


def _of_its_own_close(one: TraceRecord) -> bool:
    """An error that close() with SO_LINGER 0 puts on the socket it takes apart (tcp_disconnect): nobody gets it."""
    return one.what == "error_report" and one.remote is not None and not one.remote.port
