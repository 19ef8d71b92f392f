"""The shape of a line: its words, with those numbers, addresses and names of requests that mean nothing taken out.

Lines of one shape are of one statement in a program's source, so what is said of one holds for all, but for the
addresses and times in it. A shape keeps every number that some rule, errno or status could mean.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_WORDS = 60_000
"""Words whose shape is remembered; then they are forgotten, so that memory stays bounded."""

LONGEST_WORD = 80
"""Characters of a word that is remembered; lines without blanks, as of JSON, are each another word."""

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_V4 = rf"(?<![\w.])((?:{_OCTET}\.){{3}}{_OCTET})(?![\w]|\.\d)(?::(\d{{1,5}})(?!\d|:\d|\.\d))?"
_PORT = r"(?!53(?!\d))(?:[0-5]?\d{1,4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])(?!\d|:\d|\.\d)"
_IP = rf"(?<![\w.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\w]|\.\d)"
_SOCKETS = re.compile(rf"{_IP}:{_PORT}")
_ADDRESSES = re.compile(_IP)
_NUMBERS = re.compile(rf"{_V4}|(\d+(?:[./:,-](?!(?:\d{{1,3}}\.){{3}}\d)\d+)*)")
_HEX = re.compile(
    r"(?<![\w.:/-])(?:(?=[a-f-]*\d)[0-9a-f-]{12,}|0x[0-9a-fA-F]{9,}|(?=(?:[A-Za-z]*\d){4})[A-Za-z0-9]{16,})(?![\w.:/-])"
)
_V6 = re.compile(r"::|(?:[0-9a-fA-F]{1,4}:){6}")
_NUMERAL = re.compile(r"\d+")
_CATALOGUES = ("rules.toml", "errnos.toml", "patterns.toml", "sources.toml")
_DIGITS = str.maketrans("123456789", "000000000")


class Words(dict[str, str]):
    """The shape of each word, worked out when first asked for."""

    def __missing__(self, word: str) -> str:
        shape = _shape_of(word)
        if len(word) <= LONGEST_WORD:
            if len(self) >= MOST_WORDS:
                self.clear()
            self[word] = shape
        return shape


@lru_cache(maxsize=512)
def found_in(word: str) -> list[tuple[str, str, str]]:
    """The addresses, each with its port, and the numbers of a word, in order: one of the three is there, or two."""
    return _NUMBERS.findall(word)


@cache
def _telling() -> frozenset[str]:
    """Every number that a rule, an error number or a status is recognised by."""
    texts = [Path(__file__).with_name(name).read_text("utf-8") for name in _CATALOGUES]
    return frozenset(number for text in texts for number in _NUMERAL.findall(text)) | {"460", "499", "502", "504"}


def _shape_of(word: str) -> str:
    if not _NUMERAL.search(word) or _V6.search(word):
        return word
    if word.count(".") > 2:
        word = _ADDRESSES.sub("\x02", _SOCKETS.sub("\x02\x05", word))
        if not _NUMERAL.search(word):
            return word
    if len(word) >= 12:
        word = _HEX.sub("\x01", word)
    return _NUMBERS.sub(_masked, word)


def _masked(found: re.Match[str]) -> str:
    return _masked_number(found[3]) if found[3] else found[0]


@lru_cache(maxsize=1 << 16)
def _masked_number(text: str) -> str:
    """A number as far as it may matter: by about how long it is, or as it is."""
    if not text.isdecimal():
        return _masked_group(text)
    if len(text) > 5:
        return _zeros(text) if len(text) >= 10 else "\x06"
    if len(text) < 3 or text in _telling() or text.startswith("100") or (len(text) == 3 and text[0] in "01"):
        return text
    if len(text) == 3:
        return "\x03"
    return "\x05" if int(text) <= 65_535 else "\x04"


def _masked_group(text: str) -> str:
    """The same of numbers joined by points, colons, slashes: a date, a clock, seconds, timers."""
    pieces = re.split("[./:,-]", text)
    if len(pieces) > 2:
        return _zeros(text) if "/" not in text or len(pieces[0]) == 4 else f"\x08{len(pieces)}"
    if len(pieces[0]) < 10 and "." in text and len(pieces[1]) > 1:
        return "\x07"
    return _zeros(text) if len(pieces[0]) >= 10 else _NUMERAL.sub(lambda found: _masked_number(found[0]), text)


def _zeros(text: str) -> str:
    """Digits made alike; the first of an epoch's stays, which tells that it is one."""
    return text[0] + text[1:].translate(_DIGITS) if len(text) >= 10 else text.translate(_DIGITS)


@lru_cache(maxsize=1)
def _spare_numbers() -> dict[int, list[int]]:
    return {
        3: [n for n in range(200, 1000) if str(n) not in _telling()],
        4: [n for n in range(2000, 10_000) if str(n) not in _telling()],
        5: [n for n in range(11_000, 65_000) if str(n) not in _telling()],
    }


class Probe:
    """A line of the same shape as another, in which each address and number is another: shows which of them matter."""

    def __init__(self, parts: list[str]) -> None:
        self.places: dict[str | int, tuple[int, int]] = {}
        self._next = count()
        self.parts = list(parts)
        for place, word in enumerate(parts):
            if not _V6.search(word):
                self.parts[place] = _NUMBERS.sub(self._replacement(place), word)

    def _replacement(self, place: int) -> Callable[[re.Match[str]], str]:
        order = count()

        def replace(found: re.Match[str]) -> str:
            at = place, next(order)
            if not found[1]:
                return self._number(found[3], at)
            ip = self._address(found[1])
            self.places[ip] = at
            if not found[2]:
                return ip
            return f"{ip}:{self._port(at) if found[2] != '53' and int(found[2]) <= 65_535 else found[2]}"

        return replace

    def _number(self, text: str, at: tuple[int, int]) -> str:
        if _masked_number(text) not in ("\x03", "\x05"):
            return text
        spare = _spare_numbers()[len(text)]
        number = spare[(next(self._next) * 7) % len(spare)]
        self.places[number] = at
        return str(number)

    def _port(self, at: tuple[int, int]) -> int:
        spare = _spare_numbers()[5]
        number = spare[(next(self._next) * 7) % len(spare)]
        self.places[number] = at
        return number

    def _address(self, like: str) -> str:
        """Another address that is written as long."""
        while True:
            left = len(like) - 3
            octets = []
            seed = next(self._next)
            for still in (3, 2, 1, 0):
                width = min(3, left - still)
                low, high = (1, 9) if width == 1 else (10, 99) if width == 2 else (100, 255)
                octets.append(str(low + (seed * 37 + still * 11) % (high - low + 1)))
                seed //= high - low + 1
                left -= width
            ip = ".".join(octets)
            if ip not in self.places:
                return ip
