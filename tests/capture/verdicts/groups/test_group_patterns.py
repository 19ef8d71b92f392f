from __future__ import annotations

import numpy as np

from capture.verdicts.groups.group import cluster
from capture.verdicts.groups.group_patterns import place
from tests.capture.verdicts.notation import flow_table


def test_most_values_close_together_make_acluster() -> None:
    values = np.array([3_000_000_000] * 9 + [500_000_000], np.int64)
    assert cluster(values, 50_000_000) == (3_000_000_000, 9)
    scattered = np.arange(1, 11, dtype=np.int64) * 1_000_000_000
    assert cluster(scattered, 50_000_000) is None
    assert cluster(values[:2], 50_000_000) is None
    assert cluster(np.array([1_000] * 9, np.int64), 50_000_000) is None


def test_two_percent_of_a_long_time() -> None:
    near = np.array([10_000_000_000] * 7 + [10_198_000_000] * 3, np.int64)
    assert cluster(near, 50_000_000) == (10_000_000_000, 10)
    far = np.array([10_000_000_000] * 7 + [10_202_000_000] * 3, np.int64)
    assert cluster(far, 50_000_000) != (10_000_000_000, 10)
    assert cluster(np.array([1_000_000_000] * 7 + [1_059_000_000] * 3, np.int64), 1) == (1_000_000_000, 10)
    assert cluster(np.array([1_000_000_000] * 7 + [1_061_000_000] * 3, np.int64), 1) != (1_000_000_000, 10)


def test_places() -> None:
    one = flow_table("cS", "cS")
    assert place(one, np.array([0, 1])) == "10.0.0.2:80"
    ports = flow_table("cS", "cS", ports=[1, 2])
    assert place(ports, np.array([0, 1])) == "10.0.0.2 (2 ports)"
    hosts = flow_table("cS", "cS", servers=[1, 2])
    assert place(hosts, np.array([0, 1])) == "2 hosts"
