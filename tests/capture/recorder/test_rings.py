"""How far apart looks are, by what one costs; and how long they are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.recorder.look_ring import LOOKS, LookRing
from capture.recorder.rings import LONGEST_PAUSE_S, pause_after
from capture.sockets.socket_watch import Watcher


@pytest.mark.parametrize(
    ("took_s", "pause_s"),
    [(0.0, 0.0), (0.01, 4.0), (0.1, LONGEST_PAUSE_S), (0.2, 20.0), (1.0, 100.0)],
)
def test_a_look_follows_within_ten_seconds_unless_it_takes_one_per_cent_of_a_core(
    took_s: float, pause_s: float
) -> None:
    assert pause_after(took_s) == pause_s


@pytest.mark.parametrize("step", [-90_000, 90_000])
def test_looks_go_after_their_time_also_where_the_clock_is_set(tmp_path: Path, step: float) -> None:
    now, ring = 0.0, LookRing(str(tmp_path), 3.0 * LOOKS)
    with Watcher("procfs", clock=lambda: now, wall=lambda: 1e6 + now + (step if now > 5 * LOOKS else 0)) as watcher:
        for second in range(10 * LOOKS):
            now = float(second)
            ring.add(watcher.look())
            assert len(list(tmp_path.iterdir())) <= 5
            if second == 5 * LOOKS + 2:
                assert ring.copy(str(tmp_path.parent / f"copied{step}"), -1e6, 1e7) >= 3 * LOOKS
    ring.close()
