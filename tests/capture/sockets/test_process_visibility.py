"""Why holders of sockets may be out of visibility, from a /proc of files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from capture.sockets.limits import limit_text
from capture.sockets.process_visibility import read_visibility

EVERYTHING, NO_PTRACE = "000001ffffffffff", "000001fffff7ffff"


def proc(folder: Path, capabilities: str, options: str = "rw") -> str:
    root = folder / "proc"
    (root / "self").mkdir(parents=True)
    (root / "self" / "status").write_text(f"Name:\tx\nCapPrm:\t{EVERYTHING}\nCapEff:\t{capabilities}\n")
    (root / "self" / "mountinfo").write_text(f"22 27 0:21 / {root} rw,relatime - proc proc {options}\n")
    return str(root)


@pytest.mark.parametrize(
    ("capabilities", "uid", "options", "descriptors", "processes"),
    [
        (EVERYTHING, 0, "rw", None, None),
        (EVERYTHING, 0, "rw,hidepid=invisible", None, None),  # who may trace sees them all the same
        (NO_PTRACE, 0, "rw", "no_ptrace", None),
        (NO_PTRACE, 0, "rw,hidepid=2", "no_ptrace", "hidepid"),
        (NO_PTRACE, 0, "rw,hidepid=0", "no_ptrace", None),
        (NO_PTRACE, 0, "rw,hidepid=off", "no_ptrace", None),
        ("0", 65534, "rw", "run_as_root", None),
        ("0", 65534, "rw,hidepid=ptraceable", "run_as_root", "hidepid"),
    ],
)
def test_each_reason(
    tmp_path: Path, capabilities: str, uid: int, options: str, descriptors: str | None, processes: str | None
) -> None:
    visibility = read_visibility(proc(tmp_path, capabilities, options), uid)
    assert (visibility.descriptors, visibility.processes) == (descriptors, processes)
    assert visibility.why == (processes or descriptors)
    for code in filter(None, (descriptors, processes)):
        assert limit_text(code)


def test_a_user_namespace_is_no_full_root(tmp_path: Path) -> None:
    root = proc(tmp_path, EVERYTHING)
    os.mkdir(f"{root}/self/ns")
    Path(root, "self", "ns", "user").write_text("")  # an inode that is not the first namespace's
    Path(root, "self", "ns", "pid").write_text("")
    visibility = read_visibility(root, 0)
    assert (visibility.descriptors, visibility.processes) == ("user_namespace", "pid_namespace")


def test_without_a_list_of_mounts_nothing_is_said_of_hidden_processes(tmp_path: Path) -> None:
    root = proc(tmp_path, NO_PTRACE, "rw,hidepid=2")
    os.unlink(f"{root}/self/mountinfo")
    visibility = read_visibility(root, 0)
    assert (visibility.descriptors, visibility.processes) == ("no_ptrace", None)


@pytest.mark.skipif(
    not os.path.exists("/proc/self/ns/pid") or os.stat("/proc/self/ns/pid").st_ino != 4026531836,
    reason="not in the first pid namespace (linux/proc_ns.h)",
)
def test_in_the_first_pid_namespace_every_process_shows() -> None:
    assert read_visibility(uid=0).processes != "pid_namespace"
