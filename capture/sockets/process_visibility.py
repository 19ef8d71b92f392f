"""What of other processes this program may see: a socket whose holder is out of sight is hidden, not held by nobody.

Reading which socket a descriptor is asks the kernel for ptrace's right to read (proc(5), /proc/PID/fd): CAP_SYS_PTRACE
in the first user namespace, or the same user with no capability more. Root has it, but not in a container, a user
namespace or a service with fewer capabilities; there a directory may still be listed while its links may not be read.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_EFFECTIVE = re.compile(r"^CapEff:\s*([0-9a-f]+)", re.MULTILINE)
_CAP_SYS_PTRACE = 19
_FIRST_USER_NAMESPACE, _FIRST_PID_NAMESPACE = 0xEFFFFFFD, 0xEFFFFFFC
"""PROC_USER_INIT_INO, PROC_PID_INIT_INO: constants of the kernel (linux/proc_ns.h)."""
_PROC = re.compile(r"^\S+ \S+ \S+ \S+ (\S+) .* - proc \S+ (\S+)$", re.MULTILINE)
_HIDING = re.compile(r"\bhidepid=(?!0\b|off\b)\w+")


@dataclass(frozen=True, slots=True)
class Visibility:
    """`descriptors`, `processes`: why those of others may be out of sight, as a code of limits.toml; None where nothing
    hides them."""

    descriptors: str | None
    processes: str | None

    @property
    def why(self) -> str | None:
        """The first reason; None where every holder of every socket can be found."""
        return self.processes or self.descriptors


def read_visibility(root: str = "/proc", uid: int | None = None) -> Visibility:
    """What may be seen by this process, or by one of user `uid` (None: the effective user). Unreadable files count as
    a reason to doubt only where they are the ones that tell."""
    uid = os.geteuid() if uid is None else uid
    traces = _may_trace(root)
    first_user = _inode(f"{root}/self/ns/user") in (_FIRST_USER_NAMESPACE, None)
    descriptors: str | None = None
    if not first_user:
        descriptors = "user_namespace"
    elif not traces:
        descriptors = "run_as_root" if uid != 0 else "no_ptrace"
    processes: str | None = None
    if _inode(f"{root}/self/ns/pid") not in (_FIRST_PID_NAMESPACE, None):
        processes = "pid_namespace"
    elif descriptors and _hides_processes(root):
        processes = "hidepid"
    return Visibility(descriptors, processes)


def _may_trace(root: str) -> bool:
    try:
        found = _EFFECTIVE.search(Path(root, "self", "status").read_text(errors="replace"))
    except OSError:
        return False
    return found is not None and bool(int(found[1], 16) >> _CAP_SYS_PTRACE & 1)


def _hides_processes(root: str) -> bool:
    try:
        mounts = Path(root, "self", "mountinfo").read_text(errors="replace")
    except OSError:
        return False
    return any(point == root and _HIDING.search(options) for point, options in _PROC.findall(mounts))


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None
