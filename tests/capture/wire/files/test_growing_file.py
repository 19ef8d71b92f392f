"""Captures that are still being written: growing files, rings, files that shrink or are replaced, pipes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from capture.engine.session import Engine
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.files.growing_file import Followed, ring_pattern
from tests.capture.wire import building as make

FRAMES = [make.ethernet(make.ipv4(make.tcp(sport=n, flags=make.SYN))) for n in range(1, 10)]


def records(*numbers: int) -> bytes:
    """Records of connections with these numbers, without the file's header."""
    return b"".join(make.pcap([FRAMES[n - 1]], start=1_700_000_000 + n)[24:] for n in numbers)


HEADER = make.pcap([])


def ports(engine: Engine) -> list[int]:
    return engine.table().columns["port"][:, 0].tolist()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def drain(followed: Followed) -> None:
    while followed.poll():
        pass


def test_a_file_that_grows_byte_by_byte(tmp_path: Path) -> None:
    path, data = tmp_path / "a.pcap", HEADER + records(1, 2, 3)
    path.write_bytes(b"")
    engine = Engine()
    followed = Followed(str(path), engine)
    for at in range(len(data)):
        append(path, data[at : at + 1])
        drain(followed)
        assert followed.packets == max(0, at + 1 - 24) // len(records(1))
    followed.end()
    assert ports(engine) == [1, 2, 3]
    assert followed.notices == []


def test_nothing_new_is_waited_for_and_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(HEADER + records(1))
    followed = Followed(str(path), Engine())
    assert followed.poll()
    drain(followed)
    assert not followed.poll(0.15)
    append(path, records(2))
    assert followed.poll(5)
    assert followed.packets == 2


def test_the_end_is_told_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(HEADER + records(1) + records(2)[:30])
    followed = Followed(str(path), Engine())
    drain(followed)
    assert followed.notices == []
    followed.end()
    assert [notice.code for notice in followed.notices] == ["cut_short"]


def test_a_ring_is_followed_from_file_to_file(tmp_path: Path) -> None:
    """tcpdump -C -W 3: three files, the first one is written anew after the last."""
    names = [tmp_path / f"ring.pcap{n}" for n in range(3)]
    engine = Engine()
    names[0].write_bytes(HEADER + records(1, 2))
    followed = Followed(str(names[0]), engine)
    drain(followed)
    for number, path in ((3, names[1]), (4, names[2]), (5, names[0]), (6, names[1])):
        path.write_bytes(HEADER + records(number))
        drain(followed)
        assert followed.path == str(path)
        assert followed.packets == number
    assert ports(engine) == [1, 2, 3, 4, 5, 6]
    assert engine.table().columns["first_number"].tolist() == [1, 2, 3, 4, 5, 6]
    assert followed.notices == []


def test_a_ring_that_is_ahead_is_caught_up_with(tmp_path: Path) -> None:
    for number in range(1, 5):
        path = tmp_path / f"c_{number:05}_20240101.pcapng"
        path.write_bytes(HEADER + records(number))
        os.utime(path, ns=(number * 10**9, number * 10**9))
    engine = Engine()
    followed = Followed(str(tmp_path / "c_00002_20240101.pcapng"), engine)
    drain(followed)
    assert ports(engine) == [2, 3, 4]


def test_a_file_that_is_replaced_is_said_and_its_rest_is_read(tmp_path: Path) -> None:
    path, engine = tmp_path / "a.pcap", Engine()
    path.write_bytes(HEADER + records(1))
    followed = Followed(str(path), engine)
    drain(followed)
    append(path, records(2))
    path.rename(tmp_path / "old")
    path.write_bytes(HEADER + records(3))
    drain(followed)
    assert ports(engine) == [1, 2, 3]
    assert [notice.code for notice in followed.notices] == ["file_replaced"]


@pytest.mark.parametrize("more", [0, 4], ids=["shorter", "longer"])
def test_a_file_that_is_written_anew_is_said(tmp_path: Path, more: int) -> None:
    path, engine = tmp_path / "a.pcap", Engine()
    path.write_bytes(HEADER + records(1, 2))
    followed = Followed(str(path), engine)
    drain(followed)
    path.write_bytes(HEADER + records(*range(3, 4 + more)))
    drain(followed)
    assert ports(engine) == [1, 2, *range(3, 4 + more)]
    assert [notice.code for notice in followed.notices] == ["file_replaced"]


def test_a_file_that_goes_away_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(HEADER + records(1))
    followed = Followed(str(path), Engine())
    drain(followed)
    append(path, records(2))
    path.unlink()
    drain(followed)
    assert followed.packets == 2


def test_a_pipe_ends_with_its_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr("sys.stdin", os.fdopen(reading, "r"))
    os.write(writing, HEADER + records(1))
    engine = Engine()
    followed = Followed("-", engine)
    while followed.packets < 1:
        assert followed.poll(5)
    assert not followed.poll(0.1)
    os.write(writing, records(2))
    assert followed.poll(5)
    os.close(writing)
    drain(followed)
    assert followed.ended
    assert ports(engine) == [1, 2]


def test_what_is_no_capture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello\n" * 9)
    with pytest.raises(CaptureUnreadable):
        Followed(str(tmp_path / "a.txt"), Engine())
    with pytest.raises(CaptureUnreadable):
        Followed(str(tmp_path / "missing"), Engine())


@pytest.mark.parametrize(
    ("name", "alike", "other"),
    [
        ("a.pcap", ["a.pcap1", "a.pcap12"], ["b.pcap", "a.pcap.gz", "a.pcap1x"]),
        ("a.pcap3", ["a.pcap0", "a.pcap12"], ["a.pcap", "b.pcap3"]),
        ("a_00001_20240101.pcapng", ["a_00002_20240102.pcapng"], ["a_x_20240101.pcapng", "a_1.pcapng"]),
    ],
)
def test_names_of_a_ring(name: str, alike: list[str], other: list[str]) -> None:
    pattern: re.Pattern[str] = ring_pattern(name)
    assert all(pattern.fullmatch(one) for one in [name, *alike])
    assert not any(pattern.fullmatch(one) for one in other)
