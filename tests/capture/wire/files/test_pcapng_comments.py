"""Comments and names in a pcapng are told, a few of each, and can do no harm."""

from __future__ import annotations

import io
import struct
from ipaddress import ip_address
from pathlib import Path

import pytest

from capture.decode import FilePart
from capture.packet_layers import full_packet
from capture.report.formats import write_report
from capture.triage import triage
from tests.capture.engine.segments import read_segments
from tests.capture.wire import building as make

MOST_NOTICED = 8  # of pcapng_comments.c
FRAME = make.ethernet(make.ipv4(make.tcp(payload=b"hello")))


def commented(*texts: bytes, order: str = "<", frame: bytes = FRAME) -> bytes:
    """An enhanced packet block with comments."""
    head = struct.pack(order + "IIIII", 0, 0, 0, len(frame), len(frame))
    options = b"".join(make.option(1, text, order) for text in texts) + bytes(4)
    return make.block(6, head + frame + bytes(-len(frame) % 4) + options, order)


def names(order: str, *records: tuple[str, bytes]) -> bytes:
    """A name resolution block."""
    made = [
        make.option(1 if "." in text else 2, ip_address(text).packed + name + b"\0", order) for text, name in records
    ]
    return make.block(4, b"".join(made) + bytes(4), order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_comments_and_names_become_notices(order: str) -> None:
    data = make.section(order) + make.interface(order=order) + make.enhanced(FRAME, 1, order=order)
    data += names(order, ("10.0.0.1", b"web"), ("2001:db8::1", b"db\x1b[31m"))
    data += commented(b"look \x1b[2J here", "späť".encode(), order=order)
    read = read_segments(data)
    assert [(notice.code, notice.packet, notice.text) for notice in read.notices] == [
        ("resolved_names", None, "the capture names addresses: 10.0.0.1 web, 2001:db8::1 db\\e[31m"),
        ("comment", 2, '"look \\e[2J here"'),
        ("comment", 2, '"späť"'),
    ]


def test_a_packet_in_full_shows_its_comments(tmp_path: Path) -> None:
    before = make.section() + make.interface()
    (tmp_path / "made").write_bytes(before + commented(b"seen at noon"))
    assert "comment: seen at noon" in full_packet(FilePart(str(tmp_path / "made"), 1), len(before), 1).layers[0].lines


def test_a_section_may_have_a_comment() -> None:
    head = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + make.option(1, b"of the night") + bytes(4)
    read = read_segments(make.block(0x0A0D0D0A, head) + make.interface() + make.enhanced(FRAME, 1))
    assert [notice.text for notice in read.notices] == ['"of the night"']


def test_few_of_many_are_told() -> None:
    data = make.section() + make.interface() + commented(b"again") * 500 + names("<", ("10.0.0.1", b"web")) * 500
    read = read_segments(data)
    assert len(read) == 500
    assert len(read.notices) == 2 * MOST_NOTICED + 1


def test_an_anonymized_report_has_none_of_them(tmp_path: Path) -> None:
    path = tmp_path / "made"
    path.write_bytes(make.section() + make.interface() + commented(b"secret") + names("<", ("10.0.0.1", b"secret")))
    for anonymize, count in ((None, 2), (str, 0)):
        written = io.BytesIO()
        write_report(triage([str(path)]), "json", written, anonymize=anonymize)
        assert written.getvalue().count(b"secret") == count
