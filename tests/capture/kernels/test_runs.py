"""Equal runs of words get the same number: against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.verdicts.signatures import _numbered
from tests.capture.kernels.ways import assert_same, both_ways, compiled

pytestmark = compiled

RUNS = st.lists(st.lists(st.sampled_from((0, 1, 2, 0xFFFF)), max_size=4), max_size=60)


def columns(runs: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    words = np.array([word for run in runs for word in run], np.uint16)
    return words, np.cumsum([0, *map(len, runs)], dtype=np.int64)


@given(runs=RUNS)
@settings(max_examples=80, deadline=None)
def test_runs_are_numbered_by_first_sight(runs: list[list[int]]) -> None:
    words, begin = columns(runs)
    (distinct, number), plain = both_ways(lambda: _numbered(words, begin))
    assert_same((distinct, number), plain)
    assert [distinct[i] for i in number] == [np.array(run, np.uint16).tobytes() for run in runs]


@pytest.mark.parametrize("seed", range(3))
def test_many_runs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.choice((0, 1, 2, 30, 97), 20_000)
    begin = np.append(0, np.cumsum(lengths))
    words = rng.integers(0, (2, 3, 65536)[seed], int(begin[-1])).astype(np.uint16)
    assert_same(*both_ways(lambda: _numbered(words, begin)))
