"""The filter by a machine of its own: a plain interpreter of the few instructions that it uses."""

from __future__ import annotations

import socket
import struct

import pytest

from capture.recorder.packet_filter import IPV4, IPV6, MOST_PORTS, OWN_STEPS, packet_filter

SNAP = 128


def kept(program: bytes, protocol: int, packet: bytes, kind: int = 0, hardware: int = 1) -> int:
    beside = {0xFFFFF000: protocol, 0xFFFFF004: kind, 0xFFFFF01C: hardware}
    steps = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator = index = at = 0
    for _ in range(1000):
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x15:
            at += yes if accumulator == value else no
        elif code == 0xB1:
            index = (packet[value] & 15) * 4
        elif value in beside:
            accumulator = beside[value]
        else:
            begin, size = {0x28: (value, 2), 0x30: (value, 1), 0x48: (index + value, 2)}[code]
            if begin + size > len(packet):
                return 0
            accumulator = int.from_bytes(packet[begin : begin + size], "big")
    raise AssertionError("it does not end")


def ipv4(protocol: int, source: int, target: int, options: int = 0) -> bytes:
    head = bytes([0x45 + options // 4, 0, 0, 40, 0, 0, 0, 0, 64, protocol]) + bytes(10 + options)
    return head + struct.pack(">HH", source, target) + bytes(16)


def ipv6(protocol: int, source: int, target: int) -> bytes:
    return bytes([0x60, 0, 0, 0, 0, 20, protocol, 64]) + bytes(32) + struct.pack(">HH", source, target) + bytes(16)


@pytest.mark.parametrize("ports", [(), (80,), tuple(range(1, MOST_PORTS - OWN_STEPS + 1))])
def test_a_connection_is_left_out_by_its_port(ports: tuple[int, ...]) -> None:
    program = packet_filter(ports, SNAP, without=40_000)
    for options in (0, 12):
        assert kept(program, IPV4, ipv4(6, 80, 50_000, options)) == SNAP * (not ports or 80 in ports)
        assert kept(program, IPV4, ipv4(6, 40_000, 80, options)) == 0
        assert kept(program, IPV4, ipv4(6, 80, 40_000, options)) == 0
    assert kept(program, IPV6, ipv6(6, 80, 50_000)) == SNAP * (not ports or 80 in ports)
    assert kept(program, IPV6, ipv6(6, 40_000, 80)) == kept(program, IPV6, ipv6(6, 80, 40_000)) == 0
    assert kept(program, IPV4, ipv4(1, 40_000, 80)) == SNAP
    with pytest.raises(ValueError, match="at most"):
        packet_filter(tuple(range(1, MOST_PORTS)), SNAP, without=40_000)


@pytest.mark.parametrize("options", [0, 12, 40])
@pytest.mark.parametrize("ports", [(), (80,), (443, 80), tuple(range(1, MOST_PORTS + 1))])
def test_tcp_of_the_ports_is_kept_whatever_the_length_of_the_header(ports: tuple[int, ...], options: int) -> None:
    program = packet_filter(ports, SNAP)
    for port in (1, 60, 80, 443, 61, 8080):
        wanted = SNAP if not ports or port in ports else 0
        assert kept(program, IPV4, ipv4(socket.IPPROTO_TCP, port, 50000, options)) == wanted
        assert kept(program, IPV4, ipv4(socket.IPPROTO_TCP, 50000, port, options)) == wanted
        assert kept(program, IPV6, ipv6(socket.IPPROTO_TCP, port, 50000)) == wanted
        assert kept(program, IPV6, ipv6(socket.IPPROTO_TCP, 50000, port)) == wanted


@pytest.mark.parametrize("ports", [(), (80,)])
def test_icmp_is_kept_and_other_things_are_not(ports: tuple[int, ...]) -> None:
    program = packet_filter(ports, SNAP)
    assert kept(program, IPV4, ipv4(socket.IPPROTO_ICMP, 1, 1)) == SNAP
    assert kept(program, IPV6, ipv6(socket.IPPROTO_ICMPV6, 1, 1)) == SNAP
    assert kept(program, IPV4, ipv4(socket.IPPROTO_UDP, 80, 80)) == 0
    assert kept(program, 0x0806, bytes(60)) == 0


def test_too_many_ports_are_refused() -> None:
    with pytest.raises(ValueError, match="60"):
        packet_filter(range(1, MOST_PORTS + 2), SNAP)


@pytest.mark.parametrize("ports", [(), tuple(range(1, MOST_PORTS + 1))])
def test_each_packet_is_kept_once_and_none_of_other_hosts(ports: tuple[int, ...]) -> None:
    program, packet = packet_filter(ports, SNAP), ipv4(socket.IPPROTO_TCP, 50, 50000)
    for hardware in (1, 772):
        assert kept(program, IPV4, packet, 0, hardware) == SNAP
        assert kept(program, IPV4, packet, 3, hardware) == 0
        assert kept(program, IPV4, packet, 4, hardware) == SNAP * (hardware != 772)
