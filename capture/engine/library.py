"""The compiled engine, and its structs and columns as it describes them itself (struct_layout.c): each written once."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from capture.engine.compiling import compiled

_POINTER, _SIZE, _U64, _I32 = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_int
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "engine_layout": (ctypes.c_char_p, ()),
    "engine_new": (_POINTER, (_U64,)),
    "engine_free": (None, (_POINTER,)),
    "engine_segments": (None, (_POINTER, _POINTER, _SIZE)),
    "engine_packets": (None, (_POINTER, _POINTER, _SIZE)),
    "engine_span": (None, (_POINTER, ctypes.c_int64, ctypes.c_int64)),
    "engine_collect": (_I32, (_POINTER, _I32)),
    "engine_merge": (ctypes.c_int64, (_POINTER, ctypes.c_int64)),
    "batch_new": (_POINTER, (ctypes.c_uint32,)),
    "batch_free": (None, (_POINTER,)),
    "engine_hand_on": (None, (_POINTER, _POINTER)),
    "engine_take": (None, (_POINTER, _POINTER, ctypes.c_uint32)),
    "engine_join": (_I32, (_POINTER, _POINTER)),
    "engine_join_reader": (None, (_POINTER, _POINTER)),
    "engine_forget": (_I32, (_POINTER, _POINTER, _SIZE)),
    "engine_quotes": (None, (_POINTER, _POINTER, _SIZE)),
    "engine_scope": (ctypes.c_uint32, (_POINTER, ctypes.c_char_p, ctypes.c_char_p)),
    "engine_watch": (_I32, (_POINTER, _POINTER, _SIZE, _SIZE)),
    "engine_watched": (_U64, (_POINTER, _POINTER, _POINTER)),
    "engine_trace": (None, (_POINTER,)),
    "engine_traced": (_U64, (_POINTER, _POINTER)),
    "engine_first_numbers": (None, (_POINTER, _POINTER)),
    "table_new": (_POINTER, (_POINTER, _POINTER)),
    "table_fill": (_U64, (_POINTER, _POINTER, _POINTER)),
    "table_fill_last": (_U64, (_POINTER, _POINTER, _POINTER)),
    "table_longs": (_POINTER, (_POINTER, _POINTER)),
    "table_free": (None, (_POINTER, _POINTER)),
    "engine_words": (_POINTER, (_POINTER, _POINTER)),
    "engine_v6": (_POINTER, (_POINTER, _POINTER)),
    "engine_scopes": (_POINTER, (_POINTER, _POINTER)),
    "engine_quoted": (_POINTER, (_POINTER, _POINTER)),
    "engine_totals": (None, (_POINTER, _POINTER)),
    "content_of": (ctypes.c_uint8, (_POINTER, ctypes.c_int64, ctypes.c_int64)),
    "http_answer_end": (ctypes.c_int64, (ctypes.c_char_p, ctypes.c_int64, ctypes.c_int64)),
    "format_of": (_I32, (ctypes.c_char_p, _SIZE, _I32)),
    "distinct_runs": (ctypes.c_int64, (_U64, _POINTER, _POINTER, ctypes.c_int64, _POINTER, _POINTER)),
    "distinct_keys": (ctypes.c_int64, (_U64, _POINTER, ctypes.c_int64, _POINTER, _POINTER)),
    "rows_with_equal_keys": (_I32, (_U64, _POINTER, _U64, _POINTER, _U64, _POINTER)),
    "lines_write": (_U64, (*(_POINTER,) * 6, _U64, _POINTER, _U64, _POINTER)),
    "reader_new": (_POINTER, (_POINTER, _U64)),
    "reader_free": (None, (_POINTER,)),
    "reader_starts_at": (None, (_POINTER, _U64)),
    "reader_feed": (_I32, (_POINTER, _POINTER, _SIZE)),
    "reader_feed_file": (_I32, (_POINTER, _I32, _U64, _POINTER, _POINTER)),
    "reader_end": (_I32, (_POINTER,)),
    "reader_left": (_SIZE, (_POINTER, _POINTER)),
    "reader_format": (_I32, (_POINTER,)),
    "reader_packets": (_U64, (_POINTER,)),
    "reader_offset": (_U64, (_POINTER,)),
    "reader_links": (_SIZE, (_POINTER, _POINTER, _SIZE)),
    "reader_notices": (_SIZE, (_POINTER, _I32, _POINTER, _SIZE)),
    "reader_want": (_I32, (_POINTER, _POINTER, _SIZE, _SIZE)),
    "reader_wanted": (_SIZE, (_POINTER, _POINTER, _POINTER)),
    "reader_text": (_SIZE, (_POINTER, ctypes.c_uint32, _POINTER)),
}


QUOTED_SEQ, QUOTED_BY_V6, QUOTED_BY_V4, QUOTED_REPORTER_6 = 1, 2, 4, 8  # engine.h


class ColumnLayout(Struct, frozen=True):
    """A column of the table: its name, element type, and elements a row."""

    name: str
    type: str
    width: int


class Library(Struct, frozen=True):
    """The functions, and what they are given and give."""

    call: Any  # its attributes are the functions
    structs: dict[str, np.dtype[Any]]
    connection: tuple[ColumnLayout, ...]
    event: tuple[ColumnLayout, ...]
    rare: tuple[ColumnLayout, ...]


@cache
def library() -> Library:
    """The engine, loaded once. Raises CannotCompile where a checkout has to compile it first and cannot."""
    loaded: Any = ctypes.CDLL(compiled())
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return _described(loaded, loaded.engine_layout().decode())


def _described(loaded: Any, layout: str) -> Library:
    structs: dict[str, dict[str, Any]] = {}
    columns: dict[str, list[ColumnLayout]] = {"connection": [], "event": [], "rare": []}
    fields: dict[str, Any] = {}
    for line in layout.splitlines():
        kind, name, *rest = line.split()
        if kind == "struct":
            fields = structs[name] = {"names": [], "formats": [], "offsets": [], "itemsize": int(rest[0])}
        elif kind == "field":
            form, offset, count = rest[0], int(rest[1]), int(rest[2])
            fields["names"].append(name)
            fields["formats"].append(form if count == 1 else (form, (count,)))
            fields["offsets"].append(offset)
        else:
            columns[kind].append(ColumnLayout(name, rest[0], int(rest[1])))
    return Library(
        loaded,
        {name: _dtype(described) for name, described in structs.items()},
        tuple(columns["connection"]),
        tuple(columns["event"]),
        tuple(columns["rare"]),
    )


def _dtype(described: Any) -> np.dtype[Any]:
    kind: np.dtype[Any] = np.dtype(described)
    return kind


def distinct_runs(words: npt.NDArray[np.uint16], begin: npt.NDArray[np.int64]) -> tuple[Any, Any]:
    """Number equal runs of words alike, in order of first sight: (number of each run, first run of each number).

    Run i is words[begin[i]:begin[i + 1]]; shapes (n,) and (distinct,).
    """
    words, begin = np.ascontiguousarray(words), np.ascontiguousarray(begin)
    return _distinct(library().call.distinct_runs, (words, begin), len(begin) - 1)


def distinct_keys(keys: npt.NDArray[np.int64]) -> tuple[Any, Any]:
    """The same of single keys, (n,): the number of each, and where each number is first."""
    return _distinct(library().call.distinct_keys, (np.ascontiguousarray(keys, np.int64),), len(keys))


def _distinct(function: Any, of: tuple[npt.NDArray[Any], ...], n: int) -> tuple[Any, Any]:
    number, speaker = np.empty(n, np.int32), np.empty(n, np.int64)
    seed = int.from_bytes(os.urandom(8), "little")
    known = int(function(seed, *(array.ctypes.data for array in of), n, number.ctypes.data, speaker.ctypes.data))
    if known < 0:
        raise MemoryError
    return number, speaker[:known]
