"""What a line says of a payload."""

from __future__ import annotations

import pytest

from capture.wire.headers.payload_kinds import Content
from capture.wire.text.contents import content_of_line, content_of_row, of_length
from tests.capture.wire.text.reading import read


@pytest.mark.parametrize(
    ("told", "content"),
    [
        ("TLSv1.2 97 Encrypted Alert", Content.GOODBYE),
        ("TLSv1.2 97 Application Data, Encrypted Alert", Content.TLS_DATA),
        ("TLSv1.3 583 Client Hello (SNI=example.net)", Content.HANDSHAKE),
        ("TLSv1.3 130 Change Cipher Spec, Application Data", Content.HANDSHAKE),
        ("TLSv1.2 73 Alert (Level: Fatal, Description: Handshake Failure)", Content.PARTING),
        ("HTTP 722 POST /path HTTP/1.1  (application/json)", Content.PLAIN),
        ("HTTP 200 HTTP/1.1 408 Request Timeout", Content.PARTING),
        ("PGSQL 71 >X", Content.GOODBYE),
        ("MySQL 71 Request Quit", Content.GOODBYE),
        ("TCP 66 50000 > 80 [ACK] Seq=1", Content.UNKNOWN),
    ],
)
def test_rows(told: str, content: Content) -> None:
    assert content_of_row(told) == content


def test_an_alert_of_tls_1_3_is_told_by_its_length() -> None:
    assert of_length(Content.TLS_DATA, 24) == Content.GOODBYE
    assert of_length(Content.TLS_DATA, 25) == Content.TLS_DATA


def test_lines_of_tcpdump() -> None:
    assert content_of_line(", length 79: HTTP: GET / HTTP/1.1") == Content.PLAIN
    assert content_of_line(", length 79: HTTP: HTTP/1.1 408 Request Timeout") == Content.PARTING
    assert content_of_line(", length 79") == Content.UNKNOWN


@pytest.mark.parametrize(
    ("payload", "length", "content"),
    [
        (b"hello world", 11, Content.PLAIN),
        (b"QUIT\r\n", 6, Content.GOODBYE),
        (b"\x17\x03\x03\x01\x00" + b"x" * 27, 261, Content.TLS_DATA),
    ],
)
def test_data_in_hexadecimal(payload: bytes, length: int, content: Content) -> None:
    """tshark -V prints what no protocol was found in, as far as a line goes."""
    more = "" if len(payload) == length else "…"
    (one,), _ = read(
        "Frame 6: 77 bytes on wire (616 bits), 77 bytes captured (616 bits)\n"
        "Internet Protocol Version 4, Src: 10.28.0.1, Dst: 10.28.0.2\n"
        f"Transmission Control Protocol, Src Port: 53254, Dst Port: 8205, Seq: 1, Ack: 1, Len: {length}\n"
        f"    Flags: 0x018 (PSH, ACK)\n    TCP payload ({length} bytes)\nData ({length} bytes)\n"
        f"    Data: {payload.hex()}{more}\n    [Length: {length}]\n"
    )
    assert (one.length, one.content) == (length, content)
