"""Names of a pcapng's own blocks, in either byte order, packed or not, cut or damaged."""

from __future__ import annotations

import gzip
import random
import struct
from ipaddress import ip_address
from pathlib import Path

import pytest

from capture.naming.pcapng_names import names_in


def block(kind: int, body: bytes, order: str) -> bytes:
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def record(kind: int, value: bytes, order: str) -> bytes:
    return struct.pack(order + "HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def pcapng(order: str, *names: tuple[str, bytes]) -> bytes:
    section = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    interface = block(1, struct.pack(order + "HHI", 1, 0, 0), order)
    packet = block(6, struct.pack(order + "IIIII", 0, 0, 0, 2_000_000, 2_000_000) + b"x" * 2_000_000, order)
    records = b"".join(
        record(1 if ip_address(ip).version == 4 else 2, ip_address(ip).packed + name, order) for ip, name in names
    )
    return section + interface + packet + block(4, records + struct.pack(order + "HH", 0, 0), order)


NAMES = (("10.0.0.5", b"db.internal\0db2.internal\0"), ("2001:db8::5", b"cache\0"))
SAID = {"10.0.0.5": "db.internal", "2001:db8::5": "cache"}


@pytest.mark.parametrize("order", "<>")
def test_names_are_found_behind_packets(order: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(pcapng(order, *NAMES))
    assert names_in(str(path)) == SAID
    packed = tmp_path / "a.pcapng.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert names_in(str(packed)) == SAID


def test_sections_may_have_orders_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(pcapng("<", NAMES[0]) + pcapng(">", NAMES[1]))
    assert names_in(str(path)) == SAID


def test_other_files_and_damaged_ones_name_what_they_can(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in (b"", b"text", b"\xd4\xc3\xb2\xa1" + bytes(100), pcapng("<")[:30]):
        path.write_bytes(content)
        assert names_in(str(path)) == {}
    assert names_in(str(tmp_path / "none")) == {}
    whole = pcapng("<", *NAMES)
    random.seed(5)
    for _ in range(300):
        damaged = bytearray(whole[:60] + whole[-120:])
        damaged[random.randrange(len(damaged))] = random.randrange(256)
        path.write_bytes(damaged[: random.randrange(len(damaged))])
        names_in(str(path))
