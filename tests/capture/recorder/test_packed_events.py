from __future__ import annotations

import tracemalloc

from capture.kernel.event import EventOwner, KernelEvent, Kind, LastWords
from capture.model import Endpoint
from capture.recorder.packed_events import PackedEvents


def events(count: int) -> list[KernelEvent]:
    return [
        KernelEvent(
            time=1.7e9 + number / 7,
            kind=list(Kind)[number % len(Kind)],
            local=Endpoint(f"10.0.{number % 200}.1", 40_000 + number % 9000) if number % 5 else None,
            remote=Endpoint("2001:db8::1", 443),
            errno="EPIPE" if number % 2 else None,
            call="send" if number % 3 else None,
            reason="TCP_STATE",
            owner=EventOwner(number, "gate\ufffdway\n") if number % 4 and number % 2 else EventOwner(7, "web"),
            count=1 + number % 2,
            netns="4026531833 docker web",
            cookie=f"{number:x}",
            last=LastWords(1, None, 2, 0.5) if number % 7 == 0 else None,
        )
        for number in range(count)
    ]


def test_what_is_packed_comes_out_again_and_again() -> None:
    said = events(100)
    packed = PackedEvents(said)
    assert len(packed) == 100
    assert list(packed) == list(packed) == said
    assert list(PackedEvents([])) == []


def test_they_take_a_tenth_of_the_memory() -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        said = events(2000)
        as_objects = tracemalloc.get_traced_memory()[0] - before
        before = tracemalloc.get_traced_memory()[0]
        packed = PackedEvents(said)
        assert 10 * (tracemalloc.get_traced_memory()[0] - before) < as_objects
        assert len(packed) == len(said)
    finally:
        tracemalloc.stop()
