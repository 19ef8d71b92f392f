"""Bytes of a capture, wherever they come from: a file, a pipe, gzip or zstd of either."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
import zlib
from typing import Any, BinaryIO, Protocol

from capture.model import Notice
from capture.wire.errors import CaptureUnreadable

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_CHUNK = 1 << 18  # compressed bytes read at once

_WHY = {
    errno.ENOENT: ("no such file", "check the name"),
    errno.EACCES: ("permission denied", "read it as its owner, or copy it"),
    errno.EPERM: ("permission denied", "read it as its owner, or copy it"),
    errno.EISDIR: ("it is a directory", "name the capture files in it"),
    errno.ENAMETOOLONG: ("the name is too long", "check the name"),
    errno.ELOOP: ("its symbolic links go in circles", "check the name"),
    errno.ENOTDIR: ("a part of the name is no directory", "check the name"),
}


class Source(Protocol):
    """A stream of bytes. `position` and `total` count bytes of the file itself, compressed or not."""

    total: int | None
    notices: list[Notice]

    @property
    def position(self) -> int:
        """Bytes taken from the file."""
        ...

    def fill(self, view: memoryview) -> int:
        """Read until `view` is full or the end; how many bytes came (short only at the end)."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


class PlainSource:
    """A file or pipe as it is."""

    def __init__(self, file: BinaryIO, total: int | None, prefix: bytes = b"") -> None:
        self._file, self.total, self._prefix = file, total, prefix
        self.position = 0
        self.fileno = file.fileno() if total is not None else -1
        self.notices: list[Notice] = []

    def fill(self, view: memoryview) -> int:
        """Read until `view` is full or the end."""
        done = 0
        if self._prefix:
            done = min(len(self._prefix), len(view))
            view[:done] = self._prefix[:done]
            self._prefix = self._prefix[done:]
        while done < len(view):
            try:
                got = self._file.readinto(view[done:])  # type: ignore[attr-defined]
            except OSError as error:
                self.notices.append(Notice("cut_short", f"reading stopped: {os.strerror(error.errno or 0)}"))
                break
            if not got:
                break
            done += got
        self.position += done
        return done

    def read_at(self, view: memoryview, offset: int) -> int:
        """Read at an offset of a regular file until `view` is full or the end."""
        done = 0
        while done < len(view):
            try:
                got = os.preadv(self.fileno, [view[done:]], offset + done)
            except OSError as error:
                self.notices.append(Notice("cut_short", f"reading stopped: {os.strerror(error.errno or 0)}"))
                break
            if not got:
                break
            done += got
        return done

    def close(self) -> None:
        """Give the file back."""
        if sys.stdin is None or self._file is not sys.stdin.buffer:
            self._file.close()


class PackedSource:
    """gzip or zstd, several members included. What came before damage is kept, and a notice says so."""

    def __init__(self, plain: PlainSource, packing: str) -> None:
        self._plain, self._packing = plain, packing
        self.total = plain.total
        self.notices: list[Notice] = plain.notices
        self._unpacker: Any = self._fresh()
        self._pending = b""  # compressed, not yet given to the unpacker
        self._ready = memoryview(b"")  # unpacked, not yet taken
        self._chunk = bytearray(_CHUNK)
        self._members = 0
        self._ended = False

    @property
    def position(self) -> int:
        """Compressed bytes taken from the file."""
        return self._plain.position

    def fill(self, view: memoryview) -> int:
        """Unpack until `view` is full or the end."""
        done = 0
        while done < len(view):
            if not self._ready and not self._more(len(view) - done):
                break
            take = min(len(self._ready), len(view) - done)
            view[done : done + take] = self._ready[:take]
            self._ready = self._ready[take:]
            done += take
        return done

    def close(self) -> None:
        """Give the file back."""
        self._plain.close()

    def _fresh(self) -> Any:
        if self._packing == "gzip":
            return zlib.decompressobj(wbits=31)
        import zstandard

        return zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()

    def _more(self, wanted: int) -> bool:
        """Unpack some more; False at the end."""
        while not self._ended:
            if not self._pending:
                got = self._plain.fill(memoryview(self._chunk))
                if not got:
                    return self._end(cut=not self._unpacker.eof)
                self._pending = bytes(self._chunk[:got])
            if self._unpacker.eof and not self._next_member():
                return False
            try:
                out = self._unpack(wanted)
            except Exception as error:  # zlib.error, zstandard.ZstdError: the library's own kinds
                return self._damaged(error)
            if out:
                self._ready = memoryview(out)
                return True
        return False

    def _unpack(self, wanted: int) -> bytes:
        if self._packing == "gzip":
            out: bytes = self._unpacker.decompress(self._pending, min(max(wanted, 1 << 16), 1 << 22))
            self._pending = self._unpacker.unconsumed_tail or (
                self._unpacker.unused_data if self._unpacker.eof else b""
            )
            return out
        # A zstd frame may blow a few bytes up to gigabytes, and its unpacker knows no limit: feed it little by little.
        piece, self._pending = self._pending[:4096], self._pending[4096:]
        out = self._unpacker.decompress(piece)
        if self._unpacker.eof:
            self._pending = self._unpacker.unused_data + self._pending
        return out

    def _next_member(self) -> bool:
        magic = GZIP if self._packing == "gzip" else ZSTD
        if len(self._pending) < len(magic):
            got = self._plain.fill(memoryview(self._chunk))
            self._pending += bytes(self._chunk[:got])
        if not self._pending.startswith(magic):
            if self._pending.strip(b"\0"):
                self.notices.append(
                    Notice("trailing_bytes", f"bytes after the end of the {self._packing} data ignored")
                )
            self._ended = True
            return False
        self._unpacker = self._fresh()
        return True

    def _end(self, cut: bool) -> bool:
        self._ended = True
        if cut:
            self.notices.append(Notice("cut_short", f"the {self._packing} data ends before its end mark"))
        return False

    def _damaged(self, error: Exception) -> bool:
        self._ended = True
        self.notices.append(Notice("cut_short", f"the {self._packing} data is damaged from here on ({error})"))
        return False


def open_source(path: str) -> tuple[Source, str | None]:
    """Open a path, or standard input for "-". The packing is "gzip", "zstd" or None. Raises CaptureUnreadable."""
    try:
        file, total = _open(path)
        prefix = _peek(file)
    except OSError as error:
        why, hint = _WHY.get(error.errno or 0, (os.strerror(error.errno or 0), "check the name"))
        raise CaptureUnreadable(path, why, hint) from None
    except ValueError:
        raise CaptureUnreadable(path, "the name holds a zero byte", "check the name") from None
    if not prefix:
        file.close()
        hint = "was the capture stopped before the first packet was written?"
        raise CaptureUnreadable(path, "it is empty", hint, empty=True)
    plain = PlainSource(file, total, prefix)
    if prefix.startswith(GZIP):
        return PackedSource(plain, "gzip"), "gzip"
    if prefix.startswith(ZSTD):
        return PackedSource(plain, "zstd"), "zstd"
    return plain, None


def _open(path: str) -> tuple[BinaryIO, int | None]:
    if path == "-":
        if sys.stdin is None:
            raise CaptureUnreadable(path, "it is closed", "name a file, or pipe a capture in")
        return sys.stdin.buffer, None
    file = io.FileIO(path, "r")
    status = os.fstat(file.fileno())
    return file, status.st_size if stat.S_ISREG(status.st_mode) else None


def _peek(file: BinaryIO) -> bytes:
    prefix = b""
    while len(prefix) < 4:
        got = file.read(4 - len(prefix))
        if not got:
            break
        prefix += got
    return prefix
