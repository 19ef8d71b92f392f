"""Which rows of two tables have the same key (equal_keys.c)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from capture.engine.library import library

if TYPE_CHECKING:
    import numpy.typing as npt

NONE, SEVERAL = -1, -2


def rows_with_equal_keys(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Of each row of a the row of b with its key, where each has it once; NONE where b has it not, SEVERAL where one of
    them has it more than once. Shapes (n,) and (m,); the answer's is (n,).
    """
    a, b = np.ascontiguousarray(a, np.uint64), np.ascontiguousarray(b, np.uint64)
    to = np.empty(len(a), np.int64)
    call = library().call.rows_with_equal_keys
    seed = int.from_bytes(os.urandom(8), "little")
    if call(seed, a.ctypes.data, len(a), b.ctypes.data, len(b), to.ctypes.data):
        raise MemoryError
    return to
