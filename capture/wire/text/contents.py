"""What a printed packet says of its payload: a TLS handshake, a goodbye, why its sender is about to close.

tcpdump names HTTP, Wireshark's Info names what its dissectors found. What is not named is unknown.
"""

from __future__ import annotations

import re

from capture.wire.headers.payload_kinds import ALERT_13, Content

_ROWS = (  # Wireshark's Info, after the protocol
    (re.compile(r"\bEncrypted Alert|\(Level: \w+, Description: Close Notify\)", re.IGNORECASE), Content.GOODBYE),
    (re.compile(r"\bAlert \(Level: Fatal", re.IGNORECASE), Content.PARTING),
    (re.compile(r"\b(?:Client Hello|Server Hello|Change Cipher Spec|Key Exchange|Certificate)\b"), Content.HANDSHAKE),
    (re.compile(r"\bApplication Data\b"), Content.TLS_DATA),
    (re.compile(r"\bGOAWAY\[|\bWebSocket Connection Close|^ *MQTT .*Disconnect Req"), Content.GOODBYE),
    (re.compile(r"^ *PGSQL .*>X(?:$|\s)|^ *MySQL .*Request Quit|^ *LDAP .*unbindRequest"), Content.GOODBYE),
    (re.compile(r"^ *HTTP .*\bHTTP/1\.[01] 408\b|^ *(?:SMTP|FTP) .*\bS?: ?(?:421|221)\b"), Content.PARTING),
    (re.compile(r"\bHTTP/1\.[01]\b|^ *HTTP "), Content.PLAIN),
)
_HTTP = re.compile(r": HTTP: (?:(?P<parting>HTTP/1\.[01] 408\b)|(?:HTTP/1\.|[A-Z]{3,10} ))")


def content_of_row(info: str) -> Content:
    """Of a row's protocol, length and Info: what it names first is what the payload begins with."""
    named = [(found.start(), content) for pattern, content in _ROWS if (found := pattern.search(info))]
    return min(named, key=lambda each: each[0], default=(0, Content.UNKNOWN))[1]


def of_length(content: Content, length: int) -> Content:
    """TLS 1.3 hides an alert among application data, but not its length."""
    return Content.GOODBYE if content == Content.TLS_DATA and length == ALERT_13 + 5 else content


def content_of_line(more: str) -> Content:
    """Of what tcpdump prints after a segment's length."""
    http = _HTTP.search(more)
    if http is None:
        return Content.UNKNOWN
    return Content.PARTING if http["parting"] else Content.PLAIN
