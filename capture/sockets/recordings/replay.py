"""Recorded looks looked at again: the same tables, ages and findings as live ones come of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from capture.sockets.finding_lives import Lives
from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.findings.trends import Trends
from capture.sockets.inet_diag_msg import LISTEN, RECORD_SIZE, cookie_bytes, packed
from capture.sockets.limits import limit_text
from capture.sockets.owners import NoIndex
from capture.sockets.recordings.recording_format import (
    END_SCHEMA,
    FIRST_SCHEMA,
    HEAD,
    LOOKS,
    SCHEMA,
    RecordedLook,
    RecordedNamespace,
    RecordedRow,
    RecordedUnix,
)
from capture.sockets.recordings.recording_lines import RecordingLines
from capture.sockets.row import Moment, Namespace, Owner, Process
from capture.sockets.snapshot import Snapshot
from capture.sockets.snapshot_assembly import Look, assemble
from capture.sockets.sources.dump_diff import Chunk
from capture.sockets.sources.rst_tap import Reset, TappedResets
from capture.sockets.sources.settings import KernelSettings
from capture.sockets.sources.socket_errors import RecordingUnreadable
from capture.sockets.sources.tcpinfo import TcpInfo
from capture.sockets.sources.unix_listeners import UnixListener
from capture.sockets.watched_namespace import WatchedNamespace


class RecordedSource:
    """The Source of one recorded namespace: what the lines read so far say of it."""

    def __init__(self, name: str, netns: Namespace | None) -> None:
        self.name = name
        self.netns = netns
        self.records: dict[bytes, bytes] = {}
        self.owners: dict[bytes, tuple[Owner, ...]] = {}
        self.hidden: dict[bytes, str] = {}
        self.ages: dict[bytes, tuple[float, bool]] = {}
        self.extras: dict[bytes, tuple[int | None, int | None, int | None]] = {}
        self.infos: dict[bytes, TcpInfo] = {}
        self.counted: dict[str, int] = {}
        self.settled = KernelSettings()
        self.tapped = TappedResets()
        self.records_bound: list[bytes] = []

    def connections(self) -> Iterable[Chunk]:
        """See Source."""
        return self.detailed()

    def detailed(self) -> Iterable[bytes]:
        """See Source: details come with `infos`."""
        return [b"".join(packed(raw) for raw in self.records.values() if raw[1] != LISTEN)]

    def listeners(self) -> Iterable[bytes]:
        """See Source."""
        return [b"".join(packed(raw) for raw in self.records.values() if raw[1] == LISTEN)]

    def exact(self, raw: bytes) -> TcpInfo | None:
        """See Source: what was asked in the recorded look."""
        return self.infos.get(raw[44:52])

    def counters(self) -> dict[str, int]:
        """See Source."""
        return dict(self.counted)

    def settings(self) -> KernelSettings:
        """See Source."""
        return self.settled

    def bound(self) -> Iterable[bytes]:
        """See SeesBound."""
        return [b"".join(packed(raw) for raw in self.records_bound)]

    def take_namespace(self, recorded: RecordedNamespace) -> None:
        """Notes what a look says of the namespace itself."""
        self.counted |= recorded.counters
        self.settled = recorded.settings or self.settled
        self.records_bound = self.records_bound if recorded.bound is None else recorded.bound
        seconds, missed, resets = recorded.resets or (0.0, 0, [])
        self.tapped = TappedResets(seconds, Counter({Reset(*one[1:]): one[0] for one in resets}), missed)

    def limits(self) -> list[str]:
        """See Source: those of the recording come with its look."""
        return []

    def close(self) -> None:
        """See Source."""

    def take(self, row: RecordedRow, processes: dict[int, Process]) -> None:
        """Notes a recorded row."""
        key = row.raw[44:52]
        self.records[key] = row.raw
        self.owners[key] = tuple(Owner(processes[pid], fd) for pid, fd in row.owners if pid in processes)
        self.ages[key] = (row.since, row.age_is_minimum)
        self.extras[key] = (row.rtt_us, row.total_retransmits, row.drops)
        self.hidden.pop(key, None)
        if row.hidden:
            self.hidden[key] = row.hidden
        if row.info is not None:
            self.infos[key] = row.info

    def drop(self, key: bytes) -> None:
        """Forgets a socket that had gone."""
        for known in (self.records, self.owners, self.ages, self.extras, self.hidden):
            known.pop(key, None)


class RecordingEnded(Exception):  # noqa: N818
    """There is no further look in a recording."""


class Replay:
    """Looks of a recording, one after another, as a Watcher would have given them. Raises RecordingUnreadable.

    `time` of a snapshot and all ages are those of the recording.
    """

    def __init__(
        self, path: str | os.PathLike[str], thresholds: Thresholds | None = None, unfinished: bool = False
    ) -> None:
        """`unfinished`: the file is known to be written still, and that it has no end mark is no news."""
        self.path = os.fspath(path)
        self._unfinished = unfinished
        self._unix: list[RecordedUnix] = []
        self.thresholds = thresholds or Thresholds()
        self.cut_short = False
        """Whether the file turned out to have no end, or to end in the middle of a look, which is left out."""
        self.whole = False
        """Whether its end was reached; then damage is a checksum that does not fit."""
        self.damage = ""
        """What is wrong with the file behind the looks that could be read; empty where nothing is."""
        self._lines = self._read()
        self._ahead: RecordedLook | None = next(self._lines, None)
        if self._ahead is None:
            raise RecordingUnreadable(f"{self.path}: holds no look; record one with `tcptriage sockets --record`")
        self.looks = 0
        self._moment = Moment(self._ahead.moment)
        self._trends = Trends()
        self._lives = Lives()
        self._namespaces: dict[Namespace | None, WatchedNamespace] = {}
        self._processes: dict[int, Process] = {}
        self._last: float | None = None

    @property
    def ended(self) -> bool:
        """Whether there is no further look."""
        return self._ahead is None

    def look(self, details: bool | None = None, thorough: bool = False) -> Snapshot:
        """The next look, as thorough as it was when recorded whatever is asked.

        Raises RecordingEnded after the last that can be read, RecordingUnreadable where the file cannot be read on.
        """
        recorded = self._ahead
        if recorded is None:
            raise RecordingEnded(self.path)
        self._ahead = next(self._lines, None)
        self._moment.now = recorded.moment
        self._take_processes(recorded)
        namespaces = self._take_rows(recorded)
        news = {namespace: namespace.look(recorded.time, details=False) for namespace in namespaces}
        before, self._last = self._last, recorded.moment
        self.looks += 1
        limits = recorded.limits
        if self._ahead is None and self.damage:
            code = "changed" if self.whole else "damaged"
            limits = (*limits, limit_text(code, looks=self.looks, why=self.damage))
        elif self._ahead is None and self.cut_short and not self._unfinished:
            limits = (*limits, limit_text("cut_short", looks=self.looks))
        look = Look(
            time=recorded.time,
            now=recorded.moment,
            elapsed_s=None if before is None else recorded.moment - before,
            host=recorded.host,
            source=recorded.source,
            limits=limits,
            hidden_owners=recorded.hidden_owners,
            processes=list(self._processes.values()),
            before=before,
        )
        return assemble(look, news, self.thresholds, self._trends, self._lives)

    def __iter__(self) -> Iterator[Snapshot]:
        while self._ahead is not None:
            yield self.look()

    def _read(self) -> Iterator[RecordedLook]:
        """Looks as far as they can be read; damage behind the first one ends them, and is reported with the last."""
        number, ended, marked = 0, False, False
        try:
            with open(self.path, "rb") as file:
                lines = RecordingLines(file)
                for line in lines:
                    number += 1
                    if ended:  # read on for the checksum behind it
                        continue
                    try:
                        look = _look_of(line)
                    except (msgspec.MsgspecError, ValueError) as error:
                        if number == 1:
                            raise RecordingUnreadable(self._damaged(number, str(error))) from error
                        self.damage = f"line {number}: {error}"
                        return
                    if look is None:
                        ended = True
                        continue
                    marked = look.schema == SCHEMA
                    yield look
                if lines.damage and not number:
                    raise RecordingUnreadable(f"{self.path}: {lines.damage}; is this a file made with --record?")
                self.damage, self.whole = lines.damage, ended
                self.cut_short = not ended and not self.damage and (lines.cut or marked)
        except OSError as error:
            raise RecordingUnreadable(f"{self.path}: {error.strerror or error}; check the path") from error

    def _take_unix(
        self, recorded: RecordedLook, sources: list[RecordedSource], namespaces: list[WatchedNamespace]
    ) -> None:
        self._unix = self._unix if recorded.unix is None else recorded.unix
        found: list[dict[bytes, UnixListener]] = [{} for _ in sources]
        for one in self._unix:
            if not 0 <= one.namespace < len(sources):
                continue
            cookie = cookie_bytes(one.cookie)
            listener = UnixListener(cookie, one.inode, one.path, sources[one.namespace].netns)
            listener.waiting, listener.most, listener.hidden = one.waiting, one.most, one.hidden
            listener.owners = tuple(Owner(self._processes[pid], fd) for pid, fd in one.owners if pid in self._processes)
            listener.since = {} if one.since is None else {0: one.since}
            found[one.namespace][cookie] = listener
        for namespace, listeners in zip(namespaces, found, strict=True):
            namespace.unix.rows = listeners
            namespace.unix.seen = namespace.unix.seen or bool(listeners)

    def _damaged(self, number: int, why: str) -> str:
        return f"{self.path}: line {number}: {why}; is this a file made with --record?"

    def _take_processes(self, recorded: RecordedLook) -> None:
        for pid in recorded.ended:
            self._processes.pop(pid, None)
        for one in recorded.processes:
            process = self._processes.setdefault(one.pid, Process(one.pid, one.name))
            process.name, process.open_files, process.readable = one.name, one.open_files, one.readable
            process.soft_limit, process.hard_limit = one.soft_limit, one.hard_limit

    def _take_rows(self, recorded: RecordedLook) -> list[WatchedNamespace]:
        sources: list[RecordedSource] = []
        namespaces: dict[Namespace | None, WatchedNamespace] = {}
        for one in recorded.namespaces:
            netns = None if one.netns is None else Namespace(*one.netns)
            namespace = self._namespaces.get(netns)
            if namespace is None:
                source = RecordedSource(recorded.source, netns)
                source.take_namespace(one)
                namespace = WatchedNamespace(source, self._moment, NoIndex())
            else:
                assert isinstance(namespace.source, RecordedSource)
                source = namespace.source
                source.take_namespace(one)
            source.name = recorded.source
            source.infos.clear()
            sources.append(source)
            namespaces[netns] = namespace
        self._namespaces = namespaces
        for number, key in recorded.gone:
            if 0 <= number < len(sources):
                sources[number].drop(key)
        self._take_unix(recorded, sources, list(namespaces.values()))
        for row in recorded.rows:
            sources[row.namespace].take(row, self._processes)
        return list(namespaces.values())


def _look_of(line: bytes) -> RecordedLook | None:
    """The look of a line, None of the mark at the end. Raises ValueError or MsgspecError where it is neither."""
    schema = HEAD.decode(line).schema
    if schema == END_SCHEMA:
        return None
    if schema not in (SCHEMA, FIRST_SCHEMA):
        raise ValueError("not a recording of this program's looks")
    look = LOOKS.decode(line)
    if not look.namespaces or look.namespaces[0].netns is not None:
        raise ValueError("not a recording of this program's looks")
    if not all(0 <= row.namespace < len(look.namespaces) and len(row.raw) == RECORD_SIZE for row in look.rows):
        raise ValueError("a socket in it is damaged")
    return look
