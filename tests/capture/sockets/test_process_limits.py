from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from capture.sockets.process_limits import process_details, read_limits, read_parent, renew_limits
from capture.sockets.row import Process


def test_this_process() -> None:
    assert read_limits(os.getpid()) == resource.getrlimit(resource.RLIMIT_NOFILE)
    told = process_details(os.getpid())
    assert told.parent == os.getppid() == read_parent(os.getpid())
    assert told.uid == os.getuid()
    assert told.command
    assert told.started is not None
    assert time.time() - 86_400 < told.started <= time.time() + 1


def test_a_name_with_spaces_and_parentheses(tmp_path: Path) -> None:
    program = tmp_path / "a) b (c"
    program.symlink_to(sys.executable)
    child = subprocess.Popen(
        [str(program), "-c", "import time; print(flush=True); time.sleep(30)"], stdout=subprocess.PIPE
    )
    assert child.stdout
    child.stdout.readline()
    told = process_details(child.pid)
    child.kill()
    child.wait()
    assert told.parent == os.getpid()
    assert told.command is not None
    assert "a) b (c" in told.command


def test_a_process_that_has_gone() -> None:
    gone = process_details(2**22 + 1)
    assert (gone.name, gone.command, gone.uid, gone.parent, gone.started) == (None, None, None, None, None)
    assert read_limits(2**22 + 1) == (None, None)


def test_limits_are_read_again_after_a_while() -> None:
    process = Process(os.getpid(), "x")
    renew_limits([process], 0.0)
    assert process.soft_limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    process.soft_limit = 1
    renew_limits([process], 10.0)
    assert process.soft_limit == 1
    renew_limits([process], 100.0)
    assert process.soft_limit != 1


def test_unlimited_is_none(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/limits").write_text("Limit\nMax open files            unlimited            4096      files\n")
    assert read_limits(7, str(tmp_path)) == (None, 4096)
    (tmp_path / "7/limits").write_text("Max open files\n")
    assert read_limits(7, str(tmp_path)) == (None, None)
