"""What the kernel hands out by the thousand, taken in by the engine (kernel_news.c). Without numpy, and without waiting
for a compiler, as socket_diff.py."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from capture.engine.compiling import compiled

_SIZE = ctypes.c_size_t
LARGEST_PAGE = 65536
ROOM = 1 << 20
"""Bytes of datagrams taken at once."""


class _KeptRecords(ctypes.Structure):
    _fields_ = (("event", ctypes.c_uint32), ("at", ctypes.c_uint32), ("byte", ctypes.c_uint32))


@cache
def _library() -> Any:
    loaded: Any = ctypes.CDLL(compiled(at_once=True), use_errno=True)
    loaded.trace_page_parted.restype = None
    loaded.trace_page_parted.argtypes = (ctypes.c_char_p, _SIZE, *(ctypes.c_void_p,) * 4)
    loaded.datagrams_received.restype = _SIZE
    loaded.datagrams_received.argtypes = (ctypes.c_int, ctypes.c_void_p, _SIZE, ctypes.c_void_p, ctypes.c_void_p)
    return loaded


class TracePages:
    """Parts pages of the trace ring. Raises CannotCompile, OSError or AttributeError where there is no engine."""

    def __init__(self) -> None:
        self._parted = _library().trace_page_parted
        self._kept, self._others = (ctypes.create_string_buffer(2 * LARGEST_PAGE) for _ in range(2))
        self._sizes = (_SIZE * 2)()

    def parted(self, page: bytes, event: int, at: int, byte: int) -> tuple[bytes, bytes]:
        """(records of this event with this byte there, all others) of a page of at most LARGEST_PAGE bytes: each is
        time (u64), length (u32) and bytes, in the machine's order."""
        wanted = _KeptRecords(event, at, byte)
        self._parted(page, len(page), ctypes.byref(wanted), self._kept, self._others, self._sizes)
        kept, others = self._sizes
        return ctypes.string_at(self._kept, kept), ctypes.string_at(self._others, others)


class Datagrams:
    """Takes what waits at a socket. Raises as TracePages does."""

    def __init__(self) -> None:
        self._received = _library().datagrams_received
        self._buffer = ctypes.create_string_buffer(ROOM)

    def received(self, descriptor: int) -> tuple[int, bytes, int]:
        """How many there were, each with its length (u32) before it, and the errno that ended them; 0 for none."""
        size, error = _SIZE(), ctypes.c_int()
        count = self._received(descriptor, self._buffer, ROOM, ctypes.byref(size), ctypes.byref(error))
        return count, ctypes.string_at(self._buffer, size.value), error.value
