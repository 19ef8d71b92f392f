"""A file that another program cuts off while it is read: what is left of it is decoded, and the process lives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from capture.wire.feed import WINDOW
from capture.wire.reading import open_capture
from tests.capture.wire import building as make

FRAME = make.ethernet(make.ipv4(make.tcp(payload=bytes(1200))))
RECORDS = 4 * WINDOW // len(FRAME)  # large enough for a second process
LEFT = 3_000_000

# A page that is gone ends the process that looks at it: hence one of its own, and without threads.
WHOLE = """
import os, sys
from capture.decode import decode

cut = False

def progress(now):
    global cut
    if now.packets > 100 and not cut:
        os.truncate(sys.argv[1], int(sys.argv[2]))
        cut = True

decoded = decode([sys.argv[1]], progress=progress)[0]
print(decoded.packets, cut)
"""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A pcap of four windows."""
    path = tmp_path / "large.pcap"
    path.write_bytes(make.pcap([]) + make.pcap([FRAME])[24:] * RECORDS)
    os.utime(path, (1, 1))
    return path


def test_a_file_cut_off_between_two_windows(large: Path) -> None:
    with open_capture(str(large)) as reader:
        blocks = reader.blocks()
        packets = len(next(blocks)) + len(next(blocks))
        os.truncate(large, LEFT)
        packets += sum(len(block) for block in blocks)
    assert LEFT // len(FRAME) < packets < RECORDS


def test_a_file_cut_off_while_two_processes_read_it(large: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHOLE, str(large), str(LEFT)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    packets, cut = done.stdout.split()
    assert cut == "True"
    assert 0 < int(packets) <= RECORDS


def test_a_file_that_grows_meanwhile(large: Path) -> None:
    more = make.pcap([FRAME])[24:] * 1000
    with open_capture(str(large)) as reader:
        blocks = reader.blocks()
        packets = len(next(blocks))
        with large.open("ab") as file:
            file.write(more)
        packets += sum(len(block) for block in blocks)
    assert packets == RECORDS + 1000
