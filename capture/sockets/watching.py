"""Looks at the live connections again and again, and remembers enough between two looks to say what changed."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType

from capture.sockets import wireform as form
from capture.sockets.errors import SourceUnavailable
from capture.sockets.findings import Scene, find
from capture.sockets.grouping import group_places
from capture.sockets.limits import limit_text
from capture.sockets.owners import OwnerIndex
from capture.sockets.place import Place
from capture.sockets.processes import renew_limits
from capture.sockets.row import NO_PERMISSION, Moment, Namespace, SocketRow
from capture.sockets.snapshot import Snapshot
from capture.sockets.sources import SockDiagSource, Source
from capture.sockets.thresholds import Thresholds
from capture.sockets.trends import Trends

SOURCES = ("sock_diag", "procfs", "psutil")
"""In the order of trust; a source that fails is followed by the next."""
DETAILS_EVERY_S = 30.0
"""How often round trips and retransmissions of all sockets are read, rather than of those on the screen."""


class Watcher:
    """The live connections of this machine. One thread at a time may look.

    `source` None takes the best that works and falls back when it fails; a name takes that one alone. `clock` gives
    seconds for ages (monotonic), `wall` the time of day. Raises SourceUnavailable where no source works.
    """

    def __init__(
        self,
        source: str | None = None,
        thresholds: Thresholds | None = None,
        all_namespaces: bool = False,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.thresholds = thresholds or Thresholds()
        self.all_namespaces = all_namespaces
        self._clock, self._wall = clock, wall
        self._candidates = list(SOURCES) if source is None else [source]
        self._moment = Moment(clock())
        self._failures: list[str] = []
        self._last: float | None = None
        self._details_at = self._moment.now
        self._places: dict[Namespace | None, Place] = {}
        self._trends = Trends()
        self._owners = self._new_owners()
        self._open_first()

    def look(self, details: bool | None = None, thorough: bool = False) -> Snapshot:
        """One look. `details` reads every socket's round trip and retransmissions too (the first look always, then
        every 30 s if None); `thorough` reads every descriptor of every process again, so that no owner is of before.

        Raises SourceUnavailable where the last source failed too.
        """
        while True:
            try:
                return self._look(details, thorough)
            except SourceUnavailable as error:
                self._fall_back(str(error))

    def details(self, rows: Iterable[SocketRow]) -> None:
        """Asks for round trip and retransmissions of these rows (those on the screen): 5 µs each."""
        for row in rows:
            place = self._places.get(row.netns)
            if place is None:
                continue
            try:
                place.detail(row)
            except SourceUnavailable:
                return

    def close(self) -> None:
        """Gives all descriptors back."""
        for place in self._places.values():
            place.source.close()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- one look --------------------------------------------------------------------------------------------------

    def _look(self, details: bool | None, thorough: bool) -> Snapshot:
        moment, wall = self._moment, self._wall()
        moment.now = self._clock()
        if details is None:
            details = moment.now - self._details_at >= DETAILS_EVERY_S
        if details:
            self._details_at = moment.now
        if self.all_namespaces:
            self._find_namespaces()
        news = {place: place.look(wall, details) for place in list(self._places.values())}
        self._owners.refresh(thorough)
        places = list(self._places.values())
        own = self._places[None]
        processes = self._owners.processes
        renew_limits(processes, moment.now)
        rows: Sequence[SocketRow] = (
            own.rows() if len(places) == 1 else [row for place in places for row in place.rows()]
        )
        hidden = sum(1 for row in self._owners.unowned() if row.owner_missing == NO_PERMISSION)
        elapsed = None if self._last is None else moment.now - self._last
        self._last = moment.now
        return Snapshot(
            time=wall,
            host=socket.gethostname(),
            source=own.source.name,
            limits=self._limits(own.source, hidden),
            states=_states(places),
            rows=rows,
            counters=news[own].counters,
            groups=group_places(places),
            findings=tuple(find(Scene(places, news, processes, self.thresholds, self._trends, moment.now))),
            transitions=tuple(entry for place in places for entry in news[place].transitions),
            processes=tuple(processes),
            settings=own.settings,
            counter_totals=own.totals,
            elapsed_s=elapsed,
            transitions_left_out=sum(entry.left_out for entry in news.values()),
            hidden_owners=hidden,
        )

    def _limits(self, source: Source, hidden: int) -> tuple[str, ...]:
        limits = list(self._failures)
        limits += [limit_text(code) for code in source.limits()]
        if hidden:
            advice = "run_as_root" if os.geteuid() != 0 else "restricted_root"
            limits.append(limit_text("owners_hidden", sockets=hidden, advice=limit_text(advice)))
        return tuple(limits)

    # -- sources ---------------------------------------------------------------------------------------------------

    def _new_owners(self) -> OwnerIndex:
        return OwnerIndex(
            leave=lambda row: self._places[row.netns].aggregates.owners_leave(row),
            enter=lambda row: self._places[row.netns].aggregates.owners_enter(row),
        )

    def _open_first(self) -> None:
        while True:
            name = self._candidates.pop(0)
            try:
                self._places = {None: Place(_open(name), self._moment, self._owners)}
            except SourceUnavailable as error:
                self._note_failure(str(error))
                if not self._candidates:
                    raise
            else:
                return

    def _fall_back(self, why: str) -> None:
        """Leaves a source that failed for the next one. Nothing of before is kept: keys differ between sources."""
        self._note_failure(why)
        self.close()
        if not self._candidates:
            raise SourceUnavailable(why)
        self._owners = self._new_owners()
        self._places = {}
        self._last = None
        self._open_first()

    def _note_failure(self, why: str) -> None:
        self._failures.append(limit_text("source_failed", why=why))

    def _find_namespaces(self) -> None:
        return


def _open(name: str) -> Source:
    """Opens a source by name. Raises SourceUnavailable; ValueError for a name there is no source of."""
    if name == "sock_diag":
        return SockDiagSource()
    if name == "procfs":
        from capture.sockets.procfs import ProcfsSource

        return ProcfsSource()
    if name == "psutil":
        from capture.sockets.portable import PsutilSource

        return PsutilSource()
    raise ValueError(f"no source of sockets is called {name!r}; there are {', '.join(SOURCES)}")


def _states(places: list[Place]) -> dict[str, int]:
    states: dict[str, int] = {}
    for place in places:
        for number, count in enumerate(place.aggregates.states):
            if count:
                name = form.state_of(number).value
                states[name] = states.get(name, 0) + count
    return states
