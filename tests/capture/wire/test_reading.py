"""Whole captures, held against the oracle; and everything that is no capture."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard

from capture.wire.columns import Mark
from capture.wire.errors import CaptureUnreadable
from capture.wire.reading import CaptureReader, open_capture
from tests.capture.wire import building as make
from tests.capture.wire.oracle import OraclePacket, oracle_packets

LAB = sorted((Path(__file__).parents[2] / "data" / "lab").glob("*/*.pcap"))


def decoded(reader: CaptureReader) -> list[OraclePacket]:
    return [
        OraclePacket(
            int(block.number[row]),
            int(block.time[row]),
            int(block.offset[row]),
            reader.addresses.text(int(block.src[row])),
            int(block.sport[row]),
            reader.addresses.text(int(block.dst[row])),
            int(block.dport[row]),
            int(block.seq[row]),
            int(block.ack[row]),
            int(block.flags[row]),
            int(block.window[row]),
            int(block.payload[row]),
            int(block.ttl[row]),
            int(block.ip_id[row]),
            int(block.wscale[row]),
            bool(block.marks[row] & Mark.TIMESTAMP),
            bool(block.marks[row] & Mark.SACK),
            reader.scopes.scopes[block.scope[row]].vlan,
        )
        for block in reader.blocks()
        for row in range(len(block))
    ]


@pytest.mark.parametrize("path", LAB, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_recordings_are_read_as_the_oracle_reads_them(path: Path) -> None:
    with open_capture(str(path)) as reader:
        assert decoded(reader) == oracle_packets(str(path))
        assert reader.bytes_read == reader.bytes_total == path.stat().st_size


def traffic(count: int, seed: int = 5) -> list[bytes]:
    """Frames of many shapes: sizes, options, VLANs, IPv6, and payloads that look like record headers."""
    rng = np.random.default_rng(seed)
    lure = make.pcap([make.ethernet(make.ipv4(make.tcp(payload=bytes(30))))])[24:]
    frames = []
    for index in range(count):
        options = (b"", make.TIMESTAMP, b"\x02\x04\x05\xb4\x03\x03\x07\x00", b"\x05\x0a" + bytes(8))[rng.integers(4)]
        payload = lure * int(rng.integers(1, 20)) if rng.random() < 0.1 else bytes(int(rng.integers(0, 1400)))
        segment = make.tcp(
            1000 + index % 5000, 80, int(rng.integers(1 << 32)), int(rng.integers(1 << 32)), int(rng.integers(256)),
            int(rng.integers(1 << 16)), payload, options,
        )  # fmt: skip
        if rng.random() < 0.2:
            frames.append(make.ethernet(make.ipv6(segment, src=f"2001:db8::{rng.integers(1, 999):x}"), 0x86DD))
        else:
            tags = (10, 20)[: int(rng.integers(3))] if rng.random() < 0.2 else ()
            frames.append(make.ethernet(make.ipv4(segment, ip_id=index & 0xFFFF), tags=tags))
    return frames


@pytest.mark.parametrize(("order", "nanoseconds"), [("<", False), (">", False), ("<", True), (">", True)])
def test_every_pcap_form_over_several_windows(tmp_path: Path, order: str, nanoseconds: bool) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(make.pcap(traffic(4000), order=order, nanoseconds=nanoseconds))
    with open_capture(str(path)) as reader:
        assert decoded(reader) == oracle_packets(str(path))
        assert not reader.notices


def test_large_files_are_read_in_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.pcap"
    path.write_bytes(make.pcap(traffic(9_000)))
    assert path.stat().st_size > 4 << 20
    monkeypatch.setattr("capture.wire.feed.WINDOW", 1 << 20)
    with open_capture(str(path)) as reader:
        assert decoded(reader) == oracle_packets(str(path))


def test_pcapng_over_several_windows(tmp_path: Path) -> None:
    path = tmp_path / "many.pcapng"
    frames = traffic(4000)
    blocks = [make.enhanced(frame, 1_700_000_000_000_000 + index) for index, frame in enumerate(frames)]
    path.write_bytes(make.section() + make.interface() + b"".join(blocks))
    with open_capture(str(path)) as reader:
        assert decoded(reader) == oracle_packets(str(path))
        assert reader.format == "pcapng"
        assert reader.link_types == ["EN10MB"]


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.compress, lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:])]
)
def test_packed_captures_are_read_as_plain_ones(tmp_path: Path, pack: object) -> None:
    data = make.pcap(traffic(3000))
    plain, packed = tmp_path / "plain.pcap", tmp_path / "packed"
    plain.write_bytes(data)
    packed.write_bytes(pack(data))  # type: ignore[operator]
    with open_capture(str(plain)) as one, open_capture(str(packed)) as other:
        assert decoded(one) == decoded(other)
        assert other.notices == []


def test_standard_input(tmp_path: Path) -> None:
    data = make.pcap(traffic(3000))
    code = (
        "from capture.wire.reading import open_capture\n"
        "with open_capture('-') as reader: print(sum(map(len, reader.blocks())), reader.bytes_total)"
    )
    out = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert out.stdout.decode().split() == ["3000", "None"]


def test_a_cut_gzip_gives_what_came_before(tmp_path: Path) -> None:
    data = gzip.compress(make.pcap(traffic(500)))
    blocks, reader = make.read(data[: len(data) // 2], tmp_path)
    assert 0 < sum(map(len, blocks)) < 500
    assert {notice.code for notice in reader.notices} == {"cut_short"}


def test_numbers_and_tables_go_on_in_the_next_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        frames = [make.ethernet(make.ipv6(make.tcp()), 0x86DD), make.ethernet(b"arp", 0x0806)]
        (tmp_path / name).write_bytes(make.pcap(frames))
    with open_capture(str(tmp_path / "a")) as first:
        early = list(first.blocks())
        with open_capture(str(tmp_path / "b"), after=first) as second:
            late = list(second.blocks())
    assert make.column(early, "number") + make.column(late, "number") == [1, 3]
    assert make.column(early, "src") == make.column(late, "src")
    assert second.next_number == 5


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "ends after 6 bytes"),
        (b"\x0a\x0d\x0d\x0a\x00\x00", "first block"),
        (b"hello\n" * 50, "no capture"),
        (b"\xfd7zXZ\x00rest", "xz"),
        (b"\x1f\x8b\x08", "gzip data"),
        (b"\x28\xb5\x2f\xfdxxxxxxxx", "zstd data"),
        (bytes(range(256)) * 40, "no capture"),
    ],
)
def test_what_is_no_capture_is_refused_in_one_line(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "x\x1b[31m").write_bytes(data)
    with pytest.raises(CaptureUnreadable, match=why) as caught:
        open_capture(str(tmp_path / "x\x1b[31m"))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(("name", "why"), [("missing", "no such file"), (".", "directory"), ("a\0b", "zero byte")])
def test_what_cannot_be_opened(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(CaptureUnreadable, match=why):
        open_capture(str(tmp_path / name))


def test_a_file_without_packets_is_a_capture(tmp_path: Path) -> None:
    blocks, reader = make.read(make.pcap([]), tmp_path)
    assert not blocks
    assert reader.packets == 0
    assert reader.first_time is None
    assert reader.notices == []


def test_an_unknown_link_type_is_named(tmp_path: Path) -> None:
    blocks, reader = make.read(make.pcap([bytes(60)], link=147), tmp_path)
    assert not blocks
    assert reader.packets == 1
    assert [(notice.code, "USER0" in notice.text) for notice in reader.notices] == [("unsupported_link_type", True)]


def test_reading_a_pipe_that_is_no_file_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(make.pcap(traffic(10)))

    monkeypatch.setattr(sys, "stdin", Stdin())
    with open_capture("-") as reader:
        assert sum(map(len, reader.blocks())) == 10
