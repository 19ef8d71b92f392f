"""Payloads as programs send them, whole and cut: a goodbye is told from a request."""

from __future__ import annotations

import pytest

from capture.engine.library import library
from capture.wire.headers.payload_kinds import Content

FEWEST = 5  # bytes captured of a payload without which nothing is said of it
FATAL = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\x06\x04\0\0\0\0\0" + b"\0\x03\0\0\0\x64"
PING = b"\0\0\x08\x06\0\0\0\0\0" + bytes(8)
WINDOW_UPDATE = b"\0\0\x04\x08\0\0\0\0\0" + bytes(4)
HEADERS = b"\0\0\x18\x01\x05\0\0\0\x01" + bytes(24)
SAMPLES = {
    # what a program sends, what that is
    "tls client hello": (b"\x16\x03\x01\x02\x00\x01" + bytes(511), Content.HANDSHAKE),
    "tls 1.3 finished": (b"\x14\x03\x03\x00\x01\x01" + b"\x17\x03\x03\x00\x35" + bytes(53), Content.HANDSHAKE),
    "tls 1.3 finished and a request": (
        b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x35" + bytes(53) + b"\x17\x03\x03\x00\x57" + bytes(87),
        Content.TLS_DATA,
    ),
    "tls data": (b"\x17\x03\x03\x00\x57" + bytes(87), Content.TLS_DATA),
    "tls 1.3 close_notify": (b"\x17\x03\x03\x00\x13" + bytes(19), Content.GOODBYE),
    "18 bytes of tls data": (b"\x17\x03\x03\x00\x12" + bytes(18), Content.TLS_DATA),
    "20 bytes of tls data": (b"\x17\x03\x03\x00\x14" + bytes(20), Content.TLS_DATA),
    "tls 1.3 close_notify after data": (b"\x17\x03\x03\x00\x57" + bytes(87 + 24), Content.TLS_DATA),
    "tls 1.2 close_notify, AES-GCM": (b"\x15\x03\x03\x00\x1a" + bytes(26), Content.GOODBYE),
    "tls close_notify in the clear": (b"\x15\x03\x03\x00\x02\x01\x00", Content.GOODBYE),
    "tls fatal alert in the clear": (b"\x15\x03\x03\x00\x02\x02\x30", Content.PARTING),
    "the largest alert": (b"\x15\x03\x03\x00\x50" + bytes(80), Content.GOODBYE),
    "no alert is so large": (b"\x15\x03\x03\x00\x51" + bytes(81), Content.PLAIN),
    "an alert and more": (b"\x15\x03\x03\x00\x1a" + bytes(30), Content.PLAIN),
    "no version of tls": (b"\x17\x03\x05\x00\x13" + bytes(19), Content.PLAIN),
    "http/2 goaway": (b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8), Content.GOODBYE),
    "http/2 goaway of a stream": (b"\x00\x00\x08\x07\x00\x00\x00\x00\x01" + bytes(8), Content.PLAIN),
    "http/2 settings": (b"\x00\x00\x00\x04\x01\x00\x00\x00\x00", Content.GOODBYE),
    "http/2 settings of no such size": (b"\x00\x00\x05\x04\x00\x00\x00\x00\x00" + bytes(5), Content.PLAIN),
    "http/2 window update": (b"\x00\x00\x04\x08\x00\x00\x00\x00\x01" + bytes(4), Content.GOODBYE),
    "http/2 ping": (b"\x00\x00\x08\x06\x01\x00\x00\x00\x00" + bytes(8), Content.GOODBYE),
    "http/2 headers": (b"\x00\x00\x04\x01\x05\x00\x00\x00\x01" + bytes(4), Content.PLAIN),
    "http/2 ping and settings": (PING + SETTINGS, Content.GOODBYE),
    "http/2 ping and a request": (PING + HEADERS, Content.PLAIN),
    "http/2 preface": (PREFACE + SETTINGS + WINDOW_UPDATE, Content.GOODBYE),
    "http/2 preface and a request": (PREFACE + SETTINGS + HEADERS, Content.PLAIN),
    "http/2 preface alone": (PREFACE, Content.GOODBYE),
    "half of a ping after another": (PING + PING[:12], Content.PLAIN),
    "websocket pong": (b"\x8a\x80" + bytes(4), Content.GOODBYE),
    "amqp heartbeat": (b"\x08\0\0\0\0\0\0\xce", Content.GOODBYE),
    "websocket close by a client": (b"\x88\x82" + bytes(4) + b"\x03\xe8", Content.GOODBYE),
    "websocket close by a server": (b"\x88\x03\x03\xe8x", Content.GOODBYE),
    "postgres terminate": (b"X\0\0\0\x04", Content.GOODBYE),
    "postgres cancel request": (b"\0\0\0\x10\x04\xd2\x16\x2e" + bytes(8), Content.GOODBYE),
    "postgres ssl request": (b"\0\0\0\x08\x04\xd2\x16\x2f", Content.PLAIN),
    "postgres query": (b"Q\0\0\0\x0dSELECT 1\0", Content.PLAIN),
    "postgres fatal": (b"E" + (4 + len(FATAL)).to_bytes(4, "big") + FATAL, Content.PARTING),
    "postgres error": (b"E\0\0\0\x20SERROR\0VERROR\0" + bytes(20), Content.PLAIN),
    "ldap unbind": (b"0\x05\x02\x01\x07B\0", Content.GOODBYE),
    "ldap unbind with a longer number": (b"0\x07\x02\x03\x01\0\x07B\0", Content.GOODBYE),
    "ldap search": (b"0\x05\x02\x01\x07c\0", Content.PLAIN),
    "mysql quit": (b"\x01\0\0\0\x01", Content.GOODBYE),
    "rsync's last message": (b"\x01\0\0\x07\0", Content.GOODBYE),
    "rsync's data": (b"\x01\0\0\x07\x01", Content.PLAIN),
    "rsync's error": (b"\x01\0\0\x08\0", Content.PLAIN),
    "mysql ping": (b"\x01\0\0\0\x0e", Content.PLAIN),
    "mysql error": (b"\x09\0\0\x02\xff\x48\x04#08S01", Content.PARTING),
    "mqtt disconnect with a reason": (b"\xe0\x03\x8e\x01\x00", Content.GOODBYE),
    "amqp heartbeat of a channel": (b"\x08\x01\0\0\0\0\0\xce", Content.PLAIN),
    "postgresql warning, alone": (b"N\0\0\0\x0fSWARNING\0\0\0", Content.PARTING),
    "postgresql warning, and more": (b"N\0\0\0\x0dSWARNING\0\0\0", Content.PLAIN),
    "postgresql notice": (b"N\0\0\0\x0fSNOTICE\0\0\0\0", Content.PLAIN),
    "amqp close": (b"\x01\0\0\0\0\0\x07\0\x0a\0\x32abc\xce", Content.PARTING),
    "amqp close-ok": (b"\x01\0\0\0\0\0\x04\0\x0a\0\x33\xce", Content.GOODBYE),
    "quit": (b"QUIT\r\n", Content.GOODBYE),
    "quit in small letters": (b"quit\r\n", Content.GOODBYE),
    "quitting is no quit": (b"QUIT your whining, please", Content.PLAIN),
    "redis quit": (b"*1\r\n$4\r\nQUIT\r\n", Content.GOODBYE),
    "redis ping": (b"*1\r\n$4\r\nPING\r\n", Content.PLAIN),
    "redis error": (b"-ERR max number of clients reached\r\n", Content.PARTING),
    "redis moved": (b"-MOVED 1 10.0.0.1:6379\r\n", Content.PLAIN),
    "smtp closing": (b"421 4.4.2 timeout\r\n", Content.PARTING),
    "smtp bye": (b"221-2.0.0 Bye\r\n", Content.PARTING),
    "smtp ok": (b"250 2.0.0 Ok\r\n", Content.PLAIN),
    "a number": (b"42100 of them", Content.PLAIN),
    "imap bye": (b"* BYE idle too long\r\n", Content.PARTING),
    "http time-out": (b"HTTP/1.0 408 Request Time-out\r\n\r\n", Content.PARTING),
    "http ok": (b"HTTP/1.1 200 OK\r\n\r\n", Content.PLAIN),
    "http request": (b"GET / HTTP/1.1\r\n\r\n", Content.PLAIN),
    "proxy line": (b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 80\r\n", Content.GOODBYE),
    "proxy line and a request": (b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 80\r\nGET / HTTP/1.1\r\n\r\n", Content.PLAIN),
    "proxy header": (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\x03abc", Content.GOODBYE),
    "proxy header and more": (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\x03abcd", Content.PLAIN),
    "mqtt disconnect": (b"\xe0\0", Content.GOODBYE),
    "four bytes": (b"ping", Content.PLAIN),
    "one byte of tls": (b"\x17", Content.PLAIN),
    "nothing": (b"", Content.UNKNOWN),
}


def content_of(body: bytes, size: int | None = None) -> Content:
    """What the engine says of a payload of which these bytes were captured."""
    return Content(library().call.content_of(body, len(body), len(body) if size is None else size))


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(name: str) -> None:
    body, wanted = SAMPLES[name]
    assert content_of(body).name == wanted.name


def test_what_was_not_captured_is_unknown() -> None:
    body, _ = SAMPLES["tls 1.3 close_notify"]
    for kept in range(len(body)):
        found = content_of(body[:kept], len(body))
        assert found == (Content.GOODBYE if kept >= FEWEST else Content.UNKNOWN), kept


@pytest.mark.parametrize(
    ("payload", "captured", "content"),
    [
        (PREFACE + SETTINGS + WINDOW_UPDATE + bytes(100), 30, Content.PLAIN),  # a request may be with it
        (PREFACE + SETTINGS + WINDOW_UPDATE, 30, Content.GOODBYE),
        (PREFACE + bytes(76), 30, Content.GOODBYE),
        (PREFACE + bytes(77), 30, Content.PLAIN),
        (PING + PING, 20, Content.GOODBYE),
        (PING + bytes(26), 20, Content.GOODBYE),
        (PING + bytes(27), 20, Content.PLAIN),
        (HEADERS, 20, Content.PLAIN),
    ],
)
def test_frames_that_were_cut_off_leave_room_for_a_request_or_not(
    payload: bytes, captured: int, content: Content
) -> None:
    assert content_of(payload[:captured], len(payload)) == content
