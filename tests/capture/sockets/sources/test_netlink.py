from __future__ import annotations

import socket
import struct

import pytest

from capture.sockets.sources import netlink
from capture.sockets.sources.dump_messages import message_spans
from capture.sockets.sources.netlink import ALL_STATES, LISTENERS, WITH_MEMORY, DiagSocket
from capture.sockets.sources.socket_errors import SourceUnavailable
from capture.sockets.sources.tcpinfo import listener_drops
from tests.capture.sockets.making import maker
from tests.capture.sockets.network import in_own_network


def records(stream: bytes) -> list[bytes]:
    return [stream[start + 16 : start + 88] for start, _ in message_spans(stream)]


@in_own_network
def test_two_dumps_by_family_say_what_the_older_single_one_says() -> None:
    six = socket.create_server(("::1", 0), family=socket.AF_INET6)
    with maker(300), DiagSocket() as diag:
        both = records(diag.dump())
        diag._legacy = False
        apart = records(diag.dump())
        assert len(both) == 602
        assert sorted(both) == sorted(apart)
        refused = DiagSocket()

        def refuse(states: int, extensions: int) -> bytes:
            return struct.pack("=B", 0)  # too short: the kernel answers EINVAL

        netlink._legacy_request = refuse
        assert sorted(records(refused.dump())) == sorted(both)
        assert not refused._legacy
        assert six


@in_own_network
def test_states_are_chosen_in_the_kernel() -> None:
    with maker(10) as made, DiagSocket() as diag:
        made.tell("half-close 4")
        stream = diag.dump(LISTENERS, WITH_MEMORY)
        ((start, end),) = message_spans(stream)
        assert listener_drops(stream, start, end) == 0
        assert len(records(diag.dump(1 << 8))) == 4
        assert len(records(diag.dump(ALL_STATES))) == 21


@in_own_network
def test_one_socket_is_asked_for_and_a_gone_one_is_none() -> None:
    with maker(1) as made, DiagSocket() as diag:
        raws = records(diag.dump())
        for raw in raws:
            answer = diag.one(raw)
            assert answer is not None
            assert answer[16:20] + answer[20:68] == raw[:52]
        assert records(diag.dump()) == raws
        made.tell("churn 1")
        assert [diag.one(raw) is None for raw in raws].count(True) == 2


def test_where_there_is_no_netlink_the_source_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> socket.socket:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(netlink.socket, "socket", refuse)
    with pytest.raises(SourceUnavailable, match="sock_diag: this system has no sock_diag"):
        DiagSocket()
