"""Lines of columns, against what Python writes of the same numbers."""

import random

import numpy as np
import pytest

from capture.engine.line_writer import ROOM, Field, Kind, LineWriter
from capture.report.document import seconds


def lines_of(values: np.ndarray, kind: Kind, words: tuple[str, ...] = ()) -> list[str]:
    writer = LineWriter(b"\n")
    table = writer.words(words) if words else 0
    shape = writer.shape(["<", Field(kind, writer.column(values), table), ">"])
    rows = np.arange(len(values))
    written = b"".join(writer.lines(rows, np.full(len(rows), shape, np.uint32), {})).decode()
    return [line[1:-1] for line in written.split("\n")[1:]]


def some_times() -> np.ndarray:
    chance = random.Random(5)
    powers = [10**k + step for k in range(19) for step in (-1, 0, 1)]
    return np.array(
        [*range(2000), *powers, *(chance.randrange(10**k) for k in range(1, 19) for _ in range(500)), 2**63 - 1],
        np.int64,
    )


def test_milliseconds_are_those_of_a_float() -> None:
    values = some_times()
    assert lines_of(values, Kind.MILLISECONDS) == [repr(value / 1e6) for value in values.tolist()]
    assert lines_of(np.array([-1]), Kind.MILLISECONDS) == ["null"]


def test_seconds_have_nine_decimals_before_1970_too() -> None:
    values = np.concatenate([some_times(), -some_times(), [-(2**63)]])
    assert lines_of(values, Kind.SECONDS) == [seconds(value) for value in values.tolist()]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int64])
def test_integers_of_any_size(dtype: type) -> None:
    limits = np.iinfo(dtype)
    values = np.array([0, 1, limits.max, *([limits.min] if limits.min else [])], dtype)
    assert lines_of(values, Kind.NUMBER) == [str(value) for value in values.tolist()]
    pairs = np.stack([values, values[::-1]], axis=1)
    assert lines_of(pairs[:, 1], Kind.NUMBER) == [str(value) for value in values[::-1].tolist()]


def test_addresses_packet_numbers_and_words() -> None:
    keys = np.array([0, 0x0A000001, 2**32 - 1, 2**32, 2**32 + 1])
    assert lines_of(keys, Kind.ADDRESS, ("::1", "host")) == ["0.0.0.0", "10.0.0.1", "255.255.255.255", "::1", "host"]
    assert lines_of(np.array([0, 9 << 1, 2**40 + 1]), Kind.FIRST) == [
        "null",
        '{"by":"originator","packet":9}',
        f'{{"by":"responder","packet":{2**39}}}',
    ]
    assert lines_of(np.array([1, 0, 2], np.int32), Kind.WORD, ("a", "", "ü")) == ["", "a", "ü"]


def test_pieces_are_whole_lines_however_long_they_are() -> None:
    writer = LineWriter(b", ")
    texts = ["x" * (3 * ROOM), "", "y" * 40, "z" * (ROOM - 9)]
    column = writer.column_by_place()
    shapes = [writer.shape([f"{name}:", Field(Kind.GIVEN, column)]) for name in "ab"]
    table = writer.table(texts)
    pieces = list(writer.lines(np.arange(4), np.array([shapes[i % 2] for i in range(4)], np.uint32), {column: table}))
    assert len(pieces) > 1
    assert b"".join(pieces) == b"".join(f", {'ab'[i % 2]}:{text}".encode() for i, text in enumerate(texts))
