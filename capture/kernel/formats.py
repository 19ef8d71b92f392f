"""An event's `format` file: where its fields lie and what its numbers mean. Kernels differ."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import NamedTuple

FIELD = re.compile(r"field:(?P<type>[^;]*?)\s*\b(?P<name>\w+)(?:\[\d*\])?;\s*offset:(?P<at>\d+);\s*size:(?P<size>\d+)")
SYMBOL = re.compile(r'\{\s*(-?(?:0x)?[0-9a-fA-F]+),\s*"([^"]*)"\s*\}')


class Place(NamedTuple):
    """Bytes of a record that hold a field."""

    offset: int
    size: int


class Format(NamedTuple):
    """One event of this kernel."""

    id: int
    fields: Mapping[str, Place]
    symbols: Mapping[str, Mapping[int, str]]
    """Field -> number -> name, for the fields that the kernel prints by name."""

    def number(self, record: bytes, name: str, signed: bool = False) -> int:
        """A numeric field in the machine's byte order; 0 where a cut record ends before it."""
        at, size = self.fields[name]
        return int.from_bytes(record[at : at + size], sys.byteorder, signed=signed)

    def octets(self, record: bytes, name: str) -> bytes:
        """A field's bytes as they are."""
        at, size = self.fields[name]
        return record[at : at + size]

    def has(self, *names: str) -> bool:
        """Whether this kernel's event carries all of these."""
        return all(name in self.fields for name in names)


def parse_format(text: str) -> Format:
    """Raises ValueError where the text is no format file."""
    number = re.search(r"^ID:\s*(\d+)", text, re.MULTILINE)
    if number is None:
        raise ValueError("no event id")
    fields = {found["name"]: Place(int(found["at"]), int(found["size"])) for found in FIELD.finditer(text)}
    return Format(int(number[1]), fields, _symbols(text))


def _symbols(text: str) -> dict[str, dict[int, str]]:
    """The tables of __print_symbolic(REC->field, { 1, "ONE" }, …)."""
    tables: dict[str, dict[int, str]] = {}
    for part in text.split("__print_symbolic(")[1:]:
        field = re.match(r"\s*REC->(\w+)\s*,", part)
        if field is None:
            continue
        pairs = SYMBOL.findall(part[: _closing(part)])
        tables[field[1]] = {int(number, 0): name for number, name in pairs}
    return tables


def _closing(text: str) -> int:
    """Where the parenthesis that was open before `text` closes; its end where it never does."""
    depth = 1
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return at
    return len(text)
