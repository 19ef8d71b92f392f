"""Packets put in order by conversation: the counting sort and the gathering against numpy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from capture.flows import grouping, splitting
from capture.flows.collecting import Collected
from capture.wire.columns import PacketColumns
from tests.capture.flows.test_conversations import block
from tests.capture.kernels.ways import assert_same, both_ways, compiled

pytestmark = compiled


def collected(blocks: list[PacketColumns]) -> Collected:
    held = Collected()
    for one in blocks:
        held.add(one)
    return held


@pytest.mark.parametrize("seed", range(6))
def test_rows_by_conversation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hosts = (1, 2, 5, 50, 4000, 1 << 33)[seed]
    blocks = [block(rng.integers(0, (hosts, 9, hosts, 9, 2), (size, 5))) for size in (0, 1, 1000, 70_000)]
    (key, order), plain = both_ways(lambda: grouping._sorted(collected(blocks), False, grouping._Spare()))
    assert_same((key, order), plain)
    assert (np.diff(key >> 1) >= 0).all()
    assert (np.diff(order.astype(np.int64))[np.diff(key >> 1) == 0] > 0).all()
    assert_same(*both_ways(lambda: grouping.grouped(collected(blocks))))


def test_no_rows() -> None:
    assert_same(*both_ways(lambda: grouping._sorted(Collected(), False, grouping._Spare())))


def some_conversations(seed: int, flags: tuple[int, ...]) -> tuple[Any, ...]:
    """Keys in order, flags and sequence numbers of conversations with reused ports."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice((1, 1, 2, 3, 4, 6, 9, 40), 200)
    conversation = np.repeat(np.arange(len(sizes)), sizes)
    n = len(conversation)
    keys = (conversation << 1 | rng.integers(0, 2, n) * (rng.random(n) < 0.4)).astype(np.int32)
    return keys, rng.choice(flags, n).astype(np.uint16), rng.choice((0, 1, 2, 2**32 - 1), n).astype(np.uint32)


@pytest.mark.parametrize(
    "flags", [(2, 2, 16, 17, 4), (2, 18, 16, 20, 1), tuple(range(64)), (2,), (4, 20, 16), (2, 0xC2)]
)
def test_starts_of_connections(flags: tuple[int, ...]) -> None:
    for seed in range(3):
        key, flag, seq = some_conversations(seed, flags)
        rng = np.random.default_rng(seed)
        columns = {
            "ack": rng.choice((0, 1, 2), len(key)).astype(np.uint32),
            "payload": rng.choice((0, 0, 5), len(key)).astype(np.int32),
            "time": np.cumsum(rng.choice((0, 1000, 10**10), len(key))),
        }
        (starts, doubtful), plain = both_ways(lambda key=key, flag=flag, seq=seq: splitting._starts(key, flag, seq))
        assert_same((starts, doubtful), plain, f"seed {seed}: ")

        def found(key: Any = key, flag: Any = flag, seq: Any = seq, columns: Any = columns) -> Any:
            return splitting.connection_starts(key, flag, seq, lambda name, rows: columns[name][rows])

        assert_same(*both_ways(found), f"seed {seed}: ")


def test_starts_of_one_packet_and_none() -> None:
    for rows in (0, 1):
        none = np.zeros(rows, np.uint16)
        key, seq = none.astype(np.int32), none.astype(np.uint32)
        assert_same(*both_ways(lambda key=key, none=none, seq=seq: splitting.connection_starts(key, none, seq, None)))


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_, np.int8, np.uint16, np.int32, np.uint32, np.int64])
@pytest.mark.parametrize("rows", [0, 1, 1000, 70_000])
def test_gathering(dtype: type[np.generic], rows: int) -> None:
    rng = np.random.default_rng(rows)
    column: np.ndarray[Any, Any] = rng.integers(0, 100, rows + 3).astype(dtype)
    order = rng.integers(0, rows + 3, rows).astype(np.uint32)
    found, plain = both_ways(lambda: grouping._Spare().gather(column.copy(), order))
    assert_same(found, plain)
    assert (found == column[order]).all()


def test_columns_put_where_others_stood() -> None:
    """One column after another, as grouping does it: no column is overwritten while it is wanted."""
    order = np.random.default_rng(1).permutation(1001).astype(np.uint32)
    dtypes = (np.uint32, np.uint16, np.int64, np.int64, np.uint32, np.int32, np.uint16, np.uint8, np.uint8)
    columns = [np.arange(1001).astype(dtype) + number for number, dtype in enumerate(dtypes)]

    def gathered() -> list[np.ndarray[Any, Any]]:
        spare = grouping._Spare()
        return [spare.gather(column.copy(), order) for column in columns]

    found, plain = both_ways(gathered)
    assert_same(found, plain)
    assert_same(found, [column[order] for column in columns])
