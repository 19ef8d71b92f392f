"""What the first bytes of a payload say of its part in the talk: a TLS handshake, a goodbye, the reason for a close.

Only what decides between an end that cost something and one that did not: a goodbye waits for no answer and is none.
Most protocols that say goodbye do so in their first bytes: TLS's close_notify (RFC 5246 §7.2.1, RFC 8446 §6.1),
HTTP/2's GOAWAY (RFC 9113 §6.8), WebSocket's close (RFC 6455 §5.5.1), MQTT's DISCONNECT, AMQP 0-9-1's
connection.close-ok, PostgreSQL's Terminate and CancelRequest, MySQL's COM_QUIT, LDAP's unbind (RFC 4511 §4.3), QUIT of
SMTP, FTP, Redis and memcached. engine/payload_kinds.c tells them.
"""

from __future__ import annotations

from enum import IntEnum

ALERT_13 = 19  # bytes of a record that is an alert in TLS 1.3: level, description, type and tag


class Content(IntEnum):
    """What a payload begins with. 0 also for packets without payload."""

    UNKNOWN = 0  # too little of it was captured
    PLAIN = 1  # none of the following
    HANDSHAKE = 2  # a TLS handshake or change of cipher
    TLS_DATA = 3  # TLS application data
    GOODBYE = 4  # its sender leaves, or the protocol keeps house: it waits for no answer, and this is none
    PARTING = 5  # why its sender is about to close: an answer of a sort, and its last word
