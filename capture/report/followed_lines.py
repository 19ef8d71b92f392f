"""Connections of a capture that is still being written, as JSON lines: each once, when it is over.

What was written leaves memory some time later, so that a capture may be followed for weeks.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from capture.decode import so_far
from capture.model import Ending
from capture.report.json_lines import connection_lines
from capture.triage import judged
from capture.wire.files.pcapng_comments import REMARKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from capture.engine.session import Engine
    from capture.filters import Filter
    from capture.flows.connection_table import FlowTable
    from capture.model import Notice
    from capture.triage import Triage
    from capture.verdicts.judge import Verdicts
    from capture.wire.column_types import I64, Bool
    from capture.wire.files.growing_file import Followed

_SECOND = 1_000_000_000
LINGER_S = 5  # after its last packet a connection that ended is over: late repetitions have come
GIVE_UP_S = 130  # … one that went silent: the last repetition of a SYN waits 64 s, and its answer as long
IDLE_S = 86_400  # … one that is open as far as is known: its end may have been lost
KEEP_S = 300  # after its last packet a connection that was written is forgotten: twice 2 MSL, and a little
MOST = 500_000  # connections in memory: beyond that, those that were silent longest go
WORTH = 1000  # connections that are forgotten at once, at least
LOOK_S = 1.0  # between two looks
SHARE = 10  # looking takes at most one part in so many of the time


class EndedConnections:
    """What was written, and what is to be. Times of the capture count, and the clock while nothing comes."""

    def __init__(self, followed: Followed, engine: Engine, stream: BinaryIO, wanted: Filter | None = None) -> None:
        self._followed, self._engine, self._stream, self._wanted = followed, engine, stream, wanted
        # of those in memory, in order: the numbers of their first packets, their ids, and whether they were written
        self._numbers, self._ids, self._written = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_)
        self._next_id = 0

    def write(self, quiet_s: float = 0.0, *, all_: bool = False) -> None:
        """Write the connections that are over, or `all_`; nothing came for `quiet_s` seconds."""
        triage = judged(so_far(self._engine, self._followed))
        flows, verdicts = triage.decoded.flows, triage.verdicts
        if not len(flows):
            return
        now = flows.ends_at + int(quiet_s * 1e9)
        self._know(flows)
        due = ~self._written
        if not all_:
            due &= over(flows, verdicts, now) | (len(flows) > MOST) & _longest_silent(flows)
        self._written |= due
        if self._wanted is not None:
            due = due & self._wanted.select(flows, verdicts)
        self._emit(triage, np.flatnonzero(due))
        self._forget(now - flows.highest_time >= KEEP_S * _SECOND, len(flows) > MOST)

    def _know(self, flows: FlowTable) -> None:
        """Give those that are new their ids, in order, which they keep."""
        numbers = flows.first_number.astype(np.int64)
        places = np.searchsorted(self._numbers, numbers)
        known = np.zeros(len(numbers), np.bool_)
        inside = places < len(self._numbers)
        known[inside] = self._numbers[places[inside]] == numbers[inside]
        ids, written = np.empty(len(numbers), np.int64), np.zeros(len(numbers), np.bool_)
        ids[known], written[known] = self._ids[places[known]], self._written[places[known]]
        new = len(numbers) - int(known.sum())
        ids[~known] = self._next_id + np.arange(new)
        self._next_id += new
        self._numbers, self._ids, self._written = numbers, ids, written

    def _forget(self, rests: Bool, full: bool) -> None:
        """Those that were written and are at rest; all that were written where there are too many."""
        gone = self._written if full else self._written & rests
        if int(gone.sum()) < WORTH:
            return
        self._engine.forget(self._numbers[gone])
        stay = ~gone
        self._numbers, self._ids, self._written = self._numbers[stay], self._ids[stay], self._written[stay]

    def _emit(self, triage: Triage, chosen: I64) -> None:
        for piece in connection_lines(triage, chosen.tolist(), ids=self._ids):
            self._stream.write(piece)
        if len(chosen):
            self._stream.write(b"\n")
            self._stream.flush()


def over(flows: FlowTable, verdicts: Verdicts, now: int) -> Bool:
    """Which connections are over at a time (epoch ns): ended and silent since, or silent for very long. Shape (n,)."""
    endings = [template.ended_by for template in verdicts.templates]
    open_ = np.array([ending is Ending.OPEN for ending in endings])[verdicts.template_of]
    timed_out = np.array([ending is Ending.TIMEOUT for ending in endings])[verdicts.template_of]
    silent = now - flows.highest_time
    waits = np.where(open_, IDLE_S, np.where(timed_out, GIVE_UP_S, LINGER_S)) * np.int64(_SECOND)
    found: Bool = silent >= waits
    return found


def _longest_silent(flows: FlowTable) -> Bool:
    """The half of the connections whose last packet is longest ago. Shape (n,)."""
    found: Bool = flows.highest_time <= np.median(flows.highest_time)
    return found


def follow(
    followed: Followed, written: EndedConnections, stopped: Callable[[], bool], tell: Callable[[Notice], None]
) -> None:
    """Write connections as they end, until the capture's writer ends or `stopped` says so; then those that are left.

    `tell` gets each notice when it is known: what was lost, and that the file was replaced or became shorter.
    """
    next_look = last_came = time.monotonic()
    written_notices = 0
    while not followed.ended and not stopped():
        came = followed.poll(min(LOOK_S / 4, max(0.0, next_look - time.monotonic()) + 0.01))
        written_notices = _tell_from(written_notices, followed, tell)
        now = time.monotonic()
        last_came = now if came else last_came
        if now >= next_look:
            written.write(now - last_came)
            took = time.monotonic() - now
            next_look = time.monotonic() + max(LOOK_S, SHARE * took)
    if not followed.ended:
        followed.end()
    _tell_from(written_notices, followed, tell)
    written.write(all_=True)


def _tell_from(written_notices: int, followed: Followed, tell: Callable[[Notice], None]) -> int:
    """Write the notices behind the first `written`; how many there are by now. What people wrote in it is no loss."""
    notices = followed.notices
    for notice in notices[written_notices:]:
        if notice.code not in REMARKS:
            tell(notice)
    return len(notices)
