"""The hash table of conversations against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest

from capture.flows.conversations import Conversations
from capture.wire.columns import PacketColumns


def block(ends: np.ndarray) -> PacketColumns:
    """Packets from columns (src, sport, dst, dport, scope)."""
    n = len(ends)
    zero = {
        name: np.zeros(n, dtype)
        for name, dtype in (
            ("number", np.uint32), ("time", np.int64), ("seq", np.uint32), ("ack", np.uint32), ("flags", np.uint16),
            ("window", np.uint16), ("payload", np.int32), ("ttl", np.uint8), ("ip_id", np.uint16), ("wscale", np.int8),
            ("marks", np.uint8), ("offset", np.int64),
        )
    }  # fmt: skip
    return PacketColumns(
        src=ends[:, 0].astype(np.int64),
        sport=ends[:, 1].astype(np.uint16),
        dst=ends[:, 2].astype(np.int64),
        dport=ends[:, 3].astype(np.uint16),
        scope=ends[:, 4].astype(np.int32),
        **zero,
    )


@pytest.mark.parametrize(("hosts", "ports", "scopes"), [(3, 4, 1), (50, 60000, 3), (1 << 33, 65536, 2)])
def test_numbers_are_those_of_a_dictionary(hosts: int, ports: int, scopes: int) -> None:
    rng = np.random.default_rng(hosts)
    conversations = Conversations()
    known: dict[tuple[object, ...], int] = {}
    for size in (1, 100, 40_000, 40_000):
        ends = rng.integers(0, (hosts, ports, hosts, ports, scopes), (size, 5))
        numbers, upper = conversations.number(block(ends))
        for (src, sport, dst, dport, scope), number, is_upper in zip(
            ends.tolist(), numbers.tolist(), upper.tolist(), strict=True
        ):
            pair = tuple(sorted(((src, sport), (dst, dport))))
            assert known.setdefault((pair, scope), len(known)) == number
            assert is_upper == ((src, sport) > (dst, dport))
    assert len(conversations) == len(known)
    assert conversations.lower.tolist() == [pair[0][0] << 16 | pair[0][1] for pair, _ in known]
    assert conversations.scope.tolist() == [scope for _, scope in known]
