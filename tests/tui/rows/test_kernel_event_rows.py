from __future__ import annotations

import pytest

from capture.filters import parse
from capture.kernel.event import EventOwner, KernelEvent, Kind, Reading
from capture.kernel.looks_with_events import LookEvents
from capture.model import Endpoint
from tui.rows.kernel_event_rows import KEPT_S, EventHistory, cells, filtered, key_of, playbook_of, text_of

GATEWAY = EventOwner(2105, "gateway")


def failed(time: float, port: int, errno: str = "EPIPE") -> KernelEvent:
    ends = Endpoint("127.0.0.1", 8878), Endpoint("127.0.0.1", port)
    return KernelEvent(time, Kind.CALL_FAILED, *ends, errno=errno, call="send", owner=GATEWAY)


def history(*events: KernelEvent, now: float = 1000.0) -> EventHistory:
    kept = EventHistory()
    kept.add(LookEvents(events, Reading(now, (), (b"", b""), 3), ()))
    return kept


def test_what_differs_by_port_alone_is_one_row() -> None:
    (group,) = filtered(history(failed(999, 1), failed(1000, 2)), None)
    assert [text for text, _ in cells(group)][1:] == [
        "2",
        "calls failed, send EPIPE",
        "2105 gateway",
        "127.0.0.1:8878",
        "127.0.0.1:*",
    ]
    assert "2 calls failed, send EPIPE: gateway[2105] 127.0.0.1:8878 to 127.0.0.1:*" in text_of(group)


def test_a_row_keeps_its_key_while_it_grows() -> None:
    kept = history(failed(999, 1))
    (before,) = filtered(kept, None)
    kept.add(LookEvents((failed(1001, 1),), Reading(1002.0, (), (), 0), ()))
    (after,) = filtered(kept, None)
    assert key_of(before) == key_of(after)
    assert (before.count, after.count) == (1, 2)


def test_what_is_old_goes_and_what_was_lost_is_counted() -> None:
    kept = history(failed(1000 - KEPT_S - 1, 1), failed(1000 - KEPT_S, 2))
    assert [group.count for group in filtered(kept, None)] == [1]
    assert (kept.ended, kept.lost) == (2, 3)


@pytest.mark.parametrize(
    ("words", "count"), [("pid:2105", 2), ("process:nginx", 0), ("peer:127.0.0.1", 2), ("port:1", 1)]
)
def test_the_filters_of_sockets_hold_here(words: str, count: int) -> None:
    found = filtered(history(failed(999, 1), failed(1000, 2)), parse(words))
    assert sum(group.count for group in found) == count


def test_hostile_names_are_made_visible() -> None:
    event = KernelEvent(1.0, Kind.DROPPED, reason="NETFILTER_DROP", owner=EventOwner(1, "\x1b[31m[bold]"))
    (group,) = filtered(history(event, now=2.0), None)
    assert cells(group)[3][0] == "1 \\e[31m[bold]"


@pytest.mark.parametrize(
    ("event", "playbook"),
    [
        (failed(1, 1), "broken-pipe"),
        (failed(1, 1, "ECONNRESET"), "connection-reset"),
        (KernelEvent(1, Kind.RESET_SENT, reason="NO_SOCKET"), "connection-refused"),
        (KernelEvent(1, Kind.RESET_SENT, reason="TCP_ABORT_ON_CLOSE"), "connection-reset"),
        (KernelEvent(1, Kind.DROPPED, reason="TCP_LISTEN_OVERFLOW"), "accept-queue"),
        (KernelEvent(1, Kind.RETRANSMITTED), "silent-drop"),
    ],
)
def test_each_leads_to_its_playbook(event: KernelEvent, playbook: str) -> None:
    (group,) = filtered(history(event, now=2.0), None)
    assert playbook_of(group) == playbook


def test_events_are_filtered_by_when_they_were() -> None:
    kept = history(failed(900, 1), failed(1000, 2))
    assert [group.last for group in filtered(kept, parse("last:30s"))] == [1000]
    assert [group.last for group in filtered(kept, parse("time:00:15Z"))] == [900]  # 900 s after midnight
