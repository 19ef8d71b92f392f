"""Looks written to a file, to be looked at again later (replay.py): intermittent faults happen at night.

A line of JSON a look, compressed: the first in full, the others what changed; a timer's countdown is no change, and a
round trip is one only where it moved by a third. What is kept are the kernel's records, owners and counters, not what
was made of them: groups, transitions and findings come of a replay as they come of a live look, and other thresholds
may be tried on it. The last line is an end mark: a file without it was cut, or is still being written, and is good up
to there. Schema /1 (no end mark, all counters in each line) is read too.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple

import msgspec

from capture.sockets.recordings.recording_format import (
    END_SCHEMA,
    SCHEMA,
    RecordedEnd,
    RecordedLook,
    RecordedNamespace,
    RecordedProcess,
    RecordedRow,
    RecordedUnix,
)
from capture.sockets.row import Namespace, Owner, Process, SocketRow
from capture.sockets.snapshot import NamespaceView, Snapshot
from capture.sockets.sources.tcpinfo import TcpInfo
from capture.sockets.sources.unix_listeners import UnixListener

COMPRESSION = 1
"""zlib's fastest: the lines shrink to a quarter, at 2 % of a core for 20,000 sockets."""
RTT_MOVED = 4 / 3


class Recorder:
    """Writes looks to a file, compressed. Raises OSError; FileExistsError where there is one and `overwrite` is not
    set."""

    def __init__(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        name = os.fspath(path)
        # Command lines of other users' processes and whom they talk to: for the owner's eyes.
        how = os.O_TRUNC if overwrite else os.O_EXCL
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | how | os.O_CLOEXEC, 0o600)
        self._under = os.fdopen(descriptor, "wb")
        self._file = gzip.GzipFile(filename="", fileobj=self._under, mode="wb", compresslevel=COMPRESSION)
        self._rows: dict[SocketRow, _Kept] = {}
        self._moment: float | None = None
        self._processes: dict[int, RecordedProcess] = {}
        self._namespaces: dict[Namespace | None, NamespaceView] = {}
        self._unix: list[RecordedUnix] = []
        self.looks = 0

    def write(self, snapshot: Snapshot) -> None:
        """Adds a look: a full one first, then what changed. On disk when this returns. Raises OSError."""
        namespaces = {view.netns: number for number, view in enumerate(snapshot.namespaces)}
        rows: list[RecordedRow] = []
        follows = snapshot.before == self._moment is not None
        touched, went = self._touched(snapshot, follows)
        known, details, moment = self._rows, snapshot.details, snapshot.moment
        for row in touched:
            before = known.get(row)
            same = before is not None and before.owners is row.owners and row.read_at != moment and row not in details
            if same and follows:
                continue  # nothing of it was read anew
            now = known[row] = _kept_of(row, before)
            if before != now or row in details:
                rows.append(_recorded(row, namespaces[row.netns], details.get(row)))
        gone = [(namespaces[row.netns], row.raw[44:52]) for row in went if row.netns in namespaces]
        for row in went:
            del known[row]
        self._moment = moment
        processes = {process.pid: _recorded_process(process) for process in snapshot.processes}
        unix = [
            _recorded_unix(one, namespaces[one.netns]) for one in snapshot.unix_listeners if one.netns in namespaces
        ]
        line = RecordedLook(
            schema=SCHEMA,
            time=snapshot.time,
            moment=snapshot.moment,
            host=snapshot.host,
            source=snapshot.source,
            limits=snapshot.limits,
            hidden_owners=snapshot.hidden_owners,
            namespaces=[self._namespace(view) for view in snapshot.namespaces],
            rows=rows,
            gone=gone,
            processes=[process for pid, process in processes.items() if self._processes.get(pid) != process],
            ended=list(self._processes.keys() - processes.keys()),
            unix=unix if unix != self._unix else None,
        )
        self._processes, self._unix = processes, unix
        self._namespaces = {view.netns: view for view in snapshot.namespaces}
        self._put(msgspec.json.encode(line))
        self.looks += 1

    def _touched(self, snapshot: Snapshot, follows: bool) -> tuple[Iterable[SocketRow], list[SocketRow]]:
        """Rows that may be new or changed since the look that was written last, and those of it that have gone: all
        rows are gone through only where the look does not tell, or is not the next one (`follows`)."""
        if snapshot.touched is not None and follows:
            asked = (row for row in snapshot.details if row not in snapshot.touched)
            return (*snapshot.touched, *asked), [row for row in snapshot.gone if row in self._rows]
        return snapshot.rows, list(self._rows.keys() - set(snapshot.rows))

    def close(self) -> None:
        """Ends the file, with its mark. Raises OSError."""
        try:
            if not self._file.closed:
                self._put(msgspec.json.encode(RecordedEnd(END_SCHEMA, self.looks)))
        finally:
            self._file.close()
            self._under.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()

    def _put(self, line: bytes) -> None:
        self._file.write(line + b"\n")
        self._file.flush()
        self._under.flush()

    def _namespace(self, view: NamespaceView) -> RecordedNamespace:
        before = self._namespaces.get(view.netns)
        known = before.counters if before is not None else {}
        resets = view.resets
        return RecordedNamespace(
            netns=None if view.netns is None else (view.netns.inode, view.netns.name),
            settings=view.settings if before is None or before.settings != view.settings else None,
            counters={name: value for name, value in view.counters.items() if known.get(name) != value},
            bound=list(view.bound) if before is None or before.bound != view.bound else None,
            resets=(resets.seconds, resets.missed, [(n, *one) for one, n in resets.resets.items()])
            if resets.seconds
            else None,
        )


class _Kept(NamedTuple):
    """What makes a row worth a record when it changes: its record, but for the timer's countdown, and what is not in
    it. A round trip stays as it was recorded until it moved by a third."""

    raw: bytes
    owners: tuple[Owner, ...]
    rtt_us: int | None
    total_retransmits: int | None
    drops: int | None
    hidden: str | None
    since: float


def _kept_of(row: SocketRow, before: _Kept | None) -> _Kept:
    raw, rtt = row.raw, row.rtt_us
    known = None if before is None else before.rtt_us
    if rtt and known and 1 / RTT_MOVED < rtt / known < RTT_MOVED:
        rtt = known
    if before is not None and before.raw[:52] == raw[:52] and before.raw[56:] == raw[56:]:
        raw = before.raw
    return _Kept(raw, row.owners, rtt, row.total_retransmits, row.drops, row.hidden, row.since)


def _recorded(row: SocketRow, namespace: int, info: TcpInfo | None) -> RecordedRow:
    return RecordedRow(
        raw=row.raw,
        namespace=namespace,
        since=row.since,
        age_is_minimum=row.age_is_minimum,
        rtt_us=row.rtt_us,
        total_retransmits=row.total_retransmits,
        drops=row.drops,
        owners=[(owner.pid, owner.fd) for owner in row.owners],
        hidden=row.hidden,
        info=info,
    )


def _recorded_unix(listener: UnixListener, namespace: int) -> RecordedUnix:
    return RecordedUnix(
        namespace,
        listener.cookie,
        listener.inode,
        listener.path,
        listener.waiting,
        listener.most,
        [(owner.pid, owner.fd) for owner in listener.owners],
        listener.hidden,
        min(listener.since.values(), default=None),
    )


def _recorded_process(process: Process) -> RecordedProcess:
    return RecordedProcess(
        process.pid, process.name, process.open_files, process.soft_limit, process.hard_limit, process.readable
    )
