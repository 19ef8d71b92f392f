"""A capture from file to connections: open, feed the engine, ask it for its table."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from capture.engine.session import Engine
from capture.flows.connection_table import FlowTable
from capture.flows.from_engine import flow_table
from capture.language import tr
from capture.model import Notice
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.files.open_capture import MOST_CAPTURES, CaptureReader, open_capture
from capture.wire.files.terminal_output import UNDONE

if TYPE_CHECKING:
    from capture.engine.session import Records, Totals
    from capture.wire.files.growing_file import Followed


SEEN_TWICE = "seen_twice"
SEVERAL = "several_captures"  # the notice of each capture of a file that holds more than one
PART_EMPTY = "part_empty"  # the newest file of a ring, before its first packet
NOTHING_LOST = (SEEN_TWICE, SEVERAL, PART_EMPTY, *UNDONE)  # the codes of notices that say so


class DecodingCancelled(Exception):  # noqa: N818 - a fact, not a fault
    """The caller's `cancelled` said so."""


class Progress(Struct, frozen=True):
    """How far reading has come. `bytes_total` is None for a pipe."""

    bytes_done: int
    bytes_total: int | None
    packets: int


class FilePart(Struct, frozen=True):
    """One file of a capture and the number of its first packet in the capture.

    `stored`: where its bytes can be read again, if not at `path` (standard input). `begins`: where in the file it
    begins, and `apart`: it ends where another capture begins.
    """

    path: str
    first_number: int
    stored: str | None = None
    begins: int = 0
    apart: bool = False
    merged: bool = False  # the files overlap in time: their packets were taken in order of time


class DecodedCapture(Struct, frozen=True):
    """One capture (several files where they were joined) and its connections. Times are epoch nanoseconds."""

    parts: tuple[FilePart, ...]
    format: str
    link_types: tuple[str, ...]
    packets: int
    tcp_packets: int
    first_time: int | None
    last_time: int | None
    notices: tuple[Notice, ...]
    flows: FlowTable

    @property
    def path(self) -> str:
        """The first file."""
        return self.parts[0].path

    @property
    def paths(self) -> tuple[str, ...]:
        """All files, in the order in which they were read."""
        return tuple(part.path for part in self.parts)

    def file_of(self, number: int) -> FilePart:
        """The file that a packet is in."""
        starts = [part.first_number for part in self.parts]
        return self.parts[bisect.bisect_right(starts, number) - 1]


def decode(
    paths: Sequence[str],
    *,
    join: bool = False,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    preview: Callable[[DecodedCapture], None] | None = None,
    refused: Callable[[CaptureUnreadable], None] | None = None,
    copy: IO[bytes] | None = None,
    followers: int = 0,
) -> list[DecodedCapture]:
    """Decode captures: those of each file (one, but where files were put one behind the other), or one for all files
    with `join` (a capture that was rotated; in time order).

    `progress` and `cancelled` are called for every piece; `preview` once, with what the first file has shown so far. Of
    joined files those that can be read are: an empty one is a notice, the errors of others are a notice and go to
    `refused`. `copy` is a named file that gets what comes in by standard input, so that its packets can be read again.
    `followers`: threads that follow the connections, beside this one that reads; then there is no `preview`.
    Raises CaptureUnreadable where nothing can be read, DecodingCancelled, OSError where the copy cannot be written.
    """
    watch = _Watch(progress, cancelled, preview, copy, followers)
    if not join:
        return [decoded for path in paths for decoded in _apart(path, watch)]
    unreadable: dict[str, CaptureUnreadable] = {}
    whole = _Decoding(_in_time_order(paths, unreadable), watch).run()
    for error in unreadable.values():
        if refused is not None and not error.empty:
            refused(error)
    left_out = tuple(
        Notice(
            PART_EMPTY if error.empty else "part_left_out",
            tr("{path} is not in this: {why}", path=error.path, why=error.why),
        )
        for error in unreadable.values()
    )
    return [replace(whole, notices=(*left_out, *whole.notices))]


def decode_traced(path: str, cancelled: Callable[[], bool] | None = None) -> tuple[DecodedCapture, Records]:
    """Decode one capture with a record of each of its segments (Engine.traced). Raises as `decode`."""
    decoding = _Decoding([path], _Watch(None, cancelled, None), traces=True)
    decoded = decoding.run()
    return decoded, decoding.traced


class _Watch(Struct):
    """Who is told of one decoding, and who helps."""

    progress: Callable[[Progress], None] | None
    cancelled: Callable[[], bool] | None
    preview: Callable[[DecodedCapture], None] | None
    copy: IO[bytes] | None = None
    followers: int = 0

    def tell(self, reader: CaptureReader, packets: int) -> None:
        if self.progress is not None:
            self.progress(Progress(reader.bytes_read, reader.bytes_total, packets))
        if self.cancelled is not None and self.cancelled():
            raise DecodingCancelled


def _apart(path: str, watch: _Watch) -> list[DecodedCapture]:
    """The captures of a file: one, or several where they were put one behind the other (`cat a.pcap b.pcap`)."""
    decoding = _Decoding([path], watch)
    found: list[DecodedCapture] = []
    packets = 0  # of those before
    with open_capture(path, decoding.engine, apart=True) as reader:
        while True:
            try:
                decoding.take(reader, FilePart(path, 1, begins=reader.begins, apart=True), packets)
            except CaptureUnreadable as error:
                if not found:
                    raise
                found[-1] = _with_notice(
                    found[-1], "cut_short", tr("behind it begins what cannot be read: {why}", why=error.why)
                )
                break
            found.append(decoding.decoded(last=True))
            packets += reader.packets
            if not reader.another:
                break
            if len(found) == MOST_CAPTURES:
                found[-1] = _with_notice(
                    found[-1], "cut_short", tr("after {n} captures the rest is not read", n=MOST_CAPTURES)
                )
                break
            decoding = _Decoding([path], watch)
            reader = reader.following(decoding.engine)
    if len(found) == 1:
        return found
    return [
        _with_notice(
            one, SEVERAL, tr("capture {n} of {all} in this file; each counts its packets from 1", n=at, all=len(found))
        )
        for at, one in enumerate(found, 1)
    ]


def _with_notice(decoded: DecodedCapture, code: str, text: str) -> DecodedCapture:
    return replace(decoded, notices=(Notice(code, text), *decoded.notices))


class _Decoding:
    """The files of one capture on their way through one engine."""

    traced: Records

    def __init__(self, paths: Sequence[str], watch: _Watch, *, traces: bool = False) -> None:
        self._paths, self._watch, self._traces = paths, watch, traces
        self.engine = _engine(watch.followers)
        if traces:
            self.engine.trace()
        self._readers: list[CaptureReader] = []
        self._parts: list[FilePart] = []

    def run(self, *, merged: bool = False) -> DecodedCapture:
        """Read all of them; `merged`: in order of time, as they overlap."""
        packets = 0
        if merged:
            self.engine.collect()
        for path in self._paths:
            if not merged and self._overlaps(path):
                self.engine = Engine()  # what was read so far goes
                return _Decoding(self._paths, self._watch).run(merged=True)
            with open_capture(path, self.engine, packets) as reader:
                self.take(reader, FilePart(path, packets + 1, merged=merged), packets)
            packets += reader.packets
        if merged:
            self.engine.merge()
        if self._traces:
            self.traced = self.engine.traced()
        decoded = self.decoded(last=True)
        self._watch.tell(reader, packets)
        return decoded

    def take(self, reader: CaptureReader, part: FilePart, before: int) -> None:
        """Read one capture; `before` packets were read until here."""
        copy = self._watch.copy
        if part.path == "-" and copy is not None:
            reader.copy, part = copy, replace(part, stored=copy.name)
        self._readers.append(reader)
        self._parts.append(part)
        self._watch.tell(reader, before)
        while reader.step():
            self.engine.pass_on()
            self._watch.tell(reader, before + reader.packets)
            self._preview()  # the first piece is small: it is there at once
        if reader.copy is not None:
            reader.copy.flush()
        self._watch.tell(reader, before + reader.packets)

    def _overlaps(self, path: str) -> bool:
        """Whether a file begins before the end of those before it."""
        if not self._readers:
            return False
        begins = _first_time(path)
        return begins is not None and begins < self.engine.totals.last_time

    def _preview(self) -> None:
        if (
            self._watch.preview is not None
            and not self._watch.followers
            and self.engine.totals.tcp_packets
            and not self._parts[0].merged
        ):
            self._watch.preview(self.decoded())
            self._watch.preview = None

    def decoded(self, *, last: bool = False) -> DecodedCapture:
        """What was read so far."""
        if last:
            self.engine.end()
        totals: Totals = self.engine.totals
        readers = self._readers
        names = {packed: name for reader in readers for packed, name in reader.names.items()}
        flows = flow_table(self.engine, names, last=last)
        return DecodedCapture(
            parts=tuple(self._parts),
            format=readers[0].format,
            link_types=tuple(dict.fromkeys(name for reader in readers for name in reader.link_types)),
            packets=totals.packets,
            tcp_packets=totals.tcp_packets,
            first_time=totals.first_time if totals.packets else None,
            last_time=totals.last_time if totals.packets else None,
            notices=(*(notice for reader in readers for notice in reader.notices), *_gaps(flows)),
            flows=flows,
        )


def _engine(followers: int) -> Engine:
    if not followers:
        return Engine()
    from capture.engine.shares import SharedOut  # threads: only a fleet's huge captures are shared out

    return SharedOut(followers)


def so_far(engine: Engine, followed: Followed) -> DecodedCapture:
    """What a capture that is still being written has shown so far."""
    totals = engine.totals
    flows = flow_table(engine, followed.names)
    return DecodedCapture(
        parts=tuple(FilePart(path, number) for path, number in followed.parts),
        format=followed.format,
        link_types=tuple(followed.link_types),
        packets=totals.packets,
        tcp_packets=totals.tcp_packets,
        first_time=totals.first_time if totals.packets else None,
        last_time=totals.last_time if totals.packets else None,
        notices=(*followed.notices, *_gaps(flows)),
        flows=flows,
    )


def _gaps(flows: FlowTable) -> Iterator[Notice]:
    """What the connections show that the capture lacks, or has too much of."""
    one_way, holes, twice = flows.one_direction, flows.packets_missing, flows.seen_twice
    if one_way:
        text = tr(
            "{n} connection shows one direction only, though the other one spoke: what it said is not known"
            if one_way == 1
            else "{n} connections show one direction only, though the other one spoke: what it said is not known",
            n=one_way,
        )
        yield Notice("one_direction", text)
    if holes:
        text = tr(
            "{n} connection has gaps: packets were dropped while capturing, or went by elsewhere"
            if holes == 1
            else "{n} connections have gaps: packets were dropped while capturing, or went by elsewhere",
            n=holes,
        )
        yield Notice("packets_missing", text)
    disordered, back = flows.times_run_back
    if disordered:
        span = f"{back / 1e9:,.1f} s"
        text = tr(
            "the times of {n} connection run back by up to {span}: packets are taken as they stand (reordercap "
            "sorts them)"
            if disordered == 1
            else "the times of {n} connections run back by up to {span}: packets are taken as they stand (reordercap "
            "sorts them)",
            n=disordered,
            span=span,
        )
        yield Notice("times_run_back", text)
    if twice:
        text = tr(
            "{n} connection has packets that were captured more than once: each is counted once"
            if twice == 1
            else "{n} connections have packets that were captured more than once: each is counted once",
            n=twice,
        )
        yield Notice(SEEN_TWICE, text)


def _in_time_order(paths: Sequence[str], unreadable: dict[str, CaptureUnreadable]) -> list[str]:
    """Rotated files by the time of their first packet; standard input and those without one keep their place at the
    end. Those that cannot be read are left out and put into `unreadable`; raises the first where none can be."""
    starts: dict[int, int | None] = {}
    for place, path in enumerate(paths):
        try:
            starts[place] = _first_time(path)
        except CaptureUnreadable as error:
            unreadable[path] = error
    if not starts:
        raise next(iter(unreadable.values()))
    latest = max((start for start in starts.values() if start is not None), default=0)
    timed = [(latest if start is None else start, place) for place, start in starts.items()]
    return [paths[place] for _, place in sorted(timed)]


def _first_time(path: str) -> int | None:
    if path == "-":
        return None
    engine = Engine()
    with open_capture(path, engine) as reader:
        while not engine.totals.packets and reader.step():
            pass
    return engine.totals.first_time if engine.totals.packets else None
