from __future__ import annotations

import socket
import struct

from capture.anonymizing import Anonymizer
from capture.recorder.anonymous_packets import AnonymousPackets


def checksum(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(source: str, target: str, payload: bytes) -> bytes:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    tcp = struct.pack(">HHIIBBHHH", 5000, 80, 1, 2, 0x50, 0x18, 100, 0, 0) + payload
    last = struct.pack(">IxxxB", len(tcp), 6) if family == socket.AF_INET6 else struct.pack(">xBH", 6, len(tcp))
    pseudo = ends + last
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
    if family == socket.AF_INET6:
        return struct.pack(">IHBB", 0x60000000, len(tcp), 6, 64) + ends + tcp
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 7, 0, 64, 6, 0) + ends
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + tcp


def sums_hold(packet: bytes) -> bool:
    if packet[0] >> 4 == 4:
        ends, tcp = packet[12:20], packet[20:]
        return checksum(packet[:20]) == 0 and checksum(ends + struct.pack(">xBH", 6, len(tcp)) + tcp) == 0
    tcp = packet[40:]
    return checksum(packet[8:40] + struct.pack(">IxxxB", len(tcp), 6) + tcp) == 0


def test_addresses_are_those_of_the_texts_and_checksums_still_hold() -> None:
    hide = Anonymizer()
    anonymous = AnonymousPackets(hide)
    for source, target in (("10.9.8.7", "192.168.255.254"), ("fd00::1", "fd00:ffff::2")):
        packet = segment(source, target, b"")
        assert sums_hold(packet)
        hidden = anonymous(packet)
        assert sums_hold(hidden)
        family, at, size = (socket.AF_INET, 12, 4) if "." in source else (socket.AF_INET6, 8, 16)
        assert socket.inet_ntop(family, hidden[at : at + size]) == hide(source)
        assert socket.inet_ntop(family, hidden[at + size : at + 2 * size]) == hide(target)


def test_payload_is_cut_everywhere() -> None:
    secret = b"password=hunter2"
    anonymous = AnonymousPackets(Anonymizer())
    packet = segment("10.9.8.7", "10.9.8.6", secret)
    assert secret not in anonymous(packet)
    quoting = bytes([0x45, 0, 0, 200, 0, 0, 0, 0, 64, 1, 0, 0]) + socket.inet_aton("10.9.8.1") + bytes(4)
    hidden = anonymous(quoting + bytes(8) + packet)
    assert secret not in hidden
    assert socket.inet_aton("10.9.8.7") not in hidden


def test_what_is_no_packet_is_dropped_whole() -> None:
    anonymous = AnonymousPackets(Anonymizer())
    assert anonymous(b"") == b""
    assert anonymous(b"\x45short") == b""
