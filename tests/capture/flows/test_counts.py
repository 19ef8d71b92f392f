"""Every count against the oracle: a plain dpkt loop."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from capture.decode import DecodedCapture, decode
from capture.flows.table import Tag
from capture.model import COUNT_NAMES, TcpFlags
from tests.capture.flows import oracle
from tests.capture.flows.traffic import random_traffic

LAB = Path(__file__).parents[2] / "data" / "lab"
NAMES = ("packets", "bytes", *COUNT_NAMES)


def counted(decoded: DecodedCapture) -> dict[tuple[oracle.End, oracle.End], Counter[str]]:
    flows = decoded.flows
    sums: dict[tuple[oracle.End, oracle.End], Counter[str]] = defaultdict(Counter)
    for i in range(len(flows)):
        ends = [(flows.addresses.text(int(flows.address[i, s])), int(flows.port[i, s])) for s in (0, 1)]
        for s in (0, 1):
            found = sums[ends[s], ends[1 - s]]
            found["packets"] += int(flows.packet_count[i, s])
            found["bytes"] += int(flows.bytes[i, s])
            for name, column in flows.counts.items():
                found[name] += int(column[i, s])
    return sums


def assert_same_counts(path: str) -> None:
    decoded = decode([path])[0]
    if has_forged_resets(decoded):
        pytest.skip("a RST that took no effect moves Wireshark's numbers, and rightly not ours: test_openings.py")
    got, wanted = counted(decoded), oracle.counts(oracle.segments(path))
    for direction, want in wanted.items():
        differences = {
            name: (want.get(name, 0), got[direction][name])
            for name in NAMES
            if want.get(name, 0) != got[direction][name]
        }
        assert not differences, f"{direction}: (oracle, here) {differences}"
    assert sum(c["packets"] for c in got.values()) == sum(c["packets"] for c in wanted.values())


def has_forged_resets(decoded: DecodedCapture) -> bool:
    """A RST with a wrong number from a side that then went on speaking."""
    packets = decoded.flows.packets
    for row in np.flatnonzero(packets.tags & int(Tag.RST_UNACCEPTABLE)).tolist():
        connection = int(np.searchsorted(decoded.flows.first, row, "right")) - 1
        later = slice(row + 1, int(decoded.flows.first[connection + 1]))
        spoke = (packets.side[later] == packets.side[row]) & ((packets.flags[later] & TcpFlags.RST) == 0)
        if spoke.any():
            return True
    return False


@pytest.mark.parametrize("trouble", [0.0, 0.05, 0.6])
@pytest.mark.parametrize("seed", range(6))
def test_generated_traffic_counts_like_the_oracle(tmp_path: Path, seed: int, trouble: float) -> None:
    assert_same_counts(random_traffic(seed, 150, trouble).write(tmp_path / "traffic.pcap"))


@pytest.mark.parametrize("path", sorted(LAB.glob("*/*.pcap")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_lab_recordings_count_like_the_oracle(path: Path) -> None:
    assert_same_counts(str(path))
