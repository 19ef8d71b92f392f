"""Captures that came through a terminal, or behind what tcpdump says of itself: the same packets as straight."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from capture.decode import decode
from capture.reread import packets_of
from tests.capture.wire import building as make

SAYS = b"tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n"
FRAMES = [
    make.ethernet(make.ipv4(make.tcp(sport=2570, seq=1 + 15 * at, payload=b"one\ntwo\r\nthree\r"))) for at in range(40)
]
STRAIGHT = make.pcap(FRAMES)
PCAPNG = make.section() + make.interface() + b"".join(make.enhanced(frame, 1_700_000_000_000_000) for frame in FRAMES)
pty = pytest.importorskip("pty")


def through_terminal(data: bytes, tmp_path: Path) -> bytes:
    """What comes out of a terminal into which this is written."""
    (tmp_path / "straight").write_bytes(data)
    ours, theirs = pty.openpty()
    with subprocess.Popen(["cat", str(tmp_path / "straight")], stdout=theirs):
        os.close(theirs)
        out = b""
        try:
            while piece := os.read(ours, 1 << 16):
                out += piece
        except OSError:  # it is closed
            pass
    os.close(ours)
    return out


def test_the_terminal_changes_it(tmp_path: Path) -> None:
    assert through_terminal(STRAIGHT, tmp_path) == STRAIGHT.replace(b"\n", b"\r\n") != STRAIGHT


@pytest.mark.parametrize(
    "data", [STRAIGHT, make.pcap(FRAMES, order=">", nanoseconds=True), PCAPNG], ids=["pcap", "big", "pcapng"]
)
@pytest.mark.parametrize("text", [b"", SAYS, b"a\n" + SAYS], ids=["bare", "said", "more"])
def test_it_is_read_as_it_was_written(tmp_path: Path, data: bytes, text: bytes) -> None:
    path = tmp_path / "capture"
    path.write_bytes(through_terminal(text + data, tmp_path))
    (read,) = decode([str(path)])
    (straight,) = decode([str(tmp_path / "straight")]) if not text else (read,)
    assert read.packets == straight.packets == len(FRAMES)
    codes = [notice.code for notice in read.notices]
    assert [code for code in codes if code in ("bad_record", "cut_short")] == []
    assert ("through_terminal" in codes, "text_before" in codes) == (True, bool(text))
    assert packets_of(read, 0).payload.tolist() == [15] * len(FRAMES)  # found again at their offsets


@pytest.mark.parametrize("data", [STRAIGHT, PCAPNG], ids=["pcap", "pcapng"])
def test_words_before_it_without_a_terminal(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "capture"
    path.write_bytes(SAYS + data)
    (read,) = decode([str(path)])
    assert read.packets == len(FRAMES)
    assert [notice.code for notice in read.notices] == ["text_before"]


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_by_a_pipe_in_pieces(tmp_path: Path, piece: int) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    data = through_terminal(SAYS + STRAIGHT, tmp_path)
    code = "import sys\nwhile data := sys.stdin.buffer.read(int(sys.argv[2])):\n open(sys.argv[1], 'ab', 0).write(data)"
    code = code.replace("while", "out = open(sys.argv[1], 'wb', 0)\nwhile").replace("open(sys.argv[1], 'ab', 0)", "out")
    writer = subprocess.Popen(["python3", "-c", code, str(path), str(piece)], stdin=subprocess.PIPE)
    assert writer.stdin is not None
    writer.stdin.write(data)
    writer.stdin.close()
    (read,) = decode([str(path)])
    assert writer.wait() == 0
    assert read.packets == len(FRAMES)
    assert [notice.code for notice in read.notices] == ["text_before", "through_terminal"]


def test_text_in_the_packets_alone_is_no_terminal(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(make.pcap([make.ethernet(make.ipv4(make.tcp(payload=b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")))]))
    (read,) = decode([str(path)])
    assert (read.packets, read.notices) == (1, ())


def test_damage_of_another_kind_stays_damage(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    frame = make.ethernet(make.ipv4(make.tcp(payload=b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")))
    path.write_bytes(make.pcap([frame] * 4) + b"\xff" * 40 + make.pcap([frame] * 4)[24:])
    (read,) = decode([str(path)])
    assert [notice.code for notice in read.notices if notice.code != "seen_twice"] == ["bad_record"]
