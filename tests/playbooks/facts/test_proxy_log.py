"""HAProxy's, Envoy's and Apache's logs, line by line and whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbooks.facts.facts import Absence
from playbooks.facts.log_facts import ProxyLog
from playbooks.facts.proxy_log import Ended, apache_line, collect_proxy_log, envoy_line, haproxy_line
from tests.playbooks.facts.test_log_files import AT, ENVOY, HAPROXY

NO_SERVER = HAPROXY.replace("be_app/app2", "be_app/<NOSRV>").replace("SH--", "SC--")
TCP = "haproxy[8]: 192.0.2.1:33324 [25/May/2021:10:00:02.000] mysql mysql/db1 1/0/28800004 5000 cD 2/2/1/1/0 0/0"
JSON = (
    '<134>Dec  4 22:31:11 ingress[8]: {"program":"haproxy","connection":{"termination_state":"sC","actconn":1},'
    '"haproxy_times":{"tt":208},"server":{"ip":"198.51.100.4","name":""},"http":{"response":{"status_code":503}}}'
)
ISTIO = (
    '{"duration":12,"path":"/s","response_code":503,"response_flags":"UC","upstream_host":"198.51.100.192:8181",'
    '"upstream_cluster":"outbound|80||health-api"}'
)
APACHE = (
    "[Mon Mar 02 10:11:12.345678 2026] [proxy:error] [pid 812:tid 140] (111)Connection refused: AH00957: HTTP: "
    "attempt to connect to 127.0.0.1:8080 (localhost) failed"
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (HAPROXY, Ended("SH", "be_app/app2", 4.012, "502")),
        (HAPROXY.replace("SH--", "----"), Ended("", "be_app/app2", 4.012, "502")),
        (NO_SERVER, Ended("SC", "be_app/<NOSRV>", 4.012, "502")),
        (TCP, Ended("cD", "mysql/db1", 28800.004, "")),
        (JSON, Ended("sC", "198.51.100.4", 0.208, "503")),
        ('{"message": "hello", "level": "info"}', None),
        (ENVOY, None),
        (AT, None),
    ],
)  # fmt: skip
def test_haproxy(line: str, expected: Ended | None) -> None:
    assert haproxy_line(line.strip()) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (ENVOY, Ended("UT", "10.93.1.7:8080", 15.0, "504")),
        (ENVOY.replace("504 UT", "200 -"), Ended("", "10.93.1.7:8080", 15.0, "200")),
        (ISTIO, Ended("UC", "198.51.100.192:8181", 0.012, "503")),
        ("2019-03-06T11:07:34.910Z GET /w HTTP/2 503 UC 0 57 0 - - 192.0.2.4:58440", Ended("UC", "", 0.0, "503")),
        (HAPROXY, None),
        (AT, None),
    ],
)
def test_envoy(line: str, expected: Ended | None) -> None:
    assert envoy_line(line.strip()) == expected


def test_apache() -> None:
    assert apache_line(APACHE) == Ended("AH00957", "127.0.0.1:8080")
    assert apache_line(APACHE.replace(":error", ":notice")) == Ended("", "127.0.0.1:8080")
    assert apache_line(AT) is None


def test_a_whole_log(tmp_path: Path) -> None:
    log = tmp_path / "haproxy.log"
    log.write_text(HAPROXY * 30 + HAPROXY.replace("SH--", "----") * 70 + "haproxy[8]: Proxy fe started.\n")
    found = collect_proxy_log(str(log))
    assert isinstance(found, ProxyLog)
    assert (found.program, found.lines, found.unread) == ("haproxy", 100, 1)
    (one,) = found.ended
    assert (one.code, one.symptom, one.count, one.servers) == ("SH", "upstream_closed", 30, {"be_app/app2": 30})
    assert one.times is not None
    assert one.times.p50 == 4.012


def test_another_programs_log_is_absent(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(f"{AT}\n" * 9)
    found = collect_proxy_log(str(tmp_path / "access.log"))
    assert isinstance(found, Absence)
    assert found.kind == "not_here"
    gone = collect_proxy_log(str(tmp_path / "none.log"))
    assert isinstance(gone, Absence)
    assert gone.kind == "unreadable"
