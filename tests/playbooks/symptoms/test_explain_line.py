"""Every line of the collections, and the rules that the published document promises, one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbooks.loader import load_all
from playbooks.symptoms.explain_line import explain_line
from playbooks.symptoms.rules import symptoms
from tests.playbooks.symptoms.samples import HERE, Sample, all_samples, ordinary_lines, samples

CODES = frozenset(
    (
        *("broken_pipe", "connection_reset", "unexpected_eof", "use_of_closed_connection", "connection_refused"),
        *("connect_timed_out", "read_timed_out", "client_closed_request", "upstream_closed", "upstream_timed_out"),
        *(
            "upstream_refused",
            "no_live_upstreams",
            "too_many_open_files",
            "worker_connections",
            "accept_queue_full",
            "body_buffered_to_disk",
        ),
        *("address_in_use", "no_free_ports", "unreachable", "syn_flood", "conntrack_full", "tcp_memory"),
    )
)


def said(text: str) -> tuple[str | None, ...]:
    found = explain_line(text)
    if found is None:
        return None, None, None, None
    return found.symptom, found.errno, *(str(end) if end else None for end in (found.local, found.remote))


@pytest.mark.parametrize("sample", all_samples(), ids=lambda s: s.text[:60])
def test_line(sample: Sample) -> None:
    assert said(sample.text) == (sample.symptom, sample.errno, sample.local, sample.remote)


def test_ordinary_lines_have_no_symptom() -> None:
    tricky = (HERE / "ordinary.txt").read_text("utf-8").splitlines()
    wrong = [line for line in [*tricky, *ordinary_lines(2000)] if explain_line(line) is not None]
    assert wrong == []


def test_symptoms_are_the_published_ones() -> None:
    assert set(symptoms()) >= CODES
    assert {entry.playbook for entry in symptoms().values()} <= set(load_all(HERE / "none"))
    found = {sample.symptom for sample in samples("lines.txt")} - {None}
    assert found == set(symptoms())  # each is recognised in some line


def test_every_symptom_has_a_meaning_in_one_or_two_sentences() -> None:
    for entry in symptoms().values():
        for side in (None, "client", "upstream", "local"):
            assert entry.meaning(side).endswith(".")


HTTP_LOG = (
    "haproxy[1]: 10.0.0.7:50000 [06/Feb/2009:12:14:14.655] in web/{server} 10/0/-1/-1/9 {status} 212 - - {state}-- "
    '1/1/1/1/0 0/0 "GET / HTTP/1.1"'
)


@pytest.mark.parametrize(
    ("state", "server", "symptom"),
    [
        ("SC", "s1", "upstream_refused"),
        ("SC", "<NOSRV>", "no_live_upstreams"),
        ("sC", "s1", "upstream_timed_out"),
        ("sH", "s1", "upstream_timed_out"),
        ("SH", "s1", "upstream_closed"),
        ("SD", "s1", "upstream_closed"),
        ("CD", "s1", "client_closed_request"),
        ("cD", "s1", "client_closed_request"),
        ("CH", "s1", "client_closed_request"),
        ("CC", "s1", "client_closed_request"),
        ("cR", "<NOSRV>", "read_timed_out"),
        ("--", "s1", None),
        ("PR", "<NOSRV>", None),
        ("LR", "<NOSRV>", None),
    ],
)
def test_haproxy_states(state: str, server: str, symptom: str | None) -> None:
    assert said(HTTP_LOG.format(state=state, server=server, status=503))[0] == symptom


@pytest.mark.parametrize(
    ("flags", "details", "symptom", "errno"),
    [
        ("UC", "upstream_reset_before_response_started{connection_termination}", "upstream_closed", None),
        ("UR", "upstream_reset_before_response_started{remote_reset}", "connection_reset", None),
        ("UT", "upstream_response_timeout", "upstream_timed_out", None),
        ("UH", "no_healthy_upstream", "no_live_upstreams", None),
        ("DC", "downstream_remote_disconnect", "client_closed_request", None),
        ("UF", "{connection_failure,delayed_connect_error:_111}", "upstream_refused", "ECONNREFUSED"),
        ("UF,URX", "{connection_failure}", "upstream_refused", None),
        ("UF", "{connection_timeout}", "upstream_timed_out", None),
        ("UF", "{connection_failure,delayed_connect_error:_113}", "unreachable", "EHOSTUNREACH"),
        ("NR", "route_not_found", None, None),
        ("-", "via_upstream", None, None),
    ],
)
def test_envoy_flags(flags: str, details: str, symptom: str | None, errno: str | None) -> None:
    line = f'[2024-01-02T15:04:05Z] "GET / HTTP/1.1" 503 {flags} {details} - "-" 0 95 1 - "-" "c" "i" "a" "10.0.0.5:80"'
    assert said(line)[:2] == (symptom, errno)


@pytest.mark.parametrize(
    ("status", "symptom"),
    [(499, "client_closed_request"), (502, "upstream_closed"), (504, "upstream_timed_out"), (200, None), (503, None)],
)
def test_bare_statuses(status: int, symptom: str | None) -> None:
    line = f'10.0.0.7 - - [02/Jan/2024:15:04:05 +0000] "GET / HTTP/1.1" {status} 0 "-" "curl"'
    assert said(line)[0] == symptom


@pytest.mark.parametrize(
    ("number", "name", "symptom"),
    [
        (10054, "ECONNRESET", "connection_reset"),
        (10053, "ECONNABORTED", "connection_reset"),
        (10060, "ETIMEDOUT", "connect_timed_out"),
        (10061, "ECONNREFUSED", "connection_refused"),
        (10048, "EADDRINUSE", "address_in_use"),
        (10055, "ENOBUFS", "tcp_memory"),
        (10024, "EMFILE", "too_many_open_files"),
        (10049, "EADDRNOTAVAIL", "no_free_ports"),
        (10065, "EHOSTUNREACH", "unreachable"),
    ],
)
def test_wsa_codes_become_posix_names(number: int, name: str, symptom: str) -> None:
    assert said(f"socket error: WSAGetLastError() = {number}")[:2] == (symptom, name)


def test_the_time_and_the_source_are_told() -> None:
    found = explain_line(samples("lines.txt")[0].text)
    assert found is not None
    assert (found.time, found.source, found.playbook) == ("2024-01-02T15:04:05", "go", "broken-pipe")


def test_terminal_colours_do_not_hide_an_error() -> None:
    assert said("\x1b[31mError:\x1b[0m read \x1b[1mECONNRESET\x1b[0m")[0] == "connection_reset"


@given(st.text(max_size=300))
def test_any_text_is_no_trouble(text: str) -> None:
    explain_line(text)


@given(
    st.lists(st.sampled_from([s.text[i : i + 25] for s in samples("lines.txt")[::7] for i in (0, 30, 60)]), max_size=6)
)
def test_torn_lines_are_no_trouble(pieces: list[str]) -> None:
    explain_line("".join(pieces))


def test_a_hostile_long_line_is_quick() -> None:
    for text in (
        "connection reset " * 5000,
        "a:" * 50_000,
        '"' * 50_000,
        "1." * 50_000,
        "(" * 30_000 + "eof",
        "timeout " * 9000,
    ):
        explain_line(text)


@pytest.mark.parametrize(
    ("line", "playbook"),
    [
        ("read tcp 10.0.0.1:5000->10.0.0.2:443: read: connection timed out", "silent-drop"),
        ("java.net.SocketException: Connection timed out (Write failed)", "silent-drop"),
        ("net/http: request canceled (Client.Timeout exceeded while awaiting headers)", "timeout-chain"),
        ("dial tcp 10.0.0.2:443: connect: connection timed out", "connection-refused"),
    ],
)
def test_the_kernels_own_time_out_of_a_connection_is_a_silent_drop(line: str, playbook: str) -> None:
    found = explain_line(line)
    assert found is not None
    assert found.playbook == playbook
