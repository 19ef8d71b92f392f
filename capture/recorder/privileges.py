"""From root to a user that may still see whose sockets are whose, and nothing more."""

from __future__ import annotations

import ctypes
import os
import pwd
import struct
from typing import Final, NamedTuple

PR_SET_DUMPABLE, PR_SET_KEEPCAPS = 4, 8
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE = 2, 19
"""Reading /proc/PID/fd of other users needs both; logs that root reads may be rotated."""
VERSION_3: Final = 0x20080522
NOBODY: Final = "nobody"


class User(NamedTuple):
    """Whom to become."""

    uid: int
    gid: int
    name: str


def user_to_become() -> User | None:
    """The user behind sudo, else nobody; None where this process is not root."""
    if os.geteuid() != 0:
        return None
    behind = os.environ.get("SUDO_UID", "")
    try:
        entry = pwd.getpwuid(int(behind)) if behind.isdigit() and int(behind) else pwd.getpwnam(NOBODY)
    except KeyError:
        return None
    return User(entry.pw_uid, entry.pw_gid, entry.pw_name)


def become(user: User) -> None:
    """Drops to a user for good, keeping only what looking needs. Raises OSError; then the process is root still, or
    has no capabilities at all."""
    uid, gid, _ = user
    library = ctypes.CDLL(None, use_errno=True)
    kept = 1 << CAP_DAC_READ_SEARCH | 1 << CAP_SYS_PTRACE
    kept &= _permitted(library)
    library.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    header = struct.pack("=Ii", VERSION_3, 0)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    if library.capset(header, struct.pack("=6I", low, low, low, high, high, high)):
        raise OSError(ctypes.get_errno(), "capset")
    if kept & 1 << CAP_DAC_READ_SEARCH:  # the program that writes reports may lie where only root reads
        library.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0)
    library.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # or /proc/self belongs to root


def _permitted(library: ctypes.CDLL) -> int:
    data = ctypes.create_string_buffer(24)
    if library.capget(struct.pack("=Ii", VERSION_3, 0), data):
        return 0
    words = struct.unpack("=6I", data.raw)
    return int(words[1]) | int(words[4]) << 32
