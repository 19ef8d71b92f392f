"""Formats that are not read are named, with the command that makes a capture of them."""

from __future__ import annotations

import gzip
import io
import shutil
import struct
import subprocess
import tarfile
from pathlib import Path

import pytest

from capture.engine.session import Engine
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.files.open_capture import open_capture
from capture.wire.files.unread_formats import PREFIX, format_not_read
from tests.capture.wire import building as make

ERF = struct.pack("<II", 0x8000_0000, 1_700_000_000) + struct.pack(">BBHHH", 2, 4, 96, 0, 74) + bytes(2 + 78)
ETL = struct.pack("<IIII", 0x10000, 0x200, 0x200, 0) + bytes(0x38) + bytes([2, 0, 2, 0xC0]) + bytes(60)
PEEK = bytes([7, 0]) + struct.pack(">6I", 5000, 12, 0, 0, 0, 0) + bytes(100)


@pytest.mark.parametrize(
    ("data", "name", "command"),
    [
        (b"snoop\0\0\0\0\0\0\2\0\0\0\4" + bytes(100), "snoop", "editcap IN OUT.pcapng"),
        (ERF, "ERF", "editcap IN OUT.pcapng"),
        (b"XCP\x00002.002" + bytes(100), "NetXray", "editcap IN OUT.pcapng"),
        (b"iptrace 2.0" + bytes(100), "iptrace", "editcap IN OUT.pcapng"),
        (PEEK, "EtherPeek", "editcap IN OUT.pcapng"),
        (b"\x7fver" + bytes(100), "EtherPeek", "editcap IN OUT.pcapng"),
        (ETL, ".etl", "pktmon etl2pcap IN.etl --out OUT.pcapng"),
        (b"TRSNIFF data    \x1a" + bytes(100), "Sniffer", "editcap IN OUT.pcapng"),
        (b"0000   00 00 00 00 00 00 00 00 00 00 00 00 08 00 45 00   ..............E.\n", "packets", "text2pcap IN OUT"),
    ],
)
def test_one_line_with_the_command(tmp_path: Path, data: bytes, name: str, command: str) -> None:
    path = tmp_path / "given"
    path.write_bytes(data)
    with pytest.raises(CaptureUnreadable) as refused:
        open_capture(str(path), Engine())
    assert name in str(refused.value)
    assert command in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "writer",
    [["base64"], ["base64", "-w0"], ["xxd"], ["xxd", "-u"], ["xxd", "-p"], ["hexdump", "-C"], ["od", "-Ax", "-tx1"]],
    ids=" ".join,
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_command_for_a_capture_that_was_written_out(tmp_path: Path, writer: list[str], packed: bool) -> None:
    if not shutil.which(writer[0]) or not shutil.which("xxd"):
        pytest.skip(f"{writer[0]} or xxd is not installed")
    plain = make.pcap([make.ethernet(make.ipv4(make.tcp()))] * 3)
    data = gzip.compress(plain, mtime=0) if packed else plain
    (tmp_path / "IN").write_bytes(subprocess.run(writer, input=data, stdout=subprocess.PIPE, check=True).stdout)
    with pytest.raises(CaptureUnreadable) as refused:
        open_capture(str(tmp_path / "IN"), Engine())
    command = refused.value.hint.removeprefix("make it binary: ")
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "OUT.pcap").read_bytes() == data


@pytest.mark.parametrize("text", ["10:40:06.138992\u00a0IP\u00a010.0.0.1", "60090 2018-02-01 \u2192", "\ufeffNo. Time"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_no_text_is_taken_for_one(text: str, encoding: str) -> None:
    assert format_not_read(text.encode(encoding, "replace") * 20) is None


@pytest.mark.skipif(not shutil.which("editcap"), reason="editcap is not installed")
@pytest.mark.parametrize(
    ("form", "what"),
    [
        ("snoop", "snoop"),
        ("netmon1", "Network Monitor"),
        ("netmon2", "Network Monitor"),
        ("ngwsniffer_1_1", "NetXray"),
        ("ngwsniffer_2_0", "NetXray"),
        ("ngsniffer", "Sniffer"),
        ("nettl", "nettl"),
        ("lanalyzer", "LANalyzer"),
        ("niobserver", "Observer"),
        ("visual", "Visual Networks"),
        ("5views", "5View"),
        ("k12text", "K12"),
    ],
)
def test_what_wireshark_writes(tmp_path: Path, form: str, what: str) -> None:
    plain, other = tmp_path / "plain.pcap", tmp_path / "other"
    plain.write_bytes(make.pcap([make.ethernet(make.ipv4(make.tcp()))] * 3))
    subprocess.run(["editcap", "-F", form, plain, other], capture_output=True, check=False)
    if not other.exists() or not other.stat().st_size:
        pytest.skip(f"this editcap writes no {form}")
    told = format_not_read(other.read_bytes()[:PREFIX])
    assert told is not None
    assert what in told[0]
    assert "editcap" in told[1]


def test_a_tar_archive() -> None:
    room = io.BytesIO()
    with tarfile.open(fileobj=room, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.pcap"))
    told = format_not_read(room.getvalue()[:PREFIX])
    assert told is not None
    assert "tar" in told[0]
