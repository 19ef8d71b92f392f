"""Times of all the kinds that tcpdump and Wireshark print, whatever order they come in."""

from __future__ import annotations

import pytest

from tests.capture.wire.text.reading import pasted, read

LINE = "IP 10.0.0.1.5 > 10.0.0.2.80: Flags [.], ack 1, win 1, length 0\n"


def times(*clocks: str) -> list[int]:
    return [s.time for s in read("".join(f"{clock} {LINE}" for clock in clocks))[0]]


def test_times_since_the_line_before_are_added_up() -> None:
    assert times(*(f" 00:00:0{step}.000000" for step in (0, 5, 1, 2))) == [0, 5 * 10**9, 6 * 10**9, 8 * 10**9]


def test_times_since_the_first_packet_are_not() -> None:
    assert times(*(f" 00:00:0{step}.000000" for step in (0, 1, 2, 5))) == [0, 10**9, 2 * 10**9, 5 * 10**9]


def test_packets_a_little_out_of_order_are_no_differences() -> None:
    assert times(" 00:00:00.000000", " 00:00:05.000010", " 00:00:05.000005")[2] == 5_000_005_000


def test_past_midnight() -> None:
    first, second = times("23:59:59.000000", "00:00:01.000000")
    assert second - first == 2 * 10**9


@pytest.mark.parametrize(
    "clock", ["1700000000.000000001", "2023-11-14 22:13:20.000000001", "2023-11-14T22:13:20.000000001"]
)
def test_dates(clock: str) -> None:
    assert times(clock) == [1_700_000_000_000_000_001]


def test_rows_with_the_time_since_the_row_before() -> None:
    rows = pasted("ts-default.txt").splitlines()
    deltas, before = [], 0.0
    for row in rows:
        number, clock, rest = row.split(maxsplit=2)
        deltas.append(f"{number} {float(clock) - before:.6f} {rest}")
        before = float(clock)
    assert [s.time for s in read("\n".join(deltas))[0]] == [s.time for s in read("\n".join(rows))[0]]
