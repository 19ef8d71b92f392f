"""Looks written to a file and looked at again later: intermittent faults happen at night.

A line of JSON a look: the first in full, the others what changed. What is kept are the kernel's records, owners and
counters, not what was made of them: groups, transitions and findings come of a replay as they come of a live look, and
other thresholds may be tried on it. A file that ends in the middle of a line is good up to there.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import IO

import msgspec

from capture.sockets.assembling import Look, assemble
from capture.sockets.errors import RecordingUnreadable
from capture.sockets.framing import Dump
from capture.sockets.limits import limit_text
from capture.sockets.lives import Lives
from capture.sockets.owners import NoIndex
from capture.sockets.place import Place
from capture.sockets.row import Moment, Namespace, Owner, Process, SocketRow
from capture.sockets.settings import KernelSettings
from capture.sockets.snapshot import Snapshot
from capture.sockets.tcpinfo import TcpInfo
from capture.sockets.thresholds import Thresholds
from capture.sockets.trends import Trends
from capture.sockets.wireform import LISTEN, RECORD_SIZE, packed

SCHEMA = "tcptriage.looks/1"


class RecordedRow(msgspec.Struct, array_like=True):
    """A row that is new or changed. `place` is an index into the look's places; `owners` are (pid, descriptor).
    `since` is on the clock of the look's `moment`."""

    raw: bytes
    place: int
    since: float
    age_is_minimum: bool
    rtt_us: int | None
    total_retransmits: int | None
    drops: int | None
    owners: list[tuple[int, int]]
    hidden: str | None
    info: TcpInfo | None = None


class RecordedProcess(msgspec.Struct, array_like=True):
    """A process that is new or changed."""

    pid: int
    name: str
    open_files: int | None
    soft_limit: int | None
    hard_limit: int | None
    readable: bool


class RecordedPlace(msgspec.Struct, array_like=True):
    """A namespace: inode and name, None for the program's own; settings and counters."""

    netns: tuple[int | None, str] | None
    settings: KernelSettings
    counters: dict[str, int]


class RecordedLook(msgspec.Struct):
    """One line of a recording."""

    schema: str
    time: float
    moment: float
    host: str
    source: str
    limits: tuple[str, ...]
    hidden_owners: int
    places: list[RecordedPlace]
    rows: list[RecordedRow]
    gone: list[tuple[int, bytes]]
    processes: list[RecordedProcess]
    ended: list[int]


_LOOKS = msgspec.json.Decoder(RecordedLook)  # made under the import lock: threads may replay recordings at once


class Recorder:
    """Writes looks to a file, compressed where its name ends in .gz. An existing file is replaced. Raises OSError."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        name = os.fspath(path)
        # Command lines of other users' processes and whom they talk to: for the owner's eyes.
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        file = os.fdopen(descriptor, "wb")
        self._file: IO[bytes] = gzip.GzipFile(fileobj=file, mode="wb") if name.endswith(".gz") else file  # type: ignore[assignment]
        self._under = file
        self._rows: dict[tuple[Namespace | None, bytes], tuple[object, ...]] = {}
        self._processes: dict[int, RecordedProcess] = {}
        self.looks = 0

    def write(self, snapshot: Snapshot) -> None:
        """Adds a look: a full one first, then what changed. On disk when this returns. Raises OSError."""
        places = {netns: number for number, (netns, _, _) in enumerate(snapshot.places)}
        rows: list[RecordedRow] = []
        kept: dict[tuple[Namespace | None, bytes], tuple[object, ...]] = {}
        for row in snapshot.rows:
            key = (row.netns, row.raw[44:52])
            now = (row.raw, row.owners, row.rtt_us, row.total_retransmits, row.drops, row.hidden, row.since)
            info = snapshot.details.get(row)
            if info is not None or self._rows.get(key) != now:
                rows.append(_recorded(row, places[row.netns], info))
            kept[key] = now
        gone = [(places[netns], cookie) for netns, cookie in self._rows.keys() - kept.keys() if netns in places]
        self._rows = kept
        processes = {process.pid: _recorded_process(process) for process in snapshot.processes}
        line = RecordedLook(
            schema=SCHEMA,
            time=snapshot.time,
            moment=snapshot.moment,
            host=snapshot.host,
            source=snapshot.source,
            limits=snapshot.limits,
            hidden_owners=snapshot.hidden_owners,
            places=[
                RecordedPlace(None if netns is None else (netns.inode, netns.name), settings, dict(totals))
                for netns, settings, totals in snapshot.places
            ],
            rows=rows,
            gone=gone,
            processes=[process for pid, process in processes.items() if self._processes.get(pid) != process],
            ended=list(self._processes.keys() - processes.keys()),
        )
        self._processes = processes
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()
        self._under.flush()
        self.looks += 1

    def close(self) -> None:
        """Ends the file."""
        self._file.close()
        self._under.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()


class RecordedSource:
    """The Source of one recorded namespace: what the lines read so far say of it."""

    def __init__(self, name: str, netns: Namespace | None, recorded: RecordedPlace) -> None:
        self.name = name
        self.netns = netns
        self.recorded = recorded
        self.records: dict[bytes, bytes] = {}
        self.owners: dict[bytes, tuple[Owner, ...]] = {}
        self.hidden: dict[bytes, str] = {}
        self.ages: dict[bytes, tuple[float, bool]] = {}
        self.extras: dict[bytes, tuple[int | None, int | None, int | None]] = {}
        self.infos: dict[bytes, TcpInfo] = {}

    def connections(self) -> Dump:
        """See Source."""
        return Dump(self.detailed())

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
        return self.recorded.counters

    def settings(self) -> KernelSettings:
        """See Source."""
        return self.recorded.settings

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

    def __init__(self, path: str | os.PathLike[str], thresholds: Thresholds | None = None) -> None:
        self.path = os.fspath(path)
        self.thresholds = thresholds or Thresholds()
        self.cut_short = False
        """Whether the file turned out to end in the middle of a look, which is left out."""
        self._lines = self._read()
        self._ahead: RecordedLook | None = next(self._lines, None)
        if self._ahead is None:
            raise RecordingUnreadable(f"{self.path}: holds no look; record one with `tcptriage sockets --record`")
        self.looks = 0
        self._moment = Moment(self._ahead.moment)
        self._trends = Trends()
        self._lives = Lives()
        self._places: dict[Namespace | None, Place] = {}
        self._processes: dict[int, Process] = {}
        self._last: float | None = None

    @property
    def ended(self) -> bool:
        """Whether there is no further look."""
        return self._ahead is None

    def look(self, details: bool | None = None, thorough: bool = False) -> Snapshot:
        """The next look, as thorough as it was when recorded whatever is asked.

        Raises RecordingEnded after the last, RecordingUnreadable where the file is damaged.
        """
        recorded = self._ahead
        if recorded is None:
            raise RecordingEnded(self.path)
        self._ahead = next(self._lines, None)
        self._moment.now = recorded.moment
        self._take_processes(recorded)
        places = self._take_rows(recorded)
        news = {place: place.look(recorded.time, details=False) for place in places}
        elapsed = None if self._last is None else recorded.moment - self._last
        self._last = recorded.moment
        self.looks += 1
        limits = recorded.limits
        if self._ahead is None and self.cut_short:
            limits = (*limits, limit_text("cut_short", looks=self.looks))
        look = Look(
            time=recorded.time,
            now=recorded.moment,
            elapsed_s=elapsed,
            host=recorded.host,
            source=recorded.source,
            limits=limits,
            hidden_owners=recorded.hidden_owners,
            processes=list(self._processes.values()),
        )
        return assemble(look, news, self.thresholds, self._trends, self._lives)

    def __iter__(self) -> Iterator[Snapshot]:
        while self._ahead is not None:
            yield self.look()

    def _read(self) -> Iterator[RecordedLook]:
        number = 0
        try:
            with open(self.path, "rb") as plain:
                packed_up = plain.read(2) == b"\x1f\x8b"
                plain.seek(0)
                lines: IO[bytes] = gzip.GzipFile(fileobj=plain) if packed_up else plain  # type: ignore[assignment]
                for line in self._whole_lines(lines):
                    number += 1
                    look = _LOOKS.decode(line)
                    if look.schema != SCHEMA or not look.places or look.places[0].netns is not None:
                        raise RecordingUnreadable(self._damaged(number, "not a recording of this program's looks"))
                    yield look
        except OSError as error:
            raise RecordingUnreadable(f"{self.path}: {error.strerror or error}; check the path") from error
        except msgspec.MsgspecError as error:
            raise RecordingUnreadable(self._damaged(number, str(error))) from error

    def _whole_lines(self, lines: IO[bytes]) -> Iterator[bytes]:
        """Lines that have their end: the last one may be cut, and so may a compressed file."""
        try:
            for line in lines:
                if line.endswith(b"\n"):
                    yield line
                else:
                    self.cut_short = True
        except EOFError:
            self.cut_short = True

    def _damaged(self, number: int, why: str) -> str:
        return f"{self.path}: line {number}: {why}; is this a file made with --record?"

    def _take_processes(self, recorded: RecordedLook) -> None:
        for pid in recorded.ended:
            self._processes.pop(pid, None)
        for told in recorded.processes:
            process = self._processes.setdefault(told.pid, Process(told.pid, told.name))
            process.name, process.open_files, process.readable = told.name, told.open_files, told.readable
            process.soft_limit, process.hard_limit = told.soft_limit, told.hard_limit

    def _take_rows(self, recorded: RecordedLook) -> list[Place]:
        sources: list[RecordedSource] = []
        places: dict[Namespace | None, Place] = {}
        for told in recorded.places:
            netns = None if told.netns is None else Namespace(*told.netns)
            place = self._places.get(netns)
            if place is None:
                place = Place(RecordedSource(recorded.source, netns, told), self._moment, NoIndex())
            source = place.source
            assert isinstance(source, RecordedSource)
            source.recorded, source.name = told, recorded.source
            source.infos.clear()
            sources.append(source)
            places[netns] = place
        self._places = places
        for number, key in recorded.gone:
            if 0 <= number < len(sources):
                sources[number].drop(key)
        for row in recorded.rows:
            if not 0 <= row.place < len(sources) or len(row.raw) != RECORD_SIZE:
                raise RecordingUnreadable(f"{self.path}: a socket in it is damaged; is this a file made with --record?")
            sources[row.place].take(row, self._processes)
        return list(places.values())


def _recorded(row: SocketRow, place: int, info: TcpInfo | None) -> RecordedRow:
    return RecordedRow(
        raw=row.raw,
        place=place,
        since=row.since,
        age_is_minimum=row.age_is_minimum,
        rtt_us=row.rtt_us,
        total_retransmits=row.total_retransmits,
        drops=row.drops,
        owners=[(owner.pid, owner.fd) for owner in row.owners],
        hidden=row.hidden,
        info=info,
    )


def _recorded_process(process: Process) -> RecordedProcess:
    return RecordedProcess(
        process.pid, process.name, process.open_files, process.soft_limit, process.hard_limit, process.readable
    )
