from __future__ import annotations

import random
import struct

import pytest

from capture.engine.compiling import compiled
from capture.engine.kernel_news import TracePages
from capture.kernel.ring_pages import MISSED_EVENTS, MISSED_STORED, PlainParting, entries, missed, records


def page(*parts: bytes, time: int = 1000, flags: int = 0, after: bytes = b"") -> bytes:
    body = b"".join(parts)
    return struct.pack("=QQ", time, len(body) | flags) + body + after


def event(delta: int, payload: bytes) -> bytes:
    assert len(payload) % 4 == 0
    return struct.pack("=I", delta << 5 | len(payload) // 4) + payload


def long_event(delta: int, payload: bytes) -> bytes:
    return struct.pack("=II", delta << 5, len(payload) + 4) + payload


def extend(delta: int) -> bytes:
    return struct.pack("=II", (delta & (1 << 27) - 1) << 5 | 30, delta >> 27)


def stamp(time: int) -> bytes:
    return struct.pack("=II", (time & (1 << 27) - 1) << 5 | 31, time >> 27 & 0xFFFFFFFF)


def test_deltas_add_up() -> None:
    assert list(records(page(event(5, b"abcd"), event(7, b"efghijkl")))) == [(1005, b"abcd"), (1012, b"efghijkl")]


def test_a_long_event_has_a_length_word_of_its_own() -> None:
    payload = bytes(range(200))
    assert list(records(page(long_event(1, payload)))) == [(1001, payload)]


def test_a_long_silence_is_an_extended_delta() -> None:
    gap = 3 << 30
    assert list(records(page(extend(gap), event(1, b"abcd")))) == [(1001 + gap, b"abcd")]


def test_an_absolute_time_keeps_the_five_bits_that_it_does_not_hold() -> None:
    base = 3 << 59
    found = list(records(page(stamp(77), event(1, b"abcd"), time=base)))
    assert found == [(base + 78, b"abcd")]


def test_padding_with_a_length_is_passed_over_and_without_ends_the_page() -> None:
    gone = struct.pack("=II", 4 << 5 | 29, 8) + b"xxxx"
    end = struct.pack("=I", 29)
    assert list(records(page(gone, event(1, b"abcd"), end, event(1, b"late")))) == [(1005, b"abcd")]


@pytest.mark.parametrize("cut", range(40))
def test_a_cut_page_yields_whole_events_only(cut: int) -> None:
    whole = page(event(1, b"abcd"), long_event(1, bytes(12)))
    found = list(records(whole[:cut]))
    assert found == [(1001, b"abcd"), (1002, bytes(12))][: len(found)]
    assert len(found) == (cut >= 24) + (cut >= 44)


def test_losses_are_counted_where_the_kernel_counts_them() -> None:
    assert missed(page(event(1, b"abcd"))) == 0
    assert missed(page(event(1, b"abcd"), flags=MISSED_EVENTS)) == 1
    assert missed(page(event(1, b"abcd"), flags=MISSED_EVENTS | MISSED_STORED, after=struct.pack("=Q", 812))) == 812


@pytest.fixture(scope="module", autouse=True)
def engine_is_current() -> None:
    compiled()


def record(event: int, state: int, size: int) -> bytes:
    return struct.pack("=HHHH", event, 0, state, 0) + bytes(range(size))


def test_records_that_are_only_kept_are_parted_from_the_others() -> None:
    calls, other = record(7, 2, 4), record(7, 3, 4)
    whole = page(event(1, calls), event(1, other), event(1, record(8, 2, 4)), event(1, calls))
    for parting in (TracePages(), PlainParting()):
        kept, others = parting.parted(whole, 7, 4, 2)
        assert list(entries(kept)) == [(1001, calls), (1004, calls)]
        assert [at for at, _ in entries(others)] == [1002, 1003]


def test_the_engine_parts_any_page_as_plain_python_does() -> None:
    engine, plain = TracePages(), PlainParting()
    seed = random.SystemRandom().randrange(1 << 30)
    chance = random.Random(seed)
    for _ in range(2000):
        parts = [
            chance.choice(
                (
                    lambda: event(chance.randrange(99), record(chance.choice((7, 8)), chance.choice((2, 3)), 4)),
                    lambda: long_event(1, record(7, 2, chance.randrange(200))),
                    lambda: extend(chance.randrange(1 << 40)),
                    lambda: stamp(chance.randrange(1 << 59)),
                    lambda: struct.pack("=II", 4 << 5 | 29, 8) + b"xxxx",
                    lambda: chance.randbytes(chance.randrange(12)),
                )
            )()
            for _ in range(chance.randrange(12))
        ]
        whole = page(*parts, time=chance.randrange(1 << 60))
        cut = whole[: chance.randrange(len(whole) + 1)] if chance.random() < 0.3 else whole
        assert engine.parted(cut, 7, 4, 2) == plain.parted(cut, 7, 4, 2), f"seed {seed}"
