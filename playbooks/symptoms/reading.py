"""Log files as blocks of whole lines: plain, gzip or zstd, UTF-8 or UTF-16, standard input; memory stays bounded."""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 4 << 20
LONGEST_LINE = 1 << 20
"""Bytes of a line that are kept; what follows up to its end is passed over."""

_HINTS = {
    FileNotFoundError: "check the path",
    PermissionError: "run as a user who may read it, or copy it to where you may",
    IsADirectoryError: "name one file; several are several --log",
}


class LogUnreadable(OSError):  # noqa: N818 - named as CaptureUnreadable is
    """A log of which nothing could be read. str() is one line: what, where, why, what to do."""

    def __init__(self, path: str, why: str, hint: str) -> None:
        super().__init__(path, why, hint)
        self.path, self.why, self.hint = path, why, hint

    def __str__(self) -> str:
        return f"cannot read the log {self.path}: {self.why}; {self.hint}"


def blocks_of(path: str) -> Iterator[bytes]:
    """Whole lines in blocks of some MB, UTF-8, each block ending with a newline; a damaged tail ends the log quietly.

    `-` is standard input. Raises LogUnreadable where nothing could be read.
    """
    try:
        with _opened(path) as stream:
            yield from _whole_lines(stream)
    except OSError as error:
        if isinstance(error, LogUnreadable):
            raise
        why = error.strerror or str(error)
        raise LogUnreadable(path, why, _HINTS.get(type(error), "see whether the file is whole")) from error


def _opened(path: str) -> BinaryIO:
    stream = cast("BinaryIO", sys.stdin.buffer if path == "-" else open(path, "rb"))  # noqa: SIM115 - closed by the caller
    magic = _peek(stream)
    if magic.startswith(b"\x1f\x8b"):
        import gzip

        return cast("BinaryIO", gzip.GzipFile(fileobj=stream, mode="rb"))
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        return cast("BinaryIO", zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True))
    if magic.startswith((b"\xff\xfe", b"\xfe\xff")):
        import codecs

        return cast("BinaryIO", codecs.EncodedFile(cast("codecs._Stream", stream), "utf-8", "utf-16", "replace"))
    return stream


def _peek(stream: BinaryIO) -> bytes:
    peek = getattr(stream, "peek", None)
    return bytes(peek(4)[:4]) if peek is not None else b""


def _whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    rest = b""
    skipping = False
    for block in _pieces(stream):
        if skipping:
            newline = block.find(b"\n")
            if newline < 0:
                continue
            block, skipping = block[newline + 1 :], False
        cut = block.rfind(b"\n")
        if cut < 0:
            rest += block
            if len(rest) > LONGEST_LINE:
                yield rest[:LONGEST_LINE] + b"\n"
                rest, skipping = b"", True
            continue
        yield rest + block[: cut + 1]
        rest = block[cut + 1 :]
    if rest:
        yield rest + b"\n"


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    import gzip

    failures: tuple[type[Exception], ...] = (EOFError, zlib.error, gzip.BadGzipFile)
    if "zstandard" in sys.modules:
        failures += (sys.modules["zstandard"].ZstdError,)
    got_any = False
    while True:
        try:
            block = stream.read(BLOCK)
        except failures as damage:  # a log that is still written, or was cut: what came before it counts
            if not got_any:
                raise OSError(0, f"the compressed data is damaged ({damage})") from damage
            return
        if not block:
            return
        got_any = True
        yield block
