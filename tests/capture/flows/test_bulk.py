"""The bulk analysis against the walk: the same tags, packet by packet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from capture.decode import decode
from capture.flows import bulk, giants
from capture.flows.analysis import effective_scales
from capture.flows.rows import neighbours
from capture.flows.streams import spans, streams
from capture.flows.table import Tag
from capture.flows.walking import Walk
from tests.capture.flows.traffic import long_connection, random_traffic

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
    told = bulk.tags_of(found, shifts, bulk.patience_of(found))
    tags, left = told.tags, np.union1d(told.probing, told.tangled)
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


@pytest.mark.parametrize("window", [60, 500, 10_000])
def test_windows_tell_what_the_whole_does(tmp_path: Path, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(giants, "LATEST", 50)
    flows = decode([long_connection(7, 4000).write(tmp_path / "long.pcap")])[0].flows
    assert len(flows) == 1
    packets, first = flows.packets, flows.first
    count = len(packets.seq)
    nothing = np.zeros(count, np.bool_)
    shifts = effective_scales(packets, first, neighbours(packets.side, first), flows.wscale)
    found = streams(packets, first, np.array([0]), nothing)
    whole = bulk.tags_of(found, shifts, bulk.patience_of(found))
    pieces = giants.giant(packets, 0, count, nothing, shifts[0], window)
    assert np.flatnonzero(pieces.tags != whole.tags).tolist() == []
    assert pieces.repeats.tolist() == found.repeats.tolist()
    assert pieces.span.tolist() == spans(found)[0].tolist()
    assert whole.tags.any()
