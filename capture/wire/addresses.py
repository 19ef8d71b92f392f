"""IPv6 addresses of many packets at once: from sixteen bytes to the keys of an AddressTable."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from capture.wire.columns import I64, AddressTable

_ODD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


def v6_keys(table: AddressTable, packed: npt.NDArray[Any]) -> I64:
    """Keys of addresses; `packed` is contiguous, 16 bytes an element. New addresses enter the table."""
    halves = packed.view(np.uint64).reshape(-1, 2)
    mixed = halves[:, 0] * _ODD
    mixed ^= mixed >> _SHIFT
    mixed += halves[:, 1]
    mixed *= _ODD
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    if (halves[first][which] != halves).any():  # two addresses mixed to one number: made on purpose, so go slowly
        raw = packed.tobytes()
        return np.array([table.key(raw[at : at + 16]) for at in range(0, len(raw), 16)], dtype=np.int64)
    raw = np.ascontiguousarray(halves[first]).tobytes()
    keys = np.array([table.key(raw[at : at + 16]) for at in range(0, len(raw), 16)], dtype=np.int64)
    return keys[which]
