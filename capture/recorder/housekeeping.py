"""The output folder: who owns it, how much lies in it, and what goes first."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from typing import Final

PREFIX: Final = "incident-"
RINGS: Final = ".rings-"


def make_out(path: str, owner: tuple[int, int] | None) -> None:
    """Makes the folder for its owner alone, where it is not there. Raises OSError."""
    if not os.path.isdir(path):
        if os.path.lexists(path):
            raise NotADirectoryError(errno.ENOTDIR, "there is a file of that name; --out names a folder")
        os.makedirs(path, mode=0o700)
        if owner is not None:
            os.chown(path, *owner)


def make_rings(out: str) -> str:
    """A folder for the rings of this process; those of dead ones are removed. Raises OSError."""
    for name in os.listdir(out):
        if name.startswith(RINGS) and not _lives(name.removeprefix(RINGS)):
            shutil.rmtree(os.path.join(out, name), ignore_errors=True)
        elif name.startswith(f".{PREFIX}") and not _lives(name.removesuffix(".partial").rpartition(".")[2]):
            shutil.rmtree(os.path.join(out, name), ignore_errors=True)  # half a folder of one that was killed
    path = os.path.join(out, f"{RINGS}{os.getpid()}")
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path, 0o700)
    if os.geteuid() == 0:
        owner = os.stat(out)
        os.chown(path, owner.st_uid, owner.st_gid)
    return path


def prune(out: str, most: int, keep_bytes: int) -> list[str]:
    """Removes the oldest incidents beyond a number and a size (the newest stays whatever its size); which went."""
    names = sorted((name for name in os.listdir(out) if name.startswith(PREFIX)), key=_order)
    sizes = {name: size_of(os.path.join(out, name)) for name in names}
    gone = []
    while len(names) > 1 and (len(names) > most or sum(sizes[name] for name in names) > keep_bytes):
        oldest = names.pop(0)
        shutil.rmtree(os.path.join(out, oldest), ignore_errors=True)
        gone.append(oldest)
    return gone


def size_of(folder: str) -> int:
    """Bytes of the files in a folder, at any depth."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def _order(name: str) -> tuple[str, int]:
    """By time and then by number: -10 comes after -2."""
    stem, _, number = name.removeprefix(PREFIX).partition("-")
    return stem, int(number) if number.isdigit() else 1


def _lives(pid: str) -> bool:
    return pid.isdigit() and os.path.isdir(f"/proc/{pid}")
