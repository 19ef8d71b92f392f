"""Where the result is written: a folder of this machine, or of a store that fsspec knows.

Each file is written under a temporary name in `.work` beside its place, and renamed: who reads never sees half of one.
"""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from capture.fleet.errors import FleetRefused
from capture.safe_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

WORK = ".work"  # what is being written, and what tells a later run what is done


class Store:
    """A folder; paths inside it are relative, with `/`."""

    def __init__(self, root: str) -> None:
        """Raises FleetRefused where there is no such store."""
        import fsspec

        self.root = root if "://" in root else os.path.abspath(root)
        try:
            self.fs, self._base = fsspec.core.url_to_fs(self.root)
        except Exception as error:  # each store's own kinds
            raise FleetRefused(f"{root}: {type(error).__name__}: {error}") from error

    @property
    def is_local(self) -> bool:
        """Is it a folder of this machine?"""
        protocol = self.fs.protocol if isinstance(self.fs.protocol, str) else self.fs.protocol[0]
        return protocol in ("file", "local")

    def path(self, name: str) -> str:
        """A path as the file system takes it."""
        return f"{self._base.rstrip('/')}/{name}"

    def prepare(self) -> None:
        """Make the folders. Raises FleetRefused."""
        try:
            for name in ("connections", WORK):
                self.fs.makedirs(self.path(name), exist_ok=True)
        except Exception as error:
            raise FleetRefused(f"{self.root}: it cannot be written: {_why(error)}") from error

    def names(self, folder: str) -> list[str]:
        """The files of a folder, sorted; none where it is not there."""
        with suppress(FileNotFoundError):
            found = self.fs.ls(self.path(folder) if folder else self._base, detail=False)
            return sorted(str(name).rstrip("/").rsplit("/", 1)[-1] for name in found)
        return []

    def exists(self, name: str) -> bool:
        """Is it there?"""
        return bool(self.fs.exists(self.path(name)))

    def read(self, name: str) -> bytes:
        """A small file. Raises OSError."""
        return bytes(self.fs.cat_file(self.path(name)))

    def remove(self, name: str) -> None:
        """Remove a file that may be there."""
        with suppress(FileNotFoundError):
            self.fs.rm_file(self.path(name))

    def write(self, name: str, data: bytes) -> None:
        """Write a small file whole."""
        with self.writing(name) as stream:
            stream.write(data)

    @contextmanager
    def writing(self, name: str) -> Iterator[Any]:
        """A stream whose bytes get this name when all were written."""
        temporary = self.path(f"{WORK}/{uuid.uuid4().hex}.tmp")
        try:
            with self.fs.open(temporary, "wb") as stream:
                yield stream
            if self.is_local:
                os.replace(temporary, self.path(name))
            else:
                self.fs.mv(temporary, self.path(name))
        except BaseException:
            with suppress(Exception):
                self.fs.rm_file(temporary)
            raise


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return printable(f"{type(error).__name__}: {error}", 200)
