"""Segments of captures that overlap: taken in order of time, whether they fit in memory or not."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from capture.engine.library import library
from capture.engine.session import Engine, Records
from capture.engine.shares import SharedOut

MANY = 400_000  # more than two runs in memory


def segments(count: int, seed: int = 1) -> Records:
    """Data of 5,000 connections at times in disorder, of which many are the same."""
    chance = np.random.default_rng(seed)
    made = np.zeros(count, library().structs["segment"])
    made["number"] = np.arange(1, count + 1)
    made["time"] = chance.integers(0, 50_000, count) * 1_000_000
    for end, port, high in (("src", "sport", 5_000), ("dst", "dport", 4)):
        made[end][:, 3] = 1 + (end == "dst")
        made[port] = 1_000 + chance.integers(0, high, count)
    made["seq"] = chance.integers(0, 1 << 32, count)
    made["payload"] = chance.integers(1, 1_000, count)
    made["flags"] = 0x10
    made["ip_id"] = chance.integers(1, 65_536, count)
    made["interface"], made["wscale"], made["ttl"], made["family"] = 0xFFFFFFFF, -1, 64, 4
    return made


def columns(engine: Engine) -> dict[str, Any]:
    engine.end()
    table = engine.table(last=True)
    assert table.connections > 5_000
    return {name: column.tolist() for name, column in table.columns.items()}


def in_order(rows: Records) -> dict[str, Any]:
    engine = Engine()
    engine.segments(rows[np.argsort(rows["time"], kind="stable")])
    return columns(engine)


@pytest.mark.parametrize("made", [Engine, lambda: SharedOut(2)], ids=["one", "shared"])
def test_more_than_fits_in_memory_is_taken_in_order(made: Callable[[], Engine]) -> None:
    rows = segments(MANY)
    engine = made()
    engine.collect()
    for part in np.array_split(rows, 7):
        engine.segments(part)
    assert engine._spilled.tell() > 0
    engine.merge()
    assert engine._spilled.closed
    assert columns(engine) == in_order(rows)


def test_a_full_disk_leaves_all_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: open("/dev/full", "wb", buffering=0))  # noqa: SIM115
    rows = segments(MANY)
    engine = Engine()
    engine.collect()
    engine.segments(rows)
    engine.merge()
    assert columns(engine) == in_order(rows)


def test_no_place_for_a_file_leaves_all_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    rows = segments(MANY // 2)
    engine = Engine()
    engine.collect()
    engine.segments(rows)
    engine.merge()
    assert columns(engine) == in_order(rows)


def test_a_file_that_lost_its_bytes_is_told() -> None:
    engine = Engine()
    engine.collect()
    engine.segments(segments(MANY))
    engine._spilled.truncate(1_000)
    with pytest.raises(OSError, match="Input/output error"):
        engine.merge()


def test_nothing_collected_is_nothing_to_merge() -> None:
    engine = Engine()
    engine.collect()
    engine.merge()
    engine.segments(segments(100))
    assert engine.totals.tcp_packets == 100
