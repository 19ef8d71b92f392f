"""Several captures at once, and those of which nothing can be said."""

import pathlib

import pytest

from capture.triage import triage
from capture.wire.capture_errors import CaptureUnreadable

LO = pathlib.Path(__file__).parents[1] / "data" / "lab" / "02a-epipe-two-writes" / "lo.pcap"


def test_what_can_be_read_is_and_the_rest_is_named(tmp_path: pathlib.Path) -> None:
    refused: list[CaptureUnreadable] = []
    done = triage([str(tmp_path / "missing"), str(LO)], refused=refused.append)
    assert [one.decoded.path for one in done] == [str(LO)]
    assert done[0].connection(0).capture == 0
    assert [error.path for error in refused] == [str(tmp_path / "missing")]


def test_without_a_taker_the_first_error_is_raised(tmp_path: pathlib.Path) -> None:
    with pytest.raises(CaptureUnreadable, match="no such file"):
        triage([str(LO), str(tmp_path / "missing")])


def test_a_capture_of_nothing_but_an_unknown_link_type_is_refused(tmp_path: pathlib.Path) -> None:
    header = bytearray(LO.read_bytes())
    header[20:24] = (9999).to_bytes(4, "little")
    (tmp_path / "unknown.pcap").write_bytes(header)
    with pytest.raises(CaptureUnreadable, match="9999"):
        triage([str(tmp_path / "unknown.pcap")])


def test_of_two_captures_in_a_file_one_may_have_an_unknown_link_type(tmp_path: pathlib.Path) -> None:
    header = bytearray(LO.read_bytes())
    header[20:24] = (9999).to_bytes(4, "little")
    (tmp_path / "cat.pcap").write_bytes(header + LO.read_bytes())
    done = triage([str(tmp_path / "cat.pcap"), str(LO)])
    assert [one.index for one in done] == [0, 1, 2]
    assert [len(one.decoded.flows) for one in done] == [0, 1, 1]
    assert done[1].connection(0).capture == 1


def test_the_preview_comes_once_and_before_the_whole() -> None:
    seen: list[int] = []
    done = triage([str(LO), str(LO)], preview=lambda first: seen.append(len(first.decoded.flows)))
    assert seen == [1]
    assert [one.index for one in done] == [0, 1]
    assert done[1].order.tolist() == [0]
