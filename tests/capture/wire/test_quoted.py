"""TCP headers in ICMP errors."""

from __future__ import annotations

import pytest

from tests.capture.engine.segments import address, read_segments
from tests.capture.wire import building as make

QUOTED = make.ipv4(make.tcp(sport=1111, dport=80, seq=42))


def test_an_icmp_error_quotes_the_header_of_its_packet() -> None:
    frames = [
        make.ethernet(make.ipv4(bytes([3, 1]) + bytes(6) + QUOTED[:28], src="192.0.2.9", protocol=1)),
        make.ethernet(make.ipv4(bytes([0, 0]) + bytes(6) + QUOTED, protocol=1)),  # an echo reply is no error
        make.ethernet(make.ipv4(bytes([11, 0]) + bytes(6) + QUOTED[:24], src="192.0.2.9", protocol=1)),
    ]
    read = read_segments(make.pcap(frames))
    assert not len(read)
    first, cut = read.quoted
    assert (first["number"], address(first["reporter"], 4), first["type"], first["code"]) == (1, "192.0.2.9", 3, 1)
    assert (first["sport"], first["dport"], first["seq"], first["has_seq"]) == (1111, 80, 42, 1)
    assert (cut["number"], cut["has_seq"]) == (3, 0)
    assert address(first["src"], 4) == "10.0.0.1"


def test_icmpv6() -> None:
    quoted = make.ipv6(make.tcp(sport=1111, seq=42))
    frame = make.ethernet(make.ipv6(bytes([1, 4]) + bytes(6) + quoted, src="2001:db8::9", following=58), 0x86DD)
    (found,) = read_segments(make.pcap([frame])).quoted
    assert (address(found["reporter"], 6), found["type"], found["code"], found["family"], found["seq"]) == (
        "2001:db8::9", 1, 4, 6, 42
    )  # fmt: skip


@pytest.mark.parametrize(("ipv6", "kind", "code", "rest", "mtu"), [
    (False, 3, 4, b"\0\0\x05\x14", 1300),
    (False, 3, 1, b"\0\0\x05\x14", 0),
    (True, 2, 0, b"\0\0\x05\0", 1280),
    (True, 2, 0, b"\0\1\0\0", 65535),
])  # fmt: skip
def test_the_next_hop_says_what_it_takes(ipv6: bool, kind: int, code: int, rest: bytes, mtu: int) -> None:
    quoted = make.ipv6(make.tcp()) if ipv6 else QUOTED
    error = bytes([kind, code, 0, 0]) + rest + quoted
    packet = make.ipv6(error, following=58) if ipv6 else make.ipv4(error, protocol=1)
    (found,) = read_segments(make.pcap([make.ethernet(packet, 0x86DD if ipv6 else 0x0800)])).quoted
    assert found["mtu"] == mtu


def checked(packet: bytes) -> bytes:
    """With the checksum of its header, which covers the addresses."""
    total = sum(int.from_bytes(packet[i : i + 2], "big") for i in range(0, 20, 2))
    total = (total & 0xFFFF) + (total >> 16)
    return packet[:10] + (0xFFFF - total).to_bytes(2, "big") + packet[12:]


def of_54_bytes(*packets: bytes) -> bytes:
    """A capture that kept 54 bytes of each Ethernet frame: of an error's quotation, all up to its checksum."""
    frames = [make.ethernet(packet) for packet in packets]
    return make.pcap([frame[:54] for frame in frames], originals=[len(frame) for frame in frames])


def test_a_quotation_that_is_cut_before_its_ports_is_known_by_its_packet() -> None:
    mss = bytes([2, 4, 5, 180])
    sent = [
        make.ipv4(make.tcp(sport=port, seq=port, options=mss), ip_id=port, dst=dst)
        for port, dst in ((1111, "10.0.0.2"), (2222, "10.0.0.2"), (3333, "10.0.0.3"))
    ]
    forwarded = checked(make.ipv4(make.tcp(sport=2222, options=mss), ip_id=2222, ttl=61))  # quoted as it arrived
    error = make.ipv4(bytes([3, 13]) + bytes(6) + forwarded, src="192.0.2.9", dst="10.0.0.1", protocol=1)
    (found,) = read_segments(of_54_bytes(*sent, error)).quoted
    assert (found["sport"], found["dport"], found["seq"], found["code"]) == (2222, 80, 2222, 13)
    assert (address(found["src"], 4), address(found["dst"], 4)) == ("10.0.0.1", "10.0.0.2")
    assert address(found["reporter"], 4) == "192.0.2.9"


@pytest.mark.parametrize(("quoted", "to"), [
    (make.ipv4(make.tcp(), ip_id=8, ttl=61), "10.0.0.1"),  # another packet
    (make.ipv4(make.tcp(), dst="10.0.0.3", ttl=61), "10.0.0.1"),  # to another host
    (make.ipv4(make.tcp(), ttl=61), "10.0.0.9"),  # told to another host
])  # fmt: skip
def test_a_cut_quotation_of_no_packet_in_sight_is_nobodys(quoted: bytes, to: str) -> None:
    sent = make.ipv4(make.tcp(options=bytes([2, 4, 5, 180])))
    error = make.ipv4(bytes([3, 1]) + bytes(6) + checked(quoted), src="192.0.2.9", dst=to, protocol=1)
    assert not len(read_segments(of_54_bytes(sent, error)).quoted)
