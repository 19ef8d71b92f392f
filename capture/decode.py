"""A capture from file to connections: open, read blocks, group, analyse."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import Struct

from capture.flows.building import flow_table
from capture.flows.collecting import Collected
from capture.flows.table import FlowTable
from capture.model import Notice
from capture.wire.errors import CaptureUnreadable
from capture.wire.reading import CaptureReader, open_capture

if TYPE_CHECKING:
    from concurrent.futures import Future

    from capture.wire.columns import PacketColumns

PATIENCE = 0.05  # seconds between two progress reports at most
MARGIN = 1.2  # more room than the first packets promise
MANY = 200_000  # packets that take longer than that to group
T = TypeVar("T")


class DecodingCancelled(Exception):  # noqa: N818 - a fact, not a fault
    """The caller's `cancelled` said so."""


class Progress(Struct, frozen=True):
    """How far reading has come. `bytes_total` is None for a pipe."""

    bytes_done: int
    bytes_total: int | None
    packets: int


class FilePart(Struct, frozen=True):
    """One file of a capture and the number of its first packet in the capture."""

    path: str
    first_number: int


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

    def place(self, row: int) -> tuple[str, int]:
        """File and byte offset of the record behind a row of `flows.packets`: to read that packet again, in full."""
        number = int(self.flows.packets.number[row])
        starts = [part.first_number for part in self.parts]
        return self.parts[bisect.bisect_right(starts, number) - 1].path, int(self.flows.packets.offset[row])


def decode(
    paths: Sequence[str],
    *,
    join: bool = False,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    preview: Callable[[DecodedCapture], None] | None = None,
    refused: Callable[[CaptureUnreadable], None] | None = None,
) -> list[DecodedCapture]:
    """Decode captures: one a file, or one for all files with `join` (a capture that was rotated; in time order).

    `progress` and `cancelled` are called for every block and between the steps of grouping; `preview` once, with the
    first block of the first file. Of joined files those that can be read are: an empty one is a notice, the errors of
    others are a notice and go to `refused`. Raises CaptureUnreadable where nothing can be read, DecodingCancelled.
    """
    watch = _Watch(progress, cancelled, preview)
    if not join or len(paths) < 2:
        return [_decode_one([path], watch) for path in paths]
    unreadable: dict[str, CaptureUnreadable] = {}
    whole = _decode_one(_in_time_order(paths, unreadable), watch)
    for error in unreadable.values():
        if refused is not None and not error.empty:
            refused(error)
    left_out = tuple(
        Notice("part_left_out", f"{error.path} is not in this: {error.why}") for error in unreadable.values()
    )
    return [msgspec.structs.replace(whole, notices=(*left_out, *whole.notices))]


class _Watch(Struct):
    """The callbacks of one decoding."""

    progress: Callable[[Progress], None] | None
    cancelled: Callable[[], bool] | None
    preview: Callable[[DecodedCapture], None] | None

    @property
    def heard(self) -> bool:
        """Whether anybody wants to be told, and heard, while all packets are grouped."""
        return self.progress is not None or self.cancelled is not None

    def check(self) -> None:
        if self.cancelled is not None and self.cancelled():
            raise DecodingCancelled

    def tell(self, reader: CaptureReader) -> None:
        if self.progress is not None:
            self.progress(Progress(reader.bytes_read, reader.bytes_total, reader.next_number - 1))
        self.check()


def _decode_one(paths: Sequence[str], watch: _Watch) -> DecodedCapture:
    collected = Collected()
    readers: list[CaptureReader] = []
    with ExitStack() as stack:
        for path in paths:
            reader = stack.enter_context(open_capture(path, after=readers[-1] if readers else None))
            readers.append(reader)
            _read(readers, collected, watch)
            reader.close()
    if collected.rows < MANY or not watch.heard:
        return _decoded(collected, readers, watch.check)
    return _grouped_aside(collected, readers, watch)


def _read(readers: list[CaptureReader], collected: Collected, watch: _Watch) -> None:
    """Read the last of these files to its end."""
    reader = readers[-1]
    watch.tell(reader)
    for number, block in enumerate(_ahead(reader, watch)):
        if watch.preview is not None:  # the first block is small: it is there at once
            watch.preview(_preview(block, readers))
            watch.preview = None
        collected.add(block)
        if number == 0 and reader.bytes_total:
            collected.expect(int(collected.rows * MARGIN * reader.bytes_total / reader.bytes_read))


def _ahead(reader: CaptureReader, watch: _Watch) -> Iterator[PacketColumns]:
    """The blocks of a capture, read ahead on another thread while the caller works on the one before."""
    blocks = reader.blocks()
    opening = next(blocks, None)  # small: at once, so that a preview does not wait
    watch.tell(reader)
    if opening is None:
        return
    yield opening
    # A pipe may stall, and a thread that waits for one cannot be called back; a small file is read by now.
    if reader.bytes_total is None or reader.bytes_read >= reader.bytes_total:
        for block in blocks:
            watch.tell(reader)
            yield block
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1, thread_name_prefix="capture-reader") as pool:
        coming = pool.submit(next, blocks, None)
        while (ahead := _await(coming, watch, reader)) is not None:
            coming = pool.submit(next, blocks, None)
            watch.tell(reader)
            yield ahead


def _await(coming: Future[T], watch: _Watch, reader: CaptureReader) -> T:
    """What another thread is working on; meanwhile the caller is told how far it is, and may cancel."""
    while True:
        try:
            return coming.result(timeout=PATIENCE)
        except TimeoutError:
            if coming.done():
                raise
            watch.tell(reader)


def _preview(block: PacketColumns, readers: list[CaptureReader]) -> DecodedCapture:
    collected = Collected()
    collected.add(block)
    return _decoded(collected, readers, lambda: None)


def _grouped_aside(collected: Collected, readers: list[CaptureReader], watch: _Watch) -> DecodedCapture:
    """Group on another thread: its steps are long, and the caller wants to be told, and heard, all along."""
    stop = Event()

    def check() -> None:
        if stop.is_set():
            raise DecodingCancelled

    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1, thread_name_prefix="capture-grouping")
    try:
        return _await(pool.submit(_decoded, collected, readers, check), watch, readers[-1])
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(wait=False)


def _decoded(collected: Collected, readers: list[CaptureReader], check: Callable[[], None]) -> DecodedCapture:
    tcp_packets = collected.rows
    last = readers[-1]
    flows = flow_table(
        collected,
        last.addresses,
        last.scopes,
        [quote for reader in readers for quote in reader.quoted],
        by_time=len(readers) > 1,
        check=check,
    )
    starts = [reader.first_time for reader in readers if reader.first_time is not None]
    ends = [reader.last_time for reader in readers if reader.last_time is not None]
    return DecodedCapture(
        parts=tuple(FilePart(reader.path, reader.first_number) for reader in readers),
        format=readers[0].format,
        link_types=tuple(dict.fromkeys(name for reader in readers for name in reader.link_types)),
        packets=sum(reader.packets for reader in readers),
        tcp_packets=tcp_packets,
        first_time=min(starts, default=None),
        last_time=max(ends, default=None),
        notices=tuple(notice for reader in readers for notice in reader.notices),
        flows=flows,
    )


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
    with open_capture(path) as reader:
        next(reader.blocks(), None)
        return reader.first_time
