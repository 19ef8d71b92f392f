"""The compiled comparison of two dumps of sockets (socket_diff.c). Without numpy: the live view starts without it, and
waits for no compiler in a checkout that has changed."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from functools import cache
from typing import Any

from capture.engine.compiling import compiled

_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "socket_diff_new": (_POINTER, (ctypes.c_uint64,)),
    "socket_diff_free": (None, (_POINTER,)),
    "socket_diff_begin": (None, (_POINTER,)),
    "socket_diff_feed": (ctypes.c_int, (_POINTER, _POINTER, _SIZE)),
    "socket_diff_end": (ctypes.c_int, (_POINTER,)),
    "socket_diff_changed": (_SIZE, (_POINTER, _POINTER)),
    "socket_diff_gone": (_SIZE, (_POINTER, _POINTER)),
}


@cache
def _library() -> Any:
    loaded: Any = ctypes.CDLL(compiled(at_once=True))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


class SocketDiff:
    """Keeps the last dump of one network namespace. Raises CannotCompile, OSError or AttributeError where there is no
    engine, or one of before."""

    def __init__(self) -> None:
        self._call = _library()
        self._diff = self._call.socket_diff_new(int.from_bytes(os.urandom(8), "little"))
        if not self._diff:
            raise MemoryError

    def __del__(self) -> None:
        if getattr(self, "_diff", None):
            self._call.socket_diff_free(self._diff)

    def take(self, chunks: Iterable[bytes | memoryview]) -> tuple[bytes, bytes]:
        """(records that are new or changed, cookies of those that have gone), end to end; chunks hold whole messages,
        a memoryview is of memory that may be written, and may be overwritten when the next chunk is asked for."""
        call, diff = self._call, self._diff
        call.socket_diff_begin(diff)
        for chunk in chunks:
            if not chunk:
                continue
            data = chunk if isinstance(chunk, bytes) else ctypes.byref(ctypes.c_char.from_buffer(chunk))
            if call.socket_diff_feed(diff, data, len(chunk)):
                raise MemoryError
        if call.socket_diff_end(diff):
            raise MemoryError
        return self._bytes(call.socket_diff_changed), self._bytes(call.socket_diff_gone)

    def _bytes(self, function: Any) -> bytes:
        start = ctypes.c_void_p()
        size = function(self._diff, ctypes.byref(start))
        return ctypes.string_at(start, size) if size else b""
