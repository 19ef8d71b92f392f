"""What the first bytes of a payload say of its part in the talk: a TLS handshake, a goodbye, the reason for a close.

Only what decides between an end that cost something and one that did not: a goodbye waits for no answer and is none.
Most protocols that say goodbye do so in their first bytes: TLS's close_notify (RFC 5246 §7.2.1, RFC 8446 §6.1),
HTTP/2's GOAWAY (RFC 9113 §6.8), WebSocket's close (RFC 6455 §5.5.1), MQTT's DISCONNECT, AMQP 0-9-1's
connection.close-ok, PostgreSQL's Terminate and CancelRequest, MySQL's COM_QUIT, LDAP's unbind (RFC 4511 §4.3), QUIT of
SMTP, FTP, Redis and memcached.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from capture.wire.columns import I32, I64, U8
    from capture.wire.front import Bytes

FEWEST = 5  # bytes captured of a longer payload without which nothing is said of it
LOOKED_AT = 12  # bytes of it that may be looked at; they count as 0 where they were not captured
LONGEST_ALERT = 80  # bytes of an encrypted TLS alert: 26 with AES-GCM, 18 with ChaCha20, up to 64 with CBC
ALERT_13 = 19  # bytes of a record that is an alert in TLS 1.3: level, description, type and tag
CANCEL = 80877102  # PostgreSQL's CancelRequest
MOST_QUIT = 14  # bytes of a line, or of a RESP array, that says QUIT


class Content(IntEnum):
    """What a payload begins with. 0 also for packets without payload."""

    UNKNOWN = 0  # too little of it was captured
    PLAIN = 1  # none of the following
    HANDSHAKE = 2  # a TLS handshake or change of cipher
    TLS_DATA = 3  # TLS application data
    GOODBYE = 4  # its sender leaves: it waits for no answer, and this is no answer
    PARTING = 5  # why its sender is about to close: an answer of a sort, and its last word


class _Head:
    """The first bytes of n payloads as columns."""

    def __init__(self, raw: Bytes, at: I64, have: I64) -> None:
        self._raw, self._at, self._have = raw, at, have

    def u8(self, by: int) -> I64:
        there = self._at + np.minimum(by, self._have - 1)
        return np.where(self._have > by, self._raw.u8(there), 0).astype(np.int64)

    def number(self, by: int, size: int) -> I64:
        value = self.u8(by)
        for step in range(1, size):
            value = value << 8 | self.u8(by + step)
        return value

    def says(self, by: int, text: bytes) -> np.ndarray:
        """Whether the text stands there; upper and lower case are the same."""
        found = np.ones(len(self._at), np.bool_)
        for step, byte in enumerate(text):
            here = self.u8(by + step)
            found &= (here == byte) | (here == byte + 32 if 65 <= byte <= 90 else False)
        return found


def content_of(raw: Bytes, at: I64, captured: I64, payload: I32) -> U8:
    """The Content of n payloads that begin at `at`; of those cut to fewer than FEWEST bytes nothing is known."""
    out = np.zeros(len(at), np.uint8)
    have = np.minimum(captured - at, payload)
    rows = np.flatnonzero((have >= FEWEST) | ((have == payload) & (have > 0)))
    if not len(rows):
        return out
    begins = raw.u8(at[rows])
    out[rows] = Content.PLAIN
    for first, judge in _BY_FIRST_BYTE.items():
        chosen = rows[begins == first]
        if len(chosen):
            out[chosen] = judge(_Head(raw, at[chosen], have[chosen]), payload[chosen].astype(np.int64))
    others = rows[~_KNOWN_FIRST[begins]]
    if len(others):
        here = _Head(raw, at[others], have[others])
        out[others] = _lengths_first(here, payload[others].astype(np.int64))
    return out


def _handshake(head: _Head, size: I64) -> U8:
    """A handshake; but where TLS 1.3's Finished follows the change of cipher, and more follows that, a request."""
    finished = (head.u8(0) == 20) & (head.number(3, 2) == 1) & (head.u8(6) == 23)
    more = finished & (head.number(9, 2) + 11 < size)
    found = np.where(more, Content.TLS_DATA, Content.HANDSHAKE)
    return np.where(_tls(head), found, _lengths_first(head, size)).astype(np.uint8)


def _alert(head: _Head, size: I64) -> U8:
    length = head.number(3, 2)
    closing = (length + 5 == size) & (length >= 2) & (length <= LONGEST_ALERT)
    fatal = (length == 2) & (head.u8(5) == 2)  # in the clear: it says what went wrong
    found = np.where(fatal, Content.PARTING, np.where(closing, Content.GOODBYE, Content.PLAIN))
    return np.where(_tls(head), found, _lengths_first(head, size)).astype(np.uint8)


def _application_data(head: _Head, size: I64) -> U8:
    alert = (head.number(3, 2) == ALERT_13) & (size == ALERT_13 + 5)
    found = np.where(alert, Content.GOODBYE, Content.TLS_DATA)
    return np.where(_tls(head), found, _lengths_first(head, size)).astype(np.uint8)


def _tls(head: _Head) -> np.ndarray:
    found: np.ndarray = (head.u8(1) == 3) & (head.u8(2) <= 4)
    return found


def _goodbye(found: np.ndarray, head: _Head, size: I64) -> U8:
    return np.where(found, Content.GOODBYE, _lengths_first(head, size)).astype(np.uint8)


def _parting(found: np.ndarray) -> U8:
    return np.where(found, Content.PARTING, Content.PLAIN).astype(np.uint8)


def _quit(head: _Head, size: I64) -> U8:
    return _goodbye(head.says(0, b"QUIT") & (size <= MOST_QUIT), head, size)


def _resp_quit(head: _Head, size: I64) -> U8:
    bye = head.says(0, b"* BYE")  # IMAP
    quits = head.says(0, b"*1\r\n$4\r\nQUIT") & (size <= MOST_QUIT)
    return np.where(bye, Content.PARTING, _goodbye(quits, head, size)).astype(np.uint8)


def _terminate(head: _Head, size: I64) -> U8:
    return _goodbye((size == 5) & (head.number(1, 4) == 4), head, size)


def _one(head: _Head, size: I64) -> U8:
    """MySQL's COM_QUIT; AMQP's method frames on channel 0, whose class and method stand at 7."""
    method = head.number(7, 4)
    amqp = (head.number(1, 2) == 0) & (head.number(3, 4) + 8 == size)
    leaving = ((size == 5) & (head.number(1, 4) == 1)) | (amqp & (method == 0x000A0033))
    closing = amqp & (method == 0x000A0032)
    return np.where(closing, Content.PARTING, _goodbye(leaving, head, size)).astype(np.uint8)


def _disconnect(head: _Head, size: I64) -> U8:
    return _goodbye(head.u8(1) + 2 == size, head, size)


def _close_frame(head: _Head, size: I64) -> U8:
    length = head.u8(1)
    return _goodbye((length & 127) + np.where(length >= 128, 6, 2) == size, head, size)


def _unbind(head: _Head, size: I64) -> U8:
    """A message of a number and an empty [APPLICATION 2]; numbers of one to four bytes."""
    number = head.u8(3)
    empty = (head.u8(2) == 2) & (number <= 4) & (head.u8(1) == number + 4) & (size == number + 6)
    ends = np.zeros(len(size), np.bool_)
    for wide in range(1, 5):
        ends |= (number == wide) & (head.number(4 + wide, 2) == 0x4200)
    return _goodbye(empty & ends, head, size)


def _reply(head: _Head, size: I64) -> U8:
    """SMTP, FTP and their like: service closing, closing connection."""
    return _parting((head.says(0, b"421") | head.says(0, b"221")) & ((head.u8(3) == 32) | (head.u8(3) == 45)))


def _redis_error(head: _Head, size: I64) -> U8:
    return _parting(head.says(0, b"-ERR "))


def _http(head: _Head, size: I64) -> U8:
    return _parting(head.says(0, b"HTTP/1.") & head.says(9, b"408"))


def _postgres_error(head: _Head, size: I64) -> U8:
    return _parting((head.number(1, 4) < size) & (head.says(5, b"SFATAL") | head.says(5, b"SPANIC")))


def _lengths_first(head: _Head, size: I64) -> U8:
    """Protocols whose messages begin with their length: MySQL's error, HTTP/2's GOAWAY, PostgreSQL's CancelRequest."""
    goaway = (head.number(0, 3) + 9 == size) & (head.number(3, 2) == 0x0700) & (head.number(5, 4) == 0)
    cancel = (head.number(0, 4) == size) & (head.number(4, 4) == CANCEL)
    little = head.u8(0) | head.u8(1) << 8 | head.u8(2) << 16
    error = (little + 4 == size) & (head.u8(4) == 0xFF)
    found = np.where(goaway | cancel, Content.GOODBYE, np.where(error, Content.PARTING, Content.PLAIN))
    return found.astype(np.uint8)


_BY_FIRST_BYTE = {
    0x01: _one,
    20: _handshake,
    21: _alert,
    22: _handshake,
    23: _application_data,
    ord("*"): _resp_quit,
    ord("-"): _redis_error,
    ord("2"): _reply,
    ord("4"): _reply,
    ord("E"): _postgres_error,
    ord("H"): _http,
    ord("Q"): _quit,
    ord("X"): _terminate,
    ord("q"): _quit,
    ord("0"): _unbind,
    0x88: _close_frame,
    0xE0: _disconnect,
}
_KNOWN_FIRST = np.zeros(256, np.bool_)
_KNOWN_FIRST[list(_BY_FIRST_BYTE)] = True
