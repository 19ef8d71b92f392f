"""Tracefs by file descriptor: the mounted one, or a mount of our own that nobody else sees (fsmount, Linux 5.2)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from typing import Final

from capture.kernel.event_errors import EventsUnavailable

MOUNTED: Final = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
FSOPEN, FSCONFIG, FSMOUNT = 430, 431, 432
"""System call numbers: the same on every architecture, as for all calls since Linux 5.1."""
FSOPEN_CLOEXEC = FSMOUNT_CLOEXEC = 1
FSCONFIG_CMD_CREATE = 6
DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Tracefs:
    """The files of one tracefs, named from its root. Every method raises OSError as the file system does."""

    def __init__(self, root: int) -> None:
        self.root = root

    def read(self, path: str) -> str:
        """A small text file, whole; names of processes in it may be any bytes."""
        with os.fdopen(self.open(path, os.O_RDONLY), encoding="utf-8", errors="replace") as file:
            return file.read()

    def write(self, path: str, text: str) -> None:
        """Writes a setting."""
        file = self.open(path, os.O_WRONLY)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)

    def open(self, path: str, flags: int) -> int:
        """A descriptor that outlives this object."""
        return os.open(path, flags | os.O_CLOEXEC, dir_fd=self.root)

    def names(self, path: str) -> list[str]:
        """What a directory holds."""
        directory = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return os.listdir(directory)
        finally:
            os.close(directory)

    def make(self, path: str) -> None:
        """Makes a directory, which is how an instance is made."""
        os.mkdir(path, 0o700, dir_fd=self.root)

    def remove(self, path: str) -> None:
        """Removes a directory: the kernel stops an instance's events and refuses (EBUSY) while somebody reads it."""
        os.rmdir(path, dir_fd=self.root)

    def close(self) -> None:
        """Gives the root back; a mount of our own ends with it."""
        os.close(self.root)


def open_tracefs(places: Iterable[str] = MOUNTED) -> Tracefs:
    """The tracefs of this machine. Raises EventsUnavailable."""
    refused = ""
    for place in places:
        try:
            root = os.open(place, DIRECTORY)
        except FileNotFoundError:
            continue
        except OSError as error:
            refused = refused or f"{place}: {error.strerror}"
            continue
        try:
            os.stat("events", dir_fd=root)
        except FileNotFoundError:
            os.close(root)
            continue
        except OSError as error:
            refused = refused or f"{place}: {error.strerror}"
            os.close(root)
            continue
        return Tracefs(root)
    if refused:
        raise EventsUnavailable(f"tracefs cannot be opened ({refused}): run as root")
    return Tracefs(_detached_mount())


def _detached_mount() -> int:
    """The root of a tracefs that is mounted nowhere: it is reached by this descriptor alone."""
    library = ctypes.CDLL(None, use_errno=True)
    context = _call(library, FSOPEN, b"tracefs", FSOPEN_CLOEXEC)
    try:
        _call(library, FSCONFIG, context, FSCONFIG_CMD_CREATE, None, None, 0)
        mount = _call(library, FSMOUNT, context, FSMOUNT_CLOEXEC, 0)
    finally:
        os.close(context)
    try:
        return os.open(".", DIRECTORY, dir_fd=mount)
    finally:
        os.close(mount)


def _call(library: ctypes.CDLL, number: int, *arguments: object) -> int:
    result = int(library.syscall(number, *arguments))
    if result >= 0:
        return result
    error = ctypes.get_errno()
    raise EventsUnavailable(f"tracefs is not mounted and cannot be mounted ({os.strerror(error)}): run as root")
