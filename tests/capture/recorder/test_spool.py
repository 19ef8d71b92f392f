from __future__ import annotations

import os
from pathlib import Path

import pytest

from capture.recorder.spool import LEAST_PART, Spool

SECOND = 10**9


def held(spool: Spool, begin: int, end: int) -> list[bytes]:
    return list(spool.between(begin * SECOND, end * SECOND))


def test_what_lies_in_a_time_comes_back_in_order(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), "x", 60 * SECOND, 1 << 30)
    for second in range(5):
        spool.append(second * SECOND, (second + 1) * SECOND - 1, b"%d" % second)
    assert held(spool, 1, 3) == [b"1", b"2", b"3"]
    spool.close()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("keep", "left"), [(2, 3), (4, 5), (100, 9)])
def test_the_old_goes_a_part_at_a_time(tmp_path: Path, keep: int, left: int) -> None:
    clock = iter(range(0, 9 * SECOND, SECOND))
    spool = Spool(str(tmp_path), "x", keep * SECOND, 16 * LEAST_PART, clock.__next__)
    part = bytes(LEAST_PART)
    for second in range(9):
        spool.append(second * SECOND, second * SECOND, part)
    assert len(held(spool, 0, 100)) == left
    assert spool.forgotten == 0


def test_it_stays_below_its_bound_and_says_what_went_early(tmp_path: Path) -> None:
    most = 4 * LEAST_PART
    spool = Spool(str(tmp_path), "x", 1000 * SECOND, most)
    for second in range(20):
        spool.append(second * SECOND, second * SECOND, bytes(LEAST_PART))
        assert sum(one.stat().st_size for one in tmp_path.iterdir()) <= most
    assert spool.forgotten == 20 - len(held(spool, 0, 100))
    assert held(spool, 19, 19)


def test_nothing_goes_while_somebody_reads(tmp_path: Path) -> None:
    clock = iter(range(0, 10 * SECOND, SECOND))
    spool = Spool(str(tmp_path), "x", SECOND, 16 * LEAST_PART, clock.__next__)
    spool.held = True
    for second in range(9):
        spool.append(second * SECOND, second * SECOND, bytes(LEAST_PART))
    assert len(held(spool, 0, 100)) == 9
    spool.held = False
    spool.append(9 * SECOND, 9 * SECOND, b"x")
    assert len(held(spool, 0, 100)) < 9


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_loses_the_entry_and_no_more(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), "x", 60 * SECOND, 1 << 30)
    spool.append(0, 0, b"kept")
    full = os.open("/dev/full", os.O_RDWR)
    real, spool._parts[-1].file = spool._parts[-1].file, full
    spool.append(1, 1, b"lost")
    spool._parts[-1].file = real
    os.close(full)
    spool.append(2, 2, b"after")
    assert spool.lost == 4
    assert held(spool, 0, 100) == [b"kept", b"after"]


@pytest.mark.parametrize("step", [-90_000, 90_000])
def test_a_clock_that_is_set_lets_nothing_go_and_keeps_nothing_longer(tmp_path: Path, step: int) -> None:
    clock = iter(range(0, 20 * SECOND, SECOND))
    spool = Spool(str(tmp_path), "x", 4 * SECOND, 16 * LEAST_PART, clock.__next__)
    for second in range(20):
        at = (100_000 + second + (step if second >= 10 else 0)) * SECOND
        spool.append(at, at, bytes(LEAST_PART))
        assert len(held(spool, 0, 10**6)) == min(second + 1, 5)


def test_a_part_that_went_is_written_anew_and_shows_nothing_of_before(tmp_path: Path) -> None:
    clock = iter(range(0, 40 * SECOND, SECOND))
    spool = Spool(str(tmp_path), "x", 3 * SECOND, 16 * LEAST_PART, clock.__next__)
    files = set()
    for second in range(40):
        spool.append(second * SECOND, second * SECOND, second.to_bytes(1, "big") * (LEAST_PART - second))
        files |= {one.stat().st_ino for one in tmp_path.iterdir()}
        assert [(data[0], len(data)) for data in held(spool, 0, 100)] == [
            (one, LEAST_PART - one) for one in range(max(0, second - 3), second + 1)
        ]
    assert len(files) == 4
    spool.close()
    assert os.listdir(tmp_path) == []
