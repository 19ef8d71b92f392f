"""One packet in full."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from capture.decode import FilePart
from capture.packet_layers import full_packet
from capture.wire.capture_errors import PacketUnreadable
from tests.capture.wire import building as make

SEGMENT = make.tcp(sport=4321, flags=18, options=b"\x02\x04\x05\xb4\x03\x03\x07", payload=b"GET \x1b[31m")
FRAME = make.ethernet(make.ipv4(SEGMENT), tags=[10])


def lines(data: bytes, folder: Path, number: int = 1, offset: int = 0) -> str:
    path = folder / "capture"
    path.write_bytes(data)
    detail = full_packet(FilePart(str(path), 1), offset, number)
    return "\n".join((*detail.lines, *detail.dump))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_layers_are_lines(tmp_path: Path, pack: type[bytes]) -> None:
    text = lines(pack(make.pcap([FRAME, FRAME])), tmp_path, 2)
    for part in ("VLAN 10", "10.0.0.1 → 10.0.0.2", "4321 → 80, SYN ACK", "MSS 1460", "window scale 7", "GET .[31m"):
        assert part in text
    assert "\x1b" not in text


def test_pcapng_and_other_link_types(tmp_path: Path) -> None:
    data = make.section() + make.interface(link=113) + make.enhanced(bytes(14) + b"\x08\0" + make.ipv4(SEGMENT), 5)
    assert "4321 → 80" in lines(data, tmp_path)


def test_a_line_of_text_is_shown_as_it_stands(tmp_path: Path) -> None:
    text = "12:00:00.000001 IP 10.0.0.1.5 > 10.0.0.2.80: Flags [S], seq 1, win 1, length 0"
    assert text in lines(f"junk\n{text}\n".encode(), tmp_path, offset=len("junk\n"))


def test_what_is_gone_says_so(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(make.pcap([FRAME]))
    for path, number in (("-", 1), (str(tmp_path / "gone"), 1), (str(tmp_path / "x"), 2), (str(tmp_path / "x"), 99)):
        with pytest.raises(PacketUnreadable):
            full_packet(FilePart(path, 1), 24, number)


def test_damaged_packets_are_shown_as_far_as_they_go(tmp_path: Path) -> None:
    for size in range(54, len(FRAME)):
        assert "Ethernet" in lines(make.pcap([FRAME[:size]], originals=[len(FRAME)]), tmp_path)
