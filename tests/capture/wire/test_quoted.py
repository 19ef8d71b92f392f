"""TCP headers in ICMP errors."""

from __future__ import annotations

from pathlib import Path

from tests.capture.wire import building as make

QUOTED = make.ipv4(make.tcp(sport=1111, dport=80, seq=42))


def test_an_icmp_error_quotes_the_header_of_its_packet(tmp_path: Path) -> None:
    frames = [
        make.ethernet(make.ipv4(bytes([3, 1]) + bytes(6) + QUOTED[:28], src="192.0.2.9", protocol=1)),
        make.ethernet(make.ipv4(bytes([0, 0]) + bytes(6) + QUOTED, protocol=1)),  # an echo reply is no error
        make.ethernet(make.ipv4(bytes([11, 0]) + bytes(6) + QUOTED[:24], src="192.0.2.9", protocol=1)),
    ]
    blocks, reader = make.read(make.pcap(frames), tmp_path)
    assert not blocks
    first, cut = reader.quoted
    assert (first.number, first.reporter, first.icmp_type, first.icmp_code) == (1, "192.0.2.9", 3, 1)
    assert (first.sport, first.dport, first.seq) == (1111, 80, 42)
    assert (cut.number, cut.seq) == (3, None)
    assert reader.addresses.text(first.src) == "10.0.0.1"


def test_icmpv6(tmp_path: Path) -> None:
    quoted = make.ipv6(make.tcp(sport=1111, seq=42))
    frame = make.ethernet(make.ipv6(bytes([1, 4]) + bytes(6) + quoted, src="2001:db8::9", following=58), 0x86DD)
    _, reader = make.read(make.pcap([frame]), tmp_path)
    assert [(q.reporter, q.icmp_type, q.icmp_code, q.ipv6, q.seq) for q in reader.quoted] == [
        ("2001:db8::9", 1, 4, True, 42)
    ]
