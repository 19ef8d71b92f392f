"""The lines of a recording, packed or not, as far as they can be read: damage ends them, and takes none before it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import IO, Final

from capture.packing_magic import GZIP

GZIP_WINDOW: Final = 31  # zlib's number for gzip's own header and checksum
STEP: Final = 16384


class RecordingLines:
    """Iterate once. Afterwards `cut` tells whether the file ends in the middle of something, `damage` why it could not
    be read on ("" where it could). Raises OSError."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.cut = False
        self.damage = ""

    def __iter__(self) -> Iterator[bytes]:
        rest = bytearray()
        for piece in self._unpacked():
            searched = len(rest)
            rest += piece
            end = rest.find(b"\n", searched) + 1
            while end:
                yield bytes(rest[:end])
                del rest[:end]
                end = rest.find(b"\n") + 1
        self.cut = self.cut or (bool(rest) and not self.damage)

    def _unpacked(self) -> Iterator[bytes]:
        head = self._file.read(len(GZIP))
        self._file.seek(0)
        if head != GZIP:
            while data := self._file.read(STEP):
                yield data
            return
        inflater = zlib.decompressobj(GZIP_WINDOW)
        while data := self._file.read(STEP):
            while data:
                before = inflater.copy()
                try:
                    piece = inflater.decompress(data)
                except zlib.error as error:
                    self.damage = str(error)
                    yield from _until_damage(before, data)
                    return
                yield piece
                self.cut = not inflater.eof
                data = inflater.unused_data
                if inflater.eof:  # another recording may have been put behind it
                    inflater = zlib.decompressobj(GZIP_WINDOW)


def _until_damage(inflater: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What comes out byte by byte before the error, which throws away all that a whole step had brought."""
    for at in range(len(data)):
        try:
            yield inflater.decompress(data[at : at + 1])
        except zlib.error:
            return
