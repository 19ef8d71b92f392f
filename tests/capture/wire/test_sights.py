"""One packet seen twice is told from one sent twice."""

from __future__ import annotations

from pathlib import Path

from capture.wire.columns import Mark, PacketColumns
from tests.capture.wire import building as make


def again(blocks: list[PacketColumns]) -> list[bool]:
    return [mark & Mark.SAME_AS_BEFORE != 0 for mark in make.column(blocks, "marks")]


def frame(ip_id: int, seq: int, payload: bytes = b"data") -> bytes:
    return make.ethernet(make.ipv4(make.tcp(seq=seq, payload=payload), ip_id=ip_id))


def test_the_same_identification_soon_after_is_a_second_sight(tmp_path: Path) -> None:
    frames = [item for index in range(20) for item in [frame(100 + index, index * 4)] * 2]
    blocks, _ = make.read(make.pcap(frames), tmp_path)
    assert again(blocks) == [False, True] * 20


def test_a_repetition_has_another_identification(tmp_path: Path) -> None:
    blocks, _ = make.read(make.pcap([frame(1, 0), frame(2, 4), frame(3, 0), frame(4, 4)]), tmp_path)
    assert not any(again(blocks))


def test_much_later_it_is_a_repetition(tmp_path: Path) -> None:
    blocks, _ = make.read(make.pcap([frame(1, 0), frame(1, 0)], step=200_000), tmp_path)
    assert not any(again(blocks))


def test_an_identification_that_every_packet_has_tells_nothing(tmp_path: Path) -> None:
    for ip_id in (0, 1):
        blocks, _ = make.read(make.pcap([frame(ip_id, 0), frame(ip_id, 4), frame(ip_id, 4)]), tmp_path)
        assert not any(again(blocks))


def test_two_interfaces_tell_where_ip_says_nothing(tmp_path: Path) -> None:
    packet = make.ipv6(make.tcp(seq=9))

    def seen_on(interface: int) -> bytes:
        return b"\x86\xdd\0\0" + interface.to_bytes(4, "big") + bytes(12) + packet

    blocks, _ = make.read(make.pcap([seen_on(1), seen_on(2), seen_on(2)], link=276), tmp_path)
    assert again(blocks) == [False, True, False]


def test_sights_far_apart_in_the_file(tmp_path: Path) -> None:
    frames = [frame(index + 1, index * 4) for index in range(40)]
    blocks, _ = make.read(make.pcap([frames[0], *frames]), tmp_path)
    assert again(blocks)[:3] == [False, True, False]
    blocks, _ = make.read(make.pcap(frames + frames, step=10), tmp_path)
    assert not any(again(blocks)[:40])
