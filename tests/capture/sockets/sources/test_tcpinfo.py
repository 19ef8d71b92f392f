"""tcp_info of every length, and attributes that lie about theirs."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from capture.sockets.socket_watch import Watcher
from capture.sockets.sources.netlink import CONNECTIONS, WITH_INFO, DiagSocket
from capture.sockets.sources.tcpinfo import TcpInfo, listener_drops, tcp_info
from tests.capture.sockets.network import in_own_network


def whole() -> bytes:
    """A tcp_info of 248 bytes in which each field holds its own offset."""
    info = bytearray(248)
    for at in (8, 16, 24, 44, 52, 56, 68, 100, 228):
        struct.pack_into("=I", info, at, at)
    for at in (120, 128, 176, 200):
        struct.pack_into("=Q", info, at, at)
    info[3], info[4] = 3, 4
    return bytes(info)


def message(info: bytes) -> bytes:
    return bytes(88) + struct.pack("=HHB3x", 5, 8, 0) + struct.pack("=HH", 4 + len(info), 2) + info


def test_each_field_lies_where_the_kernel_puts_it() -> None:
    expected = TcpInfo(
        probes=3,
        backoff=4,
        rto_us=8,
        mss=16,
        unacked=24,
        last_data_sent=44,
        last_data_received=52,
        last_ack_received=56,
        rtt_us=68,
        total_retransmits=100,
        bytes_acked=120,
        bytes_received=128,
        bytes_sent=200,
        send_window=228,
        window_limited_us=176,
    )
    assert tcp_info(message(whole())) == expected
    assert tcp_info(message(whole()[:104])) == expected._replace(
        bytes_acked=None, bytes_received=None, bytes_sent=None, send_window=None, window_limited_us=None
    )
    assert tcp_info(message(whole()[:208])) == expected._replace(send_window=None)
    assert tcp_info(message(whole()[:100])) is None
    assert tcp_info(bytes(88)) is None


@given(st.binary(max_size=400))
def test_attributes_that_lie_are_no_danger(tail: bytes) -> None:
    tcp_info(bytes(88) + tail)
    listener_drops(bytes(88) + tail)


@in_own_network
def test_the_kernel_agrees_with_getsockopt() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    client.send(b"x" * 3000)
    with DiagSocket() as diag:
        stream = diag.dump(CONNECTIONS, WITH_INFO)
        port = struct.pack("!H", client.getsockname()[1])
        first = int.from_bytes(stream[:4], "little")
        own = stream[:first] if stream[20:22] == port else stream[first:]
        told = tcp_info(own)
        again = diag.one(own[16:88])
        assert again is not None
    assert told is not None
    info = client.getsockopt(socket.IPPROTO_TCP, 11, 248)
    assert told.bytes_sent == 3000 == int.from_bytes(info[200:208], "little")
    assert told.rtt_us == int.from_bytes(info[68:72], "little")
    assert told.send_window == int.from_bytes(info[228:232], "little")


@in_own_network
def test_whether_an_ipv6_listener_turns_ipv4_away_is_kept() -> None:
    listeners = {}
    for only in (0, 1):
        listener = socket.socket(socket.AF_INET6)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        listener.bind(("::", 0))
        listener.listen()
        listeners[listener.getsockname()[1]] = (listener, bool(only))
    four = socket.create_server(("127.0.0.1", 0))
    rows = {row.local.port: row.v6_only for row in Watcher().look().rows}
    assert rows == {port: only for port, (_, only) in listeners.items()} | {four.getsockname()[1]: None}
