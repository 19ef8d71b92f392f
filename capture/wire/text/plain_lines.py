"""Bytes to lines of plain characters: encodings, colours, HTML, word processors, e-mail.

Fed in any pieces. A line longer than LONGEST is none; at most that much is held.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

LONGEST = 1 << 14  # bytes of a line; longer ones are no packets
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li)\b[^<>]{0,200}>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:p|div|span|pre|code|table|tbody|td|tr|ul|li|b|i|a|font|html|body)\b[^<>]{0,200}>", re.IGNORECASE
)
_SPACES = "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_NOTHING = "\r\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_ARROWS = "\u2192\u27f6\u2794\u203a\uff1e"  # tshark's own, and what word processors make of ">"
_PLAIN = str.maketrans(dict.fromkeys(_SPACES, " ") | dict.fromkeys(_NOTHING, "") | dict.fromkeys(_ARROWS, ">"))


class Lines:
    """The lines of a text, each with the offset of its first byte."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._base = 0  # offset of its first byte
        self._encoding: str | None = None
        self._skipping = False

    def feed(self, data: bytes | memoryview) -> Iterator[tuple[int, str]]:
        """The lines that end in this piece; take all of them before the next is fed."""
        self._held += data
        if self._encoding is None and len(self._held) < 4:
            return
        yield from self._whole()
        if len(self._held) > LONGEST:
            self._skipping = True
            self._drop(len(self._held) & ~1)

    def end(self) -> Iterator[tuple[int, str]]:
        """What is left when nothing more comes."""
        yield from self._whole()
        if self._held and not self._skipping:
            yield from self._cleaned(self._base, bytes(self._held))
        self._held.clear()

    def _whole(self) -> Iterator[tuple[int, str]]:
        if self._encoding is None:
            self._encoding = encoding_of(bytes(self._held[:4]))
        ending = "\n".encode(self._encoding)
        begin = at = 0
        while (found := self._held.find(ending, at)) >= 0:
            if len(ending) == 2 and found % 2:  # across two characters
                at = found + 1
                continue
            if not self._skipping and found - begin <= LONGEST:
                yield from self._cleaned(self._base + begin, bytes(self._held[begin:found]))
            self._skipping = False
            begin = at = found + len(ending)
        self._drop(begin)

    def _drop(self, size: int) -> None:
        del self._held[:size]
        self._base += size

    def _cleaned(self, offset: int, line: bytes) -> Iterator[tuple[int, str]]:
        for part in plain_lines(line, self._encoding or "utf-8"):
            yield offset, part


def encoding_of(prefix: bytes) -> str:
    """The encoding of a text by its first bytes."""
    if prefix.startswith(b"\xff\xfe") or (
        len(prefix) > 3 and prefix[0] and not prefix[1] and prefix[2] and not prefix[3]
    ):
        return "utf-16-le"  # what PowerShell's > writes
    return "utf-16-be" if prefix.startswith(b"\xfe\xff") else "utf-8"


def plain_lines(line: bytes, encoding: str) -> list[str]:
    """One line, or several where HTML or a CR breaks it, with plain spaces and without what only looks."""
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError:
        text = line.decode("cp1252" if encoding == "utf-8" else encoding, "replace")
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    parts = text.rstrip("\r").split("\r")  # alone it ends a line: old Macs' texts, what a terminal wrote over
    if "<" in text:
        parts = [_TAG.sub("", part) for whole in parts for part in _BREAK.split(whole)]
    if "&" in text:
        parts = [html.unescape(part) for part in parts]
    return [part.translate(_PLAIN).rstrip(" ") for part in parts]
