"""Logs of nginx: which lines count, whose they are, and what their formats tell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from playbooks.facts.access_log import collect_access_log
from playbooks.facts.error_log import collect_error_log
from playbooks.facts.facts import Absence
from playbooks.facts.log_facts import AccessLog, ErrorLog
from playbooks.facts.nginx_facts import Directive, Nginx, NginxServer, Worker

HAPROXY = (
    "Mar  2 10:11:12 lb1 haproxy[912]: 10.93.0.4:51234 [02/Mar/2026:10:11:08.301] fe_https~ be_app/app2 "
    '0/0/1/-1/4012 502 209 - - SH-- 12/10/3/1/0 0/0 "POST /v1/pay HTTP/1.1"\n'
)
ENVOY = (
    '[2026-03-02T10:11:12.000Z] "GET /slow HTTP/1.1" 504 UT upstream_response_timeout - "-" 0 24 15000 - "-" "curl" '
    '"d9" "slow:80" "10.93.1.7:8080" outbound|80||slow 10.93.1.4:41000 10.96.0.4:80 10.93.1.4:40112 - default\n'
)
STARTED = datetime(2026, 3, 2, 12, 0, 0).timestamp()  # nginx's error log tells local time


def error(clock: str, text: str = "upstream timed out (110: Connection timed out)") -> str:
    return f'2026/03/02 {clock} [error] 7#7: *1 {text}, client: 10.0.0.1, upstream: "http://10.0.0.5:8080/x"\n'


def running(folder: Path, changed: float = 0.0, started: float | None = STARTED) -> Nginx:
    """An nginx whose logs lie in a folder."""
    directives = tuple(
        Directive(f"{kind}_log", (f"{folder}/{kind}.log",), "/etc/nginx/nginx.conf", 1, ())
        for kind in ("error", "access")
    )
    worker = (Worker(7, started, 10, 1024, 1024),)
    return Nginx((NginxServer("/etc/nginx/nginx.conf", (), directives, (), changed, master=1, workers=worker),))


def errors(path: Path, nginx: Nginx | None = None) -> ErrorLog:
    found = collect_error_log(str(path), nginx, None)
    assert isinstance(found, ErrorLog), found
    return found


@pytest.mark.parametrize("changed", [0.0, STARTED + 900])
def test_the_workers_start_tells_what_counts_not_the_files_time(tmp_path: Path, changed: float) -> None:
    log = tmp_path / "error.log"
    log.write_text(error("11:59:59") + error("12:00:00") + error("12:05:00"))
    found = errors(log, running(tmp_path, changed))
    assert (found.lines, found.older) == (2, 1)
    assert found.older_kinds == {"timed_out": 1}
    assert found.since == STARTED


def test_a_log_of_no_running_nginx_counts_whole(tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    log.write_text(error("11:59:59") + error("12:05:00"))
    copied = running(tmp_path, changed=STARTED + 9e6)
    for nginx in (None, Nginx((NginxServer("x", (), copied.servers[0].directives, (), STARTED + 9e6),))):
        found = errors(log, nginx)
        assert (found.lines, found.older, found.since) == (2, 0, None)


@pytest.mark.parametrize(("changed", "at_work"), [(STARTED - 5, True), (STARTED + 5, False)])
def test_what_is_at_work(tmp_path: Path, changed: float, at_work: bool) -> None:
    assert running(tmp_path, changed).servers[0].at_work is at_work
    assert running(tmp_path, changed, started=None).servers[0].at_work is None


def test_a_copied_file_counts_from_its_copying(tmp_path: Path) -> None:
    from playbooks.facts.nginx import collect_nginx

    config = tmp_path / "nginx.conf"
    config.write_text("events {}\n")
    os.utime(config, (1000, 1000))  # as cp -p and rsync leave it
    found = collect_nginx(str(config))
    assert isinstance(found, Nginx)
    assert found.servers[0].named
    assert abs(found.servers[0].changed - datetime.now(UTC).timestamp()) < 60


@pytest.mark.parametrize(("text", "name"), [(HAPROXY, "HAProxy"), (ENVOY, "Envoy")])
def test_a_log_of_another_program_is_not_clean(tmp_path: Path, text: str, name: str) -> None:
    log = tmp_path / "haproxy.log"
    log.write_text(text * 30)
    for collect in (collect_error_log, collect_access_log):
        found = collect(str(log), None, None)
        assert isinstance(found, Absence)
        assert found.kind == "unreadable"
        assert f"it is {name}'s" in found.why


def test_what_nobody_can_read_is_not_clean(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("starting up\nall is well\n" * 40)
    found = collect_error_log(str(log), None, None)
    assert isinstance(found, Absence)
    assert found.kind == "unreadable"


@pytest.mark.parametrize(
    "prefix", ["", "2026-03-02T12:00:01.123Z stderr F ", "web_1  | ", "Mar  2 12:00:01 h nginx[7]: "]
)
def test_prefixes_of_runtimes(tmp_path: Path, prefix: str) -> None:
    log = tmp_path / "error.log"
    log.write_text(prefix + error("12:00:01"))
    assert errors(log).kinds["timed_out"].upstreams == {"10.0.0.5:8080": 1}
    assert errors(log).lines == 1
    assert errors(log).first == datetime(2026, 3, 2, 12, 0, 1).timestamp()


AT = '10.0.0.1 - - [02/Mar/2026:12:00:00 +0000] "GET /a HTTP/1.1" 499 0 "-" "curl/8.500 (x; 1.234)"'
INGRESS = f"{AT} 912 30.001 [default-app-80] [] 198.51.100.12:8080 0 30.000 - 00000000000000000000000000000000"


TWO_TRIED = INGRESS.replace("0 30.000 -", "0, 0 10.000, 20.000 504, -").replace(":8080", ":80, 10.0.0.2:80")


@pytest.mark.parametrize(
    ("line", "request_s", "upstream_s"),
    [
        (INGRESS, 30.001, 30.0),
        (TWO_TRIED, 30.001, 30.0),
        (f"2026-03-02T12:00:01.5Z stdout F {INGRESS}", 30.001, 30.0),
        (f"{AT} rt=1.500 urt=1.400 ua=10.0.0.5:80", 1.5, 1.4),
        (f"{AT} 1.500 1.400 .", 1.5, 1.4),
        (f'{AT} "1.500" "0.100, 1.400"', 1.5, 1.4),
        (f"{AT} upstream_response_time=1.400 request_time=1.500", 1.5, 1.4),
        (AT, None, None),
        (json.dumps({"log": f"{AT} rt=1.500 urt=1.400\n", "stream": "stdout"}), 1.5, 1.4),
        (json.dumps({"status": 499, "request_time": 1.5, "upstream_response_time": "1.400", "uri": "/a"}), 1.5, 1.4),
        (json.dumps({"time": "x", "http": {"status": "499", "requestTime": 1.5, "path": "/a"}}), 1.5, None),
    ],
)  # fmt: skip
def test_times_of_formats_that_nobody_told(
    tmp_path: Path, line: str, request_s: float | None, upstream_s: float | None
) -> None:
    log = tmp_path / "access.log"
    log.write_text(f"{line}\n" * 3)
    found = collect_access_log(str(log), None, None)
    assert isinstance(found, AccessLog)
    assert found.status == {"499": 3}
    assert found.routes[0].path == "/a"
    assert (found.closed_request.p50 if found.closed_request else None) == request_s
    assert (found.closed_upstream.p50 if found.closed_upstream else None) == upstream_s


def test_older_requests_are_told_apart(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    when = datetime.fromtimestamp(STARTED - 60, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    log.write_text(AT.replace("02/Mar/2026:12:00:00 +0000", when) + "\n")
    found = collect_access_log(str(log), running(tmp_path), None)
    assert isinstance(found, AccessLog)
    assert (found.lines, found.older, found.older_status) == (0, 1, {"499": 1})


@pytest.mark.skipif(shutil.which("nginx") is None, reason="not installed: nginx")
def test_the_version_is_the_programs_own() -> None:
    from playbooks.facts.nginx import _version

    said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, timeout=10).stderr
    assert f"nginx/{'.'.join(map(str, _version(None)))}" in said
