"""Checksums: wrong, right, left to the card."""

from __future__ import annotations

import socket
import struct

import pytest

from capture.wire.column_types import PacketMark
from tests.capture.engine.segments import read_segments
from tests.capture.wire import building as make


def folded(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def frame(kind: str, ipv6: bool, payload: bytes, lead: int) -> bytes:
    family, ends = (
        (socket.AF_INET6, ("2001:db8::1", "2001:db8::2")) if ipv6 else (socket.AF_INET, ("10.0.0.1", "10.0.0.2"))
    )
    bare = make.tcp(payload=payload)
    pseudo = b"".join(socket.inet_pton(family, end) for end in ends) + struct.pack(">HH", 6, len(bare))
    right = 0xFFFF - folded(pseudo + bare)
    checksum = {"right": right, "wrong": right ^ 0x0101, "none": 0, "left to the card": folded(pseudo)}[kind]
    segment = make.tcp(payload=payload, checksum=checksum)
    packet = make.ipv6(segment) if ipv6 else make.ipv4(segment)
    return bytes(lead) + make.ethernet(packet, 0x86DD if ipv6 else 0x0800)


@pytest.mark.parametrize("ipv6", [False, True])
@pytest.mark.parametrize("kind", ["right", "wrong", "none", "left to the card"])
def test_only_a_wrong_checksum_is_marked(kind: str, ipv6: bool) -> None:
    frames = [frame(kind, ipv6, bytes(range(size)), 0) for size in range(1, 40)]
    read = read_segments(make.pcap(frames))
    assert {mark & PacketMark.BAD_CHECKSUM != 0 for mark in read.column("marks")} == {kind == "wrong"}


def test_a_cut_packet_cannot_be_told() -> None:
    whole = frame("wrong", False, bytes(50), 0)
    read = read_segments(make.pcap([whole[:80]], originals=[len(whole)]))
    assert not read.column("marks")[0] & PacketMark.BAD_CHECKSUM
