"""Bytes of packed captures: several members, frames of something else, long windows, and what comes through a pipe."""

from __future__ import annotations

import gzip
import os
import random
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import zstandard

from capture.wire.files.byte_source import open_source

DATA = random.Random(5).randbytes(300_000)
SKIPPED = struct.pack("<II", 0x184D2A5A, 1000) + bytes(1000)


def unpacked(path: Path, piece: int = 1 << 16) -> tuple[bytes, list[str]]:
    """All bytes of a file, and what its source has to say."""
    opened, _ = open_source(str(path))
    out, room = bytearray(), bytearray(piece)
    while got := opened.take(memoryview(room)):
        out += room[:got]
    opened.close()
    return bytes(out), [notice.code for notice in opened.notices]


def long_window(log: int) -> bytes:
    """DATA, then 3 MB of other bytes, and DATA again, which only a long window finds."""
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=log, enable_ldm=True)
    packer = zstandard.ZstdCompressor(
        compression_params=parameters
    ).compressobj()  # its size is not told: the window is
    return packer.compress(DATA + random.Random(6).randbytes(3 << 20) + DATA) + packer.flush()


@pytest.mark.parametrize(
    "packed",
    [
        zstandard.compress(DATA),
        SKIPPED + zstandard.compress(DATA),
        zstandard.compress(DATA[:1000]) + SKIPPED + SKIPPED + zstandard.compress(DATA[1000:]) + SKIPPED,
        gzip.compress(DATA[:7]) + gzip.compress(DATA[7:]),
    ],
    ids=["zstd", "pzstd", "frames between", "gzip members"],
)
@pytest.mark.parametrize("piece", [1, 1000, 1 << 20])
def test_members_and_frames_of_something_else(tmp_path: Path, packed: bytes, piece: int) -> None:
    path = tmp_path / "packed"
    path.write_bytes(packed)
    out, notices = unpacked(path, piece)
    assert out == DATA
    assert notices == []


@pytest.mark.parametrize("log", [27, 28, 31])
def test_long_windows_of_zstd(tmp_path: Path, log: int) -> None:
    path = tmp_path / "long.zst"
    path.write_bytes(long_window(log))
    out, notices = unpacked(path)
    assert out[: len(DATA)] == out[-len(DATA) :] == DATA
    assert notices == []


@pytest.mark.parametrize("cut", [3, 9, 500])
def test_a_skipped_frame_that_is_cut_off_is_said(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.zst"
    path.write_bytes(zstandard.compress(DATA) + SKIPPED[:cut])
    out, notices = unpacked(path)
    assert out == DATA
    assert notices == (["trailing_bytes"] if cut < 8 else ["cut_short"])


def test_bytes_behind_the_last_frame_are_said(tmp_path: Path) -> None:
    path = tmp_path / "more.zst"
    path.write_bytes(zstandard.compress(DATA) + b"something else")
    assert unpacked(path) == (DATA, ["trailing_bytes"])


def test_a_few_bytes_that_become_gigabytes_take_little_memory(tmp_path: Path) -> None:
    """Each block of four bytes becomes 128 KiB of one byte (RFC 8878 §3.1.1.2.2): 16 KB become 512 MB."""
    block = struct.pack("<I", (0x20000 << 3) | (1 << 1))[:3] + b"x"
    path = tmp_path / "bomb.zst"
    path.write_bytes(struct.pack("<IBB", 0xFD2FB528, 0, 0x38) + block * 4096)
    script = """import sys
from capture.wire.files.byte_source import open_source
opened, _ = open_source(sys.argv[1])
room, came = memoryview(bytearray(65536)), 0
while got := opened.take(room):
    came += got
print(came, [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60, capture_output=True)
    came, kilobytes = map(int, done.stdout.split())
    assert came == 4096 << 17
    assert kilobytes < 160 << 10


def test_a_pipe_gives_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tcpdump -U -w - | tcptriage -`: the first packet is not kept back until a large piece is full."""
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdin", os.fdopen(reading, "r"))

    def write() -> None:
        os.write(writing, b"first")
        time.sleep(0.5)
        os.write(writing, b"second")
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    opened, _ = open_source("-")
    room = memoryview(bytearray(1 << 16))
    begin, came = time.monotonic(), b""
    while len(came) < 5:
        came += room[: opened.take(room)]
    assert time.monotonic() - begin < 0.4
    assert came == b"first"
    assert bytes(room[: opened.take(room)]) == b"second"
    assert opened.take(room) == 0
    writer.join()
