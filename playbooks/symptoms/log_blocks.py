"""Log files as blocks of whole lines: plain, gzip or zstd, UTF-8 or UTF-16, standard input; memory stays bounded."""

from __future__ import annotations

import os
import sys
import zlib
from contextlib import nullcontext
from typing import TYPE_CHECKING, BinaryIO, cast

from capture.packing_magic import GZIP, ZSTD
from playbooks.symptoms.line_ends import with_newlines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLOCK = 4 << 20
PACKED = 1 << 18
LONGEST_LINE = 1 << 20
"""Bytes of a line that are kept; what follows up to its end is passed over."""

_HINTS = {
    FileNotFoundError: "check the path",
    PermissionError: "run as a user who may read it, or copy it to where you may",
    IsADirectoryError: "name one file; several are several --log",
}


_PACKED_OTHERWISE = {
    b"\xfd7zX": ("xz", "xz -dc"),
    b"BZh": ("bzip2", "bzip2 -dc"),
    b"\x04\x22\x4d\x18": ("lz4", "lz4 -dc"),
    b"PK\x03\x04": ("zip", "unzip -p"),
}
"""What is not unpacked here; read as text, it would hold no error."""


class LogUnreadable(OSError):  # noqa: N818 - named as CaptureUnreadable is
    """A log of which nothing could be read. str() is one line: what, where, why, what to do."""

    def __init__(self, path: str, why: str, hint: str) -> None:
        super().__init__(path, why, hint)
        self.path, self.why, self.hint = path, why, hint

    def __str__(self) -> str:
        return f"cannot read the log {self.path}: {self.why}; {self.hint}"


def blocks_of(path: str) -> Iterator[bytes]:
    """Whole lines in blocks of some MB, UTF-8, each block ending with a newline; a damaged tail ends the log quietly.
    What ends a line is in line_ends.py: terminals send pasted lines with a carriage return alone.

    `-` is standard input. Raises LogUnreadable where nothing could be read.
    """
    try:
        with open(path, "rb") if path != "-" else nullcontext(sys.stdin.buffer) as stream:
            yield from _whole_lines(with_newlines(_pieces(cast("BinaryIO", stream), path)))
    except OSError as error:
        if isinstance(error, LogUnreadable):
            raise
        why = error.strerror or str(error)
        raise LogUnreadable(path, why, _HINTS.get(type(error), "see whether the file is whole")) from error


def check_readable(paths: Sequence[str]) -> None:
    """Read the beginning of each of several logs, so that nothing is written where a later one cannot be read; not of
    pipes and terminals, which are read once. Raises LogUnreadable."""
    for path in paths if len(paths) > 1 else ():
        if path != "-" and (os.path.isfile(path) or os.path.isdir(path) or not os.path.exists(path)):
            next(iter(blocks_of(path)), None)


def _pieces(stream: BinaryIO, path: str) -> Iterator[bytes]:
    magic = _peek(stream)
    for start, (packing, unpack) in _PACKED_OTHERWISE.items():
        if magic.startswith(start):
            raise LogUnreadable(path, f"it is packed with {packing}", f"unpack it: {unpack} FILE | tcptriage explain")
    if magic.startswith(GZIP):
        return _unpacked_gzip(stream)
    if magic.startswith(ZSTD):
        return _unpacked_zstd(stream)
    wide = _wide(magic)
    if wide is not None:
        import codecs

        stream = cast("BinaryIO", codecs.EncodedFile(cast("codecs._Stream", stream), "utf-8", wide, "replace"))
    return iter(lambda: stream.read(BLOCK), b"")


def _unpacked_gzip(stream: BinaryIO) -> Iterator[bytes]:
    """Piece by piece, so that a log that was cut, or is still written, tells what is there; members may follow."""
    unpacker = zlib.decompressobj(wbits=31)
    got_any = False
    while packed := stream.read(PACKED):
        while packed:
            try:
                piece = unpacker.decompress(packed, BLOCK)
            except zlib.error as damage:
                if not got_any:
                    raise OSError(0, f"the gzip data is damaged ({damage})") from damage
                return
            if piece:
                got_any = True
                yield piece
            packed = unpacker.unconsumed_tail
            if unpacker.eof:
                packed, unpacker = unpacker.unused_data, zlib.decompressobj(wbits=31)


def _unpacked_zstd(stream: BinaryIO) -> Iterator[bytes]:
    import zstandard

    reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
    got_any = False
    while True:
        try:
            piece = reader.read(BLOCK)
        except zstandard.ZstdError as damage:
            if not got_any:
                raise OSError(0, f"the zstd data is damaged ({damage})") from damage
            return
        if not piece:
            return
        got_any = True
        yield piece


def _wide(magic: bytes) -> str | None:
    """UTF-16 by its mark, or by the zeros of two ASCII characters."""
    if magic.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    zeros = "".join("0" if byte == 0 else "x" for byte in magic)
    return {"x0x0": "utf-16-le", "0x0x": "utf-16-be"}.get(zeros)


def _peek(stream: BinaryIO) -> bytes:
    peek = getattr(stream, "peek", None)
    return bytes(peek(4)[:4]) if peek is not None else b""


def _whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    skipping = False
    for block in pieces:
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
