"""Damaged captures are read with notices or refused; nothing else. TCPTRIAGE_MUTATIONS=100000 asks for more."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.bench.mutate import mutated, read
from tests.capture.wire import building as make
from tests.capture.wire.test_layers import LINKS, TUNNELS

COUNT = int(os.environ.get("TCPTRIAGE_MUTATIONS", "400"))
SEED = int(os.environ.get("TCPTRIAGE_SEED", "0")) or random.SystemRandom().randrange(1 << 30)
TEXT = b"""\
12:00:00.000001 IP 10.0.0.1.5 > 10.0.0.2.80: Flags [S], seq 1, win 1, options [mss 1460,wscale 7], length 0
12:00:00.000002 IP (tos 0x0, ttl 64, id 5, offset 0, flags [DF], proto TCP (6), length 52)
    10.0.0.2.80 > 10.0.0.1.5: Flags [S.], cksum 0x1 (correct), seq 5, ack 2, win 1, length 0
"""


def sources() -> list[bytes]:
    tunnels = [frame for frame, _ in TUNNELS.values()]
    blocks = [make.enhanced(frame, 1_700_000_000_000_000 + index) for index, frame in enumerate(tunnels)]
    return [
        make.pcap(tunnels),
        make.pcap(tunnels, order=">", nanoseconds=True),
        make.section() + make.interface() + b"".join(blocks),
        TEXT * 5,
        *(make.pcap([frame] * 3, link=link) for link, frame in LINKS.values()),
    ]


def test_mutations(tmp_path: Path) -> None:
    made, path = sources(), tmp_path / "mutated"
    for number in range(COUNT):
        rng = random.Random(SEED + number)
        path.write_bytes(mutated(rng.choice(made), rng))
        outcome = read(str(path))
        assert outcome.startswith(("read", "refused")), f"seed {SEED + number}: {outcome}"


@pytest.mark.parametrize("which", range(4))
def test_truncations(tmp_path: Path, which: int) -> None:
    data, path = sources()[which], tmp_path / "cut"
    for size in [*range(40), *range(40, len(data), 13)]:
        path.write_bytes(data[:size])
        outcome = read(str(path))
        assert outcome.startswith(("read", "refused")), f"cut at {size}: {outcome}"
