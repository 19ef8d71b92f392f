"""Looks at the live connections again and again, and remembers enough between two looks to say what changed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from capture.language import count_of
from capture.sockets.finding_lives import Lives
from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.findings.trends import Trends
from capture.sockets.limits import limit_text
from capture.sockets.namespace_set import Elsewhere
from capture.sockets.owners import Held, OwnerIndex
from capture.sockets.process_limits import renew_limits
from capture.sockets.row import NO_PERMISSION, OTHER_NAMESPACE, Moment, SocketRow
from capture.sockets.snapshot import Snapshot
from capture.sockets.snapshot_assembly import Look, assemble
from capture.sockets.sources.socket_errors import SourceUnavailable
from capture.sockets.sources.source_protocol import SockDiagSource, Source
from capture.sockets.watched_namespace import News, WatchedNamespace

if TYPE_CHECKING:
    from capture.sockets.sources.namespaces import Found
    from capture.sockets.sources.tcpinfo import TcpInfo

SOURCES = ("sock_diag", "procfs", "psutil")
"""In the order of trust; a source that fails is followed by the next."""
DETAILS_EVERY_S = 30.0
"""How often round trips and retransmissions of all sockets are read, rather than of those on the screen."""


OTHERS_S = 0.05
"""Processor time that one look spends on other namespaces; the rest of them have their turn in the next looks."""


class Watcher:
    """The live connections of this machine. Threads take turns.

    `source` None takes the best that works and falls back when it fails; a name takes that one alone. `clock` gives
    seconds for ages (monotonic), `wall` the time of day. `exact`: every look has details and is thorough (see `look`),
    for documents that stand alone. `all_namespaces` None: where this is the host's network. `inside` is a namespace to
    look at in place of the program's own (namespaces.namespace_of). Raises SourceUnavailable where no source works.
    """

    def __init__(
        self,
        source: str | None = None,
        thresholds: Thresholds | None = None,
        all_namespaces: bool | None = False,
        exact: bool = False,
        inside: Found | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.thresholds = thresholds or Thresholds()
        self._exact = exact
        self._clock, self._wall = clock, wall
        self._candidates = list(SOURCES) if source is None else [source]
        self._moment = Moment(clock())
        self._reowned: dict[SocketRow, None] = {}
        """Rows whose owners changed in this look."""
        self._failures: list[str] = []
        self._last: float | None = None
        self._details_at = self._moment.now
        self._namespaces: dict[int, WatchedNamespace] = {}
        """By the identity of what its rows say: of two namespaces of a container whose inodes are hidden both say the
        same."""
        self._asking = threading.Lock()  # one question at a time goes through a netlink socket
        self._trends = Trends()
        self._lives = Lives()
        self._inside = inside
        from capture.sockets.sources.namespaces import in_host_network

        self._owners = self._new_owners()
        self._own = self._open_first()
        self._others = self._new_others(in_host_network() if all_namespaces is None else all_namespaces)

    @property
    def all_namespaces(self) -> bool:
        """Whether other network namespaces are looked into, where that is permitted; may be set between two looks."""
        return self._others.entering

    @all_namespaces.setter
    def all_namespaces(self, wanted: bool) -> None:
        with self._asking:
            self._others.narrow(wanted)

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

    def details(self, rows: Iterable[SocketRow]) -> dict[SocketRow, TcpInfo]:
        """Asks for the tcp_info of these rows (those on the screen): 5 µs each. Returns the answers; round trip and
        retransmissions are kept in the rows."""
        found = {}
        with self._asking:
            for row in rows:
                namespace = self._namespaces.get(id(row.netns))
                if namespace is not None and (info := namespace.detail(row)) is not None:
                    found[row] = info
        return found

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
        own, known = self._own, list(self._namespaces)
        self._reowned.clear()
        self._others.refresh(moment.now, own.source.name == "sock_diag")
        news = {own: own.look(wall, details, self._exact)} | self._look_at_others(wall, details)
        self._owners.refresh(thorough or self._exact)
        processes = self._owners.processes
        renew_limits(processes, moment.now)
        hidden = sum(
            isinstance(row, SocketRow) and row.owner_missing in (NO_PERMISSION, OTHER_NAMESPACE)
            for row in self._owners.unowned()
        )
        look = Look(
            time=wall,
            now=moment.now,
            elapsed_s=None if self._last is None else moment.now - self._last,
            host=socket.gethostname(),
            source=own.source.name,
            limits=self._limits(hidden),
            hidden_owners=hidden,
            processes=processes,
            unseen=self._others.unseen,
            hidden_why=self._why_hidden() if hidden else "",
            # with a namespace all its rows come or go
            touched=None
            if list(self._namespaces) != known or any(one.whole for one in news.values())
            else self._reowned,
            before=self._last,
        )
        self._last = moment.now
        return assemble(look, news, self.thresholds, self._trends, self._lives)

    def _limits(self, hidden: int) -> tuple[str, ...]:
        limits = list(self._failures)
        codes = [code for namespace in [*self._namespaces.values()] for code in namespace.source.limits()]
        limits += [limit_text(code) for code in dict.fromkeys(codes)]
        reasons = dict.fromkeys(
            namespace.unix.unavailable for namespace in self._namespaces.values() if namespace.unix.unavailable
        )
        limits += [limit_text("unix_unseen", why=why) for why in reasons]
        visibility, processes = self._owners.visibility, self._owners.hidden_processes
        advice = self._why_hidden()
        if hidden:
            limits.append(limit_text("owners_hidden", sockets=count_of(hidden, "socket"), advice=advice))
        elif processes:
            limits.append(limit_text("processes_hidden", processes=count_of(processes, "process"), advice=advice))
        elif visibility.processes:
            limits.append(limit_text("processes_unseen", advice=advice))
        return (*limits, *self._others.limits(limit_text(visibility.descriptors or "run_as_root")))

    def _why_hidden(self) -> str:
        return limit_text(self._owners.visibility.why or "kept_from_root")

    # -- sources ---------------------------------------------------------------------------------------------------

    def _new_owners(self) -> OwnerIndex:
        def leave(row: Held) -> None:
            if isinstance(row, SocketRow):
                self._namespaces[id(row.netns)].aggregates.owners_leave(row)

        def enter(row: Held) -> None:
            if isinstance(row, SocketRow):
                self._namespaces[id(row.netns)].aggregates.owners_enter(row)
                self._reowned[row] = None

        return OwnerIndex(leave=leave, enter=enter)

    def _new_others(self, entering: bool) -> Elsewhere:
        return Elsewhere(
            entering,
            make=self._place,
            take_in=lambda namespace: self._namespaces.update({id(namespace.netns): namespace}),
            leave=self._leave,
            own=self._inside.key if self._inside is not None else None,
        )

    def _open_first(self) -> WatchedNamespace:
        while True:
            name = self._candidates.pop(0)
            try:
                namespace = self._place(self._open(name))
            except SourceUnavailable as error:
                self._note_failure(str(error))
                if not self._candidates:
                    raise
            else:
                self._namespaces = {id(namespace.netns): namespace}
                return namespace

    def _place(self, source: Source) -> WatchedNamespace:
        return WatchedNamespace(source, self._moment, self._owners, self.thresholds.resets_a_second)

    def _open(self, name: str) -> Source:
        if self._inside is None:
            return _open(name)
        from capture.sockets.sources.namespaces import open_namespace

        return open_namespace(self._inside, enter=name == "sock_diag")

    def _fall_back(self, why: str) -> None:
        """Leaves a source that failed for the next one. Nothing of before is kept: keys differ between sources."""
        self._note_failure(why)
        self._close()
        if not self._candidates:
            raise SourceUnavailable(why)
        self._owners = self._new_owners()
        self._last = None
        self._own = self._open_first()
        self._others = self._new_others(self._others.entering)

    def _close(self) -> None:
        for namespace in self._namespaces.values():
            namespace.close_tap()
            namespace.source.close()

    def _note_failure(self, why: str) -> None:
        self._failures.append(limit_text("source_failed", why=why))

    # -- other namespaces ------------------------------------------------------------------------------------------

    def _leave(self, namespace: WatchedNamespace) -> None:
        namespace.forget_all()
        namespace.source.close()
        self._namespaces.pop(id(namespace.netns), None)

    def _look_at_others(self, wall: float, details: bool) -> dict[WatchedNamespace, News]:
        """Looks at those that had their last look the longest ago, for so long as OTHERS_S allows: each dump walks the
        hash that all share, and there may be hundreds. What is left out stays as it was; `exact` leaves none out."""
        news: dict[WatchedNamespace, News] = {}
        began = time.process_time()
        for key, namespace in sorted(self._others.namespaces.items(), key=lambda item: item[1].looked_at):
            known = namespace.looked_at > float("-inf")
            if known and not self._exact and time.process_time() - began > OTHERS_S:
                news[namespace] = News()
                continue
            try:
                news[namespace] = namespace.look(wall, details, self._exact)
            except SourceUnavailable:
                self._others.lost(key)
        return news


def _open(name: str) -> Source:
    """Opens a source by name. Raises SourceUnavailable; ValueError for a name there is no source of."""
    if name == "sock_diag":
        return SockDiagSource()
    if name == "procfs":
        from capture.sockets.sources.procfs import ProcfsSource

        return ProcfsSource()
    if name == "psutil":
        from capture.sockets.sources.psutil_source import PsutilSource

        return PsutilSource()
    raise ValueError(f"no source of sockets is called {name!r}; there are {', '.join(SOURCES)}")
