"""What a line says of a payload."""

from __future__ import annotations

import pytest

from capture.wire.headers.payload_kinds import Content
from capture.wire.text.contents import content_of_line, content_of_row, of_length


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
