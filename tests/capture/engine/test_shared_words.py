"""Bits and numbers that stand in the engine's C and in Python are the same ones."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path

import pytest

from capture.engine.line_writer import Kind
from capture.flows.connection_table import Answer, Tag
from capture.verdicts.events import event_codes
from capture.wire.column_types import PacketMark
from capture.wire.files.notices import NoticeCode
from capture.wire.headers.payload_kinds import Content

ENGINE = Path(__file__).parents[3] / "capture" / "engine"  # the sources: an installation has none


def written(file: str, prefix: str) -> dict[str, int]:
    """The constants of C's enums that begin with `prefix`, without it."""
    text = re.sub(r"/\*.*?\*/", "", (ENGINE / file).read_text(), flags=re.DOTALL)
    found: dict[str, int] = {}
    for body in re.findall(r"\benum\s*\w*\s*\{([^}]*)\}", text):
        number = -1
        for entry in filter(None, (part.strip() for part in body.split(","))):
            name, _, value = (part.strip() for part in entry.partition("="))
            if value and not re.fullmatch(r"0[xX][0-9a-fA-F]+|\d+", value):
                break
            number = int(value, 0) if value else number + 1
            if name.startswith(prefix):
                found[name.removeprefix(prefix)] = number
    return found


@pytest.mark.parametrize(
    ("file", "prefix", "python", "only_in_c"),
    [
        ("connection.h", "TAG_", Tag, set()),
        ("connection.h", "EVENT_", event_codes.Trait, {"SIDE"}),
        ("connection.h", "KIND_", event_codes.Kind, {"MASK"}),
        ("connection.h", "CONTENT_", Content, set()),
        ("connection.h", "ANSWER_", Answer, set()),
        ("engine.h", "MARK_", PacketMark, set()),
        ("reader.h", "NOTICE_", NoticeCode, set()),
        ("lines.h", "STEP_", Kind, set()),
    ],
)
def test_names_and_numbers_are_those_of_python(
    file: str, prefix: str, python: type[IntEnum], only_in_c: set[str]
) -> None:
    found = written(file, prefix)
    assert found.keys() >= only_in_c
    assert {name: number for name, number in found.items() if name not in only_in_c} == {
        name: int(one) for name, one in python.__members__.items()
    }


@pytest.mark.parametrize("where", ["side.known", "connection.flags"])
def test_each_bit_has_one_meaning(where: str) -> None:
    text = (ENGINE / "connection.h").read_text()
    body = re.search(rf"enum \{{ /\* {re.escape(where)} \*/(.*?)\}};", text, re.DOTALL)
    assert body is not None
    bits = [int(value, 0) for value in re.findall(r"^ +\w+ = (0x[0-9A-Fa-f]+),", body[1], re.MULTILINE)]
    assert len(bits) >= 10
    assert len(set(bits)) == len(bits)
    assert all(bit & (bit - 1) == 0 for bit in bits)


def test_the_places_of_an_events_bits_are_those_of_python() -> None:
    assert written("connection.h", "GAP_SHIFT") == {"": event_codes.GAP_SHIFT}
    assert written("connection.h", "KIND_")["MASK"] == event_codes.KIND_MASK
    assert written("connection.h", "EVENT_")["SIDE"] == event_codes.SIDE_BIT
