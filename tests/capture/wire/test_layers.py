"""Link types, tags, tunnels and IP: the innermost TCP is found, and its scope told."""

from __future__ import annotations

import struct

import pytest

from capture.wire.column_types import PacketMark
from tests.capture.engine.segments import read_segments
from tests.capture.wire import building as make

SEGMENT = make.tcp(sport=4321, seq=99, payload=b"12345")
IP = make.ipv4(SEGMENT)
IP6 = make.ipv6(SEGMENT)
ETHER = make.ethernet(IP)
SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"
GRE_OUTER = {"src": "192.0.2.1", "dst": "192.0.2.2", "protocol": 47}

LINKS = {
    "null": (0, b"\x02\0\0\0" + IP),
    "token ring": (6, b"\x10\x40" + bytes(12) + b"\xaa\xaa\x03\0\0\0\x08\0" + IP),
    "token ring with a route": (
        6,
        b"\x10\x40" + bytes(6) + b"\x80" + bytes(5) + b"\x82\x30" + b"\xaa\xaa\x03\0\0\0\x08\0" + IP,
    ),
    "null of another machine": (0, b"\0\0\0\x02" + IP),
    "null of macOS with IPv6": (0, b"\x1e\0\0\0" + IP6),
    "loop": (108, b"\0\0\0\x18" + IP6),
    "raw 12": (12, IP),
    "raw 14": (14, IP),
    "raw 101": (101, IP6),
    "ipv4": (228, IP),
    "ipv6": (229, IP6),
    "sll": (113, bytes(14) + b"\x08\0" + IP),
    "sll2": (276, b"\x08\0" + bytes(18) + IP),
    "ppp": (9, b"\xff\x03\0\x21" + IP),
    "ppp short": (9, b"\x21" + IP),
    "ppp serial": (50, b"\xff\x03\0\x57" + IP6),
    "cisco in ppp serial": (50, b"\x0f\0\x08\0" + IP),
    "ppp with direction": (204, b"\0\xff\x03\0\x21" + IP),
    "pppoe": (51, b"\x11\0\0\1" + struct.pack(">H", len(IP) + 2) + b"\0\x21" + IP),
    "hdlc": (104, b"\x0f\0\x08\0" + IP),
    "802.11": (105, b"\x08\0" + bytes(22) + SNAP + IP),
    "802.11 with quality": (105, b"\x88\0" + bytes(24) + SNAP + IP),
    "radiotap": (127, b"\0\0\x09\0" + bytes(5) + b"\x08\0" + bytes(22) + SNAP + IP),
    "frame relay": (107, b"\x18\x41\x03\xcc" + IP),
    "fddi": (10, bytes(13) + SNAP + IP),
    "pktap": (258, struct.pack("<III", 20, 1, 1) + bytes(8) + ETHER),
    "ppi": (192, struct.pack("<BBHI", 0, 0, 8, 1) + ETHER),
    "nflog": (239, b"\x02\0\0\0" + b"\x08\0\x01\0abcd" + struct.pack("<HH", len(IP) + 4, 9) + IP),
    "mpls": (219, b"\0\0\x11\x40" + IP),
}


@pytest.mark.parametrize("name", LINKS)
def test_link_types(name: str) -> None:
    link, frame = LINKS[name]
    read = read_segments(make.pcap([frame], link=link))
    assert [read.column(field) for field in ("sport", "seq", "payload")] == [[4321], [99], [5]]
    assert not read.notices


UDP_OUTER = {"src": "192.0.2.1", "dst": "192.0.2.2", "protocol": 17}
TUNNELS = {
    "vlan": (make.ethernet(IP, tags=[10]), ("10", None)),
    "qinq": (make.ethernet(IP, tags=[10, 20]), ("10,20", None)),
    "priority tag": (make.ethernet(IP, tags=[0x8000]), (None, None)),
    "llc": (make.ethernet(SNAP + IP, kind=len(SNAP + IP)), (None, None)),
    "mpls": (make.ethernet(b"\0\0\x10\x40\0\0\x21\x40" + IP, 0x8847), (None, None)),
    "pppoe": (
        make.ethernet(b"\x11\0\0\1" + struct.pack(">H", len(IP) + 2) + b"\0\x21" + IP + bytes(9), 0x8864),
        (None, None),
    ),
    "ipip": (make.ethernet(make.ipv4(IP, protocol=4)), (None, "ipip")),
    "6in4": (make.ethernet(make.ipv4(IP6, protocol=41)), (None, "6in4")),
    "4in6": (make.ethernet(make.ipv6(IP, following=4), 0x86DD), (None, "4in6")),
    "gre": (make.ethernet(make.ipv4(b"\0\0\x08\0" + IP, **GRE_OUTER)), (None, "gre")),
    "gre with key": (make.ethernet(make.ipv4(b"\x20\0\x08\0\0\0\0\x05" + IP, **GRE_OUTER)), (None, "gre")),
    "nvgre": (make.ethernet(make.ipv4(b"\x20\0\x65\x58\0\0\x05\x01" + ETHER, **GRE_OUTER)), (None, "nvgre:5")),
    "erspan": (
        make.ethernet(make.ipv4(b"\x10\0\x88\xbe\0\0\0\1" + bytes(8) + ETHER, **GRE_OUTER)),
        (None, "gre"),
    ),
    "vxlan": (
        make.ethernet(make.ipv4(make.udp(b"\x08\0\0\0\0\0\x07\0" + ETHER, 4789), **UDP_OUTER)),
        (None, "vxlan:7"),
    ),
    "geneve": (
        make.ethernet(make.ipv4(make.udp(b"\x01\0\x65\x58\0\0\x09\0" + bytes(4) + ETHER, 6081), **UDP_OUTER)),
        (None, "geneve:9"),
    ),
    "gtp": (
        make.ethernet(make.ipv4(make.udp(struct.pack(">BBHI", 0x30, 255, len(IP), 77) + IP, 2152), **UDP_OUTER)),
        (None, "gtp"),
    ),
    "gtp with an extension": (
        make.ethernet(make.ipv4(make.udp(b"\x34\xff\0\0\0\0\0\x4d\0\0\0\x85\x01\0\0\0" + IP, 2152), **UDP_OUTER)),
        (None, "gtp"),
    ),
    "teredo": (make.ethernet(make.ipv4(make.udp(bytes(8) + IP6, 3544), **UDP_OUTER)), (None, "teredo")),
    "vlan within vxlan": (
        make.ethernet(
            make.ipv4(make.udp(b"\x08\0\0\0\0\0\x07\0" + make.ethernet(IP, tags=[3]), 4789), **UDP_OUTER), tags=[2]
        ),
        ("2,3", "vxlan:7"),
    ),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_tags_and_tunnels(name: str) -> None:
    frame, (vlan, tunnel) = TUNNELS[name]
    read = read_segments(make.pcap([frame, ETHER]))
    assert [read.column(field) for field in ("sport", "seq", "payload")] == [[4321] * 2, [99] * 2, [5] * 2]
    assert read.scopes == [(vlan, tunnel), (None, None)]


def test_ipv6_extension_headers() -> None:
    hop, routing, destination = b"\x2b\0" + bytes(6), b"\x3c\0" + bytes(6), b"\x06\x01" + bytes(14)
    frame = make.ethernet(make.ipv6(hop + routing + destination + SEGMENT, following=0), 0x86DD)
    read = read_segments(make.pcap([frame]))
    assert read.column("payload") == [5]
    assert read.column("marks")[0] & PacketMark.IPV6


def test_payload_length_is_what_ip_says() -> None:
    bare = make.tcp(sport=1)
    frames = [
        make.ethernet(make.ipv4(bare)) + bytes(6),  # padding of a short frame
        make.ethernet(make.ipv4(SEGMENT, total=0)),  # left to the card to cut (TSO)
        make.ethernet(make.ipv4(SEGMENT, total=9000)),  # says more than the frame is long
        make.ethernet(make.ipv4(make.tcp(payload=bytes(100))))[:60],  # cut by the snaplen
    ]
    originals = [len(frame) for frame in frames[:3]] + [154]
    read = read_segments(make.pcap(frames, originals=originals))
    assert read.column("payload") == [0, 5, 5, 100]


def test_a_cut_tcp_header_is_named() -> None:
    frame = make.ethernet(make.ipv4(make.tcp(options=make.TIMESTAMP, payload=bytes(50))))
    cuts = [frame[:40], frame[:50], frame[:54]]
    read = read_segments(make.pcap(cuts, originals=[len(frame)] * 3))
    assert read.column("number") == [1, 2, 3]
    assert [mark & PacketMark.HEADER_CUT != 0 for mark in read.column("marks")] == [True, True, True]
    assert [mark & PacketMark.FLAGS_CUT != 0 for mark in read.column("marks")] == [True, False, False]
    assert read.column("payload") == [0, 50, 50]
    assert [(notice.code, notice.packet) for notice in read.notices] == [("snapped", 1), ("snapped", 2)]
    assert "flags" in read.notices[0].text
    assert "options" in read.notices[1].text


def test_an_impossible_header_length_has_no_flags() -> None:
    segment = bytearray(make.tcp(payload=b"hello"))
    segment[12] = 0x40
    read = read_segments(make.pcap([make.ethernet(make.ipv4(bytes(segment)))]))
    assert read.column("flags") == [0]


def test_ip_options() -> None:
    read = read_segments(make.pcap([make.ethernet(make.ipv4(SEGMENT, options=b"\x94\x04\0\0"))]))
    assert read.column("payload") == [5]


def test_headers_without_end_are_given_up() -> None:
    nested = SEGMENT
    for _ in range(60):
        nested = make.ipv4(nested, protocol=4)
    read = read_segments(make.pcap([make.ethernet(nested)]))
    assert not len(read)
    assert read.packets == 1


def test_tcp_options_are_told() -> None:
    syn = make.tcp(flags=make.SYN, options=b"\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\7\0\0\0\0\x01\x03\x03\x0e")
    asked, given = make.tcp(options=b"\x22\x02"), make.tcp(options=b"\x22\x0aabcdefgh")
    usual = make.tcp(options=b"\x01\x01\x08\x0a\0\0\0\5\0\0\0\6")
    read = read_segments(make.pcap([make.ethernet(make.ipv4(segment)) for segment in (syn, asked, given, usual)]))
    assert [read.column(name)[0] for name in ("mss", "wscale", "tsval", "tsecr")] == [1460, 14, 7, 0]
    assert [read.column(name)[3] for name in ("mss", "wscale", "tsval", "tsecr")] == [0, -1, 5, 6]
    timestamp, permitted, cookie, wanted = 0x01, 0x400, 0x80, 0x800
    assert read.column("marks") == [timestamp | permitted, wanted, cookie, timestamp]


@pytest.mark.parametrize(
    "options",
    [b"\x08\x0a\0\0", b"\x08\0\0\0", b"\x08\x01\0\0", b"\x05\x09" + bytes(7), b"\0\x08\x0a" + bytes(9), b"\x08"],
    ids=["cut", "no length", "length of one", "no block", "behind the end", "a kind alone"],
)
def test_options_that_are_damaged_say_nothing(options: bytes) -> None:
    assert read_segments(make.pcap([make.ethernet(make.ipv4(make.tcp(options=options)))])).column("marks") == [0]


def test_interfaces_and_directions_of_cooked_captures() -> None:
    sll2 = b"\x08\0\0\0" + struct.pack(">IHB", 7, 1, 4) + bytes(9) + IP
    read = read_segments(make.pcap([sll2], link=276))
    assert (read.column("interface"), read.column("direction")) == ([7], [2])
    read = read_segments(make.pcap([b"\0\0" + bytes(12) + b"\x08\0" + IP], link=113))
    assert (read.column("interface"), read.column("direction")) == ([0xFFFFFFFF], [1])


def test_the_packets_of_an_amsdu_are_all_read() -> None:
    def part(seq: int) -> bytes:
        body = SNAP + make.ipv4(make.tcp(seq=seq))
        return bytes(12) + struct.pack(">H", len(body)) + body + bytes(-(14 + len(body)) % 4)

    frame = b"\x88\0" + bytes(22) + b"\x80\0" + part(1) + part(2) + part(3)
    assert read_segments(make.pcap([frame], link=105)).column("seq") == [1, 2, 3]


def test_the_captured_payload_is_what_was_captured() -> None:
    whole = make.ethernet(make.ipv4(make.tcp(payload=b"abcdefgh")))
    read = read_segments(make.pcap([whole, whole[:-5], whole + b"padding"], originals=[len(whole)] * 3))
    assert read.column("payload") == [8, 8, 8]
    assert read.column("captured") == [8, 3, 8]
    assert read.column("data")[0] == read.column("data")[2]


def test_thousands_of_scopes_are_told_apart() -> None:
    frames = [make.ethernet(IP, tags=[1 + n % 4000, 1 + n // 4000]) for n in range(3000)]
    read = read_segments(make.pcap(frames))
    assert len(set(read.scopes)) == 3000
