"""RST segments told apart by what they answer; whatever else comes is none."""

from __future__ import annotations

import select
import socket
import struct
import subprocess
import time
from contextlib import closing, suppress
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from capture.sockets.sources.rst_tap import PACKET_HOST, PACKET_OUTGOING, Reset, RstTap, parse_reset
from tests.capture.sockets.network import in_own_network

A, B = b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02"


def packet(flags: int, sequence: int = 5, protocol: int = 6, options: bytes = b"") -> bytes:
    head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 40, 0, 0, 64, protocol, 0, A, B) + options
    return head + struct.pack("!HHIIBBHHH", 80, 4000, sequence, 0, 0x50, flags, 0, 0, 0)


def six(flags: int) -> bytes:
    head = struct.pack("!IHBB16s16s", 6 << 28, 20, 6, 64, A * 4, B * 4)
    return head + struct.pack("!HHIIBBHHH", 80, 4000, 9, 0, 0x50, flags, 0, 0, 0)


def test_what_a_reset_answers_is_in_its_flags_and_number() -> None:
    for flags, sequence, kind in ((0x14, 0, "refused"), (0x14, 7, "aborted"), (0x04, 7, "stray")):
        sent = parse_reset(packet(flags, sequence), PACKET_OUTGOING, "eth0")
        assert sent == Reset(True, A, b"\0\x50", B, b"\x0f\xa0", kind)
        came = parse_reset(packet(flags, sequence), PACKET_HOST, "eth0")
        assert came == Reset(False, B, b"\x0f\xa0", A, b"\0\x50", kind)
    wide = parse_reset(six(0x04), PACKET_HOST, "eth0")
    assert wide is not None
    assert wide.remote == A * 4
    assert parse_reset(packet(0x04, options=b"\1\1\1\1"), PACKET_HOST, "eth0") is not None


def test_loopback_counts_once() -> None:
    assert parse_reset(packet(0x04), PACKET_OUTGOING, "lo") is None
    assert parse_reset(packet(0x04), PACKET_HOST, "lo") == Reset(True, A, b"\0\x50", B, b"\x0f\xa0", "stray")


def test_what_is_no_reset_is_none() -> None:
    for flags in (0x02, 0x10, 0x11, 0x18):
        assert parse_reset(packet(flags), PACKET_HOST, "eth0") is None
    assert parse_reset(packet(0x04, protocol=17), PACKET_HOST, "eth0") is None
    assert parse_reset(packet(0x04), 3, "eth0") is None  # of another host, seen in passing
    whole = packet(0x04)
    for cut in range(34):
        assert parse_reset(whole[:cut], PACKET_HOST, "eth0") is None


@given(st.binary(max_size=96))
def test_any_bytes_are_survived(data: bytes) -> None:
    parse_reset(data, PACKET_HOST, "eth0")


@in_own_network
def test_what_is_reset_without_a_byte_by_who_had_opened_it_is_called_unused() -> None:
    subprocess.run(["ip", "addr", "add", "::1/128", "dev", "lo"], check=False, capture_output=True)
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.create_server((address, 0), family=family) as listener, closing(RstTap()) as tap:
            for by_client, request, answer in product((True, False), (b"", b"ask"), (b"", b"told")):
                with socket.create_connection(listener.getsockname()[:2]) as client, listener.accept()[0] as server:
                    if request:
                        client.send(request)
                        server.recv(9)
                    if answer:
                        server.send(answer)
                        client.recv(9)
                    ender = client if by_client else server
                    ender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    ender.close()
                unused = by_client and not request and not answer
                (told,) = tap.take()[0]
                assert (told.kind == "unused") is unused


def last_words(tap: RstTap) -> None:
    """Waits for those of both sockets, which come one after the other from a work queue of the kernel."""
    assert tap._ended is not None
    assert select.select([tap._ended], [], [], 10)[0]
    time.sleep(0.05)


@in_own_network
def test_a_reset_when_all_was_answered_and_delivered_is_called_finished() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, closing(RstTap()) as tap:
        for asked, answered, more in product((True, False), repeat=3):
            with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as server:
                if answered and not asked:
                    server.send(b"greeting")
                if asked:
                    client.send(b"ask")
                    server.recv(9)
                    time.sleep(0.03)
                    if answered:
                        server.send(b"told")
                if answered:
                    client.recv(9)
                    time.sleep(0.03)
                if more:
                    client.send(b"and this?")
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
            last_words(tap)
            kinds = {one.kind for one in tap.take()[0]}
            assert kinds == ({"finished"} if answered and not more else {"aborted"} if asked or more else {"unused"})


@in_own_network
def test_a_reset_in_the_middle_of_an_answer_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, closing(RstTap()) as tap:
        with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as server:
            server.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    server.send(b"d" * 65536)
            client.close()
        last_words(tap)
        assert "finished" not in {one.kind for one in tap.take()[0]}


@in_own_network
def test_a_rule_that_rejects_speaks_for_the_other_host() -> None:
    subprocess.run(["ip", "addr", "add", "10.9.9.1/24", "dev", "lo"], check=True)
    rule = "add table ip t; add chain ip t o { type filter hook output priority 0; }; "
    subprocess.run(["nft", rule + "add rule ip t o ip daddr 10.9.9.7 tcp dport 80 reject with tcp reset"], check=True)
    with closing(RstTap()) as tap:
        for host in ("10.9.9.7", "10.9.9.1"):
            with socket.socket() as one:
                one.connect_ex((host, 80))
        resets = {(one.sent, socket.inet_ntoa(one.remote)) for one in tap.take()[0]}
    assert resets == {(False, "10.9.9.7"), (True, "10.9.9.1")}


@in_own_network
def test_only_resets_are_told() -> None:
    tap = RstTap()
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    for _ in range(50):
        with socket.create_connection(listener.getsockname()) as client:
            server = listener.accept()[0]
            client.send(b"hello")
            server.recv(9)
            server.close()
    assert tap.take()[0].total() == 0
    subprocess.run(["ip", "addr", "add", "::1/128", "dev", "lo"], check=False, capture_output=True)
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for _ in range(700):
            with socket.socket(family) as one:
                one.connect_ex((address, 9))
    time.sleep(0.05)
    found, missed = tap.take()
    assert {reset.kind for reset in found} == {"refused"}
    assert (found.total(), missed) == (1400, 0)
    assert {len(reset.local) for reset in found} == {4, 16}
    tap.close()
