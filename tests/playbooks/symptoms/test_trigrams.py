"""Literals that are left out are not in the block, wherever they would stand."""

from __future__ import annotations

import random

from playbooks.symptoms.log_scan import _needle_bytes
from playbooks.symptoms.trigrams import WORTH, left_to_find

LITERALS = tuple(needle for kind in _needle_bytes() for needle in kind)


def test_no_literal_that_is_there_is_left_out() -> None:
    rng = random.Random(7)
    filler = bytes(rng.choices(b"abcdefghij 0123\n", k=WORTH))
    for literal in rng.sample(LITERALS, 12):
        at = rng.choice((0, WORTH // 2, WORTH))
        block = filler[:at] + literal + filler[at:]
        left = left_to_find(block, LITERALS)
        assert literal in left
        assert {one for one in LITERALS if one in block} <= set(left)
        assert len(left) < len(LITERALS) / 4


def test_of_a_short_block_all_are_looked_for() -> None:
    assert left_to_find(b"connection refused\n", LITERALS) == LITERALS
