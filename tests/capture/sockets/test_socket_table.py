"""Whatever two dumps look like, the table ends up as the second one, and its changes are the difference."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.engine.compiling import compiled
from capture.engine.socket_diff import SocketDiff
from capture.sockets.inet_diag_msg import HEADER, RECORD
from capture.sockets.row import Moment, SocketRow
from capture.sockets.socket_table import SocketTable
from capture.sockets.sources.dump_diff import DumpDiff, PlainDiff, new_diff
from capture.sockets.sources.dump_messages import message_spans
from capture.sockets.sources.socket_errors import SourceUnavailable

MOMENT = Moment(0.0)


def record(cookie: int, state: int = 1, expires: int = 0, queue: int = 0, port: int = 2) -> bytes:
    ends = (b"\0\1", port.to_bytes(2, "big"), bytes(16), bytes(16))
    return RECORD.pack(2, state, 0, 0, *ends, 0, cookie.to_bytes(8, "little"), expires, queue, 0, 0, 0)


def message(raw: bytes, attributes: int) -> bytes:
    return HEADER.pack(16 + 72 + attributes, 20, 2, 7, 99) + raw + bytes(attributes)


def dump(records: Iterable[bytes], cut: int = 40) -> list[bytes]:
    messages = [message(raw, 4 * (raw[44] % 3)) for raw in records]
    return [b"".join(messages[at : at + cut]) for at in range(0, len(messages), cut)]


def table(new_diff: Callable[[], DumpDiff] = new_diff) -> SocketTable:
    return SocketTable(lambda raw: SocketRow(raw, MOMENT, None), new_diff)


compiled()  # in a checkout that has changed the engine is compiled now: not within a test's time
whatever_the_machine_does = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
both_diffs = pytest.mark.parametrize("make", [new_diff, PlainDiff])


Sockets = st.lists(
    st.tuples(st.integers(1, 60), st.integers(1, 11), st.integers(0, 3), st.integers(0, 2)),
    unique_by=lambda one: one[0],
)


@both_diffs
@whatever_the_machine_does
@given(dumps=st.lists(Sockets, min_size=2, max_size=5), cut=st.integers(1, 30))
def test_any_sequence_of_dumps(
    make: Callable[[], DumpDiff], dumps: list[list[tuple[int, int, int, int]]], cut: int
) -> None:
    kept = table(make)
    before: dict[bytes, bytes] = {}
    for sockets in dumps:
        records = [record(*one) for one in sockets]
        now = {raw[44:52]: raw for raw in records}
        changes = kept.update(dump(records, cut))
        check(kept, changes.new, changes.gone, changes.changed, before, now)
        before = now


def check(
    kept: SocketTable,
    new: list[SocketRow],
    gone: list[SocketRow],
    changed: list[tuple[SocketRow, bytes]],
    before: dict[bytes, bytes],
    now: dict[bytes, bytes],
) -> None:
    def still(raw: bytes) -> bytes:
        return raw[:52] + raw[56:]

    assert {key: still(row.raw) for key, row in kept.rows.items()} == {key: still(raw) for key, raw in now.items()}
    assert sorted(row.raw[44:52] for row in new) == sorted(now.keys() - before.keys())
    assert sorted(row.raw[44:52] for row in gone) == sorted(before.keys() - now.keys())
    moved = [key for key in now.keys() & before.keys() if still(now[key]) != still(before[key])]
    assert sorted(row.raw[44:52] for row, _ in changed) == sorted(moved)


@both_diffs
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_many_sockets_of_which_a_share_changes(share: float, make: Callable[[], DumpDiff]) -> None:
    chance = random.Random(5)
    kept = table(make)
    records = [record(number) for number in range(1, 3001)]
    before: dict[bytes, bytes] = {}
    for _ in range(6):
        now = {raw[44:52]: raw for raw in records}
        changes = kept.update(dump(records))
        check(kept, changes.new, changes.gone, changes.changed, before, now)
        before = now
        fresh = (record(chance.randrange(10_000, 1 << 40)) for _ in range(100_000))
        records = [raw if chance.random() >= share else next(fresh) for raw in records]
        if share:
            at = chance.randrange(len(records))
            records[at : at + 200] = []
            records.insert(0, next(fresh))
        # Countdowns run on, and are no change.
        records = [raw[:52] + chance.randbytes(2) + raw[54:] if chance.random() < 0.5 else raw for raw in records]


@both_diffs
def test_a_socket_that_comes_twice_is_one_row_with_its_last_state(make: Callable[[], DumpDiff]) -> None:
    kept = table(make)
    twice = [record(1), record(2), record(1, state=6), record(3)]
    assert len(kept.update(dump(twice)).new) == 3
    assert kept.rows[(1).to_bytes(8, "little")].raw[1] == 6
    changes = kept.update(dump([record(2), record(3), record(1, state=6)]))
    assert (changes.new, changes.gone, changes.changed) == ([], [], [])
    changes = kept.update(dump([record(3)]))
    assert len(changes.gone) == 2


def test_reading_in_full_and_passing_over_agree() -> None:
    kept = table()
    seen: list[bool] = []
    buffer = b"".join(message(record(number), 8) for number in range(1, 50))

    def each(row: SocketRow, chunk: bytes, start: int, end: int, fresh: bool) -> None:
        assert chunk[start + 16 : start + 88] == row.raw
        seen.append(fresh)

    kept.update_in_full([buffer], each)
    assert seen == [True] * 49
    changes = kept.update(dump(record(number) for number in range(1, 49)))
    assert [row.raw for row in changes.gone] == [record(49)]
    kept.update_in_full([buffer], each)
    assert seen[49:] == [False] * 48 + [True]


def test_in_full_a_countdown_is_no_change_and_another_state_is_fresh() -> None:
    kept, seen = table(), dict[int, bool]()

    def each(row: SocketRow, chunk: bytes, start: int, end: int, fresh: bool) -> None:
        seen[row.raw[44]] = fresh

    kept.update_in_full(dump([record(1), record(2), record(3), record(4)]), each)
    assert seen == dict.fromkeys((1, 2, 3, 4), True)
    MOMENT.now = 7.0
    later = [record(1), record(2, expires=9), record(3, queue=5), record(4, state=8)]
    changes = kept.update_in_full(dump(later), each)
    assert seen == {1: False, 2: False, 3: False, 4: True}
    assert [(row.raw[44], before) for row, before in changes.changed] == [(3, record(3)), (4, record(4))]
    assert [row.raw for row in kept.rows.values()] == later
    assert [row.read_at for row in kept.rows.values()] == [7.0] * 4
    MOMENT.now = 0.0


def test_a_dump_that_breaks_off_leaves_nothing_behind() -> None:
    kept = table()
    kept.update(dump(record(number) for number in range(1, 100)))

    def broken() -> Iterator[bytes]:
        yield dump([record(1, state=8)])[0]
        raise SourceUnavailable("gone")

    with pytest.raises(SourceUnavailable):
        kept.update(broken())
    changes = kept.update(dump([record(1, state=8), record(2)]))
    assert [row.raw[1] for row, _ in changes.changed] == [8]
    assert len(changes.gone) == 97
    assert not changes.new


def test_the_engine_compares_where_there_is_one() -> None:
    assert isinstance(new_diff(), SocketDiff)


@both_diffs
@whatever_the_machine_does
@given(chunk=st.binary(max_size=600))
def test_any_bytes_are_no_danger(make: Callable[[], DumpDiff], chunk: bytes) -> None:
    kept = table(make)
    kept.update([chunk])
    kept.update_in_full([chunk], lambda *_: None)
    for start, end in message_spans(chunk):
        assert 0 <= start < end <= len(chunk)


@both_diffs
@whatever_the_machine_does
@given(tail=st.binary(max_size=200), count=st.integers(0, 40))
def test_a_cut_dump_keeps_the_whole_messages(make: Callable[[], DumpDiff], tail: bytes, count: int) -> None:
    whole = b"".join(message(record(number), 0) for number in range(1, count + 1))
    kept = table(make)
    kept.update([whole + tail[:80]])
    assert len(kept.rows) == count


@whatever_the_machine_does
@given(dumps=st.lists(Sockets, min_size=1, max_size=6), asked_after=st.integers(0, 3))
def test_rows_of_a_pair_of_ports_are_those_that_a_search_finds(
    dumps: list[list[tuple[int, int, int, int]]], asked_after: int
) -> None:
    kept = table()
    for number, sockets in enumerate(dumps):
        before = set(kept.rows.values())
        taken = dump(record(cookie, state, port=2 + port) for cookie, state, _, port in sockets)
        if number % 2:
            kept.update_in_full(taken, lambda *each: None)
        else:
            kept.update(taken)
        assert set(kept.gone) == before - set(kept.rows.values())
        if number >= asked_after:
            for port in range(2, 6):
                ports = b"\0\1" + port.to_bytes(2, "big")
                assert set(kept.of_ports({ports})) == {row for row in kept.rows.values() if row.raw[4:8] == ports}


@both_diffs
def test_what_moved_during_the_dump_changed_once_and_what_is_new_did_not(make: Callable[[], DumpDiff]) -> None:
    kept = table(make)
    kept.update(dump([record(1, state=1)]))
    changes = kept.update(dump([record(1, state=4), record(2, state=3), record(1, state=5), record(2, state=1)]))
    assert [row.raw[44] for row in changes.new] == [2]
    assert [(row.raw[44], row.raw[1], before[1]) for row, before in changes.changed] == [(1, 5, 1)]
    assert kept.rows[(2).to_bytes(8, "little")].raw[1] == 1


@both_diffs
def test_ports_that_changed_twice_in_a_dump_are_found_by_the_last_ones(make: Callable[[], DumpDiff]) -> None:
    kept = table(make)
    kept.update(dump([record(1, port=2)]))
    assert not list(kept.of_ports(set()))
    kept.update(dump([record(1, port=3), record(2, port=3), record(1, port=4), record(2, port=5)]))
    assert {row.raw[44] for row in kept.of_ports({b"\0\1\0\4", b"\0\1\0\5"})} == {1, 2}
    assert not list(kept.of_ports({b"\0\1\0\2", b"\0\1\0\3"}))
