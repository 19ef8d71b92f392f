"""What each packet says of its connection's end: the loop against the steps over columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from capture import kernels
from capture.flows.table import Stretch
from capture.verdicts import events
from tests.capture.kernels.test_connections import FLAGS, PAYLOADS, PLACES, STEPS, WINDOWS, packets_of
from tests.capture.kernels.ways import assert_same, compiled

pytestmark = compiled

TAGS = (0, 0, 0, 1, 2, 4, 8, 0x10, 0x20, 0x20, 0x21, 0x40, 0x80, 0x100, 0x200, 0x400, 0x1000, 0x2000, 0x4000, 0x4001)
SIZES = (0, 0, 1, 99, 100, 101, 999, 1000, 1448, 65535)
ACK, DATA = (16, 16, 24, 16, 17, 2, 18, 4, 20), (16, 24)


def stretch(rng: np.random.Generator, sizes: list[int], flags: tuple[int, ...], places: tuple[int, ...]) -> Stretch:
    """Connections of so many packets, everything else by chance."""
    n = sum(sizes)
    values: tuple[Any, ...] = (
        (0, 1),
        flags,
        places,
        places,
        WINDOWS,
        (*PAYLOADS, *SIZES),
        (*STEPS, 4_999_999, 5_000_000),
    )
    packets = packets_of(np.stack([rng.choice(some, n) for some in values], axis=1).astype(np.int64))
    packets = replace(
        packets,
        tags=np.where(rng.random(n) < 0.5, rng.choice(TAGS, n), 0).astype(np.uint16),
        marks=rng.choice((0, 0, 0, 8, 0x10, 0x18), n).astype(np.uint8),
        ip_id=rng.choice((0, 1, 2), n).astype(np.uint16),
        content=rng.choice((0, 0, 1, 2, 3, 4, 5), n).astype(np.uint8),
    )
    first = np.append(0, np.cumsum(np.array(sizes, np.int64))).astype(np.int64)
    return Stretch(packets, first, np.zeros((len(sizes), 2), np.int64))


def said(flows: Stretch, *, plain: bool) -> tuple[Any, ...]:
    """Kept rows, codes and lanes."""
    builder = events._Builder(flows, None)  # type: ignore[arg-type]
    assert kernels.KERNELS is not None
    keep = builder._in_columns() if plain else builder._in_one_loop(kernels.KERNELS)
    return keep, builder.code, builder.lane


@pytest.mark.parametrize("places", [(0, 1, 2), (5,), PLACES], ids=["near", "one", "far"])
@pytest.mark.parametrize("flags", [FLAGS, ACK, DATA], ids=["all", "usual", "data"])
def test_the_loop_says_what_the_steps_say(flags: tuple[int, ...], places: tuple[int, ...]) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        sizes = rng.choice((1, 2, 3, 5, 20, 80), 60).tolist()
        flows = stretch(rng, sizes, flags, places)
        assert_same(said(flows, plain=False), said(flows, plain=True), f"seed {seed}: ")


def test_one_packet_and_none() -> None:
    rng = np.random.default_rng(5)
    for sizes in ([1], [1, 1], []):
        flows = stretch(rng, sizes, FLAGS, PLACES)
        if sizes:
            assert_same(said(flows, plain=False), said(flows, plain=True))
        assert len(said(flows, plain=False)[0]) == len(sizes)
