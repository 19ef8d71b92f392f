"""The files of a process whose mounts or root are not this program's: a container's, or those of a chroot.

A path on its command line is a path there. Here it may lead to another file, or to none.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from playbooks.facts.identity import container
from playbooks.language import tr

T = TypeVar("T")
CLONE_FS = 0x200
"""unshare(2): this thread's root becomes its own, so that chroot(2) changes it for no other."""
_NO_FILES = ("/dev/", "/proc/")


class OtherFilesError(PermissionError):
    """A process has files of its own that may not be read from here."""


def root_for(pid: int | None, path: str) -> str:
    """Below what a process's file is found: empty where `path` is that file here too, else /proc/PID/root.

    Raises OtherFilesError where the process is in a container that may not be looked into.
    """
    if pid is None:
        return ""
    root = f"/proc/{pid}/root"
    try:
        there = os.stat(f"{root}{path}")
    except PermissionError:
        if container(pid) != container(os.getpid()):
            why = tr("in a container ({name}) that may not be looked into: run with sudo", name=container(pid) or "-")
            raise OtherFilesError(1, why, path) from None
        return ""
    except OSError:  # an absolute link leads elsewhere from here; below chroot() it does not
        return "" if _root_is_ours(root) else root
    try:
        here = os.stat(path)
    except OSError:
        return root
    return "" if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino) else root


def _root_is_ours(root: str) -> bool:
    try:
        return os.path.samefile(root, "/")
    except OSError:
        return True


def below(root: str, read: Callable[[], T]) -> T:
    """What `read` returns where `root` is /; as it is for an empty one. It may open files and follow links, but import
    nothing and ask /proc for nothing. Raises what it raises, OtherFilesError where chroot(2) is not permitted."""
    if not root:
        return read()
    found: list[Any] = []
    thread = threading.Thread(target=_below, args=(root, read, found))
    thread.start()
    thread.join()
    kind, value = found
    if kind == "raised":
        raise value
    returned: T = value
    return returned


def _below(root: str, read: Callable[[], object], found: list[Any]) -> None:
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_FS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            os.chroot(root)
        except PermissionError:
            why = tr("files of a process with another root: run with sudo")
            raise OtherFilesError(1, why, root) from None
        os.chdir("/")
        found.extend(("returned", read()))
    except BaseException as error:  # it is for the thread that asked
        found.extend(("raised", error))


def real_path(root: str, path: str) -> str | None:
    """Where a file of a process lies for this program, all links followed as the process does; None where they lead to
    a terminal, a pipe or a kernel's file."""
    if not root:
        return path
    found = below(root, lambda: os.path.realpath(path))
    return None if found.startswith(_NO_FILES) else root + found
