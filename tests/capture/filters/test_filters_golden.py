"""What each filter makes of its text, and all that it says of what it cannot understand, word by word.

filters_golden.txt holds it; `python -m tests.capture.filters.test_filters_golden` writes it anew: the diff shows what
changed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.filters import FilterError, complete, parse
from capture.model import Endpoint, TcpState
from tests.capture.filters.rows import Owner, Row, Verdicts, connections, flow_table
from tests.golden_files import held, hold

TOLD = Path(__file__).with_name("filters_golden.txt")
SOCKETS = [
    Row(),
    Row(state=TcpState.CLOSE_WAIT, age_s=30.0, recv_q=5000, retransmits=3, timer="keepalive", rtt_ms=None),
    Row(local=Endpoint("::", 443), remote=Endpoint("::", 0), state=TcpState.LISTEN, owners=(), uid=0),
    Row(local=Endpoint("fe80::1", 5000), remote=Endpoint("::ffff:10.1.2.3", 80), owners=(Owner(80, "my app"),)),
    Row(remote=Endpoint("127.0.0.1", 65_535), state=TcpState.SYN_SENT, age_s=0.5, send_q=1, timer="on"),
    Row(remote=Endpoint("10.200.200.200", 9), recv_q=40, send_q=2, owners=(Owner(81, "two", 4), Owner(82, "two", 5))),
]
TEXTS = [
    # numbers and their units
    "port:80", "port:8080", "port:80-443", "port:80..443", "port:>40000", "port:<=443", "port:=443", "port:http",
    "port:0", "port:65535", "port:65536", "port:1.5", "port:-1", "port:80-", "port:-", "port:nosuchservice",
    "port:8k", "port:>65535", "port:none", "port:443,80", "age:>30s", "age:>=30s", "age:<1m", "age:30", "age:=30",
    "age:0.5..12", "age:..12", "age:..", "age:12..", "age:soon", "age:none", "rtt:none", "rtt:>1ms", "recv-q:5k",
    "recv-q:>=5kb", "recv-q:4ki..5ki", "send-q:1", "retransmission:>2", "retransmission:3", "bytes:>1m",
    "bytes:2mb..3mb", "bytes:<1k", "packets:7", "packets:>7", "duration:>45s", "duration:45.5s..1h", "gap:none",
    "gap:500ms..1s", "pid:80", "pid:2105", "bytes:42", "bytes:38", "fd:3", "fd:5", "fd:none",
    # ends
    "peer:10.0.0.0/8", "peer:10.1.2.3", "peer:10.1.*", "peer:10.", "peer:10.1", "peer:10.1.2.3:80", "peer:*:80",
    "peer::80", "peer:[::1]:80", "peer:[::1", "peer:[::1]80", "peer:[fe80::1]", "peer:192.0.2.7:41000",
    "peer:300.1.1.1", "peer:10.0.0.0/33", "peer:10.0.0.1:x", "peer:2001:db8::/32", "local:10.0.0.5",
    "local:10.0.0.5:8080-8090", "local:fe80::1%eth0", "local:10.0.0.*", "local:10.0.0.5.", "local:10.0.0.5/24",
    "originator:192.0.2.7", "responder:10.0.0.5:443", "src:192.0.2.8", "peer:10.0.0.5,192.0.2.0/24", "peer:",
    # words and codes
    "state:close-wait", "state:CLOSE_WAIT", "state:established", "state:estab", "state:SF", "state:s0", "state:fin",
    "state:closing", "state:none", "state:*wait*", "state:rst?", "cause:aborted", "cause:refused*", "cause:nosuch",
    "cause:abort", "reset-by:middlebox", "reset-by:none", "closed-first:responder", "ended-by:rst", "ended-by:icmp",
    "certainty:likely,possible", "error:ECONNRESET", "error:econnreset", "error:none", "playbook:connection-reset",
    "playbook:none", "process:nginx", "process:NGI", "process:ngin*", "process:*app", "process:none",
    'process:"my app"', "timer:on", "timer:keep*", "timer:never", "netns:none", "tunnel:vxlan", "tunnel:none",
    "vlan:10", "vlan:1", "vlan:20", "vlan:none", "history:SF", "history:ShADad", "history:shadad", "handshake:yes",
    "handshake:no", "handshake:1", "handshake:maybe", "uid:33", "uid:0", "cookie:1f", "cookie:1",
    # several, negated, bare
    "port:8080 state:estab", "-port:8080", "!port:8080", "--port:80", "-", "!", "-!x", "port:8080 -peer:192.0.2.7",
    "nginx", "NGINX", '"nginx"', '"80"', "80", "443", "2105", "10.0.0.5", "10.0.0.5:8080", "10.0.0.0/24", "10.0.0",
    "::1", "2001:db8::1", "fe80::1", "abcd:1::", ":443", "*:443", "aborted", "abort", "refused",
    "REFUSED_BY_FIREWALL", "time", "established", "TIMEW", "1.2.3.4.5", "1.2.3.4/", "1.2.3.4:", "[::1", "close*",
    "192.0.2.7,192.0.2.8", "nginx,", ",x", "nginx,,x", 'a"b c"d', '"open', "x or y", "and", "||", "not x", "(x)",
    "port=80", "port>80", "age>30s", "port<=443", "nosuch=1", "prot:80", "sate:estab", "zzz:1", "x:y", "port:",
    "port:80,", "time:25:00", "time:10:40", "last:5s", "last:soon", "text:x", "",
]  # fmt: skip
CURSORS: list[tuple[str, int | None]] = [
    ("", 0), ("p", None), ("P", None), ("-p", None), ("!p", None), ("port:80 sta", None), ("port:80\tsta", None),
    ("state:", None), ("state:c", None), ("state:CLOSE_", None), ("state:close-wait", None),
    ("state:close-wait,c", None), ("state:close-wait,", None), ("-state:c", None), ("state:c age:>3s", 7),
    ("state:c age:>3s", 99), ("state:c age:>3s", -5), ("process:", None), ("process:m", None), ("process:a", None),
    ("nosuch:x", None), ("x", None), ("cli", None), ("retransmits:", None), ("remot", None), ("handshake:", None),
    ("close_", None),
]  # fmt: skip
VALUES = {"process": ["nginx", "my app", "a,b", "nginx"]}


def filtered(text: str) -> list[str]:
    """Which rows a filter lets through, by column and one by one, or what is said of it."""
    try:
        parsed = parse(text)
    except FilterError as error:
        return [f"to {error.end}: {error}"]
    one_by_one = [one.id for one in connections() if parsed.matches_connection(one)]
    assert parsed.select(flow_table(), Verdicts()).nonzero()[0].tolist() == one_by_one or "last:" in text  # type: ignore[arg-type]
    sockets = [number for number, row in enumerate(SOCKETS) if parsed.matches_socket(row)]  # type: ignore[arg-type]
    misplaced = [
        f"{kind}: {error.start}-{error.end} {error.message}"
        for kind in ("connection", "socket", "event", "line")
        for error in parsed.misplaced(kind)  # type: ignore[arg-type]
    ]
    return [f"connections {one_by_one} sockets {sockets}", *misplaced]


def completed(text: str, cursor: int | None) -> list[str]:
    """What is offered at a cursor."""
    found = complete(text, cursor, values=VALUES)
    few = complete(text, cursor, values=VALUES, kind="socket", most=3)
    return [
        ", ".join(f"{one.start}-{one.end} {one.insert}{' (' + one.help + ')' if one.help else ''}" for one in found)
        or "nothing",
        f"of sockets three: {', '.join(one.insert for one in few) or 'nothing'}",
    ]


ALL = {f"filter {text!r}": lambda text=text: filtered(text) for text in TEXTS} | {
    f"at {cursor} of {text!r}": lambda text=text, cursor=cursor: completed(text, cursor) for text, cursor in CURSORS
}


def told(name: str) -> list[str]:
    """What is told of a filter, or offered at a cursor."""
    return ALL[name]()


HELD = held(TOLD)


@pytest.mark.parametrize("name", ALL)
def test_what_is_told(name: str) -> None:
    assert told(name) == HELD.get(name)


def test_nothing_else_is_held() -> None:
    assert list(HELD) == list(ALL)


if __name__ == "__main__":
    hold(TOLD, ALL, told)
