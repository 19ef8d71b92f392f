"""What the headers of the engine hand on, segment by segment: the same C files with sink.c behind them.

Every capture is fed at once and in pieces, and each way must give the same: each test of a header tests the cuts too.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from msgspec import Struct

from capture.engine import library as binding
from capture.engine.session import FORMATS, EngineNotice
from capture.model import Notice
from capture.wire.files.notices import sentences
from capture.wire.headers.link_types import link_name

PIECES = (1 << 20, 1, 7, 1000)
LARGE = 1 << 20  # files above it are not fed byte by byte
_HERE = Path(__file__).parent
_ENGINE = Path(binding.__file__).parent
_MOST = 4096
_P = ctypes.c_void_p


_RESULTS = {
    **dict.fromkeys(("engine_new", "reader_new"), _P),
    **dict.fromkeys(("engine_layout", "sink_scope"), ctypes.c_char_p),
    **dict.fromkeys(("reader_feed", "reader_end"), ctypes.c_int),
    **dict.fromkeys(("reader_left", "reader_links", "reader_notices", "reader_text"), ctypes.c_size_t),
    **dict.fromkeys(("sink_segments", "sink_quoted", "sink_times"), ctypes.c_uint64),
}


class Read(Struct, frozen=True):
    """What a capture held. `segments` and `quoted` are rows of the structs of engine.h, `data` a sum of the payload."""

    status: int  # of the last feed, or of the end
    left: int  # bytes not taken, where another capture begins
    format: str
    packets: int
    first_time: int | None
    last_time: int | None
    link_types: list[str]
    notices: list[Notice]
    segments: npt.NDArray[Any]
    quoted: npt.NDArray[Any]
    scopes: list[tuple[str | None, str | None]]  # VLANs and tunnel of each segment

    def __len__(self) -> int:
        return len(self.segments)

    def column(self, name: str) -> list[int]:
        """One field of all segments."""
        values: list[int] = self.segments[name].tolist()
        return values

    def ends(self) -> list[tuple[str, str]]:
        """Source and destination addresses of all segments."""
        return [(address(row["src"], row["family"]), address(row["dst"], row["family"])) for row in self.segments]


def address(raw: npt.NDArray[np.uint8], family: int) -> str:
    """Text of an address as the engine holds it."""
    return str(IPv4Address(bytes(raw[:4])) if family == 4 else IPv6Address(bytes(raw)))


def read_segments(data: bytes) -> Read:
    """A capture's segments; the same in every cut."""
    first, *others = (_read(data, piece) for piece in PIECES if piece > 1 or len(data) < LARGE)
    for other in others:
        assert _plain(other) == _plain(first)
    return first


def _plain(read: Read) -> tuple[Any, ...]:
    """All that must be the same; how much of a piece is left over is not."""
    told = tuple(getattr(read, name) for name in Read.__struct_fields__ if name not in ("segments", "quoted", "left"))
    rows = [table[name].tolist() for table in (read.segments, read.quoted) for name in table.dtype.names]
    return (*told, *rows)


def _is_of_connections(path: Path) -> bool:
    text = path.read_text()
    return '"engine_state.h"' in text or '"connection.h"' in text


@cache
def _sink() -> Any:
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    sources = [path for path in sorted(_ENGINE.glob("*.c")) if not _is_of_connections(path)]
    built = Path(tempfile.mkdtemp(prefix="tcptriage-sink-")) / "sink.so"
    command = [compiler, "-std=c11", "-O1", "-shared", "-fPIC", f"-I{_ENGINE}"]
    subprocess.run([*command, *sources, _HERE / "sink.c", "-o", built], check=True)
    loaded = ctypes.CDLL(str(built))
    shutil.rmtree(built.parent)
    for name, result in _RESULTS.items():
        getattr(loaded, name).restype = result
    return loaded


@cache
def _structs() -> dict[str, np.dtype[Any]]:
    return binding._described(_sink(), _sink().engine_layout().decode()).structs


def _read(data: bytes, piece: int) -> Read:
    call = _sink()
    engine = _P(call.engine_new(ctypes.c_uint64(1)))
    reader = _P(call.reader_new(engine, ctypes.c_uint64(1)))
    status = 0
    for at in range(0, len(data), piece):
        part = data[at : at + piece]
        status = call.reader_feed(reader, part, ctypes.c_size_t(len(part)))
        if status:
            break
    status = status or call.reader_end(reader)
    at = _P()
    times = (ctypes.c_int64 * 2)()
    links = np.zeros(_MOST, np.uint32)
    packets = call.sink_times(engine, times)
    segments = _rows(call.sink_segments, engine, "segment")
    link_count = call.reader_links(reader, _at(links), ctypes.c_size_t(_MOST))
    found = Read(
        status=status,
        left=call.reader_left(reader, ctypes.byref(at)),
        format=FORMATS[call.reader_format(reader)],
        packets=packets,
        first_time=times[0] if packets else None,
        last_time=times[1] if packets else None,
        link_types=[link_name(link) for link in links[:link_count].tolist()],
        notices=sentences(_told(call, reader)),
        segments=segments,
        quoted=_rows(call.sink_quoted, engine, "quoted"),
        scopes=[_scope(call, engine, scope) for scope in segments["scope"].tolist()],
    )
    call.reader_free(reader)
    call.engine_free(engine)
    return found


def _at(array: npt.NDArray[Any]) -> ctypes.c_void_p:
    return _P(array.ctypes.data)


def _rows(function: Any, engine: ctypes.c_void_p, name: str) -> npt.NDArray[Any]:
    at, kind = _P(), _structs()[name]
    count = function(engine, ctypes.byref(at))
    return np.frombuffer(ctypes.string_at(at, count * kind.itemsize) if count else b"", kind)


def _scope(call: Any, engine: ctypes.c_void_p, scope: int) -> tuple[str | None, str | None]:
    vlan, tunnel = (call.sink_scope(engine, scope, which).decode() or None for which in (0, 1))
    return vlan, tunnel


def _told(call: Any, reader: ctypes.c_void_p) -> Iterator[EngineNotice]:
    rows, at = np.zeros(_MOST, _structs()["notice"]), _P()
    for row in rows[: call.reader_notices(reader, 1, _at(rows), ctypes.c_size_t(_MOST))]:
        text = None
        if row["text"] != 0xFFFFFFFF:
            text = ctypes.string_at(at, call.reader_text(reader, ctypes.c_uint32(int(row["text"])), ctypes.byref(at)))
        numbers = (int(row[name]) for name in ("code", "packet", "a", "b", "c"))
        yield EngineNotice(*numbers, text)
