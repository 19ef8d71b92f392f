"""The hash table of conversations against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest

from capture import kernels
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
            ("marks", np.uint8), ("offset", np.int64), ("content", np.uint8),
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


@pytest.fixture(params=["compiled", "numpy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the kernels, and without."""
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "KERNELS", None)
    elif kernels.KERNELS is None:
        pytest.skip("the kernels were not compiled")
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("hosts", "ports", "scopes"), [(3, 4, 1), (50, 60000, 3), (1 << 33, 65536, 2)])
def test_numbers_are_those_of_a_dictionary(hosts: int, ports: int, scopes: int) -> None:
    rng = np.random.default_rng(hosts)
    conversations = Conversations()
    known: dict[tuple[object, ...], int] = {}
    for size in (1, 100, 20_000, 0, 20_000):
        ends = rng.integers(0, (hosts, ports, hosts, ports, scopes), (size, 5))
        keys = conversations.keys(block(ends))
        assert keys.dtype == np.int32
        for (src, sport, dst, dport, scope), key in zip(ends.tolist(), keys.tolist(), strict=True):
            pair = tuple(sorted(((src, sport), (dst, dport))))
            assert known.setdefault((pair, scope), len(known)) == key >> 1
            assert key & 1 == ((src, sport) > (dst, dport))
    assert len(conversations) == len(known)
    assert conversations.lower.tolist() == [pair[0][0] << 16 | pair[0][1] for pair, _ in known]
    assert conversations.upper.tolist() == [pair[1][0] << 16 | pair[1][1] for pair, _ in known]
    assert conversations.scope.tolist() == [scope for _, scope in known]


def test_one_table_serves_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel finds what numpy put into the table, and numpy what the kernel did."""
    if kernels.KERNELS is None:
        pytest.skip("the kernels were not compiled")
    rng = np.random.default_rng(7)
    blocks = [block(rng.integers(0, (60, 50, 60, 50, 2), (size, 5))) for size in (3000, 10, 30_000, 1, 5000)]
    compiled, mixed, numbers = Conversations(), Conversations(), []
    mixed._multipliers = compiled._multipliers
    for which, one in enumerate(blocks):
        expected = compiled.keys(one)
        with monkeypatch.context() as patch:
            if which % 2:
                patch.setattr(kernels, "KERNELS", None)
            assert mixed.keys(one).tolist() == expected.tolist()
        numbers.append(len(mixed))
    assert numbers[-1] == len(compiled)
    assert mixed.lower.tolist() == compiled.lower.tolist()
    assert mixed._slots.tolist().count(-1) == compiled._slots.tolist().count(-1)
