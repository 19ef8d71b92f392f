"""The walk of many cursors finds what a walk of one finds, whatever the bytes."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from capture.wire.columns import I64, Bool
from capture.wire.lockstep import Chain, walk


def chain_of(buffer: bytearray) -> Chain:
    """Records of two marking bytes and a length."""
    lengths = np.ndarray((len(buffer) - 3,), "<u2", buffer, 2, (1,))

    def length_at(at: int) -> int:
        length: int = struct.unpack_from("<H", buffer, at + 2)[0]
        return length

    def plausible(here: I64) -> Bool:
        marks = np.ndarray((len(buffer) - 1,), "<u2", buffer, 0, (1,))
        return np.asarray(marks[here] == 0x5AA5)

    return Chain(buffer, lengths, 4, 4, length_at, b"\xa5\x5a", 0, plausible)


def plain_walk(buffer: bytearray, end: int) -> list[int]:
    found, at = [], 0
    while at < end:
        found.append(at)
        at += 4 + struct.unpack_from("<H", buffer, at + 2)[0]
    return found


@pytest.mark.parametrize("seed", range(12))
def test_all_starts_are_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    buffer = bytearray()
    while len(buffer) < 300_000:
        size = int(rng.integers(0, 3000))
        body = rng.integers(0, 256, size, dtype=np.uint8).tobytes()
        if seed % 3 == 1:  # bodies full of false starts that lead on to one another
            body = (b"\xa5\x5a" + struct.pack("<H", 60) + bytes(60)) * (size // 64)
        elif seed % 3 == 2:  # and of false marks
            body = b"\xa5\x5a" * (size // 2)
        buffer += b"\xa5\x5a" + struct.pack("<H", len(body)) + body
    end = len(buffer)
    buffer += bytes(300)
    assert walk(chain_of(buffer), 0, end).tolist() == plain_walk(buffer, end)


def test_a_length_beyond_the_end_ends_the_walk() -> None:
    buffer = bytearray((b"\xa5\x5a\x10\0" + bytes(16)) * 5000)
    struct.pack_into("<H", buffer, 20 * 4998 + 2, 0xFFFF)
    end = len(buffer)
    buffer += bytes(300)
    assert walk(chain_of(buffer), 0, end).tolist() == [20 * index for index in range(4999)]
