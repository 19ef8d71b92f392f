# ruff: noqa: E501 - lines as programs print them
"""Rows of Wireshark's list in the forms and versions that recordings do not show."""

from __future__ import annotations

import pytest

from capture.triage import triage
from tests.capture.wire.text.reading import PASTED, pasted, read

SYN = "[SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM WS=128"


@pytest.mark.parametrize(
    "row",
    [
        f"  1   0.000000 10.0.0.1 → 10.0.0.2 TCP 74 50000 → 80 {SYN}",
        f"1 0.000000 10.0.0.1 -> 10.0.0.2 TCP 74 50000 > http {SYN}",
        f"  1   0.000000     10.0.0.1 -> 10.0.0.2     TCP 50000 > http {SYN}",
        f"1\t12:00:00.000000\t10.0.0.1\t10.0.0.2\tTCP\t74\t50000→80 {SYN}",
        f"1 2026-11-21 10:40:06.139018 10.0.0.1 10.0.0.2 TCP 74 [TCP Port numbers reused] 50000 → 80 {SYN}",
        f'"1","0.000000","10.0.0.1","10.0.0.2","TCP","74","50000  >  80 {SYN}"'.replace("  ", " "),
        f'"1","0.000000","10.0.0.1","50000","10.0.0.2","80","TCP","74","50000 → 80 {SYN}"',
        f"1 1795257606.139018000 10.0.0.1 10.0.0.2 TCP 74 50000 → 80 {SYN}",
        f"   0.000000 10.0.0.1 → 10.0.0.2 TCP 74 50000 → 80 {SYN}",
    ],
)
def test_rows_of_many_programs(row: str) -> None:
    (one,), _ = read(row + "\n")
    assert (one.src, one.sport, one.dst, one.dport, one.flags) == ("10.0.0.1", 50000, "10.0.0.2", 80, 2)
    assert (one.window, one.length, one.wscale, one.ttl) == (64240, 0, 7, None)


@pytest.mark.parametrize(("told", "shift"), [("WS=1", 0), ("WS=256", 8), ("WS=7", 7), ("WS=16384", 14)])
def test_window_scales_as_factors_and_as_shifts(told: str, shift: int) -> None:
    (one,), _ = read(f"1 0.000000 10.0.0.1 → 10.0.0.2 TCP 74 50000 → 80 [SYN] Seq=0 Win=64240 Len=0 {told}\n")
    assert one.wscale == shift


def test_windows_are_told_in_bytes_after_the_handshake() -> None:
    found, _ = read(pasted("ts-default.txt"))
    assert [s.window for s in found[:5]] == [64240, 65160, 63, 63, 64]


def test_each_connection_has_numbers_of_its_own() -> None:
    found, _ = read(pasted("ts-default.txt"))
    begins = {s.seq for s in found if s.flags & 2}
    assert len(begins) == 8  # else one connection would look like the copy of another


def test_a_port_that_is_used_again_begins_anew() -> None:
    row = "{} {}.000000 10.0.0.1 → 10.0.0.2 TCP 74 {}50000 → 80 [SYN] Seq=0 Win=64240 Len=0\n"
    first, second, again = read(
        row.format(1, 1, "")
        + row.format(2, 200, "[TCP Port numbers reused] ")
        + row.format(3, 201, "[TCP Retransmission] ")
    )[0]
    assert first.seq != second.seq
    assert second.seq == again.seq


def test_rows_of_the_application_are_placed_in_the_only_conversation() -> None:
    found, reader = read(pasted("wireshark-rows.txt"))
    assert [(s.sport, s.length, s.flags) for s in found] == [
        (23495, 0, 2), (3000, 0, 18), (23495, 0, 16), (23495, 656, 24), (3000, 0, 16), (3000, 412, 24), (3000, 0, 17),
        (23495, 671, 24), (3000, 0, 4),
    ]  # fmt: skip
    assert [notice.code for notice in reader.notices] == ["no_ttl"]
    (done,) = triage([str(PASTED / "wireshark-rows.txt")])
    assert done.connection(0).verdict.cause == "stale_keepalive"


def test_rows_of_the_application_are_placed_by_the_numbers_that_follow() -> None:
    def opened(port: int) -> str:
        return (
            f"1 0.1 10.0.0.1 → 10.0.0.2 TCP 54 {port} → 80 [SYN] Seq=0 Win=64240 Len=0\n"
            f"2 0.2 10.0.0.2 → 10.0.0.1 TCP 54 80 → {port} [SYN, ACK] Seq=0 Ack=1 Win=64240 Len=0\n"
            f"3 0.3 10.0.0.1 → 10.0.0.2 TCP 54 {port} → 80 [ACK] Seq=1 Ack=1 Win=64240 Len=0\n"
        )

    rows = (
        "7 0.4 10.0.0.1 → 10.0.0.2 HTTP 154 GET /one HTTP/1.1\n"
        "8 0.5 10.0.0.1 → 10.0.0.2 HTTP 254 GET /two HTTP/1.1\n"
        "9 0.6 10.0.0.2 → 10.0.0.1 TCP 54 80 → 2 [ACK] Seq=1 Ack=201 Win=64240 Len=0\n"
        "10 0.7 10.0.0.2 → 10.0.0.1 TCP 54 80 → 1 [ACK] Seq=1 Ack=101 Win=64240 Len=0\n"
    )
    found, reader = read(opened(1) + opened(2) + rows)
    assert [(s.number, s.sport, s.length) for s in found][6:] == [(7, 1, 100), (8, 2, 200), (9, 80, 0), (10, 80, 0)]
    assert not reader.notices[1:]
    _, reader = read(opened(1) + opened(2) + rows[: rows.index("9 0.6")])
    assert [notice.code for notice in reader.notices][1:] == ["no_ports"]


@pytest.mark.parametrize(("sizes", "placed"), [((106, 106), 2), ((106, 107), 1)])
def test_rows_that_resets_answer_one_after_the_other(sizes: tuple[int, int], placed: int) -> None:
    opened = "".join(
        f"{3 * port + 1} 0.1 10.0.0.1 → 10.0.0.2 TCP 54 5000{port} → 80 [SYN] Seq=0 Win=64240 Len=0\n"
        f"{3 * port + 2} 0.2 10.0.0.2 → 10.0.0.1 TCP 54 80 → 5000{port} [SYN, ACK] Seq=0 Ack=1 Win=64240 Len=0\n"
        f"{3 * port + 3} 0.3 10.0.0.1 → 10.0.0.2 TCP 54 5000{port} → 80 [ACK] Seq=1 Ack=1 Win=64240 Len=0\n"
        for port in (0, 1)
    )
    rows = (
        f"7 1.6 10.0.0.2 → 10.0.0.1 HTTP {sizes[0]} HTTP/1.1 200 OK\n"
        f"8 1.6 10.0.0.2 → 10.0.0.1 HTTP {sizes[1]} HTTP/1.1 200 OK\n"
        "9 1.6 10.0.0.1 → 10.0.0.2 TCP 54 50001 → 80 [RST] Seq=1 Win=0 Len=0\n"
        "10 1.6 10.0.0.1 → 10.0.0.2 TCP 54 50000 → 80 [RST] Seq=1 Win=0 Len=0\n"
    )
    found, _ = read(opened + rows)
    said = [(s.dport, s.length) for s in found if s.sport == 80 and s.length]
    assert sorted(said) == [(50000, 52), (50001, sizes[1] - 54)][-placed:]


def test_an_export_with_the_row_and_the_tree_of_each_packet_counts_it_once() -> None:
    row = "      3 0.000026    10.1.1.1              10.1.1.2              TCP      80     55948 → 80 [SYN] Seq=0 Win=64240 Len=0\n"
    header = "No.     Time        Source                Destination           Protocol Length Info\n"
    tree = pasted("ts-V.txt")
    third = tree[tree.index("Frame 3:") :]
    found, _ = read(header + row + "\n" + third + "\n\n" + header + row.replace("55948", "55949") + "\n")
    assert [(s.sport, s.ttl) for s in found] == [(55948, 64), (55949, None)]


@pytest.mark.parametrize("clock", ["2026-11-21 10:40:06.139018", "10:40:06.139018", "12.139018"])
@pytest.mark.parametrize("number", [999, 1000, 9999, 10000, 1234567])
def test_rows_with_large_numbers(number: int, clock: str) -> None:
    row = f" {number} {clock}     10.0.0.1 → 10.0.0.2     TCP 74 50000 → 80 {SYN}\n"
    assert [s.sport for s in read(row)[0]] == [50000]
    lines = f" {number} {clock} IP 10.0.0.1.50000 > 10.0.0.2.80: Flags [S], seq 5, win 64240, length 0\n"
    assert [s.sport for s in read(lines)[0]] == [50000]


def test_a_dump_of_bytes_between_rows_is_none() -> None:
    row = f"1 0.1 10.0.0.1 → 10.0.0.2 TCP 74 50000 → 80 {SYN}\n"
    dump = '0000  45 00 00 34 9e 22 40 00 40 06 86 95 0a 01 01 01   E..4."@.@.......\n\t0x0000:  4500 0034 9e22\n'
    assert len(read(row + dump + row.replace("50000", "50001"))[0]) == 2
