"""Looks at the live connections again and again, and remembers enough between two looks to say what changed."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType

from capture.sockets.assembling import Look, assemble
from capture.sockets.errors import SourceUnavailable
from capture.sockets.limits import limit_text
from capture.sockets.owners import OwnerIndex
from capture.sockets.place import News, Place
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

NAMESPACES_EVERY_S = 3.0


class Watcher:
    """The live connections of this machine. Threads take turns.

    `source` None takes the best that works and falls back when it fails; a name takes that one alone. `clock` gives
    seconds for ages (monotonic), `wall` the time of day. `exact`: every look has details and is thorough (see `look`),
    for documents that stand alone. Raises SourceUnavailable where no source works.
    """

    def __init__(
        self,
        source: str | None = None,
        thresholds: Thresholds | None = None,
        all_namespaces: bool = False,
        exact: bool = False,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.thresholds = thresholds or Thresholds()
        self.all_namespaces = all_namespaces
        self._exact = exact
        self._clock, self._wall = clock, wall
        self._candidates = list(SOURCES) if source is None else [source]
        self._moment = Moment(clock())
        self._failures: list[str] = []
        self._last: float | None = None
        self._details_at = self._moment.now
        self._places: dict[Namespace | None, Place] = {}
        self._asking = threading.Lock()  # one question at a time goes through a netlink socket
        self._trends = Trends()
        self._others: dict[tuple[str, int], Place] = {}
        self._namespaces_at: float | None = None
        self._hidden_namespaces = 0
        self._owners = self._new_owners()
        self._open_first()

    def look(self, details: bool | None = None, thorough: bool = False) -> Snapshot:
        """One look. `details` reads every socket's round trip and retransmissions too (the first look always, then
        every 30 s if None); `thorough` reads every descriptor of every process again, so that no owner is of before.

        Raises SourceUnavailable where the last source failed too.
        """
        with self._asking:
            while True:
                try:
                    return self._look(details, thorough)
                except SourceUnavailable as error:
                    self._fall_back(str(error))

    def details(self, rows: Iterable[SocketRow]) -> None:
        """Asks for round trip and retransmissions of these rows (those on the screen): 5 µs each."""
        with self._asking:
            for row in rows:
                if (place := self._places.get(row.netns)) is not None:
                    place.detail(row)

    def close(self) -> None:
        """Gives all descriptors back."""
        with self._asking:
            self._close()

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
            details = self._exact or moment.now - self._details_at >= DETAILS_EVERY_S
        if details:
            self._details_at = moment.now
        if self.all_namespaces:
            self._find_namespaces()
        own = self._places[None]
        news = {own: own.look(wall, details)} | self._look_at_others(wall, details)
        self._owners.refresh(thorough or self._exact)
        processes = self._owners.processes
        renew_limits(processes, moment.now)
        hidden = sum(1 for row in self._owners.unowned() if row.owner_missing == NO_PERMISSION)
        look = Look(
            time=wall,
            now=moment.now,
            elapsed_s=None if self._last is None else moment.now - self._last,
            host=socket.gethostname(),
            source=own.source.name,
            limits=self._limits(hidden),
            hidden_owners=hidden,
            processes=processes,
        )
        self._last = moment.now
        return assemble(look, news, self.thresholds, self._trends)

    def _limits(self, hidden: int) -> tuple[str, ...]:
        limits = list(self._failures)
        codes = [code for place in [*self._places.values()] for code in place.source.limits()]
        limits += [limit_text(code) for code in dict.fromkeys(codes)]
        advice = limit_text("run_as_root" if os.geteuid() != 0 else "restricted_root")
        if hidden:
            limits.append(limit_text("owners_hidden", sockets=hidden, advice=advice))
        if self._hidden_namespaces:
            limits.append(limit_text("namespaces_hidden", namespaces=self._hidden_namespaces, advice=advice))
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
        self._close()
        if not self._candidates:
            raise SourceUnavailable(why)
        self._owners = self._new_owners()
        self._places, self._others = {}, {}
        self._last = self._namespaces_at = None
        self._open_first()

    def _close(self) -> None:
        for place in self._places.values():
            place.source.close()

    def _note_failure(self, why: str) -> None:
        self._failures.append(limit_text("source_failed", why=why))

    # -- other namespaces ------------------------------------------------------------------------------------------

    def _find_namespaces(self) -> None:
        """Opens places that appeared and leaves those that went, every few seconds."""
        now = self._moment.now
        if self._namespaces_at is not None and now - self._namespaces_at < NAMESPACES_EVERY_S:
            return
        from capture.sockets.namespaces import find_namespaces, open_namespace

        self._namespaces_at = now
        found = find_namespaces()
        for key in self._others.keys() - found.keys():
            self._leave(self._others.pop(key))
        self._hidden_namespaces = 0
        for key in found.keys() - self._others.keys():
            try:
                source = open_namespace(found[key], enter=self._places[None].source.name == "sock_diag")
                place = Place(source, self._moment, self._owners)
            except SourceUnavailable:
                self._hidden_namespaces += 1
                continue
            self._others[key] = place
            self._places[place.netns] = place

    def _leave(self, place: Place) -> None:
        place.forget_all()
        place.source.close()
        self._places.pop(place.netns, None)

    def _look_at_others(self, wall: float, details: bool) -> dict[Place, News]:
        news: dict[Place, News] = {}
        for key, place in list(self._others.items()):
            try:
                news[place] = place.look(wall, details)
            except SourceUnavailable:
                # It ended, or the process it was read through did: found again in the next look if it lives.
                self._leave(self._others.pop(key))
                self._namespaces_at = None
        return news


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
