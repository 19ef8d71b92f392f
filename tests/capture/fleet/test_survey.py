"""A large file by its two ends, against the whole of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from capture.fleet import survey as surveying
from capture.fleet.survey import survey
from capture.wire.capture_errors import CaptureUnreadable
from tests.capture.fleet.making import cut
from tests.capture.flows.traffic import random_traffic
from tests.capture.wire import building as make


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "LARGE", 1 << 14)
    monkeypatch.setattr(surveying, "HEAD", 1 << 13)


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("seed", range(5))
def test_both_ends_of_a_pcap(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = random_traffic(seed, 60, 0.1).write(tmp_path / "a.pcap")
    assert Path(path).stat().st_size > surveying.LARGE
    found = survey(path)
    monkeypatch.setattr(surveying, "LARGE", 1 << 40)
    whole = survey(path)
    assert set(found.begun) <= set(whole.begun)
    # of fewer connections the begin and the end are seen
    assert replace(found, begun=(), open=()) == replace(whole, begun=(), open=())


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("order", ["<", ">"])
def test_both_ends_of_a_pcapng(tmp_path: Path, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = make.ethernet(make.ipv4(make.tcp()))
    packets = [make.enhanced(frame, 1_700_000_000_000_000 + number, order=order) for number in range(400)]
    path = tmp_path / "a.pcapng"
    path.write_bytes(make.section(order) + make.interface(order=order) + b"".join(packets))
    assert path.stat().st_size > surveying.LARGE
    found = survey(str(path))
    monkeypatch.setattr(surveying, "LARGE", 1 << 40)
    assert found == survey(str(path))
    assert found.last_time == 1_700_000_000_000_399_000


def test_what_is_no_capture_says_why(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hello\n")
    with pytest.raises(CaptureUnreadable, match="no capture"):
        survey(str(tmp_path / "a"))


def test_connections_across_a_cut_are_known_on_both_sides(tmp_path: Path) -> None:
    one, two = (survey(path) for path in cut(random_traffic(1, 1, 0.1).write(tmp_path / "a.pcap"), 2, tmp_path / "cut"))
    assert (one.begun, two.open) == ((), ())
    assert one.open == two.begun == ("10.0.0.1:20000 10.9.0.1:80",)


@pytest.mark.parametrize("head", range(9_000, 9_600, 37))
def test_a_cut_in_the_midst_of_zeros_is_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: int) -> None:
    """Bytes of a payload pass for a record's header where only its length is looked at."""
    monkeypatch.setattr(surveying, "LARGE", 1 << 14)
    monkeypatch.setattr(surveying, "HEAD", head)
    body = make.ethernet(make.ipv4(make.tcp() + b"\0\0\0\x01" * 60))
    data = make.pcap([body] * 200)
    path = tmp_path / "zeros.pcap"
    path.write_bytes(data)
    whole = surveying._whole(str(path), len(data), "")
    monkeypatch.setattr(surveying, "_whole", None)
    found = survey(str(path))
    assert (found.first_time, found.last_time) == (whole.first_time, whole.last_time)
