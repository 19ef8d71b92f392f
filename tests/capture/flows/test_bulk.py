"""The bulk analysis against the walk: the same tags, packet by packet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from capture.decode import decode
from capture.flows import bulk
from capture.flows.analysis import effective_scales
from capture.flows.rows import neighbours
from capture.flows.streams import streams
from capture.flows.table import Tag
from capture.flows.walking import Walk
from tests.capture.flows.traffic import random_traffic

APPROXIMATE = int(Tag.ACKED_UNSEEN)  # the walk also says so inside a hole


@pytest.mark.parametrize("trouble", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(20, 24))
def test_bulk_and_walk_agree(tmp_path: Path, seed: int, trouble: float) -> None:
    flows = decode([random_traffic(seed, 120, trouble).write(tmp_path / "t.pcap")])[0].flows
    packets, first = flows.packets, flows.first
    nothing = np.zeros(len(packets.seq), np.bool_)
    everything = np.arange(len(flows), dtype=np.int64)
    shifts = effective_scales(packets, first, neighbours(packets.side, first), flows.wscale)
    found = streams(packets, first, everything, nothing)
    tags, left = bulk.tags_of(found, shifts)
    compared = 0
    for connection in sorted(set(everything.tolist()) - set(left.tolist())):
        rows = slice(int(first[connection]), int(first[connection + 1]))
        columns = (packets.side, packets.seq, packets.ack, packets.flags, packets.window, packets.payload, packets.time)
        walk = Walk((int(shifts[connection, 0]), int(shifts[connection, 1])))
        middle = (rows.start + rows.stop) // 2
        walked = [
            tag
            for piece in (slice(rows.start, middle), slice(middle, rows.stop))
            for tag in walk.tags(*(column[piece].tolist() for column in columns), nothing[piece].tolist())
        ]
        got = (tags[rows] & ~np.uint16(APPROXIMATE)).tolist()
        assert got == [tag & ~APPROXIMATE for tag in walked], connection
        compared += 1
    assert compared > len(flows) // 4
