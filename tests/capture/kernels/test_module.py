"""Kernels that are called wrongly raise, and neither crash nor keep hold of what they were given."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from capture import kernels
from tests.capture.kernels.ways import compiled
from tests.capture.wire import building as make

pytestmark = compiled

N = 6  # rows; in CONNECTIONS connections
FIRST = np.array([0, 1, 4, 6], np.int64)
CONNECTIONS = len(FIRST) - 1
REFUSED = (TypeError, ValueError)
FILE = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the tests
FILE.write(make.pcap([make.ethernet(make.ipv4(make.tcp()), kind) for kind in (0x800, 0x88CC, 0x800, 0x806)]))
FILE.flush()
Call = tuple[str, list[Any]]


def columns(items: str, rows: int = N) -> tuple[Any, ...]:
    """Zeros of these item sizes, one digit a column."""
    return tuple(np.zeros(rows, f"u{item}") for item in items)


PER_CONNECTION = {  # item sizes of what is read of rows and pairs, and written of rows, pairs and each
    "neighbours": ("1", "", "4441", "", ""),
    "offered": ("121", "", "", "1", ""),
    "segments": ("124424441", "1", "412", "1", ""),
    "totals": ("1248", "", "", "88888", "8"),
    "handshakes": ("12448", "", "", "", "18"),
    "signatures": ("12442", "", "1", "", "81"),
    "events": ("12444282121", "", "2141", "", ""),
}


def per_connection(name: str) -> Call:
    read, in_pairs, rows, pairs, each = PER_CONNECTION[name]
    given = columns(read)
    if name == "segments":  # the row before it: none
        given[6][:] = given[7][:] = 0xFFFFFFFF
    of_two = (columns(in_pairs, 2 * CONNECTIONS), columns(rows), columns(pairs, 2 * CONNECTIONS))
    return name, [CONNECTIONS, N, (FIRST.copy(),), given, *of_two, columns(each, CONNECTIONS)]


def streaming(piece: bytearray) -> list[Any]:
    """The arguments of a stream of a file with some packets."""
    form, layout, ends = (False, 16, 1000, 1 << 18), (14, 12), np.zeros((N, 2, 16), np.uint8)
    given = (24, 1 << 62, 0, form, layout, 1 << 21, bytes(1 << 16), piece, N)
    return [FILE.fileno(), *given, columns("488" + "88224422412111" + "8"), ends, columns("888884"), bytearray(400)]


def good(name: str) -> Call:
    """A call that is right."""
    if name in PER_CONNECTION:
        return per_connection(name)
    frames = bytearray(200)
    places = (np.arange(N, dtype=np.int64) * 10, np.full(N, 30, np.int64), np.full(N, 60, np.int64))
    fields, multipliers = "442242288412", (3, 5, 7)
    table = (*columns("88", N), np.zeros(N, np.int32), np.full(16, -1, np.int32))
    found = columns("888224422412111")
    return {
        "pcap_records": (name, [frames, 0, 185, 200, False, 16, 1000, 1 << 18, columns("8888")]),
        "tcp_headers": (
            name,
            [frames, N, 14, 12, 200, bytes(1 << 16), places, found, columns("88"), np.zeros((N, 2, 16), np.uint8)],
        ),
        "conversations": (name, [table, 0, multipliers, N, columns("88224"), columns("4")]),
        "pcap_stream": (name, streaming(frames)),
        "near_repeats": (name, [N, columns(fields), N, columns(fields)]),
        "conversation_starts": (name, [N, CONNECTIONS, columns("424"), columns("1"), columns("1", CONNECTIONS)]),
        "order_rows": (name, [N, CONNECTIONS, columns("4"), columns("44")]),
        "gather": (name, [4, np.arange(N, dtype=np.int32), np.arange(N, dtype=np.uint32), np.zeros(N, np.int32)]),
        "distinct_runs": (name, [1, CONNECTIONS, columns("2"), (FIRST.copy(),), columns("4"), columns("8")]),
    }[name]


NAMES = (
    "pcap_records", "pcap_stream", "tcp_headers", "conversations", "near_repeats", *PER_CONNECTION, "order_rows",
    "gather", "conversation_starts", "distinct_runs",
)  # fmt: skip
WRITTEN = {  # places of what is written to
    "pcap_records": (8,), "pcap_stream": (10, 12), "tcp_headers": (7, 8, 9),
    "conversations": (0, 5), "order_rows": (3,), "gather": (3,), "conversation_starts": (3, 4),
    "distinct_runs": (4, 5), "near_repeats": (), **dict.fromkeys(PER_CONNECTION, (5, 6, 7)),
}  # fmt: skip
ROOMIER = {("pcap_records", 8), ("distinct_runs", 2), ("distinct_runs", 4), ("distinct_runs", 5)}  # may well be shorter


def call(name: str, arguments: list[Any]) -> Any:
    return getattr(kernels.KERNELS, name)(*arguments)


def with_column(arguments: list[Any], place: int, index: int, column: Any) -> list[Any]:
    changed = list(arguments)
    changed[place] = (*changed[place][:index], column, *changed[place][index + 1 :])
    return changed


def wrong_columns(name: str) -> Iterator[tuple[str, list[Any]]]:
    """Each column in turn of the wrong width, too short, in pieces, read-only, or no column at all."""
    arguments = good(name)[1]
    for place, given in enumerate(arguments):
        if not isinstance(given, tuple) or (given and isinstance(given[0], int)):
            continue
        yield f"{place} is a list", [*arguments[:place], list(given), *arguments[place + 1 :]]
        yield f"{place} is None", [*arguments[:place], None, *arguments[place + 1 :]]
        yield f"{place} has one more", [*arguments[:place], (*given, np.zeros(N, np.int8)), *arguments[place + 1 :]]
        if given:
            yield f"{place} lacks one", [*arguments[:place], given[:-1], *arguments[place + 1 :]]
        for index, column in enumerate(given):
            width, where = column.itemsize, f"{place}[{index}]"
            wider = np.zeros(2 * len(column), f"u{2 * width if width < 8 else 4}")
            bad = {
                "another width": wider,
                "in pieces": np.zeros(2 * len(column), column.dtype)[::2],
                "text": "no column",
                "nothing": None,
            }
            if (name, place) not in ROOMIER:
                bad["too short"] = column[:-1]
                bad["empty"] = column[:0]
            if place in WRITTEN[name]:
                bad["read-only"] = column.copy()
                bad["read-only"].flags.writeable = False
            for what, value in bad.items():
                yield f"{where} {what}", with_column(arguments, place, index, value)


@pytest.mark.parametrize("name", NAMES)
def test_the_right_call_is_taken(name: str) -> None:
    call(*good(name))


def test_every_kernel_is_tried() -> None:
    assert {name for name in dir(kernels.KERNELS) if not name.startswith("_") and name != "VERSION"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_columns_are_refused(name: str) -> None:
    for what, arguments in wrong_columns(name):
        with pytest.raises(REFUSED):
            raise AssertionError(f"{what}: {call(name, arguments)}")


@pytest.mark.parametrize("name", NAMES)
def test_too_few_and_too_many_arguments(name: str) -> None:
    arguments = good(name)[1]
    for given in ([], arguments[:-1], [*arguments, 1]):
        with pytest.raises(TypeError):
            call(name, given)


def changed(name: str, **places: Any) -> Call:
    """A right call with some arguments changed: a1 is the second."""
    arguments = good(name)[1]
    for place, value in places.items():
        arguments[int(place[1:])] = value
    return name, arguments


def ints(*values: int, dtype: type[np.generic] = np.int64) -> tuple[Any]:
    return (np.array(values, dtype),)


def table(slots: int) -> tuple[Any, ...]:
    return (*columns("88", 16), np.zeros(16, np.int32), np.full(slots, -1, np.int32))


def records(begin: int, captured: int) -> tuple[Any, ...]:
    """One of the packets elsewhere."""
    places = good("tcp_headers")[1][6]
    places[0][3], places[1][3] = begin, captured
    return tuple(places)


FAR = 1 << 62
WRONG: dict[str, Callable[[], Call]] = {
    "a window that begins before its buffer": lambda: changed("pcap_records", a1=-1),
    "a window that ends beyond its buffer": lambda: changed("pcap_records", a3=201),
    "headers that end beyond the window": lambda: changed("pcap_records", a2=186),
    "headers far beyond the window": lambda: changed("pcap_records", a2=FAR),
    "a record header of 15 bytes": lambda: changed("pcap_records", a5=15),
    "a record header of less than nothing": lambda: changed("pcap_records", a5=-16),
    "a window larger than memory": lambda: changed("pcap_records", a2=FAR, a3=FAR),
    "a stream from before its file": lambda: changed("pcap_stream", a1=-1),
    "a stream of a record header of 15 bytes": lambda: changed("pcap_stream", a4=(False, 15, 1000, 1 << 18)),
    "a stream of a large record header": lambda: changed("pcap_stream", a4=(False, 1 << 30, 1000, 1 << 18)),
    "a stream of another form": lambda: changed("pcap_stream", a4=(False, 16, 1000)),
    "a stream of a link layer of less than nothing": lambda: changed("pcap_stream", a5=(-1, -1)),
    "a stream of a type beyond its link layer": lambda: changed("pcap_stream", a5=(14, 13)),
    "a stream without all tunnels": lambda: changed("pcap_stream", a7=bytes((1 << 16) - 1)),
    "a stream into what is read-only": lambda: changed("pcap_stream", a8=bytes(200)),
    "a stream of fewer than no packets": lambda: changed("pcap_stream", a9=-1),
    "a stream of more packets than columns": lambda: changed("pcap_stream", a9=N + 1),
    "a stream of far more packets": lambda: changed("pcap_stream", a9=FAR),
    "a stream without room for IPv6": lambda: changed("pcap_stream", a11=np.zeros((N - 1, 2, 16), np.uint8)),
    "a stream that puts aside into what is read-only": lambda: changed("pcap_stream", a13=bytes(400)),
    "no buffer of records": lambda: changed("pcap_records", a0="text"),
    "fewer than no packets": lambda: changed("tcp_headers", a1=-1),
    "more packets than columns": lambda: changed("tcp_headers", a1=N + 1),
    "far more packets than columns": lambda: changed("tcp_headers", a1=FAR),
    "a link layer of less than nothing": lambda: changed("tcp_headers", a2=-1),
    "a type beyond its link layer": lambda: changed("tcp_headers", a3=13),
    "ports without all tunnels": lambda: changed("tcp_headers", a5=bytes((1 << 16) - 1)),
    "a packet before the buffer": lambda: changed("tcp_headers", a6=records(-1, 30)),
    "a packet beyond the buffer": lambda: changed("tcp_headers", a6=records(171, 30)),
    "a packet far beyond the buffer": lambda: changed("tcp_headers", a6=records(FAR, 30)),
    "a packet larger than the buffer": lambda: changed("tcp_headers", a6=records(0, 201)),
    "a packet larger than memory": lambda: changed("tcp_headers", a6=records(1, (1 << 63) - 1)),
    "a packet of less than nothing": lambda: changed("tcp_headers", a6=records(30, -1)),
    "too little room for IPv6": lambda: changed("tcp_headers", a9=np.zeros((N - 1, 2, 16), np.uint8)),
    "no room for IPv6": lambda: changed("tcp_headers", a9=bytes(N * 32)),
    "slots that are no power of two": lambda: changed("conversations", a0=table(15)),
    "as many slots as conversations": lambda: changed("conversations", a0=table(8), a1=2),
    "no slots": lambda: changed("conversations", a0=table(0)),
    "fewer than no conversations": lambda: changed("conversations", a1=-1),
    "more conversations than there is room for": lambda: changed("conversations", a1=1),
    "far more conversations": lambda: changed("conversations", a1=FAR),
    "fewer than no packets to number": lambda: changed("conversations", a3=-1),
    "far more packets to number": lambda: changed("conversations", a3=FAR),
    "two multipliers": lambda: changed("conversations", a2=(1, 2)),
    "more rows than columns": lambda: changed("near_repeats", a0=N + 1),
    "more rows before than columns": lambda: changed("near_repeats", a2=N + 1),
    "a key of another conversation": lambda: changed("order_rows", a2=ints(0, 0, 0, 6, 0, 0, dtype=np.int32)),
    "a key below none": lambda: changed("order_rows", a2=ints(0, 0, -1, 0, 0, 0, dtype=np.int32)),
    "the largest key": lambda: changed("order_rows", a2=ints(0, 0, 2**31 - 1, 0, 0, 0, dtype=np.int32)),
    "fewer than no rows": lambda: changed("order_rows", a0=-1),
    "more rows than keys": lambda: changed("order_rows", a0=N + 1),
    "fewer than no conversations to order": lambda: changed("order_rows", a1=-1),
    "no conversations to order": lambda: changed("order_rows", a1=0),
    "far more conversations to order": lambda: changed("order_rows", a1=FAR),
    "starts of keys of another conversation": lambda: changed(
        "conversation_starts", a2=(*ints(0, 0, 0, 6, 6, 6, dtype=np.int32), *columns("24"))
    ),
    "starts of keys below none": lambda: changed(
        "conversation_starts", a2=(*ints(-1, 0, 0, 0, 0, 0, dtype=np.int32), *columns("24"))
    ),
    "starts of fewer than no rows": lambda: changed("conversation_starts", a0=-1),
    "starts of more rows than columns": lambda: changed("conversation_starts", a0=N + 1),
    "starts of fewer than no conversations": lambda: changed("conversation_starts", a1=-1),
    "starts of more conversations than there is room for": lambda: changed("conversation_starts", a1=CONNECTIONS + 1),
    "items of 3 bytes": lambda: changed("gather", a0=3),
    "items of no bytes": lambda: changed("gather", a0=0),
    "items of 16 bytes": lambda: changed("gather", a0=16),
    "room for items of half their width": lambda: changed("gather", a3=np.zeros(N, np.int16)),
    "rows of 6 bytes": lambda: changed("gather", a2=np.zeros(3, np.uint16)),
    "a column in pieces": lambda: changed("gather", a1=np.zeros(2 * N, np.int32)[::2]),
    "rows in pieces": lambda: changed("gather", a2=np.zeros(2 * N, np.uint32)[::2]),
    "room in pieces": lambda: changed("gather", a3=np.zeros(2 * N, np.int32)[::2]),
    "room that is read-only": lambda: changed("gather", a3=bytes(4 * N)),
    "fewer than no runs": lambda: changed("distinct_runs", a1=-1),
    "far more runs": lambda: changed("distinct_runs", a1=FAR),
    "more runs than bounds": lambda: changed("distinct_runs", a1=CONNECTIONS + 1),
    "runs that end before they begin": lambda: changed("distinct_runs", a3=ints(0, 4, 1, 6)),
    "runs that begin before the words": lambda: changed("distinct_runs", a3=ints(-1, 1, 4, 6)),
    "runs that end beyond the words": lambda: changed("distinct_runs", a3=ints(0, 1, 4, 7)),
    "runs far beyond the words": lambda: changed("distinct_runs", a3=ints(0, 1, FAR, FAR)),
}
for _name in PER_CONNECTION:
    for _what, _places in {
        "fewer than no connections": {"a0": -1},
        "more connections than bounds": {"a0": CONNECTIONS + 1},
        "far more connections": {"a0": FAR},
        "fewer connections than rows": {"a0": CONNECTIONS - 1},
        "fewer than no rows": {"a1": -1},
        "more rows than columns": {"a1": N + 1},
        "far more rows": {"a1": FAR},
        "bounds that do not ascend": {"a2": ints(0, 4, 1, 6)},
        "bounds beyond the rows": {"a2": ints(0, 1, 4, 7)},
        "bounds far beyond the rows, and back": {"a2": ints(0, FAR, 4, 6)},
        "bounds below the rows, and up again": {"a2": ints(0, -FAR, 4, 6)},
        "bounds that begin later": {"a2": ints(1, 2, 4, 6)},
        "bounds that begin before": {"a2": ints(-1, 1, 4, 6)},
        "bounds that end before": {"a2": ints(0, 1, 4, 5)},
    }.items():
        WRONG[f"{_name}: {_what}"] = lambda name=_name, places=_places: changed(name, **places)  # type: ignore[misc]


@pytest.mark.parametrize("what", WRONG)
def test_wrong_values_are_refused(what: str) -> None:
    name, arguments = WRONG[what]()
    with pytest.raises(REFUSED):
        call(name, arguments)


@pytest.mark.parametrize("what", [name for name in WRONG if ":" not in name])
def test_nothing_is_held_after_a_refusal(what: str) -> None:
    """A buffer that was not given back can never be resized again."""
    name, arguments = WRONG[what]()
    flat = [item for given in arguments for item in (given if isinstance(given, tuple) else (given,))]
    with pytest.raises(REFUSED):
        call(name, arguments)
    for item in flat:
        if isinstance(item, bytearray):
            item.append(0)
        elif isinstance(item, np.ndarray) and item.base is None:
            item.resize(item.size + 1, refcheck=False)


@pytest.mark.parametrize("aside", [0, 19, 20, 54, 400])
@pytest.mark.parametrize("piece", [0, 1, 15, 16, 20, 55, 69, 70, 71, 200])
def test_a_stream_with_little_room(piece: int, aside: int) -> None:
    """It ends before what it has no room for."""
    name, arguments = changed("pcap_stream", a8=bytearray(piece), a13=bytearray(aside))
    found, v6, others, number, at, _ = call(name, arguments)
    whole = 4 if piece >= 70 and aside >= 54 else 1 if piece >= 70 else 0
    assert (found, v6, others, number, at) == (min(whole, 3) - whole // 4, 0, whole // 4, whole, 24 + 70 * whole)


def test_a_stream_of_no_file() -> None:
    for file in (-1, 1 << 20):
        assert call(*changed("pcap_stream", a0=file))[:5] == (0, 0, 0, 0, 24)


def test_nothing_at_all_is_no_mistake() -> None:
    for name in PER_CONNECTION:
        arguments = good(name)[1]
        empty = [tuple(column[:0] for column in given) for given in arguments[3:]]
        call(name, [0, 0, (np.zeros(1, np.int64),), *empty])
    assert call("pcap_records", [bytearray(), 0, -15, 0, False, 16, 1, 9, columns("8888")]) == (0, 0)
    assert call("pcap_records", [bytearray(40), 0, 24, 40, False, 16, 1, 9, columns("8888", 0)]) == (0, 0)
    assert call("order_rows", [0, 0, columns("4", 0), columns("44", 0)]) is None
    assert call("distinct_runs", [1, 0, columns("2", 0), ints(0), columns("4", 0), columns("8", 0)]) == 0
