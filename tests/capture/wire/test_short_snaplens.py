"""Headers that the snaplen cut, below long link layers and tunnels: what was captured is shown, the rest is unknown."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from capture.decode import DecodedCapture, decode
from capture.verdicts.judge import Verdicts, judge
from tests.capture.wire import building as make

PORTS, FLAGS, WINDOW, ALL = 4, 14, 16, 20  # bytes of TCP's header up to the end of these
OUTER = {"src": "192.0.2.1", "dst": "192.0.2.2", "protocol": 17}
SLL2 = bytes(18)


def exchange(six: bool = False) -> list[bytes]:
    """A request that is reset instead of answered, as IP packets."""
    packets = []
    for side, seq, ack, flags, window, payload in (
        (0, 99, 0, make.SYN, 500, b""),
        (1, 499, 100, make.SYN | make.ACK, 500, b""),
        (0, 100, 500, make.ACK, 500, b""),
        (0, 100, 500, make.ACK | make.PSH, 500, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"),
        (1, 500, 130, make.ACK, 500, b""),
        (1, 500, 130, make.RST | make.ACK, 500, b""),
    ):
        ports = {"sport": 43210, "dport": 80} if side == 0 else {"sport": 80, "dport": 43210}
        segment = make.tcp(**ports, seq=seq, ack=ack, flags=flags, window=window, payload=payload)
        addresses = ("2001:db8::1", "2001:db8::2") if six else ("10.0.0.1", "10.0.0.2")
        src, dst = addresses[side], addresses[1 - side]
        identification = len(packets) + 1
        packets.append(make.ipv6(segment, src, dst) if six else make.ipv4(segment, src, dst, ip_id=identification))
    return packets


def udp(header: bytes, packet: bytes, port: int) -> bytes:
    return make.ethernet(make.ipv4(make.udp(header + make.ethernet(packet), port), **OUTER))


# link type, bytes before TCP's header, and what they are
LINKS = {
    "ethernet": (1, 34, make.ethernet),
    "ethernet, ipv6": (1, 54, lambda packet: make.ethernet(packet, 0x86DD)),
    "vlan": (1, 38, lambda packet: make.ethernet(packet, tags=[10])),
    "qinq": (1, 42, lambda packet: make.ethernet(packet, tags=[10, 20])),
    "pppoe": (1, 42, lambda packet: make.ethernet(
        b"\x11\0\0\1" + struct.pack(">H", len(packet) + 2) + b"\0\x21" + packet, 0x8864)),
    "sll": (113, 36, lambda packet: bytes(14) + b"\x08\0" + packet),
    "sll2": (276, 40, lambda packet: b"\x08\0" + SLL2 + packet),
    "sll2, ipv6": (276, 60, lambda packet: b"\x86\xdd" + SLL2 + packet),
    "vxlan": (1, 84, lambda packet: udp(b"\x08\0\0\0\0\0\x07\0", packet, 4789)),
    "geneve": (1, 84, lambda packet: udp(b"\0\0\x65\x58\0\0\x09\0", packet, 6081)),
}  # fmt: skip


def told(name: str, snaplen: int, tmp_path: Path) -> tuple[DecodedCapture, Verdicts]:
    link, _, wrapped = LINKS[name]
    frames = [wrapped(packet) for packet in exchange(six="ipv6" in name)]
    cut = make.pcap([frame[:snaplen] for frame in frames], link, originals=[len(frame) for frame in frames], step=1000)
    path = tmp_path / "cut.pcap"
    path.write_bytes(cut)
    capture = decode([str(path)])[0]
    return capture, judge(capture.flows)


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("there", [0, 1, PORTS - 1])
def test_without_ports_nothing_is_shown_and_a_notice_says_so(name: str, there: int, tmp_path: Path) -> None:
    capture, _ = told(name, LINKS[name][1] + there, tmp_path)
    assert not len(capture.flows)
    assert [(notice.code, notice.packet) for notice in capture.notices] == [("snapped", 1)]
    assert "6 packets" in capture.notices[0].text
    assert "in no connection" in capture.notices[0].text


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("there", [PORTS, 8, 12, FLAGS - 1])
def test_with_ports_alone_a_connection_is_shown_whose_end_is_unknown(name: str, there: int, tmp_path: Path) -> None:
    capture, verdicts = told(name, LINKS[name][1] + there, tmp_path)
    assert capture.flows.port.tolist() == [[43210, 80]]
    assert capture.flows.packet_count.tolist() == [[3, 3]]
    verdict = verdicts.of(0)
    assert (verdict.cause, verdict.certainty, verdict.ended_by) == ("unknown", "possible", "open")
    assert "flags are missing" in verdict.sentence
    calls = [call for side in verdict.errors.values() for call in (side.connect, side.read, side.write)]
    assert calls == [None] * 6
    assert verdict.closed_first is None
    assert verdict.reset_by is None
    assert [(notice.code, notice.packet) for notice in capture.notices] == [("snapped", 1)]
    assert "without their TCP flags" in capture.notices[0].text


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("there", [FLAGS, FLAGS + 1, WINDOW, ALL])
def test_with_flags_the_end_is_told(name: str, there: int, tmp_path: Path) -> None:
    capture, verdicts = told(name, LINKS[name][1] + there, tmp_path)
    verdict = verdicts.of(0)
    assert (verdict.cause, verdict.ended_by, verdict.reset_by) == ("aborted", "rst", "responder")
    assert capture.flows.bytes.tolist() == [[30, 0]]
    assert not capture.flows.counts["zero_window"].any()
    whole = there == ALL
    assert bool(capture.notices) is not whole  # its options: there are none
    # without its window, a RST does not tell whether a living socket sent it
    assert (verdict.certainty == "possible") is (there < WINDOW)


@pytest.mark.parametrize("name", LINKS)
def test_cut_in_a_header_before_it_is_counted(name: str, tmp_path: Path) -> None:
    """Not in a tunnel's header, nor between addresses; but a datagram without its ports may be anything."""
    known = 38 if name in ("vxlan", "geneve") else 1
    for snaplen in range(known, LINKS[name][1]):
        capture, _ = told(name, snaplen, tmp_path)
        assert not len(capture.flows)
        assert [notice.code for notice in capture.notices] == ["snapped"], snaplen


def test_what_is_no_tcp_is_not_counted(tmp_path: Path) -> None:
    frames = [make.ethernet(make.ipv4(make.udp(bytes(90), 53), protocol=17)), make.ethernet(bytes(60), 0x0806)]
    for snaplen in (24, 30, 36, 40, 44, 60):
        path = tmp_path / "cut.pcap"
        path.write_bytes(make.pcap([frame[:snaplen] for frame in frames], originals=[len(f) for f in frames]))
        assert not decode([str(path)])[0].notices, snaplen
