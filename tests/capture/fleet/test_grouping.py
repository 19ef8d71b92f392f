"""Which files are one capture."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from capture.fleet.errors import FleetRefused
from capture.fleet.grouping import ALONE, CONTINUED, NAMED, ROTATED, captures_of
from capture.fleet.model import Surveyed

SECOND = 1_000_000_000


def file(path: str, first: float | None, last: float | None, link: str = "EN10MB") -> Surveyed:
    times = [None if time is None else int(time * SECOND) for time in (first, last)]
    return Surveyed(path, 1, "", "pcap", (link,), times[0], times[1])


def grouped(*files: Surveyed, **how: object) -> list[list[str]]:
    return [[path.rpartition("/")[2] for path in plan.paths] for plan in captures_of(files, **how)]  # type: ignore[arg-type]


def test_a_ring_in_order_of_time_not_of_name() -> None:
    files = [file(f"/a/ring.pcap{number or ''}", 100 - number * 10, 109 - number * 10) for number in range(4)]
    (plan,) = captures_of(files)
    assert plan.paths == ("/a/ring.pcap3", "/a/ring.pcap2", "/a/ring.pcap1", "/a/ring.pcap")
    assert plan.why == ROTATED
    assert plan.name == "/a/ring.pcap3"


def test_packed_pieces_belong_to_those_that_are_not_packed_yet() -> None:
    assert grouped(file("/a/r_1_20240101.pcap.gz", 0, 9), file("/a/r_2_20240102.pcap", 30, 39)) == [
        ["r_1_20240101.pcap.gz", "r_2_20240102.pcap"]
    ]


def test_hosts_beside_each_other_are_captures_of_their_own() -> None:
    """web1-1, web1-2, web2-1, web2-2: the first number keeps apart what overlaps in time."""
    files = [
        file(f"/a/web{host}-{piece}.pcap", piece * 10 + host, piece * 10 + host + 9)
        for host in (1, 2)
        for piece in (1, 2, 3)
    ]
    assert grouped(*files) == [[f"web{host}-{piece}.pcap" for piece in (1, 2, 3)] for host in (1, 2)]


def test_files_that_overlap_and_no_number_parts_are_apart() -> None:
    plans = captures_of([file("/a/h1.pcap", 0, 9), file("/a/h2.pcap", 1, 8)])
    assert [plan.paths for plan in plans] == [("/a/h1.pcap",), ("/a/h2.pcap",)]
    assert {plan.why for plan in plans} == {ALONE}


def test_a_little_overlap_is_none() -> None:
    assert len(captures_of([file("/a/p1.pcap", 0, 10), file("/a/p2.pcap", 9.9, 20)])) == 1


def test_folders_link_types_and_a_day_without_a_packet_part() -> None:
    day = 86_400
    assert grouped(file("/a/p1.pcap", 0, 9), file("/b/p2.pcap", 50, 59)) == [["p1.pcap"], ["p2.pcap"]]
    assert grouped(file("/a/p1.pcap", 0, 9), file("/a/p2.pcap", 50, 59, "RAW")) == [["p1.pcap"], ["p2.pcap"]]
    assert grouped(file("/a/p1.pcap", 0, 9), file("/a/p2.pcap", 2 * day, 3 * day)) == [["p1.pcap"], ["p2.pcap"]]


def test_any_names_where_each_begins_as_another_ends() -> None:
    plans = captures_of([file("/a/x.pcap", 20.1, 30), file("/a/q.pcap", 0, 10), file("/a/m.pcap", 10.2, 20)])
    assert [plan.paths for plan in plans] == [("/a/q.pcap", "/a/m.pcap", "/a/x.pcap")]
    assert plans[0].why == CONTINUED
    assert grouped(file("/a/x.pcap", 0, 10), file("/a/q.pcap", 12, 20)) == [["x.pcap"], ["q.pcap"]]


def test_any_names_where_connections_go_on() -> None:
    """Minutes lie between, and one more file has the same times: the connection tells."""
    files = [
        replace(file("/a/x.pcap", 100, 130), begun=("10.0.0.1:4 10.0.0.2:80",)),
        replace(file("/a/q.pcap", 0, 10), open=("10.0.0.1:3 10.0.0.2:80", "10.0.0.1:4 10.0.0.2:80")),
        file("/a/other.pcap", 0, 99.5),
    ]
    assert grouped(*files) == [["other.pcap"], ["q.pcap", "x.pcap"]]
    assert captures_of(files)[1].why == CONTINUED


def test_the_same_moment_at_other_snaplens_is_no_ring() -> None:
    """Short recordings that overlap wholly, though by less than a second."""
    assert len(captures_of([file(f"/a/snap{size}.pcap", 0, 0.3) for size in (34, 40, 54)])) == 3


def test_what_might_continue_two_continues_none() -> None:
    files = [file("/a/x.pcap", 0, 10), file("/a/y.pcap", 1, 10), file("/a/z.pcap", 10.5, 20)]
    assert grouped(*files) == [["x.pcap"], ["y.pcap"], ["z.pcap"]]


def test_the_user_knows_better() -> None:
    files = [file("/a/h1.pcap", 0, 9), file("/a/h2.pcap", 1, 8), file("/a/other.pcap", 2, 3)]
    plans = captures_of(files, ["h?.pcap"])
    assert [(plan.paths, plan.why) for plan in plans] == [
        (("/a/h1.pcap", "/a/h2.pcap"), NAMED),
        (("/a/other.pcap",), ALONE),
    ]
    ring = [file("/a/p1.pcap", 0, 9), file("/a/p2.pcap", 10, 19)]
    assert grouped(*ring, apart=True) == [["p1.pcap"], ["p2.pcap"]]


def test_patterns_that_name_none_or_the_same_file_are_refused() -> None:
    files = [file("/a/h1.pcap", 0, 9)]
    with pytest.raises(FleetRefused, match="no file"):
        captures_of(files, ["x*"])
    with pytest.raises(FleetRefused, match=r"h1\.pcap is named by"):
        captures_of(files, ["h*", "*1.pcap"])


def test_one_of_which_no_time_is_known_stays_with_its_ring() -> None:
    assert grouped(file("/a/p1.pcap", 0, 9), file("/a/p3.pcap", None, None), file("/a/p2.pcap", 10, 19)) == [
        ["p1.pcap", "p2.pcap", "p3.pcap"]
    ]
