from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from capture.filters import parse
from capture.model import Endpoint, TcpState
from tests.capture.filters.rows import Owner, Row, Verdicts, connections, flow_table

EXAMPLE = (
    "state:close-wait port:8080 peer:10.0.0.0/8 pid:2105 process:nginx "
    "cause:aborted reset-by:responder age:>30s bytes:<100"
)

CONNECTIONS = [
    ("", [0, 1, 2, 3, 4]),
    ("port:8080", [0, 1]),
    ("port:41000", [0]),
    ("port:443,80", [2, 3, 4]),
    ("-port:443,80", [0, 1]),
    ("port:40000-41000", [0]),
    ("port:>50000", [4]),
    ("port:https", [2, 4]),
    ("peer:10.0.0.0/8", [0, 1, 3, 4]),
    ("peer:10.0.0.5", [0, 1, 4]),
    ("peer:10.0.0.5:443", [4]),
    ("peer:2001:db8::/48", [2]),
    ("peer:[2001:db8:1::2]:5432", [2]),
    ("peer:172.16.*", [3]),
    ("peer:192.0.2.", [0, 1]),
    ("originator:10.0.0.0/24", [3, 4]),
    ("responder::8080", [0, 1]),
    ("cause:aborted", [1]),
    ("cause:refused", [4]),
    ("cause:refused*", [2, 4]),
    ("cause:Middlebox-Reset,aborted", [1, 3]),
    ("reset-by:responder", [1]),
    ("reset-by:responder,middlebox", [1, 3]),
    ("reset-by:none", [0, 2, 4]),
    ("closed-first:originator", [0]),
    ("ended-by:icmp", [2]),
    ("certainty:likely,possible", [2, 3]),
    ("error:ECONNRESET", [1]),
    ("playbook:connection-reset", [1]),
    ("conn-state:RSTR,S0", [1, 2]),
    ("conn_state:sf", [0, 4]),
    ("state:RSTO", [3]),
    ("history:Ff", [0, 2, 3, 4]),
    ("handshake:no", [2]),
    ("vlan:20", [2]),
    ("vlan:2", []),
    ("tunnel:vxlan", [3]),
    ("age:>30s", [1]),
    ("age:<500ms", [2]),
    ("age:1s..46s", [0, 1, 3, 4]),
    ("bytes:<100", [1]),
    ("bytes:>1M", [3]),
    ("bytes:1.1k", [0, 2, 4]),
    ("bytes:>=2000003", [3]),
    ("packets:7", [0, 1, 2, 3, 4]),
    ("rtt:>1ms", [0, 1, 3, 4]),
    ("rtt:none", [2]),
    ("gap:>=500ms", [0, 1, 3, 4]),
    ("retransmission:>0", [1, 3]),
    ("retransmission:2", [1]),
    ("id:1..2", [1, 2]),
    # bare words
    ("10.0.0.5", [0, 1, 4]),
    ("10.0.0.50", [3]),
    ("10.0.0.5:8080", [0, 1]),
    ("[2001:db8::1]:443", [2]),
    ("2001:DB8:0::1", [2]),
    ("10.0.0.0/8", [0, 1, 3, 4]),
    ("192.0.2.", [0, 1]),
    ("8080", [0, 1]),
    ("aborted", [1]),
    ("refused", [4]),
    ("firewall", [2]),
    ("RSTR", [1]),
    ("icmp", [2]),
    ("vxlan", [3]),
    ("reset", [1, 3]),
    ("-aborted 10.0.0.5", [0, 4]),
    ("10.0.0.6,172.16.9.1", [3, 4]),
    ("nobody", []),
    ('"10.0"', []),
    # both
    ("port:8080 cause:aborted bytes:<100 age:>30s", [1]),
    ("port:8080 -cause:aborted", [0]),
    ("  port:8080\t-cause:aborted ", [0]),
    # what a capture knows nothing of matches nothing
    ("pid:2105", []),
    ("process:nginx", []),
    ("state:close-wait", []),
    (EXAMPLE, []),
]


@pytest.mark.parametrize(("text", "expected"), CONNECTIONS, ids=[text for text, _ in CONNECTIONS])
def test_connections_match_one_by_one_and_as_columns(text: str, expected: list[int]) -> None:
    parsed = parse(text)
    assert [c.id for c in connections() if parsed.matches_connection(c)] == expected
    assert parsed.select(flow_table(), Verdicts()).nonzero()[0].tolist() == expected


CLOSE_WAIT = Row(state=TcpState.CLOSE_WAIT, age_s=31.0, recv_q=1, remote=Endpoint("10.9.9.9", 5000))

SOCKETS = [
    ("state:close-wait", CLOSE_WAIT, True),
    ("state:CLOSE_WAIT", CLOSE_WAIT, True),
    ("state:closewait,estab", CLOSE_WAIT, True),
    ("-state:close-wait", CLOSE_WAIT, False),
    ("state:established", Row(), True),
    ("state:SYN-RECEIVED", Row(state=TcpState.SYN_RECEIVED), True),
    ("state:fin-wait-2", Row(state=TcpState.FIN_WAIT_2), True),
    ("state:*wait*", Row(state=TcpState.TIME_WAIT), True),
    ("state:listening", Row(state=TcpState.LISTEN), True),
    ("port:8080", CLOSE_WAIT, True),
    ("port:5000", CLOSE_WAIT, True),
    ("port:80", CLOSE_WAIT, False),
    ("peer:10.0.0.0/8", CLOSE_WAIT, True),
    ("peer:10.0.0.5", CLOSE_WAIT, False),
    ("local:10.0.0.5", CLOSE_WAIT, True),
    ("local:*:8080", CLOSE_WAIT, True),
    ("pid:2105", CLOSE_WAIT, True),
    ("pid:2105,1", CLOSE_WAIT, True),
    ("pid:210", CLOSE_WAIT, False),
    ("process:nginx", CLOSE_WAIT, True),
    ("process:NGI", CLOSE_WAIT, True),
    ("process:ng*x", CLOSE_WAIT, True),
    ("process:gin*", CLOSE_WAIT, False),
    ('process:"my app"', Row(owners=(Owner(1, "my app"),)), True),
    ("process:none", Row(owners=()), True),
    ("process:worker", Row(owners=(Owner(1, "master"), Owner(2, "worker"))), True),
    ("age:>30s", CLOSE_WAIT, True),
    ("age:>31s", CLOSE_WAIT, False),
    ("age:>=31", CLOSE_WAIT, True),
    ("age:<1m", CLOSE_WAIT, True),
    ("age:>0.5h", CLOSE_WAIT, False),
    ("bytes:1", CLOSE_WAIT, True),
    ("bytes:<100", Row(state=TcpState.LISTEN, recv_q=5, send_q=128), False),
    ("recv-q:5 send-q:>100", Row(state=TcpState.LISTEN, recv_q=5, send_q=128), True),
    ("uid:33", Row(), True),
    ("timer:persist", Row(timer="persist"), True),
    ("timer:none", Row(), True),
    ("rtt:>1ms", Row(), True),
    ("rtt:>1ms", Row(rtt_ms=None), False),
    ("retransmits:>0", Row(retransmits=2), True),
    ("netns:web", Row(netns="4026532 web"), True),
    ("netns:none", Row(), True),
    ("cookie:0x1F", Row(), True),
    ("nginx", Row(), True),
    ("2105", Row(), True),
    ("10.0.0.5", Row(), True),
    ("192.0.2.7", Row(), True),
    ("192.0.2", Row(), False),
    ("close-wait", CLOSE_WAIT, True),
    ("established", Row(), True),
    ("cause:aborted", Row(), False),
    (EXAMPLE, CLOSE_WAIT, False),
    (EXAMPLE.replace("cause:aborted reset-by:responder ", ""), CLOSE_WAIT, True),
]


@pytest.mark.parametrize(("text", "row", "expected"), SOCKETS, ids=[f"{t}-{i}" for i, (t, _, _) in enumerate(SOCKETS)])
def test_sockets_match(text: str, row: Row, expected: bool) -> None:
    assert parse(text).matches_socket(row) is expected


def test_an_ipv4_peer_of_a_dual_stack_socket_is_found() -> None:
    row = replace(Row(), remote=Endpoint("::ffff:192.0.2.9", 1))
    assert parse("peer:192.0.2.0/24").matches_socket(row)


def test_terms_that_tell_nothing_of_the_rows_say_so() -> None:
    example = parse(EXAMPLE)
    of_captures = example.misplaced("connection")
    assert [error.word for error in of_captures] == ["state:close-wait", "pid:2105", "process:nginx"]
    assert "conn_state:" in of_captures[0].message
    assert "live sockets only" in of_captures[1].message
    assert [error.word for error in example.misplaced("socket")] == ["cause:aborted", "reset-by:responder"]
    assert [error.word for error in parse("state:SF,RSTO").misplaced("socket")] == ["state:SF,RSTO"]
    assert parse("state:SF port:80 word 10.0.0.1").misplaced("connection") == ()


def test_an_empty_filter_is_false_and_matches_all() -> None:
    assert not parse("  ")
    assert parse("x")
    assert parse("").matches_socket(Row())


@dataclass(frozen=True)
class LogLine:
    symptom: str = "connection_reset"
    source: str | None = "go"
    errno: str | None = "ECONNRESET"
    playbook: str = "connection-reset"
    text: str = "dial tcp 10.0.0.5:80: connection reset by peer"
    ends: tuple[Endpoint, ...] = (Endpoint("10.0.0.5", 80), Endpoint("10.0.0.6", -1))
    at: float | None = 38_409.0  # 10:40:09, a clock without a day


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("symptom:connection_reset source:go error:ECONNRESET", True),
        ("symptom:broken_pipe", False),
        ("peer:10.0.0.5:80", True),
        ("peer:10.0.0.6 port:80", True),
        ("peer:10.0.0.6:443", False),
        ("time:10:40", True),
        ("time:10:41..10:42", False),
        ('text:"reset by peer" -source:java', True),
        ("dial", True),
        ("8080", False),
        ("state:close-wait", False),
    ],
)
def test_lines_of_a_log_are_asked_like_all_rows(text: str, kept: bool) -> None:
    assert parse(text).matches_line(LogLine()) is kept


def test_a_term_that_tells_nothing_of_lines_says_so() -> None:
    (wrong,) = parse("cause:aborted").misplaced("line")
    assert "nothing of the lines" in str(wrong)
    for kind in ("socket", "connection", "event"):
        (wrong,) = parse("symptom:broken_pipe").misplaced(kind)  # type: ignore[arg-type]
        assert "lines of a log only" in str(wrong)
