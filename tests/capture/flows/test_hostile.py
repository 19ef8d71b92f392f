"""Columns that make no sense: whatever a capture claims, a table of connections comes out."""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.flows.building import flow_table
from capture.flows.collecting import Collected
from capture.wire.columns import AddressTable, PacketColumns, ScopeTable


def nonsense(seed: int, rows: int, hosts: int) -> PacketColumns:
    """Packets with every field at random, few of them on few hosts."""
    rng = np.random.default_rng(seed)
    few = rng.integers(0, 1 << 32, 4)

    def column(dtype: type[np.generic], high: int, low: int = 0) -> np.ndarray:
        return rng.integers(low, high, rows).astype(dtype)

    return PacketColumns(
        number=np.arange(1, rows + 1, dtype=np.uint32),
        time=rng.choice([0, 1, 10**18, 2**62, -(2**62)], rows) + column(np.int64, 10**10),
        src=column(np.int64, hosts),
        dst=column(np.int64, hosts),
        sport=column(np.uint16, 2),
        dport=column(np.uint16, 2),
        seq=(rng.choice(few, rows) + column(np.int64, 3)).astype(np.uint32),
        ack=(rng.choice(few, rows) + column(np.int64, 3)).astype(np.uint32),
        flags=column(np.uint16, 512),
        window=column(np.uint16, 3),
        payload=rng.choice([0, 0, 1, 2, 65535], rows).astype(np.int32),
        ttl=column(np.uint8, 256),
        ip_id=column(np.uint16, 3),
        wscale=column(np.int8, 20, -1),
        marks=column(np.uint8, 256),
        scope=np.zeros(rows, np.int32),
        offset=np.arange(rows, dtype=np.int64),
        content=column(np.uint8, 6),
    )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(1, 400), hosts=st.integers(1, 5))
def test_nonsense_makes_a_table(seed: int, rows: int, hosts: int) -> None:
    collected = Collected()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        collected.add(nonsense(seed, rows, hosts))
        collected.add(nonsense(seed + 1, rows, hosts))
        flows = flow_table(collected, AddressTable(), ScopeTable(), [])
    assert int(flows.packet_count.sum()) == 2 * rows == int(flows.first[-1])
    assert all(flows.conn_state)
    assert len(flows.history) == len(flows) == len(flows.rtt_ns)
    assert (flows.unique_bytes >= 0).all()
