"""Whole captures, held against the oracle; and everything that is no capture."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard

from capture.engine.session import Engine, Totals
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.column_types import PacketMark
from capture.wire.files.open_capture import PIECE, CaptureReader, open_capture
from tests.capture.engine.segments import read_segments
from tests.capture.wire import building as make
from tests.capture.wire.oracle import OraclePacket, oracle_packets

LAB = sorted((Path(__file__).parents[3] / "data" / "lab").glob("*/*.pcap"))


def decoded(data: bytes) -> list[OraclePacket]:
    """What the engine's headers hand on, in every cut."""
    read = read_segments(data)
    names = ("sport", "dport", "seq", "ack", "flags", "window", "payload", "ttl", "ip_id", "wscale")
    return [
        OraclePacket(
            number=int(row["number"]),
            time=int(row["time"]),
            offset=int(row["offset"]),
            src=src,
            dst=dst,
            timestamp=bool(row["marks"] & PacketMark.TIMESTAMP),
            sack=bool(row["marks"] & PacketMark.SACK),
            vlan=vlan,
            **{name: int(row[name]) for name in names},
        )
        for row, (src, dst), (vlan, _) in zip(read.segments, read.ends(), read.scopes, strict=True)
    ]


def read_all(path: Path | str) -> tuple[CaptureReader, Totals]:
    """A capture read to its end, and what the engine counted."""
    engine = Engine()
    with open_capture(str(path), engine) as reader:
        reader.run()
    return reader, engine.totals


@pytest.mark.parametrize("path", LAB, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_recordings_are_read_as_the_oracle_reads_them(path: Path) -> None:
    assert decoded(path.read_bytes()) == oracle_packets(str(path))
    reader, _ = read_all(path)
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
def test_every_pcap_form(tmp_path: Path, order: str, nanoseconds: bool) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(make.pcap(traffic(900), order=order, nanoseconds=nanoseconds))
    assert decoded(path.read_bytes()) == oracle_packets(str(path))


def test_large_files_are_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "large.pcap"
    path.write_bytes(make.pcap(traffic(9_000)))
    assert path.stat().st_size > 4 << 20
    assert decoded(path.read_bytes()) == oracle_packets(str(path))
    reader, totals = read_all(path)
    assert (reader.packets, totals.tcp_packets, reader.notices) == (9_000, 9_000, [])


def test_pcapng(tmp_path: Path) -> None:
    path = tmp_path / "many.pcapng"
    blocks = [make.enhanced(frame, 1_700_000_000_000_000 + index) for index, frame in enumerate(traffic(900))]
    path.write_bytes(make.section() + make.interface() + b"".join(blocks))
    assert decoded(path.read_bytes()) == oracle_packets(str(path))
    reader, _ = read_all(path)
    assert (reader.format, reader.link_types, reader.notices) == ("pcapng", ["EN10MB"], [])


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.compress, lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:])]
)
def test_packed_captures_are_read_as_plain_ones(tmp_path: Path, pack: object) -> None:
    data = make.pcap(traffic(3000))
    plain, packed = tmp_path / "plain.pcap", tmp_path / "packed"
    plain.write_bytes(data)
    packed.write_bytes(pack(data))  # type: ignore[operator]
    one, counted = read_all(plain)
    other, counted_too = read_all(packed)
    assert counted == counted_too
    assert (one.packets, other.packets, other.notices) == (3000, 3000, [])


def test_standard_input(tmp_path: Path) -> None:
    code = (
        "from capture.engine.session import Engine\n"
        "from capture.wire.files.open_capture import open_capture\n"
        "with open_capture('-', Engine()) as reader: reader.run(); print(reader.packets, reader.bytes_total)"
    )
    data = make.pcap(traffic(3000))
    out = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert out.stdout.decode().split() == ["3000", "None"]


def test_a_cut_gzip_gives_what_came_before(tmp_path: Path) -> None:
    data = gzip.compress(make.pcap(traffic(500)))
    (tmp_path / "cut").write_bytes(data[: len(data) // 2])
    reader, _ = read_all(tmp_path / "cut")
    assert 0 < reader.packets < 500
    assert {notice.code for notice in reader.notices} == {"cut_short"}


def test_numbers_go_on_in_the_next_file(tmp_path: Path) -> None:
    engine = Engine()
    for before, name in ((0, "a"), (2, "b")):
        frames = [make.ethernet(make.ipv6(make.tcp(sport=before + 1)), 0x86DD), make.ethernet(b"arp", 0x0806)]
        (tmp_path / name).write_bytes(make.pcap(frames))
        with open_capture(str(tmp_path / name), engine, before) as reader:
            reader.run()
    assert engine.table().columns["first_number"].tolist() == [1, 3]
    assert len(engine.table().v6) == 2


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
        read_all(tmp_path / "x\x1b[31m")
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(("name", "why"), [("missing", "no such file"), (".", "directory"), ("a\0b", "zero byte")])
def test_what_cannot_be_opened(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(CaptureUnreadable, match=why):
        read_all(tmp_path / name)


def test_a_file_without_packets_is_a_capture(tmp_path: Path) -> None:
    (tmp_path / "none").write_bytes(make.pcap([]))
    reader, totals = read_all(tmp_path / "none")
    assert (reader.packets, totals.tcp_packets, reader.notices) == (0, 0, [])


def test_an_unknown_link_type_is_named(tmp_path: Path) -> None:
    (tmp_path / "usb").write_bytes(make.pcap([bytes(60)], link=147))
    reader, totals = read_all(tmp_path / "usb")
    assert (reader.packets, totals.tcp_packets) == (1, 0)
    assert [(notice.code, "USER0" in notice.text) for notice in reader.notices] == [("unsupported_link_type", True)]


def test_reading_a_pipe_that_is_no_file_object(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(make.pcap(traffic(10)))

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert read_all("-")[0].packets == 10


RECORD = 16 + len(make.ethernet(make.ipv4(make.tcp(payload=bytes(1200)))))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A pcap of several pieces."""
    path = tmp_path / "large.pcap"
    path.write_bytes(make.pcap([make.ethernet(make.ipv4(make.tcp(payload=bytes(1200))))] * (4 * PIECE // RECORD)))
    return path


@pytest.mark.parametrize("left", [0, 10, 24, PIECE + 5, 2 * PIECE + 777])
def test_a_file_cut_off_while_it_is_read(large: Path, left: int) -> None:
    with open_capture(str(large), Engine()) as reader:
        while not reader.packets:
            reader.step()
        seen = reader.packets
        os.truncate(large, left)
        reader.run()
    assert reader.packets == max(seen, (left - 24) // RECORD)
    assert [notice.code for notice in reader.notices] in ([], ["cut_short"])


def test_a_file_that_grows_meanwhile(large: Path) -> None:
    """The program that captures is in the middle of a packet; the rest comes while the file is read, and more."""
    whole = large.read_bytes()
    os.truncate(large, len(whole) - 600)
    with open_capture(str(large), Engine()) as reader:
        while not reader.packets:
            reader.step()
        with large.open("ab") as file:
            file.write(whole[-600:] + whole[-RECORD:] * 100)
        reader.run()
    assert reader.packets == (len(whole) - 24) // RECORD + 100
    assert reader.notices == []


def test_a_file_that_cannot_be_read_further(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that fails: here a folder stands where the file was, which read() refuses."""
    monkeypatch.setattr("capture.wire.files.open_capture.AT_ONCE", PIECE)
    with open_capture(str(large), Engine()) as reader:
        while reader.bytes_read <= 2 * PIECE:
            reader.step()
        folder = os.open(large.parent, os.O_RDONLY)
        os.dup2(folder, reader._source.fileno)  # type: ignore[attr-defined]
        os.close(folder)
        reader.run()
    assert 2 * PIECE // RECORD <= reader.packets < 4 * PIECE // RECORD
    assert "reading stopped: it is a directory" in [notice.text for notice in reader.notices]


def test_captures_one_behind_the_other_in_a_large_file(large: Path) -> None:
    """The second begins among bytes that the engine reads by itself."""
    one = large.read_bytes()
    large.write_bytes(one * 3)
    reader, totals = read_all(large)
    assert reader.packets == totals.packets == 3 * (len(one) // RECORD)
    engine = Engine()
    with open_capture(str(large), engine, apart=True) as first:
        first.run()
        assert first.packets == len(one) // RECORD
        second = first.following(engine)
        second.run()
        assert (second.begins, second.packets, second.another) == (len(one), len(one) // RECORD, True)


def test_a_packet_larger_than_a_piece() -> None:
    small = make.ethernet(make.ipv4(make.tcp(payload=bytes(1200))))
    read = read_segments(make.pcap([small, small[:-1200] + bytes(200_000), small]))
    assert read.column("number") == [1, 2, 3]


def test_captures_one_behind_the_other(tmp_path: Path) -> None:
    """`cat a.pcap b.pcapng c.pcap`."""
    first, third = make.pcap(traffic(3)), make.pcap(traffic(4), order=">")
    second = make.section() + make.interface(101) + make.enhanced(make.ipv4(make.tcp()), 1)
    (tmp_path / "three").write_bytes(first + second + third[:-3])
    reader, totals = read_all(tmp_path / "three")
    assert (reader.packets, totals.packets) == (7, 7)
    assert reader.link_types == ["EN10MB", "RAW"]
    assert [(notice.code, notice.packet) for notice in reader.notices] == [("cut_short", 8)]


def test_many_empty_captures_are_given_up(tmp_path: Path) -> None:
    (tmp_path / "many").write_bytes(make.pcap([]) * 100_000)
    reader, _ = read_all(tmp_path / "many")
    assert [notice.code for notice in reader.notices] == ["cut_short"]
