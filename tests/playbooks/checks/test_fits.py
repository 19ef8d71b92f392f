"""A capture is offered only what cures what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.model import Endpoint
from capture.verdicts.catalogue import cause_of
from playbooks.checks.capture_causes import capture_causes
from playbooks.checks.failing_now import traffic_causes
from playbooks.checks.fix_audience import agents, writers
from playbooks.checks.leaks import fin_wait_2_pile
from playbooks.checks.proxy_ends import proxy_log_ends
from playbooks.checks.registry import known_checks
from playbooks.facts.captured import collect_capture
from playbooks.facts.log_facts import LogGroup, ProxyEnd, ProxyLog, SymptomLog, Times
from playbooks.facts.packet_facts import Captured, CapturedConnection
from playbooks.facts.socket_facts import Holder, Processes
from playbooks.loader import load, load_all
from playbooks.model import Outcome
from playbooks.run import judge, run_checks
from playbooks.symptoms.explain_line import explain_line
from tests.capture.wire import building as make
from tests.playbooks.checks.making import captured, ended, host, process, row, rows, traffic

FITS = {
    "silent_drop": ["user-timeout-go"],
    "idle_drop": ["keepalive", "topic:idle"],
    "path_mtu_black_hole": ["clamp-mss"],
}


def offered(causes: dict[str, int]) -> list[str]:
    judged = capture_causes(host(capture=captured(causes)), causes=list(FITS), fits=FITS)
    return [one.fix for one in judged.offers]


def test_only_what_fits_and_the_commonest_first() -> None:
    assert offered({"idle_drop": 3, "normal_close": 9}) == ["keepalive", "topic:idle"]
    assert offered({"path_mtu_black_hole": 1}) == ["clamp-mss"]
    assert offered({"silent_drop": 1, "idle_drop": 2}) == ["keepalive", "topic:idle", "user-timeout-go"]
    assert offered({"normal_close": 9}) == []


def test_a_variant_is_offered_what_fits_it_and_not_what_fits_its_cause() -> None:
    fits = {"aborted": ["drain"], "reset_when_idle": ["topic:idle"]}

    def fixes(*variants: tuple[str, int]) -> list[str]:
        shown = captured({"aborted": 3}, variants={"aborted": dict(variants)})
        judged = capture_causes(host(capture=shown), causes=["aborted"], fits=fits)
        return [one.fix for one in judged.offers]

    assert fixes() == ["drain"]
    assert fixes(("reset_when_idle", 3)) == ["topic:idle"]
    assert fixes(("reset_when_idle", 2)) == ["topic:idle", "drain"]
    assert fixes(("reset_when_idle", 1), ("handshake_refused", 2)) == ["topic:idle"]


def test_a_servers_idle_time_out_is_not_told_to_read_to_the_end(tmp_path: Path) -> None:
    rst, data = make.RST | make.ACK, make.PSH | make.ACK
    ends = ({"sport": 40000, "dport": 3306}, {"sport": 3306, "dport": 40000})
    hosts = ("10.0.0.1", "10.0.0.2")
    frames = [
        make.ethernet(make.ipv4(make.tcp(**ends[side], **more), hosts[side], hosts[1 - side], ip_id=number))
        for number, (side, more) in enumerate(
            (
                (0, {"seq": 9, "ack": 0, "flags": make.SYN}),
                (1, {"seq": 99, "ack": 10, "flags": make.SYN | make.ACK}),
                (0, {"seq": 10, "ack": 100}),
                (0, {"seq": 10, "ack": 100, "flags": data, "payload": b"select 1"}),
                (1, {"seq": 100, "ack": 18, "flags": data, "payload": b"1"}),
                (0, {"seq": 18, "ack": 101}),
                (1, {"seq": 101, "ack": 18, "flags": rst}),
            ),
            start=1,
        )
    ]
    (tmp_path / "idle.pcap").write_bytes(make.pcap(frames, step=3_000_000))
    found = collect_capture(str(tmp_path / "idle.pcap"), None, None)
    assert isinstance(found, Captured)
    assert found.variants == {"aborted": {"reset_when_idle": 1}}
    step = next(step for step in load("connection-reset", Path("/nonexistent")).steps if step.id == "capture")
    judged = capture_causes(host(capture=found), **step.given)
    assert [one.fix for one in judged.offers] == ["topic:idle", "retry-once-go"]


@pytest.mark.parametrize("name", sorted(load_all(Path("/nonexistent"))))
def test_what_fits_is_known(name: str) -> None:
    book = load_all(Path("/nonexistent"))[name]
    known = {fix.id for fix in book.fixes} | {f"topic:{topic}" for topic in book.cures}
    for step in book.steps:
        for cause, fixes in step.given.get("fits", {}).items():
            asked = step.given.get("causes", step.given.get("symptoms"))
            assert cause_of(cause) in asked, (step.id, cause)
            assert set(fixes) <= known, (step.id, set(fixes) - known)


def test_traffic_is_offered_only_what_fits_with_the_clients_patience_as_measured() -> None:
    ends = Endpoint("127.0.0.1", 40000), Endpoint("127.0.0.1", 8080)
    one = CapturedConnection(0, *ends, "client_gave_up", "likely", "originator", "rst", None, "S.", (), 1010.0, (9, 9))
    left = ended("client_gave_up", 9, 12, samples=(one,))
    given = {"client_gave_up": ["topic:patience"], "stale_keepalive": ["topic:idle"]}
    judged = traffic_causes(host(traffic=traffic(left)), causes=list(given), fits=given)
    assert [one.fix for one in judged.offers] == ["topic:patience"]
    assert judged.offers[0].parameters["proposed"] == "3"
    assert "1.01" in judged.offers[0].parameters["client"]


def test_what_packets_show_comes_before_what_a_log_fits(tmp_path: Path) -> None:
    """Broken pipes fit a client's patience and an idle race; clients that were seen to give up are the one."""
    ends = Endpoint("127.0.0.1", 40000), Endpoint("127.0.0.1", 8080)
    one = CapturedConnection(0, *ends, "stale_keepalive", "likely", "responder", "rst", None, "S.", (), 10.0, (9, 9))
    log = SymptomLog("app.log", 9, (LogGroup("broken_pipe", "", 9, "", "", "write: broken pipe", 1, {"go": 9}),))
    seen = ended("stale_keepalive", 9, 12, samples=(one,))
    book = load("broken-pipe", Path("/nonexistent"))
    alone, both = (judge(book, host(log=log, **more)) for more in ({}, {"traffic": traffic(seen)}))
    assert alone.fixes[0].id == "patience-go"
    assert both.fixes[0].id == "idle-go-client", [fix.id for fix in both.fixes]


def test_a_driver_tells_more_than_its_runtime() -> None:
    """pymysql's line below Python's: the pool's fix, and no HTTP client's before the store's."""
    group = LogGroup("connection_reset", "", 3, "", "", "x", 1, {"python": 2, "mysql": 1})
    assert writers([group]) == ("mysql", "python")
    report = judge(load("keepalive-race", Path("/nonexistent")), host(log=SymptomLog("app.log", 9, (group,))))
    assert [fix.id for fix in report.fixes][:2] == ["idle-mysql", "idle-sqlalchemy"]


def test_a_leak_that_fills_the_limit_is_cured_before_the_limit_is_raised() -> None:
    leaky = Holder(812, "java", 5)
    full = process(100, 100, identity=("java",))
    found = host(*rows("CLOSE-WAIT", 90, owners=(leaky,)), processes=Processes((full,), 0))
    fixes = [one.fix for one in known_checks()["open-files-of-processes"].judge(found).offers]
    assert fixes[0] == "close-in-java"
    assert "destroy-now" not in fixes, "it frees no descriptor"
    few = host(*rows("CLOSE-WAIT", 20, owners=(leaky,)), processes=Processes((full,), 0))
    assert "close-in-java" not in [one.fix for one in known_checks()["open-files-of-processes"].judge(few).offers]


def test_a_short_memory_of_conntrack_is_no_pass() -> None:
    names = {"net.netfilter.nf_conntrack_count": "9", "net.netfilter.nf_conntrack_max": "999"}
    for kept, outcome, fixes in (("300", Outcome.WARN, ["conntrack-longer"]), ("432000", Outcome.PASS, [])):
        settings = names | {
            "net.netfilter.nf_conntrack_tcp_timeout_established": kept,
            "net.ipv4.tcp_keepalive_time": "7200",
        }
        judged = known_checks()["conntrack"].judge(host(kernel=settings))
        assert (judged.outcome, [one.fix for one in getattr(judged, "offers", ())]) == (outcome, fixes)


@pytest.mark.parametrize(("after", "first"), [(0.002, "topic:idle"), (0.103, "why-it-ends")])
def test_a_server_that_ends_requests_at_work_is_looked_at_first(after: float, first: str) -> None:
    times = Times(6, after, after, after, after)
    log = ProxyLog("haproxy", "h.log", 6, 0, (ProxyEnd("SH", "upstream_closed", 6, {"b/s1": 6}, {}, times, "x"),))
    assert proxy_log_ends(host(proxy_log=log)).offers[0].fix == first


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ('"GET / HTTP/1.1" 499 0 "-" "curl/7.88.1"', ("curl",)),
        ('"GET / HTTP/1.1" 499 0 "-" "Apache-HttpClient/4.5 (Java/17)"', ("java",)),
        ('"GET /curl/7.88 HTTP/1.1" 499 0 "-" "Mozilla/5.0 (X11)"', ()),
    ],
)
def test_the_program_that_asked_is_known_by_its_user_agent(line: str, program: tuple[str, ...]) -> None:
    assert agents([line]) == program


def test_a_killed_worker_is_offered_its_servers_own_setting(tmp_path: Path) -> None:
    log = tmp_path / "gunicorn.log"
    line = "[2026-11-30 18:30:40 +0000] [4] [CRITICAL] WORKER TIMEOUT (pid:12)\n"
    log.write_text(line * 3, encoding="utf-8")
    report = run_checks("timeout-chain", {"log": str(log)})
    assert report.fixes[0].id == "patience-gunicorn"


def test_an_idle_session_ended_by_postgres_leads_to_who_closes_first() -> None:
    said = explain_line("psycopg.OperationalError: terminating connection due to idle-session timeout")
    assert said is not None
    assert (said.symptom, said.playbook) == ("unexpected_eof", "keepalive-race")


@pytest.mark.parametrize(("inode", "helps"), [(0, True), (71, False)])
def test_tcp_fin_timeout_is_offered_only_for_sockets_without_a_process(inode: int, helps: bool) -> None:
    judged = fin_wait_2_pile(host(*rows("FIN-WAIT-2", 12, inode=inode)))
    assert judged.offers
    assert any(one.fix == "fin-timeout-now" for one in judged.offers) is helps


@pytest.mark.parametrize(
    ("ports", "first", "never"),
    [
        ({"local_port": 8080}, "close-in-go", "handler-timeout-go"),
        ({"remote_port": 8080}, "handler-timeout-go", "handler-timeout-not-there"),
    ],
    ids=["clients that do not close", "a server that does not close"],
)
def test_only_a_server_has_a_handler_to_bound(ports: dict[str, int], first: str, never: str) -> None:
    def numbered(number: int) -> dict[str, Endpoint]:
        mine, theirs = ports.get("local_port", 40000 + number), ports.get("remote_port", 40000 + number)
        return {"local": Endpoint("10.0.0.1", mine), "remote": Endpoint("10.0.0.9", theirs)}

    sockets = [row("FIN-WAIT-2", number, inode=0, **numbered(number)) for number in range(12)]
    names = [one.fix for one in fin_wait_2_pile(host(*sockets)).offers]
    assert names[0] == first
    assert never not in names
