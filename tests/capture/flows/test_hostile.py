"""Segments that make no sense: whatever a capture claims, a table of connections comes out."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.engine.library import library
from capture.engine.session import Engine
from capture.flows.from_engine import flow_table


def nonsense(seed: int, rows: int, hosts: int) -> np.ndarray:
    """Segments with every field at random, few of them on few hosts."""
    rng = np.random.default_rng(seed)
    few = rng.integers(0, 1 << 32, 4)
    segments = np.zeros(rows, library().structs["segment"])

    def fill(name: str, high: int, low: int = 0) -> None:
        segments[name] = rng.integers(low, high, rows)

    segments["number"] = np.arange(1, rows + 1)
    segments["time"] = rng.choice([0, 1, 10**18, 2**62, -(2**62)], rows) + rng.integers(0, 10**10, rows)
    segments["family"] = rng.choice([4, 6], rows)
    for ends in ("src", "dst"):
        segments[ends][:, 0] = rng.integers(0, hosts, rows)
    for name in ("sport", "dport"):
        fill(name, 2)
    for name in ("seq", "ack"):
        segments[name] = (rng.choice(few, rows) + rng.integers(0, 3, rows)) % (1 << 32)
    segments["payload"] = rng.choice([0, 0, 1, 2, 65535, 0xFFFFFFFF], rows)
    for name, high in (("flags", 512), ("window", 3), ("ttl", 256), ("ip_id", 3), ("marks", 0x1000), ("content", 6)):
        fill(name, high)
    fill("wscale", 15, -1)
    segments["interface"] = rng.choice([0, 1, 0xFFFFFFFF], rows)
    return segments


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(1, 400), hosts=st.integers(1, 5))
def test_nonsense_makes_a_table(seed: int, rows: int, hosts: int) -> None:
    engine = Engine()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        engine.segments(nonsense(seed, rows, hosts))
        early = flow_table(engine)
        engine.segments(nonsense(seed + 1, rows, hosts))
        flows = flow_table(engine)
    assert int(early.packet_count.sum()) == rows
    assert int(flows.packet_count.sum()) == 2 * rows
    assert all(flows.conn_state)
    assert len(flows.history) == len(flows) == len(flows.rtt_ns)
    assert (flows.unique_bytes >= 0).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(2, 300), asked=st.lists(st.integers(1, 299), max_size=5))
def test_asking_changes_nothing(seed: int, rows: int, asked: list[int]) -> None:
    segments = nonsense(seed, rows, 2)
    whole, cut = Engine(), Engine()
    whole.segments(segments)
    cuts = sorted({0, rows, *(at % rows for at in asked)})
    for low, high in pairwise(cuts):
        cut.segments(segments[low:high])
        cut.table()
    assert _told(whole) == _told(cut)


def _told(engine: Engine) -> list[Any]:
    table = engine.table()
    words = [table.words[word] for word in table.columns.pop("word").tolist()]
    return [words, *(column.tolist() for column in table.columns.values())]
