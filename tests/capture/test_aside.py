"""A second process where the system gives one, and no harm where it does not."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="a second process is for Linux and two cores"
)
BEGIN = """
import os, resource, signal, sys, time
import numpy as np
from capture.aside import Aside
def work():
    return np.arange(1 << 16), "and", [1, 2]
"""
ASKED = """
child = Aside.start(work)
found = child.result()
child.close()
print(None if found is None else (int(found[0].sum()), found[1:]))
"""
ANSWER = "(2147450880, ('and', [1, 2]))\n"


def said(code: str) -> str:
    """What a process of its own prints: only from one without threads a second process is started."""
    done = subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    return done.stdout


def test_an_answer_with_arrays() -> None:
    assert said(ASKED) == ANSWER


def test_no_answer_of_work_that_fails() -> None:
    assert said("def work(): raise MemoryError\n" + ASKED) == "None\n"


def test_ends_of_children_that_are_ignored() -> None:
    ignoring = "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
    assert said(ignoring + ASKED) == ANSWER
    assert said(ignoring + "Aside.start(lambda: time.sleep(60)).close(); print('closed')") == "closed\n"


def test_descriptors_above_1023() -> None:
    code = """
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    files = [os.dup(0) for _ in range(1100)]
except (OSError, ValueError):
    print("not allowed")
    sys.exit()
"""
    if (found := said(code + ASKED)) == "not allowed\n":
        pytest.skip("so many open files are not allowed")
    assert found == ANSWER


@pytest.mark.parametrize("room", range(5))
def test_as_many_open_files_as_allowed(room: int) -> None:
    code = f"""
child = Aside.start(work)
free = os.dup(0)
os.close(free)
resource.setrlimit(resource.RLIMIT_NOFILE, (free + {room}, free + {room}))
print(child.result() is None)
child.close()
"""
    assert said(code) == f"{room < 4}\n"  # two files, and a mapping of each holds one more


def test_a_reading_whose_parent_was_killed_ends() -> None:
    code = """
from types import SimpleNamespace
from capture.halves import _read
def blocks():
    yield ()
    print("begun", flush=True)
    while os.getppid() == parent:
        time.sleep(0.01)
    yield ()
    time.sleep(60)
parent = os.getpid()
tail = SimpleNamespace(begins=0, bytes_read=0, packets=0, blocks=blocks)
child = Aside.start(lambda: _read(tail, SimpleNamespace(add=lambda block: None), bytearray(16)))
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", BEGIN + code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.kill()
        killed = time.monotonic()
        assert process.stdout.read() == b""  # the end comes when the child has left, too
        assert time.monotonic() - killed < 30
