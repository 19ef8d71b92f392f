from __future__ import annotations

import pytest

from capture.filters import parse
from capture.kernel.event import Ends, EventOwner, KernelEvent, Kind, Reading
from capture.kernel.looks_with_events import LookEvents
from capture.model import Endpoint
from capture.sockets import inet_diag_msg as diag
from capture.sockets.row import Moment, SocketRow
from tui.rows.kernel_event_rows import (
    KEPT_S,
    EventHistory,
    cells,
    connection_text,
    connections_of,
    filtered,
    find_sockets,
    key_of,
    playbook_of,
    text_of,
)

GATEWAY = EventOwner(2105, "gateway")


def failed(time: float, port: int, errno: str = "EPIPE") -> KernelEvent:
    ends = Endpoint("127.0.0.1", 8878), Endpoint("127.0.0.1", port)
    return KernelEvent(time, Kind.CALL_FAILED, *ends, errno=errno, call="send", owner=GATEWAY)


def history(*events: KernelEvent, now: float = 1000.0) -> EventHistory:
    kept = EventHistory()
    kept.add(LookEvents(events, Reading(now, (), Ends.of((b"", b"")), 3), ()))
    return kept


def test_what_differs_by_port_alone_is_one_row() -> None:
    (group,) = filtered(history(failed(999, 1), failed(1000, 2)), None)
    assert [text for text, _ in cells(group)][1:] == [
        "gateway[2105]: 2 writes failed, EPIPE, to 127.0.0.1:*",
        "127.0.0.1:8878",
    ]
    assert "gateway[2105]: 2 writes failed, EPIPE, to 127.0.0.1:*" in text_of(group)


def test_resets_of_a_service_are_told_with_its_port_and_the_reason_in_words() -> None:
    ends = Endpoint("10.0.0.1", 9100), Endpoint("10.0.0.9", 40000)
    event = KernelEvent(1, Kind.RESET_SENT, *ends, reason="TCP_STATE", owner=EventOwner(6748, "flaky"), count=200)
    other = KernelEvent(1, Kind.RESET_SENT, ends[0], Endpoint("10.0.0.9", 40001), reason="TCP_STATE", owner=event.owner)
    (group,) = filtered(history(event, other, now=2.0), None)
    told = "201 resets by flaky[6748] from :9100 toward 10.0.0.9, SO_LINGER or listener closed (TCP_STATE)"
    assert cells(group)[1][0] == told


def test_resets_at_two_addresses_do_not_read_alike() -> None:
    peer = Endpoint("10.0.0.9", 80)
    events = [
        KernelEvent(1, Kind.RESET_RECEIVED, Endpoint(ip, port), peer)
        for ip in ("127.1.0.1", "127.1.0.2")
        for port in (1, 2)
    ]
    told = [cells(group)[1][0] for group in filtered(history(*events, now=2.0), None)]
    assert told == [f"2 resets received from 10.0.0.9:80 at 127.1.0.{at}:*" for at in (1, 2)]


def test_every_kind_has_its_words() -> None:
    for kind in Kind:
        for call in (None, "send", "recv", "connect"):
            (group,) = filtered(history(KernelEvent(1, kind, call=call, errno="EPIPE"), now=2.0), None)
            assert cells(group)[1][0]


def test_the_connections_of_a_group_with_all_that_was_said_of_each() -> None:
    reset = KernelEvent(998, Kind.RESET_RECEIVED, Endpoint("127.0.0.1", 8878), Endpoint("127.0.0.1", 1), cookie="2a")
    kept = history(reset, failed(999, 1), failed(1000, 2))
    group = next(one for one in filtered(kept, None) if one.errno)
    last, first = connections_of(kept, group)
    assert [last.ends[1].port, first.ends[1].port] == [2, 1]
    assert [event.kind for event in first.all_events] == [Kind.RESET_RECEIVED, Kind.CALL_FAILED]
    assert (first.cookie, last.cookie) == ("2a", None)
    assert "1 reset received" in connection_text(first, None)


def test_a_connection_is_found_by_its_cookie_and_else_by_its_ends() -> None:
    def row(port: int, cookie: int) -> SocketRow:
        ends = (8878).to_bytes(2, "big"), port.to_bytes(2, "big"), b"\x7f\0\0\1".ljust(16, b"\0")
        raw = diag.RECORD.pack(2, 1, 0, 0, *ends, ends[2], 0, diag.cookie_bytes(f"{cookie:x}"), 0, 0, 0, 0, 0)
        return SocketRow(raw, Moment(0.0), None)

    reset = KernelEvent(998, Kind.RESET_RECEIVED, Endpoint("127.0.0.1", 8878), Endpoint("127.0.0.1", 1), cookie="2a")
    kept = history(reset, failed(999, 1), failed(1000, 2), failed(1000, 3))
    found = connections_of(kept, next(one for one in filtered(kept, None) if one.errno))
    rows = [row(1, 0x2B), row(1, 0x2A), row(2, 7)]  # another connection has the first one's ends now
    sockets = find_sockets(rows, found)
    assert {ends[1].port: one.cookie for ends, one in sockets.items()} == {1: "2a", 2: "7"}


def test_a_row_keeps_its_key_while_it_grows() -> None:
    kept = history(failed(999, 1))
    (before,) = filtered(kept, None)
    kept.add(LookEvents((failed(1001, 1),), Reading(1002.0, (), Ends(), 0), ()))
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
    assert cells(group)[1][0].startswith("\\e[31m[bold][1]: 1 packet dropped, a firewall rule")


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
