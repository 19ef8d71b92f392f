"""One network namespace under watch: its source, its tables, its counts, and what a look changed in them."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from capture.model import Finding
from capture.sockets import inet_diag_msg as diag
from capture.sockets.ages import age_of
from capture.sockets.aggregates import Aggregates
from capture.sockets.owners import NoIndex, OwnerIndex
from capture.sockets.row import NO_OWNERS, Moment, SocketRow
from capture.sockets.snapshot import Transition
from capture.sockets.socket_table import Changes, SocketTable
from capture.sockets.sources.counters import moved
from capture.sockets.sources.dump_messages import message_spans
from capture.sockets.sources.link_counters import LINK
from capture.sockets.sources.reset_watch import ResetWatch
from capture.sockets.sources.rst_tap import TappedResets
from capture.sockets.sources.socket_errors import SourceUnavailable
from capture.sockets.sources.source_protocol import (
    KnowsOwners,
    NamesInterfaces,
    Remembers,
    SeesBound,
    SeesUnixListeners,
    Source,
)
from capture.sockets.sources.tcpinfo import TcpInfo, listener_drops, listens_to_v6_only, tcp_info
from capture.sockets.sources.unix_listeners import UnixTable
from capture.sockets.state_durations import REMEMBERED, Residence, key_of

SETTINGS_EVERY_S = 30.0
BOUND_EVERY_S = 10.0
"""Sockets that are bound and nothing more cost a fifth of a dump, and are rarely many."""
TRANSITIONS_KEPT = 5000
"""Of one look. More than a person can read; those left out are counted."""
ASK_AT_MOST = 2000
"""How many sockets of one look are asked singly for their tcp_info (5 µs each)."""
CLOSE_ENOUGH_S = 1.5
"""Between looks no further apart than this, a new socket's age needs no asking: it is known to half of that."""
_TOLD_BY_RECORD = frozenset((diag.TIME_WAIT, diag.SYN_RECV, diag.NEW_SYN_RECV, diag.SYN_SENT, diag.LISTEN))


@dataclass(slots=True)
class News:
    """What one look at a namespace brought: for the log and the findings."""

    transitions: list[Transition] = field(default_factory=list)
    left_out: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    elapsed_s: float | None = None
    """Seconds since the look before at this namespace; None at the first, and where it was left out."""
    drops: dict[SocketRow, int] = field(default_factory=dict)
    """Listener → connections dropped since the look before."""

    resets: TappedResets = field(default_factory=TappedResets)
    touched: list[SocketRow] = field(default_factory=list)
    """Rows that are new or were read anew; `whole`: all of them were."""
    gone: list[SocketRow] = field(default_factory=list)
    whole: bool = False

    @property
    def link_drops(self) -> dict[str, int]:
        """{link: segments that it could not send since the look before}."""
        return {name[len(LINK) :]: count for name, count in self.counters.items() if name.startswith(LINK)}


class WatchedNamespace:
    """Keeps the rows of one namespace. Every method may raise SourceUnavailable."""

    def __init__(
        self, source: Source, moment: Moment, owners: OwnerIndex | NoIndex, least_resets: float | None = None
    ) -> None:
        """`least_resets`: a second, from which on they are tapped; None for no tap."""
        self.source = source
        # Asked once: looking a protocol's methods up costs 0.1 ms each time.
        self._sees_bound = source if isinstance(source, SeesBound) else None
        self._sees_unix = source if isinstance(source, SeesUnixListeners) else None
        self._remembers = source if isinstance(source, Remembers) else None
        self._knows_owners = source if isinstance(source, KnowsOwners) else None
        self.netns = source.netns
        self.moment = moment
        self.owners = owners
        self.settings = source.settings()
        self.aggregates = Aggregates(self.settings.ip_local_port_range)
        self.connections = SocketTable(self._row)
        self.listeners = SocketTable(self._row)
        self.bound: dict[bytes, bytes] = {}
        """Records of sockets that are bound to a port and nothing more, by cookie: looked for every BOUND_EVERY_S."""
        self.bound_findings: list[Finding] = []
        self.bound_at = float("-inf")
        self.unix = UnixTable(source.netns)
        self.totals: dict[str, int] = {}
        self.residence = Residence()
        self._interfaces: dict[int, str] = {}
        self._resets = ResetWatch(source) if least_resets is not None else None
        self._least_resets = least_resets or 0.0
        self.asked: dict[SocketRow, TcpInfo] = {}
        """tcp_info of the sockets asked singly since the last look began."""
        self._settings_at = moment.now
        self._looked_at: float | None = None
        self.first_look = moment.now

    def look(self, wall: float, details: bool, exact: bool = False) -> News:
        """Asks the source and brings rows, counts and ages up to date (owners follow in OwnerIndex.refresh). `exact`
        may take some tenths of a second more, to name whose resets it saw counted."""
        now, news = self.moment.now, News()
        if self._looked_at is not None:
            news.elapsed_s = now - self._looked_at
        self._renew_settings(now)
        self.asked.clear()
        first = self._looked_at is None
        if first:
            self.first_look = now
        totals = self.source.counters()
        news.counters = moved(self.totals, totals) if self.totals else {}
        self.totals = totals
        if self._resets is not None:
            news.resets = self._resets.look(news.counters, news.elapsed_s, self._least_resets, exact)
        elif self._remembers is not None:
            news.resets = self._remembers.tapped
        self._take_listeners(wall, news)
        self._take_connections(details or first, wall, news)
        self._take_unix_listeners()
        self._take_bound(exact)
        if self._knows_owners is not None:
            self._take_owners(self._knows_owners)
        if self._remembers is not None:
            self._take_memories(self._remembers, news)
        self._looked_at = now
        self._name_interfaces()
        return news

    def _name_interfaces(self) -> None:
        """Rows that are tied to an interface get its name: few are."""
        for row in self.aggregates.tied:
            if row.scope is None:
                row.scope = self.interface(row.interface)

    @property
    def looked_at(self) -> float:
        """When the last look was, on the watcher's clock; before all times where none was."""
        return float("-inf") if self._looked_at is None else self._looked_at

    def interface(self, index: int) -> str:
        """What an interface is called here; `if4` where nothing tells, or it has gone. Asked for anew where unknown."""
        if index not in self._interfaces and isinstance(self.source, NamesInterfaces):
            try:
                self._interfaces = self.source.interfaces()
            except OSError:
                self._interfaces = {}
        return self._interfaces.setdefault(index, f"if{index}")

    def rows(self) -> list[SocketRow]:
        """All sockets, listeners first."""
        return [*self.listeners.rows.values(), *self.connections.rows.values()]

    def of_ports(self, wanted: Set[bytes]) -> Iterator[SocketRow]:
        """Rows of these local and remote ports (four bytes in network order), those first that the last look lacked."""
        yield from (row for row in self.connections.gone if row.raw[4:8] in wanted)
        yield from self.listeners.of_ports(wanted)
        yield from self.connections.of_ports(wanted)

    def detail(self, row: SocketRow) -> TcpInfo | None:
        """Asks for one socket's tcp_info and keeps its round trip and retransmissions in the row."""
        try:
            info = self.source.exact(row.raw)
        except SourceUnavailable:  # the next dump will tell
            return None
        if info is not None:
            _keep(row, info)
            self.asked[row] = info
        return info

    def forget_all(self) -> None:
        """The namespace is gone: its rows own nothing any more."""
        self.close_tap()
        self.owners.forget([*self.rows(), *self.unix.rows.values()])

    def close_tap(self) -> None:
        """Takes no more resets."""
        if self._resets is not None:
            self._resets.close()

    # -- one look --------------------------------------------------------------------------------------------------

    def _row(self, raw: bytes) -> SocketRow:
        return SocketRow(raw, self.moment, self.netns)

    def _renew_settings(self, now: float) -> None:
        if now - self._settings_at >= SETTINGS_EVERY_S:
            self._settings_at = now
            self.settings = self.source.settings()
            self.aggregates.ephemeral = self.settings.ip_local_port_range

    def _take_listeners(self, wall: float, news: News) -> None:
        def each(row: SocketRow, buffer: bytes, start: int, end: int, fresh: bool) -> None:
            row.v6_only = listens_to_v6_only(buffer, start, end)
            drops = listener_drops(buffer, start, end)
            if drops is not None:
                if row.drops is not None and drops > row.drops:
                    news.drops[row] = drops - row.drops
                row.drops = drops

        changes = self.listeners.update_in_full(self.source.listeners(), each)
        for row in changes.new:
            row.age_is_minimum = self._looked_at is None
        self._account(changes, wall, news)
        news.touched += self.listeners.rows.values()
        if changes.new or changes.gone:
            ports = frozenset(row.raw[4:6] for row in self.listeners.rows.values())
            self.aggregates.listen_on(ports, self.rows())

    def _take_connections(self, details: bool, wall: float, news: News) -> None:
        infos: dict[SocketRow, TcpInfo] = {}
        first = self._looked_at is None

        def each(row: SocketRow, buffer: bytes, start: int, end: int, fresh: bool) -> None:
            info = tcp_info(buffer, start, end)
            if info is not None:
                _keep(row, info)
            if first:
                age, row.age_is_minimum = age_of(row.raw, info, self.settings)
                row.since = self.moment.now - age
            elif fresh and info is not None:
                infos[row] = info

        news.whole = details or self._knows_owners is not None or self._remembers is not None
        if details:
            changes = self.connections.update_in_full(self.source.detailed(), each)
        else:
            changes = self.connections.update(self.source.connections())
        self._account(changes, wall, news)
        if not first:
            self._date(changes, infos)

    def _take_bound(self, exact: bool) -> None:
        often = exact or self._remembers is not None
        source = self._sees_bound
        if source is None or not (often or self.moment.now - self.bound_at >= BOUND_EVERY_S):
            return
        self.bound_at = self.moment.now
        self.bound = {}
        for chunk in source.bound():
            for start, _ in message_spans(chunk):
                raw = chunk[start + diag.HEADER_SIZE : start + diag.HEADER_SIZE + diag.RECORD_SIZE]
                if raw[1] == diag.CLOSE:  # an older kernel knows no such state, and may answer with others
                    self.bound[raw[44:52]] = raw

    def _take_unix_listeners(self) -> None:
        if self._sees_unix is None:
            return
        try:
            new, gone = self.unix.update(self._sees_unix.unix_listeners(), self.moment.now)
        except SourceUnavailable as error:
            self.unix.unavailable = str(error)
            return
        for one in gone:
            self.owners.remove(one, one.inode)
        for one in new:
            self.owners.add(one)

    def _take_owners(self, source: KnowsOwners) -> None:
        """Owners of a source that tells them itself, and no inodes."""
        for row in self.rows():
            owners = source.owners.get(row.raw[44:52], NO_OWNERS)
            row.hidden = source.hidden.get(row.raw[44:52])
            if owners != row.owners:
                self.aggregates.owners_leave(row)
                row.owners = owners
                self.aggregates.owners_enter(row)

    def _take_memories(self, source: Remembers, news: News) -> None:
        """Ages and extras of rows that a recording tells anew."""
        rows = self.connections.rows | self.listeners.rows
        for key, (since, is_minimum) in source.ages.items():
            if (row := rows.get(key)) is not None:
                row.since, row.age_is_minimum = since, is_minimum
                before = row.drops
                row.rtt_us, row.total_retransmits, row.drops = source.extras[key]
                if before is not None and row.drops is not None and row.drops > before:
                    news.drops[row] = row.drops - before
        source.ages.clear()

    def _date(self, changes: Changes, infos: dict[SocketRow, TcpInfo]) -> None:
        """Ages of sockets that are new in their state since the look before."""
        now, before = self.moment.now, self._looked_at or self.moment.now
        fresh = changes.new + [row for row, raw in changes.changed if raw[1] != row.raw[1]]
        asking = now - before > CLOSE_ENOUGH_S
        asked = 0
        for row in fresh:
            info = infos.get(row)
            if info is None and asking and asked < ASK_AT_MOST and row.raw[1] not in _TOLD_BY_RECORD:
                asked += 1
                info = self.detail(row)
            age, is_minimum = age_of(row.raw, info, self.settings)
            if is_minimum and not info and row.raw[1] not in _TOLD_BY_RECORD:
                # Somewhere between the two looks: the middle is wrong by half of that at most.
                age, is_minimum = (now - before) / 2, now - before > 2 * CLOSE_ENOUGH_S
            elif age > now - before:
                age = now - before
            row.since, row.age_is_minimum = now - age, is_minimum

    def _account(self, changes: Changes, wall: float, news: News) -> None:
        """Moves rows between the counts, tells the owner index, writes the log."""
        aggregates, owners, now = self.aggregates, self.owners, self.moment.now
        logging = self._looked_at is not None
        news.gone += changes.gone
        news.touched += (*changes.new, *(row for row, _ in changes.changed))
        for row in changes.gone:
            if logging:
                self._log(news, wall, row, row.raw, None)
            if row.raw[1] in REMEMBERED:
                self._note_stay(row, row.raw)
            aggregates.forget(row)
            owners.remove(row, row.inode)
        for row, before in changes.changed:
            if logging and before[1] != row.raw[1]:
                self._log(news, wall, row, before, row.raw)
            if before[1] in REMEMBERED and before[1] != row.raw[1]:
                self._note_stay(row, before)
            if row.raw[1] != diag.LISTEN:
                aggregates.restate(row, before, now)
            if before[68:72] != row.raw[68:72]:
                aggregates.owners_leave(row)
                owners.remove(row, diag.number_at(before, 68))
                row.owners, row.hidden = NO_OWNERS, None
                owners.add(row)
        for row in changes.new:
            if logging:
                self._log(news, wall, row, None, row.raw)
            aggregates.enter(row)
            if row.raw[1] != diag.LISTEN:
                aggregates.watch(row, now)
            owners.add(row)

    def _note_stay(self, row: SocketRow, before: bytes) -> None:
        """A socket left a closing state, some time since the look before: its stay was as long as that at least."""
        seen_s = row.age_s - (self.moment.now - (self._looked_at or self.moment.now))
        self.residence.left(key_of(before, before[1], self.aggregates.listening), max(0.0, seen_s), self.moment.now)

    def _log(self, news: News, wall: float, row: SocketRow, before: bytes | None, after: bytes | None) -> None:
        if len(news.transitions) >= TRANSITIONS_KEPT:
            news.left_out += 1
            return
        left = None if before is None else before[1]
        entered = None if after is None else after[1]
        age = None if before is None else row.age_s
        news.transitions.append(Transition(wall, left, entered, row.raw, row.owners, age, row.netns))


def _keep(row: SocketRow, info: TcpInfo) -> None:
    row.rtt_us = info.rtt_us
    row.total_retransmits = info.total_retransmits
