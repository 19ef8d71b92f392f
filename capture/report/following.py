"""Connections of a capture that is still being written, as JSON lines: each once, when it is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from capture.decode import so_far
from capture.model import Ending
from capture.report.lines import connection_lines
from capture.triage import judged

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from capture.engine.session import Engine
    from capture.filters import Filter
    from capture.flows.table import FlowTable
    from capture.triage import Triage
    from capture.verdicts.judging import Verdicts
    from capture.wire.columns import I64, Bool
    from capture.wire.following import Followed

LINGER_S = 5  # after its last packet a connection that ended is over: late repetitions have come
GIVE_UP_S = 130  # … one that went silent: the last repetition of a SYN waits 64 s, and its answer as long
LOOK_S = 1.0  # between two looks
SHARE = 10  # looking takes at most one part in so many of the time


class EndedConnections:
    """What was written, and what is to be. Times of the capture count, and the clock while nothing comes."""

    def __init__(self, followed: Followed, engine: Engine, stream: BinaryIO, wanted: Filter | None = None) -> None:
        self._followed, self._engine, self._stream, self._wanted = followed, engine, stream, wanted
        self._written = np.zeros(0, np.int64)  # numbers of their first packets, in order

    def write(self, quiet_s: float = 0.0, *, all_: bool = False) -> None:
        """Write the connections that are over, or `all_`; nothing came for `quiet_s` seconds."""
        triage = judged(so_far(self._engine, self._followed))
        flows, verdicts = triage.decoded.flows, triage.verdicts
        if not len(flows):
            return
        due = ~np.isin(flows.first_number, self._written)
        if not all_:
            due &= over(flows, verdicts, flows.ends_at + int(quiet_s * 1e9))
        self._written = np.union1d(self._written, flows.first_number[due])
        if self._wanted is not None:
            due &= self._wanted.select(flows, verdicts)
        self._emit(triage, np.flatnonzero(due))

    def _emit(self, triage: Triage, chosen: I64) -> None:
        for piece in connection_lines(triage, chosen.tolist()):
            self._stream.write(piece)
        if len(chosen):
            self._stream.write(b"\n")
            self._stream.flush()


def over(flows: FlowTable, verdicts: Verdicts, now: int) -> Bool:
    """Which connections are over at a time (epoch ns): ended and silent since, or silent for so long. Shape (n,)."""
    endings = [template.ended_by for template in verdicts.templates]
    open_ = np.array([ending is Ending.OPEN for ending in endings])[verdicts.template_of]
    timed_out = np.array([ending is Ending.TIMEOUT for ending in endings])[verdicts.template_of]
    silent = now - flows.highest_time
    waits = np.where(timed_out, GIVE_UP_S, LINGER_S) * np.int64(1_000_000_000)
    found: Bool = ~open_ & (silent >= waits)
    return found


def follow(followed: Followed, written: EndedConnections, stopped: Callable[[], bool]) -> None:
    """Write connections as they end, until the capture's writer ends or `stopped` says so; then those that are left."""
    next_look = last_came = time.monotonic()
    while not followed.ended and not stopped():
        came = followed.poll(min(LOOK_S / 4, max(0.0, next_look - time.monotonic()) + 0.01))
        now = time.monotonic()
        last_came = now if came else last_came
        if now >= next_look:
            written.write(now - last_came)
            took = time.monotonic() - now
            next_look = time.monotonic() + max(LOOK_S, SHARE * took)
    if not followed.ended:
        followed.end()
    written.write(all_=True)
