"""Which of many literals a block of text cannot hold, found by the runs of three bytes that it has none of.

Looking for hundreds of literals one by one reads a block hundreds of times; most of a log's vocabulary is small, and a
single pass that notes its runs of three bytes leaves a few dozen literals to look for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

WORTH = 1 << 20
"""Bytes of a block from which on the pass, and loading numpy for it, costs less than it saves."""


def left_to_find(low: bytes, literals: Sequence[bytes]) -> Sequence[bytes]:
    """Those of the literals that a block may hold; all of them where the block is short."""
    if len(low) < WORTH:
        return literals
    import numpy as np

    block = np.frombuffer(low, dtype=np.uint8)
    codes = block[:-2].astype(np.uint32)
    for later in (block[1:-1], block[2:]):
        codes <<= 8
        codes |= later
    seen = np.zeros(1 << 24, dtype=bool)
    seen[codes] = True
    held = seen.tobytes()
    return [literal for literal in literals if all(held[code] for code in _codes(literal))]


@lru_cache(maxsize=8192)
def _codes(literal: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(literal[at : at + 3], "big") for at in range(len(literal) - 2))
