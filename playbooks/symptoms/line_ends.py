"""Where a line ends: what Python's `str.splitlines` takes for an end is one, in texts and in the bytes of logs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ONE_BYTE = bytes.maketrans(b"\r\x0b\x0c\x1c\x1d\x1e", b"\n" * 6)
_WIDE = re.compile(rb"\xc2\x85|\xe2\x80[\xa8\xa9]")
_WIDE_ENDS = (b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
_RARE = (b"\r", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e")
_OPEN_ENDS = (b"\r", b"\xc2", b"\xe2", b"\xe2\x80")
"""What a piece may end with that belongs to the next one."""


def lines_of(text: str) -> list[str]:
    """The lines of a text; an empty text is one empty line."""
    return text.splitlines() or [""]


def with_newlines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes with every end of a line as `\\n`: CR, CRLF, VT, FF, FS, GS, RS; NEL, LS, PS in UTF-8 only."""
    held = b""
    for piece in pieces:
        block = held + piece if held else piece
        held = b""
        end = next((end for end in _OPEN_ENDS if block.endswith(end)), None)
        if end is not None:
            block, held = block[: -len(end)], end
        yield _translated(block)
    if held:
        yield _translated(held)


def _translated(block: bytes) -> bytes:
    if any(end in block for end in _RARE):
        block = block.replace(b"\r\n", b"\n").translate(_ONE_BYTE)
    if any(end[-1:] in block and end in block for end in _WIDE_ENDS) and _is_utf8(block):  # one byte is found faster
        block = _WIDE.sub(b"\n", block)
    return block


def _is_utf8(block: bytes) -> bool:
    """Whether a piece is UTF-8 (in other encodings the same bytes are letters). Its end may cut a character."""
    try:
        block.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(block) - 3 and error.reason == "unexpected end of data"
    return True
