# ruff: noqa: E501 - lines as programs print them
"""Numbers that lines leave out: tcpdump prints none for what carries no data."""

from __future__ import annotations

from capture.triage import triage
from tests.capture.wire.text.reading import PASTED, pasted, read

OPEN = """\
12:00:00.000000 IP 10.0.0.1.5 > 10.0.0.2.80: Flags [S], seq 100, win 64240, length 0
12:00:00.000100 IP 10.0.0.2.80 > 10.0.0.1.5: Flags [S.], seq 900, ack 101, win 65160, length 0
12:00:00.000200 IP 10.0.0.1.5 > 10.0.0.2.80: Flags [.], ack 1, win 502, length 0
"""


def test_an_ack_that_nothing_asked_for_is_a_probe() -> None:
    found, _ = read(OPEN + "12:00:15.000000 IP 10.0.0.1.5 > 10.0.0.2.80: Flags [.], ack 1, win 502, length 0\n"
                    "12:00:15.001000 IP 10.0.0.2.80 > 10.0.0.1.5: Flags [.], ack 1, win 65160, length 0\n")  # fmt: skip
    assert [s.seq for s in found] == [100, 900, 101, 100, 901]


def test_a_late_ack_of_data_is_none() -> None:
    found, _ = read(OPEN + "12:00:15.000000 IP 10.0.0.2.80 > 10.0.0.1.5: Flags [P.], seq 1:11, ack 1, win 509, length 10\n"
                    "12:00:16.000000 IP 10.0.0.1.5 > 10.0.0.2.80: Flags [.], ack 1, win 502, length 0\n")  # fmt: skip
    assert found[-1].seq == 101


def test_another_window_is_no_probe() -> None:
    found, _ = read(OPEN + "12:00:15.000000 IP 10.0.0.1.5 > 10.0.0.2.80: Flags [.], ack 1, win 600, length 0\n")
    assert found[-1].seq == 101


def test_without_times_nothing_is_called_a_probe() -> None:
    found, _ = read("".join(line[16:] + "\n" for line in [*OPEN.splitlines(), OPEN.splitlines()[-1]]))
    assert [s.seq for s in found] == [100, 900, 101, 101]


def test_keep_alives_of_a_board_whose_peer_is_silent() -> None:
    for name in ("board.txt", "board.pcap"):
        (done,) = triage([str(PASTED / name)])
        assert done.connection(0).verdict.cause == "keepalive_timeout", name


def test_rows_of_a_closed_window_are_read() -> None:
    found, _ = read(pasted("wireshark-tabs.txt"))
    assert [(s.sport, s.window, s.time) for s in found] == [
        (5003, 0, 1198584902000), (39568, 65535, 1199608741000), (5004, 0, 1199608896000),
    ]  # fmt: skip


def test_numbers_from_a_begin_that_no_line_says_are_relative_all_the_same() -> None:
    """The first line has no number of its own, so those of its sender count from one that is not known."""
    found, _ = read("""\
22:02:36.044429 IP 10.0.0.2.80 > 10.0.0.1.5: Flags [.], ack 1028759537, win 27, length 0
22:02:36.044727 IP 10.0.0.2.80 > 10.0.0.1.5: Flags [P.], seq 0:610, ack 1, win 27, length 610
22:02:36.044728 IP 10.0.0.2.80 > 10.0.0.1.5: Flags [F.], seq 610, ack 1, win 27, length 0
22:02:36.046200 IP 10.0.0.1.5 > 10.0.0.2.80: Flags [F.], seq 1, ack 611, win 7, length 0
22:02:36.123176 IP 10.0.0.2.80 > 10.0.0.1.5: Flags [.], ack 2, win 27, length 0
""")
    assert [(s.seq, s.ack) for s in found] == [
        (0, 1028759537), (0, 1028759537), (610, 1028759537), (1028759537, 611), (611, 1028759538),
    ]  # fmt: skip
