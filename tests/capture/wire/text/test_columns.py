# ruff: noqa: E501 - lines as tcpdump prints them
"""tcpdump's text output: every wording, and the same packets as in the recording it was printed from."""

from __future__ import annotations

import shutil
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from capture.decode import decode
from capture.engine.session import Engine
from capture.wire.files.open_capture import CaptureReader, open_capture
from tests.capture.engine.segments import read_segments
from tests.capture.wire import building as make

LAB = Path(__file__).parents[3] / "data" / "lab"
NAMES = ("seq", "ack", "flags", "window", "payload", "sport", "dport", "wscale", "number")
NEW = """\
tcpdump: verbose output suppressed, use -v[v]... for full protocol decode
listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes
{0}12:00:00.000001 IP 10.0.0.1.5000 > 10.0.0.2.80: Flags [S], seq 4294967290, win 64240, options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0
{0}12:00:00.000002 IP 10.0.0.2.80 > 10.0.0.1.5000: Flags [S.], seq 1000, ack 4294967291, win 65160, options [mss 1460,nop,wscale 8], length 0
{0}12:00:00.000003 IP 10.0.0.1.5000 > 10.0.0.2.80: Flags [.], ack 1, win 502, length 0
{0}12:00:00.000004 IP 10.0.0.1.5000 > 10.0.0.2.80: Flags [P.], seq 1:101, ack 1, win 502, length 100: HTTP: GET / HTTP/1.1
{0}12:00:00.000005 IP 10.0.0.2.80 > 10.0.0.1.5000: Flags [.], ack 101, win 509, length 0
{0}12:00:00.000006 IP 10.0.0.2.80 > 10.0.0.1.5000: Flags [R], seq 1001, win 0, length 0
{0}12:00:00.000007 ARP, Request who-has 10.0.0.9 tell 10.0.0.1, length 28
9 packets captured
"""
EXPECTED_SEQ = [4294967290, 1000, 4294967291, 4294967291, 1001, 1001]
EXPECTED_ACK = [0, 4294967291, 1001, 1001, (4294967291 + 100) % 2**32, 0]


class Sink(Engine):
    """An engine that shows what it was given, too."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Any] = []

    def segments(self, segments: Any) -> None:
        self.given += list(segments)
        super().segments(segments)

    def column(self, name: str) -> list[int]:
        return [int(segment[name]) for segment in self.given]

    def address(self, name: str, which: int = 0) -> str:
        return text_of(self.given[which][name].tobytes(), int(self.given[which]["family"]))


def text_of(packed: bytes, family: int) -> str:
    return str(ip_address(packed if family == 6 else packed[:4]))


def read(text: str | bytes, folder: Path) -> tuple[Sink, CaptureReader]:
    path = folder / "printed.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_file(path)


def read_file(path: Path) -> tuple[Sink, CaptureReader]:
    sink = Sink()
    with open_capture(str(path), sink) as reader:
        reader.run()
    return sink, reader


@pytest.mark.parametrize(
    "prefix", ["", "Nov 14 22:13:20 web1 tcpdump[77]: ", "> ", "2023-11-14T22:13:20.5+00:00 pod/x ", "\x1b[32m"]
)
def test_numbers_are_made_absolute_whatever_stands_before_the_lines(tmp_path: Path, prefix: str) -> None:
    sink, reader = read(NEW.format(prefix), tmp_path)
    assert sink.column("seq") == EXPECTED_SEQ
    assert sink.column("ack") == EXPECTED_ACK
    assert sink.column("payload") == [0, 0, 0, 100, 0, 0]
    assert sink.column("wscale") == [7, 8, -1, -1, -1, -1]
    assert (reader.format, reader.packets, reader.link_types) == ("text", 7, ["EN10MB"])
    assert [notice.code for notice in reader.notices] == ["no_date", "no_ttl"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_encodings_of_windows(tmp_path: Path, encoding: str) -> None:
    sink, _ = read(NEW.format("").replace("\n", "\r\n").encode(encoding), tmp_path)
    assert sink.column("seq") == EXPECTED_SEQ


def test_old_wording_and_names(tmp_path: Path) -> None:
    text = """\
12:00:00.000001 IP localhost.52014 > fra-1.example.net.https: S 1234567:1234567(0) win 65535 <mss 1460,nop,wscale 6>
12:00:00.010001 IP fra-1.example.net.https > localhost.52014: S 7654321:7654321(0) ack 1234568 win 28960 <mss 1460>
12:00:00.010101 IP localhost.52014 > fra-1.example.net.https: . ack 1 win 2058
12:00:00.010201 IP localhost.52014 > fra-1.example.net.https: P 1:518(517) ack 1 win 2058
12:00:00.020201 IP fra-1.example.net.https > localhost.52014: R 1:1(0) ack 518 win 0
"""
    sink, reader = read(text, tmp_path)
    assert sink.column("flags") == [2, 18, 16, 24, 20]
    assert sink.column("seq") == [1234567, 7654321, 1234568, 1234568, 7654322]
    assert sink.column("dport")[0] == 443
    assert reader.names[sink.given[0]["dst"].tobytes()] == "fra-1.example.net"
    assert {notice.code for notice in reader.notices} == {"no_date", "names", "no_ttl"}


@pytest.mark.parametrize(
    "line",
    [
        "(en0, proc curl:1234, svc BE, out, so) IP6 fe80::1%en0.5 > 2001:db8::1.443: Flags [SEW], seq 9, win 3, length 0",
        "eth0  In  IP6 fe80::1.5 > 2001:db8::1.443: Flags [SEW], seq 9, win 3, length 0",
        "IP6 (flowlabel 0x1, hlim 64, next-header TCP (6) payload length: 40) fe80::1.5 > 2001:db8::1.443: "
        "Flags [SEW], cksum 0x1 (correct), seq 9, win 3, length 0",
        "0:1:2:3:4:5 > 6:7:8:9:a:b, ethertype IPv6 (0x86dd), length 74: fe80::1.5 > 2001:db8::1.443: "
        "Flags [SEW], seq 9, win 3, length 0",
    ],
)
def test_wordings_of_macos_and_linux(tmp_path: Path, line: str) -> None:
    sink, _ = read(f"2023-11-14 22:13:20.000000001 {line}\n", tmp_path)
    assert [sink.column(name) for name in ("sport", "dport", "seq", "flags")] == [[5], [443], [9], [0xC2]]
    assert sink.address("src") == "fe80::1"
    assert sink.column("time") == [1_700_000_000_000_000_001]


def test_times_past_midnight_and_since_the_line_before(tmp_path: Path) -> None:
    line = "IP 10.0.0.1.5 > 10.0.0.2.80: Flags [.], ack 1, win 1, length 0\n"
    sink, _ = read(f"23:59:59.000000 {line}00:00:01.000000 {line}", tmp_path)
    times = sink.column("time")
    assert times[1] - times[0] == 2 * 10**9
    sink, _ = read("".join(f" 00:00:0{step}.000000 {line}" for step in (0, 5, 1, 2)), tmp_path)
    assert sink.column("time") == [0, 5 * 10**9, 6 * 10**9, 8 * 10**9]


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump")
@pytest.mark.parametrize("options", ["-nn", "-nn -S", "-nn -tt -X", "-nn -tttt -vv", "-nn -t", "-nn -e -v -tttt"])
@pytest.mark.parametrize("name", ["06b-icmp-host-unreach/client.pcap", "02a-epipe-two-writes/lo.pcap"])
def test_what_tcpdump_prints_of_a_recording(tmp_path: Path, name: str, options: str) -> None:
    path = LAB / name
    if not path.exists():
        pytest.skip("this recording is not here")
    out = subprocess.run(["tcpdump", "-r", str(path), *options.split()], capture_output=True, check=True).stdout
    sink, _ = read(out, tmp_path)
    recorded = read_segments(path.read_bytes()).segments
    for column in NAMES:
        got, wanted = sink.column(column), [int(value) for value in recorded[column]]
        if column == "ack":
            flags = sink.column("flags")
            assert all(a == b for flag, a, b in zip(flags, got, wanted, strict=True) if flag & make.ACK)
        elif column != "number" or " -t" not in options or "-t " in options:
            assert got == wanted, column
    assert sink.address("src") == text_of(recorded[0]["src"].tobytes(), int(recorded[0]["family"]))


def test_hostile_lines_take_time_in_proportion(tmp_path: Path) -> None:
    lines = [
        "x" * 16000 + " > " + "y" * 300,
        "IP (" * 4000,
        "1" * 16000,
        "12:00:00.000000 " * 1000,
        " > : Flags [" * 1300,
    ]
    text = NEW.format("") + "\n".join(lines * 20)
    sink, _ = read(text, tmp_path)
    assert sink.column("seq")[:6] == EXPECTED_SEQ


def test_an_error_that_names_hosts_is_told_of_its_own_protocol(tmp_path: Path) -> None:
    """Hosts by their names, and a router by its IPv4 address: the error is one of ICMP, not of ICMPv6."""
    text = """\
12:00:00.000001 IP laptop.5000 > guest.443: Flags [S], seq 1, win 64240, options [mss 1460], length 0
12:00:00.000200 IP 192.0.2.1 > laptop: ICMP guest unreachable - admin prohibited filter, length 36
"""
    path = tmp_path / "printed.txt"
    path.write_text(text)
    (decoded,) = decode([str(path)])
    for errors in decoded.flows.quoted.values():
        assert [(error.ipv6, error.reporter) for error in errors] == [(False, "192.0.2.1")]
    assert decoded.flows.quoted
