"""Payloads as programs send them, whole and cut, with the kernels and without: a goodbye is told from a request."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from capture import kernels
from capture.wire.content import FEWEST, Content
from tests.capture.wire import building as make

FATAL = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"
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
    "http/2 settings": (b"\x00\x00\x00\x04\x01\x00\x00\x00\x00", Content.PLAIN),
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
    "mysql ping": (b"\x01\0\0\0\x0e", Content.PLAIN),
    "mysql error": (b"\x09\0\0\x02\xff\x48\x04#08S01", Content.PARTING),
    "mqtt disconnect with a reason": (b"\xe0\x03\x8e\x01\x00", Content.GOODBYE),
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
    "mqtt disconnect": (b"\xe0\0", Content.GOODBYE),
    "four bytes": (b"ping", Content.PLAIN),
    "one byte of tls": (b"\x17", Content.PLAIN),
    "nothing": (b"", Content.UNKNOWN),
}


@pytest.fixture(params=["compiled", "numpy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the kernels, and without."""
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "KERNELS", None)
    elif kernels.KERNELS is None:
        pytest.skip("the kernels were not compiled")


def frames(bodies: list[bytes]) -> list[bytes]:
    return [make.ethernet(make.ipv4(make.tcp(seq=i * 1000) + body)) for i, body in enumerate(bodies)]


@pytest.mark.usefixtures("way")
def test_samples(tmp_path: Path) -> None:
    blocks, _ = make.read(make.pcap(frames([body for body, _ in SAMPLES.values()])), tmp_path)
    found = [Content(content).name for content in make.column(blocks, "content")]
    assert dict(zip(SAMPLES, found, strict=True)) == {name: content.name for name, (_, content) in SAMPLES.items()}


@pytest.mark.usefixtures("way")
def test_what_was_not_captured_is_unknown(tmp_path: Path) -> None:
    body = SAMPLES["tls 1.3 close_notify"][0]
    frame = frames([body])[0]
    header = len(frame) - len(body)
    for kept in range(len(body) + 1):
        data = bytearray(make.pcap([frame]))
        record = len(data) - len(frame) - 8
        data[record : record + 4] = (header + kept).to_bytes(4, "little")
        blocks, _ = make.read(bytes(data[: len(data) - len(body) + kept]), tmp_path)
        assert make.column(blocks, "payload") == [len(body)]
        assert make.column(blocks, "content") == [Content.GOODBYE if kept >= FEWEST else Content.UNKNOWN], kept


def test_the_loop_says_what_the_columns_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if kernels.KERNELS is None:
        pytest.skip("the kernels were not compiled")
    rng = np.random.default_rng(11)
    whole = [body for body, _ in SAMPLES.values() if len(body) >= FEWEST]
    bodies = []
    for _ in range(3000):
        body = bytearray(whole[int(rng.integers(len(whole)))][: int(rng.integers(0, 100))])
        for _ in range(int(rng.integers(3)) if body else 0):
            body[int(rng.integers(len(body)))] = int(rng.choice((0, 1, 3, 7, 0x13, 255)))
        bodies.append(bytes(body))
    data = make.pcap(frames(bodies))
    compiled = make.column(make.read(data, tmp_path)[0], "content")
    monkeypatch.setattr(kernels, "KERNELS", None)
    assert make.column(make.read(data, tmp_path)[0], "content") == compiled
    assert len(set(compiled)) == len(Content)
