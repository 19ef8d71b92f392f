"""Bytes of a capture, wherever they come from: a file, a pipe, gzip or zstd of either."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

from capture.language import tr
from capture.model import Notice
from capture.packing_magic import GZIP, ZSTD
from capture.wire.capture_errors import CaptureUnreadable

ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # behind a byte 0x50 … 0x5F: a frame of something else, which pzstd begins with
_CHUNK = 1 << 18  # compressed bytes read at once
_PIECE = 1 << 10  # … of zstd, unpacked at once: four bytes may become 128 KiB
_LONGEST_WINDOW = 1 << 31  # zstd --long=31

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

    @property
    def holds(self) -> bool:
        """Are there bytes to be taken before the file is read again?"""
        ...

    def fill(self, view: memoryview) -> int:
        """Read until `view` is full or the end; how many bytes came (short only at the end)."""
        ...

    def take(self, view: memoryview) -> int:
        """Read what is there by now, at most what `view` holds; waits for the first byte. 0 at the end."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


class PlainSource:
    """A file or pipe as it is."""

    def __init__(self, file: BinaryIO, total: int | None, prefix: bytes = b"") -> None:
        self._file, self.total, self._prefix = file, total, prefix
        self.position = 0
        self._read: Callable[[memoryview], int | None] = file.readinto  # type: ignore[attr-defined]
        self.fileno = file.fileno() if total is not None else -1
        self.notices: list[Notice] = []

    def fill(self, view: memoryview) -> int:
        """Read until `view` is full or the end."""
        return _filled(self, view)

    @property
    def is_file(self) -> bool:
        """A regular file, which does not keep its reader waiting."""
        return self.fileno >= 0

    @property
    def holds(self) -> bool:
        """Are there bytes to be taken before the file is read again?"""
        return bool(self._prefix)

    def take(self, view: memoryview) -> int:
        """Read what is there by now; waits for the first byte."""
        if self._prefix:
            got = min(len(self._prefix), len(view))
            view[:got] = self._prefix[:got]
            self._prefix = self._prefix[got:]
        else:
            try:
                got = self._read(view) or 0
            except OSError as error:
                self.stopped(error)
                got = 0
        self.position += got
        return got

    def stopped(self, error: OSError) -> None:
        """It cannot be read any further: a notice says so."""
        self.notices.append(Notice("cut_short", tr("reading stopped: {why}", why=tr(why_not(error)[0]))))

    def read_at(self, view: memoryview, offset: int) -> int:
        """Read at an offset of a regular file until `view` is full or the end."""
        done = 0
        while done < len(view):
            try:
                got = os.preadv(self.fileno, [view[done:]], offset + done)
            except OSError as error:
                self.notices.append(
                    Notice("cut_short", tr("reading stopped: {why}", why=os.strerror(error.errno or 0)))
                )
                break
            if not got:
                break
            done += got
        return done

    def close(self) -> None:
        """Give the file back."""
        if sys.stdin is None or self._file not in (sys.stdin.buffer, getattr(sys.stdin.buffer, "raw", None)):
            self._file.close()


class PackedSource:
    """gzip or zstd, several members included. What came before damage is kept, and a notice says so."""

    def __init__(self, plain: PlainSource, packing: str) -> None:
        self._plain, self._packing = plain, packing
        self.total = plain.total
        self.notices: list[Notice] = plain.notices
        self._unpacker: Any = None  # of the member at hand
        self._pending = memoryview(b"")  # compressed, not yet given to the unpacker
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
        return _filled(self, view)

    @property
    def holds(self) -> bool:
        """Are there bytes to be taken before the file is read again?"""
        return bool(self._ready) or len(self._pending) > 0

    def take(self, view: memoryview) -> int:
        """Unpack what is there by now; waits for the first byte."""
        if not self._ready and not self._more(len(view)):
            return 0
        got = min(len(self._ready), len(view))
        view[:got] = self._ready[:got]
        self._ready = self._ready[got:]
        return got

    def close(self) -> None:
        """Give the file back."""
        self._plain.close()

    def _fresh(self) -> Any:
        if self._packing == "gzip":
            return zlib.decompressobj(wbits=31)
        import zstandard

        return zstandard.ZstdDecompressor(max_window_size=_LONGEST_WINDOW).decompressobj()

    def _more(self, wanted: int) -> bool:
        """Unpack some more; False at the end."""
        while not self._ended:
            if (self._unpacker is None or self._unpacker.eof) and not self._next_member():
                return False
            if not self._pending and not self._read():
                return self._end(cut=True)
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
            left = self._unpacker.unused_data if self._unpacker.eof else self._unpacker.unconsumed_tail
            self._pending = self._pending[len(self._pending) - len(left) :]
            return out
        # A zstd frame may blow a few bytes up to gigabytes, and its unpacker knows no limit: feed it little by little.
        piece, self._pending = self._pending[:_PIECE], self._pending[_PIECE:]
        out = self._unpacker.decompress(piece)
        if self._unpacker.eof and self._unpacker.unused_data:
            self._pending = memoryview(bytes(self._unpacker.unused_data) + bytes(self._pending))
        return out

    def _read(self) -> bool:
        """Take more of the file; False at its end."""
        got = self._plain.take(memoryview(self._chunk))
        self._pending = memoryview(bytes(self._pending) + self._chunk[:got])
        return got > 0

    def _next_member(self) -> bool:
        """Stand at the begin of the next gzip member or zstd frame; False where none comes."""
        while True:
            while len(self._pending) < 8 and self._read():
                pass
            begin = bytes(self._pending[:8])
            if not (self._packing == "zstd" and _is_skippable(begin)):
                break
            if not self._skip(8 + int.from_bytes(begin[4:8], "little")):
                return self._end(cut=True)
        if begin.startswith(GZIP if self._packing == "gzip" else ZSTD):
            self._unpacker = self._fresh()
            return True
        if bytes(self._pending).strip(b"\0"):
            self.notices.append(
                Notice("trailing_bytes", tr("bytes after the end of the {packing} data ignored", packing=self._packing))
            )
        return self._end(cut=False)

    def _skip(self, size: int) -> bool:
        """Pass over bytes of the file; False where it ends before."""
        while len(self._pending) < size:
            size -= len(self._pending)
            self._pending = memoryview(b"")
            if not self._read():
                return False
        self._pending = self._pending[size:]
        return True

    def _end(self, cut: bool) -> bool:
        self._ended = True
        if cut:
            self.notices.append(
                Notice("cut_short", tr("the {packing} data ends before its end mark", packing=self._packing))
            )
        return False

    def _damaged(self, error: Exception) -> bool:
        self._ended = True
        self.notices.append(
            Notice(
                "cut_short",
                tr("the {packing} data is damaged from here on ({error})", packing=self._packing, error=error),
            )
        )
        return False


def open_source(path: str) -> tuple[Source, str | None]:
    """Open a path, or standard input for "-". The packing is "gzip", "zstd" or None. Raises CaptureUnreadable."""
    try:
        file, total = _open(path)
        prefix = _peek(file)
    except OSError as error:
        raise CaptureUnreadable(path, *why_not(error)) from None
    except ValueError:
        raise CaptureUnreadable(path, "the name holds a zero byte", "check the name") from None
    if not prefix:
        file.close()
        hint = "was the capture stopped before the first packet was written?"
        raise CaptureUnreadable(path, "it is empty", hint, empty=True)
    plain = PlainSource(file, total, prefix)
    if prefix.startswith(GZIP):
        return PackedSource(plain, "gzip"), "gzip"
    if prefix.startswith(ZSTD) or _is_skippable(prefix):
        return PackedSource(plain, "zstd"), "zstd"
    return plain, None


def why_not(error: OSError) -> tuple[str, str]:
    """Why a file cannot be opened, and what to do."""
    plain = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
    return _WHY.get(error.errno or 0, (plain, "check the name"))


def _filled(source: Source, view: memoryview) -> int:
    done = 0
    while done < len(view) and (got := source.take(view[done:])):
        done += got
    return done


def _is_skippable(prefix: bytes) -> bool:
    """Does a zstd frame begin so that holds something else (RFC 8878 §3.1.2)?"""
    return prefix[1:4] == ZSTD_SKIPPABLE and prefix[0] >> 4 == 5


def _open(path: str) -> tuple[BinaryIO, int | None]:
    if path == "-":
        if sys.stdin is None:
            raise CaptureUnreadable(path, "it is closed", "name a file, or pipe a capture in")
        # one read() each: with a buffer in between, all of what is asked for would be waited for
        return getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), None
    if "://" in path and not os.path.exists(path):
        from capture.wire.files.stores import open_stored

        return open_stored(path), None
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
