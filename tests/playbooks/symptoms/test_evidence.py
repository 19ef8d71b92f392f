"""Hard evidence is a symptom whatever stands beside it; what says that it is code or a test is none."""

from __future__ import annotations

import pytest

from playbooks.symptoms.explain_line import explain_line

EVIDENCE = (
    ("broken_pipe", "EPIPE", "write tcp 10.0.0.2:41000->10.0.0.9:9092: write: broken pipe"),
    ("connection_refused", "ECONNREFUSED", "dial tcp 10.0.0.9:5432: connect: connection refused"),
    ("read_timed_out", None, "read tcp 10.0.0.2:41000->10.0.0.9:6379: i/o timeout"),
    ("connection_reset", "ECONNRESET", "recv() failed (104: Connection reset by peer)"),
    ("connection_reset", "ECONNRESET", "ConnectionResetError: [Errno 104] Connection reset by peer"),
    ("broken_pipe", "EPIPE", "Broken pipe (os error 32)"),
    ("connection_refused", "ECONNREFUSED", "connect ECONNREFUSED 10.0.0.9:3000"),
    ("connection_reset", "ECONNRESET", "read: Connection reset by peer [system:104]"),
    ("connection_reset", "ECONNRESET", "java.net.SocketException: Connection reset by peer"),
    ("connection_refused", "ECONNREFUSED", "Errno::ECONNREFUSED: Failed to open TCP connection"),
    (
        "connection_reset",
        "ECONNRESET",
        "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))",
    ),
    ("unexpected_eof", None, "hyper::Error(IncompleteMessage)"),
    ("connection_refused", "ECONNREFUSED", "SQLSTATE[HY000] [2002] Connection refused"),
)
WORDS = (
    "level=error topic=orders err={}",
    'level=error subject="order 17" err="{}"',
    'level=error op=list query="select" err="{}"',
    "support.example.com app: {}",
    "chat-service | {}",
    "ERROR dry_run=false customer connection: {}",
    "[ok] commit failed: {}",
    "WARN retry was successful before, search=off: {}",
    "ERROR total=12 errors=0 {}",
    "deprecated API, no longer supported; see also the docs: {}",
    "release notes service: {}",
    "email worker password=*** reset token=abc: {}",
    "> {}",
    "translation job: {}",
    "too many connections before; max_connections=100: {}",
    "certificate renewal: {}",
    "INFO handled: {}",
    "#033[31mERROR#033[0m {}",
)
CODE = (
    'if strings.Contains(err.Error(), "{}") {{',
    "// {}",
    "ok 12 - {}",
    "not ok 13 - handles {}",
    "--- PASS: TestRetry/{} (0.00s)",
    "tests/test_net.py::test_retry[{}] PASSED",
    '    return errors.New("{}")',
    "    server_test.go:42: {}",
    'expect(error.message).toBe("{}")',
    '  "errors.network": "{}",',
    '<string name="net_error">{}</string>',
)


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize(("symptom", "errno", "evidence"), EVIDENCE)
def test_no_ordinary_word_hides_hard_evidence(words: str, symptom: str, errno: str | None, evidence: str) -> None:
    found = explain_line(words.format(evidence))
    assert found is not None
    assert (found.symptom, found.errno) == (symptom, errno)


@pytest.mark.parametrize("code", CODE)
@pytest.mark.parametrize(("symptom", "errno", "evidence"), EVIDENCE)
def test_code_and_tests_have_no_symptom(code: str, symptom: str, errno: str | None, evidence: str) -> None:
    assert explain_line(code.format(evidence)) is None


@pytest.mark.parametrize(
    "line",
    [
        "write tcp 10.0.0.2:41000-&gt;10.0.0.9:9092: write: broken pipe",
        "#033[31mwrite tcp 10.0.0.2:41000->10.0.0.9:9092: write: #033[1mbroken pipe#033[0m",
        "“write tcp 10.0.0.2:41000→10.0.0.9:9092: write: broken pipe”",
        "write tcp\u00a010.0.0.2:41000–>10.0.0.9:9092: write: broken\u00a0pipe",
        '{"err":"write tcp 10.0.0.2:41000-\\u003e10.0.0.9:9092: write: broken pipe"}',
        '{"log":"{\\"err\\":\\"write tcp 10.0.0.2:41000-\\\\u003e10.0.0.9:9092: write: broken pipe\\"}"}',
        "^[[31mwrite tcp 10.0.0.2:41000->10.0.0.9:9092: write: broken pipe^[[0m",
        "&quot;write tcp 10.0.0.2:41000-&amp;gt;10.0.0.9:9092: write: broken pipe&quot;",
        "\\033[1;31mwrite tcp 10.0.0.2:41000->10.0.0.9:9092: write: broken pipe\\033[0m",
    ],
)
def test_what_others_made_of_a_line_is_undone_first(line: str) -> None:
    found = explain_line(line)
    assert found is not None
    assert (found.symptom, str(found.local), str(found.remote)) == ("broken_pipe", "10.0.0.2:41000", "10.0.0.9:9092")


@pytest.mark.parametrize(
    ("line", "local", "remote"),
    [
        (
            "client 10.1.1.1:5 of 10.2.2.2:80: write tcp 10.0.0.2:41000->10.0.0.9:9092: write: broken pipe",
            "10.0.0.2:41000",
            "10.0.0.9:9092",
        ),
        (
            "readfrom tcp 10.0.0.2:3128->10.0.0.9:49453: read tcp 10.0.0.2:46234->10.9.9.9:443: wsarecv: An existing"
            " connection was forcibly closed by the remote host.",
            "10.0.0.2:46234",
            "10.9.9.9:443",
        ),
        ("node=10.7.7.7 listen tcp 0.0.0.0:8080: bind: address already in use", "0.0.0.0:8080", "None"),
        ("from 10.7.7.7: dial tcp [2001:db8::9]:443: connect: connection refused", "None", "[2001:db8::9]:443"),
        ("peer=10.7.7.7 dial tcp db.example.com:5432: connect: connection refused", "None", "None"),
    ],
)
def test_the_ends_are_those_of_the_operation_that_failed(line: str, local: str, remote: str) -> None:
    found = explain_line(line)
    assert found is not None
    assert (str(found.local), str(found.remote)) == (local, remote)


def test_a_name_that_was_not_resolved_stays_without_a_symptom() -> None:
    said = "dial tcp: lookup db on 10.96.0.10:53: read udp 10.0.0.2:41000->10.96.0.10:53: i/o timeout"
    assert explain_line(said) is None
    assert (
        explain_line("dial tcp: lookup db on 10.96.0.10:53: dial tcp 10.96.0.10:53: connect: connection refused")
        is None
    )


@pytest.mark.parametrize(
    "line",
    [
        "reset by peer reviewer: comments addressed",
        "email address already in use, choose another one",
        "the plumber fixed the broken pipe in the kitchen",
        'opened panel "Client closed requests" on the dashboard',
        "status: the address in use on the invoice is outdated",
    ],
)
def test_plain_english_needs_a_word_of_networks_in_its_clause(line: str) -> None:
    assert explain_line(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "Broken pipe",
        "ERROR: broken pipe",
        "uwsgi_response_write_body_do(): Broken pipe [core/writer.c line 341]",
        "client 7 went away: broken pipe while flushing",
        "Oops: address already in use (port 80)",
        "curl said: reset by peer",
    ],
)
def test_a_text_of_an_error_number_alone_needs_none(line: str) -> None:
    assert explain_line(line) is not None
