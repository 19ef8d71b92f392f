"""The engine as Python asks it: bytes or segments in, the table of connections out, at any time."""

from __future__ import annotations

import ctypes
import os
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from capture.engine.library import library

Records = npt.NDArray[Any]
READER_NEXT, NO_CAPTURE, BAD_START, NO_MEMORY, HEADER_CUT = 1, -1, -2, -3, -4
FORMATS = ("", "pcap", "pcapng")
MAGIC_SIZE = 4  # bytes that tell a recorded capture
_MOST_NOTICES = 4096
MERGED_AT_ONCE = 1 << 14  # segments


def recorded_format(begin: bytes) -> str:
    """pcap or pcapng, by the magic number a file begins with; "" for anything else, or too little of it."""
    return FORMATS[library().call.format_of(begin[:MAGIC_SIZE], len(begin[:MAGIC_SIZE]), 1)]


class Table(Struct, frozen=True):
    """Columns by name, as table.h says them; `events` is how many rows the event columns have."""

    connections: int
    columns: dict[str, Records]
    words: list[tuple[str, str]]  # history and conn_state, by the column `word`
    v6: list[bytes]
    scopes: list[tuple[str, str]]  # VLANs and tunnel, "" for none
    quoted: Records


class Totals(Struct, frozen=True):
    """What came in so far; times are epoch nanoseconds."""

    packets: int
    tcp_packets: int
    copies: int
    connections: int
    first_time: int
    last_time: int


class Engine:
    """All connections of what was fed."""

    def __init__(self, seed: int | None = None) -> None:
        self._library = library()
        self._call = self._library.call
        self.seed = int.from_bytes(os.urandom(8), "little") if seed is None else seed
        self.handle = self._call.engine_new(self.seed)
        if not self.handle:
            raise MemoryError

    def __del__(self) -> None:
        handle, self.handle = getattr(self, "handle", None), None
        if handle:
            self._call.engine_free(handle)

    def segments(self, segments: Records) -> None:
        """Take segments (library().structs["segment"]) from elsewhere than a reader."""
        rows = np.ascontiguousarray(segments)
        self._call.engine_segments(self.handle, rows.ctypes.data, len(rows))

    def packets(self, times: npt.NDArray[np.int64]) -> None:
        """Count packets by their times, before their segments."""
        rows = np.ascontiguousarray(times, np.int64)
        self._call.engine_packets(self.handle, rows.ctypes.data, len(rows))

    def span(self, first: int, last: int) -> None:
        """From when to when (epoch ns), where the packets' own times are not all handed on."""
        self._call.engine_span(self.handle, first, last)

    def pass_on(self) -> None:
        """A piece was fed (capture.engine.shares)."""

    def end(self) -> None:
        """Nothing more is fed: only the last table is asked for."""

    def collect(self) -> None:
        """Hold all segments until `merge`: captures that overlap in time. Of many, most are in a temporary file."""
        import tempfile  # rare

        try:
            self._spilled: Any = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as what is collected
        except OSError:  # nowhere to write: in memory
            self._spilled = None
        if self._call.engine_collect(self.handle, -1 if self._spilled is None else self._spilled.fileno()):
            raise MemoryError

    def merge(self) -> None:
        """Take what was collected, in order of time. Raises OSError where the temporary file cannot be read."""
        while (taken := int(self._call.engine_merge(self.handle, MERGED_AT_ONCE))) > 0:
            self.pass_on()
        if self._spilled is not None:
            self._spilled.close()
        if taken < 0:
            raise OSError(-taken, os.strerror(-taken))

    def forget(self, first_numbers: npt.NDArray[np.int64]) -> None:
        """Forget the connections that begin with these packets: later packets of theirs begin others.

        All stay where there is no memory to tell them apart.
        """
        wanted = np.sort(np.ascontiguousarray(first_numbers, np.uint64))
        self._call.engine_forget(self.handle, wanted.ctypes.data, len(wanted))

    def quotes(self, quoted: Records) -> None:
        """Take headers that ICMP errors quoted."""
        rows = np.ascontiguousarray(quoted)
        self._call.engine_quotes(self.handle, rows.ctypes.data, len(rows))

    def scope(self, vlan: str, tunnel: str) -> int:
        """The number of a scope."""
        return int(self._call.engine_scope(self.handle, vlan.encode(), tunnel.encode()))

    def watch(self, first_numbers: npt.NDArray[np.uint64], most: int) -> None:
        """Keep packets of the connections that begin with these packets: of all, the first and last `most` / 2."""
        wanted = np.sort(np.ascontiguousarray(first_numbers, np.uint64))
        self._watched = most + 2
        if self._call.engine_watch(self.handle, wanted.ctypes.data, len(wanted), most):
            raise MemoryError

    def watched(self) -> tuple[Records, int]:
        """The packets that were kept (library().structs["packet_row"]), and how many were seen."""
        rows = np.empty(self._watched, self._library.structs["packet_row"])
        kept = ctypes.c_size_t()
        seen = self._call.engine_watched(self.handle, rows.ctypes.data, ctypes.byref(kept))
        self._require_memory()
        return rows[: kept.value], int(seen)

    def trace(self) -> None:
        """Keep a record of each segment that is fed from now on."""
        self._call.engine_trace(self.handle)

    def traced(self) -> Records:
        """The records (library().structs["traced"]), when all was fed and before the table is asked for. `connection`
        is the row in the table; records of none are left out.
        """
        at = ctypes.c_void_p()
        count = int(self._call.engine_traced(self.handle, ctypes.byref(at)))
        kind = self._library.structs["traced"]
        rows = np.frombuffer(bytearray(ctypes.string_at(at, count * kind.itemsize)) if count else b"", kind)
        first = np.empty(self.totals.connections, np.uint64)
        self._call.engine_first_numbers(self.handle, first.ctypes.data)
        place = np.empty(len(first), np.uint32)
        place[np.argsort(first, kind="stable")] = np.arange(len(first), dtype=np.uint32)
        if len(rows) and int(rows["connection"].max()) >= len(first):
            rows = rows[rows["connection"] < len(first)]
        if len(rows):
            rows["connection"] = place[rows["connection"]]
        return rows

    @property
    def totals(self) -> Totals:
        """Counts and times of now."""
        row = np.zeros(1, self._library.structs["totals"])
        self._call.engine_totals(self.handle, row.ctypes.data)
        if int(row["out_of_memory"][0]):
            raise MemoryError
        names = Totals.__struct_fields__
        return Totals(*(int(row[name][0]) for name in names))

    def _require_memory(self) -> None:
        """Raises MemoryError where the engine lacked some: what it says is not whole."""
        _ = self.totals

    def table(self, *, last: bool = False) -> Table:
        """The connections of now, in order of first packet. Asking changes nothing, unless it is for the `last` time:
        then memory is given back as rows come, and nothing more is taken.
        """
        sizes = (ctypes.c_uint64 * 3)()
        table = self._call.table_new(self.handle, sizes)
        if not table:
            raise MemoryError
        try:
            columns, connections = self._filled(table, sizes, last)
            words = self._text("engine_words").decode("ascii").splitlines()
        finally:
            self._call.table_free(self.handle, table)
        v6 = self._text("engine_v6", 16)
        scopes = self._text("engine_scopes", 128)
        quoted = self._text("engine_quoted", self._library.structs["quoted"].itemsize)
        return Table(
            connections,
            columns,
            [(word[: word.rindex(" ")], word[word.rindex(" ") + 1 :]) for word in words],
            [v6[at : at + 16] for at in range(0, len(v6), 16)],
            [(_name(scopes[at : at + 64]), _name(scopes[at + 64 : at + 128])) for at in range(0, len(scopes), 128)],
            np.frombuffer(quoted, self._library.structs["quoted"]),
        )

    def _filled(self, table: int, sizes: Any, last: bool) -> tuple[dict[str, Records], int]:
        columns: dict[str, Records] = {}
        rows = dict(zip(("connection", "event", "rare"), (int(size) for size in sizes), strict=True))
        for kind, count in rows.items():
            for column in getattr(self._library, kind):
                shape = (count,) if column.width == 1 else (count, column.width)
                columns[column.name] = np.zeros(shape, column.type)  # at no cost: no page before it is written
        columns["event_first"] = np.empty(rows["connection"] + 1, np.int64)
        given = (ctypes.c_void_p * len(columns))(*(column.ctypes.data for column in columns.values()))
        fill = self._call.table_fill_last if last else self._call.table_fill
        events = int(fill(self.handle, table, given))
        self._require_memory()
        for column in self._library.event:
            columns[column.name] = columns[column.name][:events]
        columns["long"] = self._longs(table)
        return columns, rows["connection"]

    def _longs(self, table: int) -> Records:
        """Events whose times do not fit their columns."""
        size, kind = ctypes.c_size_t(), self._library.structs["long_event"]
        at = self._call.table_longs(table, ctypes.byref(size))
        return np.frombuffer(ctypes.string_at(at, size.value * kind.itemsize) if size.value else b"", kind)

    def _text(self, name: str, each: int = 1) -> bytes:
        size = ctypes.c_size_t()
        at = getattr(self._call, name)(self.handle, ctypes.byref(size))
        return ctypes.string_at(at, size.value * each) if size.value else b""


def _name(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("ascii", "replace")


class EngineNotice(Struct, frozen=True):
    """A notice as the reader tells it: reader.h says what its code and numbers mean."""

    code: int
    packet: int  # 0: of no packet
    a: int
    b: int
    c: int
    text: bytes | None


class WholePacket(Struct, frozen=True):
    """A packet in full: times are epoch nanoseconds, `ip_at` where IP begins in it, -1 where it does not."""

    number: int
    offset: int
    time: int
    ip_at: int
    original: int
    link: int
    data: bytes
    options: bytes  # what pcapng says beside it
    big: bool  # their byte order


def _whole(row: Any, at: int) -> WholePacket:
    begin, captured, options = at + int(row["begin"]), int(row["captured"]), int(row["options"])
    return WholePacket(
        number=int(row["number"]),
        offset=int(row["offset"]),
        time=int(row["time"]),
        ip_at=int(row["ip_at"]),
        original=int(row["original"]),
        link=int(row["link"]),
        data=ctypes.string_at(begin, captured),
        options=ctypes.string_at(begin + captured, options),
        big=bool(row["big"]),
    )


class Reader:
    """The bytes of one pcap or pcapng, in any pieces, into an engine."""

    def __init__(self, engine: Engine, before: int, offset: int = 0) -> None:
        self._engine = engine  # it must live as long
        self._library = library()
        self._call = self._library.call
        self.handle = self._call.reader_new(engine.handle, before + 1)
        if not self.handle:
            raise MemoryError
        if offset:
            self._call.reader_starts_at(self.handle, offset)

    def __del__(self) -> None:
        handle, self.handle = getattr(self, "handle", None), None
        if handle:
            self._call.reader_free(handle)

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Take all of it; READER_NEXT where another capture begins, or below 0 where nothing of it can be read."""
        piece = np.frombuffer(data, np.uint8)
        return int(self._call.reader_feed(self.handle, piece.ctypes.data, len(piece)))

    def feed_file(self, file: int, most: int) -> tuple[int, int, int]:
        """Read from a file descriptor and feed it, about `most` bytes: as `feed`, how many came (0: no more are there),
        and the errno of a read that failed, or 0.
        """
        taken, error = ctypes.c_uint64(), ctypes.c_int()
        status = self._call.reader_feed_file(self.handle, file, most, ctypes.byref(taken), ctypes.byref(error))
        return int(status), taken.value, error.value

    def end(self) -> int:
        """The bytes end here, as far as is known."""
        return int(self._call.reader_end(self.handle))

    def left(self) -> bytes:
        """What was not taken of the last piece: another capture's header, and what follows."""
        at = ctypes.c_void_p()
        size = self._call.reader_left(self.handle, ctypes.byref(at))
        return ctypes.string_at(at, size) if size else b""

    @property
    def format(self) -> str:
        """Its container: "pcap", "pcapng", or "" before it is known."""
        return FORMATS[self._call.reader_format(self.handle)]

    @property
    def packets(self) -> int:
        """Packets of all kinds so far."""
        return int(self._call.reader_packets(self.handle))

    @property
    def offset(self) -> int:
        """Up to where in the file (its unpacked bytes) records were taken."""
        return int(self._call.reader_offset(self.handle))

    @property
    def links(self) -> list[int]:
        """The link types met, in order of sight."""
        found = np.zeros(256, np.uint32)
        count = int(self._call.reader_links(self.handle, found.ctypes.data, len(found)))
        return [int(link) for link in found[:count].tolist()]

    def notices(self, *, ended: bool) -> list[EngineNotice]:
        """The notices; `ended`: also of what the end cut off."""
        rows = np.zeros(_MOST_NOTICES, self._library.structs["notice"])
        count = int(self._call.reader_notices(self.handle, int(ended), rows.ctypes.data, len(rows)))
        return [self._notice(row) for row in rows[: min(count, len(rows))]]

    def want(self, numbers: npt.NDArray[np.uint64], most: int) -> None:
        """Keep these packets in full, at most `most` bytes of each."""
        wanted = np.sort(np.ascontiguousarray(numbers, np.uint64))
        if self._call.reader_want(self.handle, wanted.ctypes.data, len(wanted), most):
            raise MemoryError

    def wanted(self) -> list[WholePacket]:
        """Those that came by."""
        at, bytes_at = ctypes.c_void_p(), ctypes.c_void_p()
        count = int(self._call.reader_wanted(self.handle, ctypes.byref(at), ctypes.byref(bytes_at)))
        kind = self._library.structs["whole_packet"]
        rows = np.frombuffer(ctypes.string_at(at, count * kind.itemsize), kind) if count else ()
        return [_whole(row, bytes_at.value or 0) for row in rows]

    def _notice(self, row: Any) -> EngineNotice:
        text = None
        if int(row["text"]) != 0xFFFFFFFF:
            at = ctypes.c_void_p()
            size = self._call.reader_text(self.handle, int(row["text"]), ctypes.byref(at))
            text = ctypes.string_at(at, size) if size else b""
        code, packet, a, b, c = (int(row[name]) for name in ("code", "packet", "a", "b", "c"))
        return EngineNotice(code, packet, a, b, c, text)
