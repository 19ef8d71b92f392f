"""A mis-set nginx, running: found with file and line, cured by the snippet as printed, passing afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from playbooks.model import Outcome
from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.conftest import Checked, CommandResult
from tests.playbooks.faults.servers import HTTP, at_once, running, until
from tests.playbooks.faults.test_leaks import connect

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="not installed: nginx"),
]
Check = Callable[..., Checked]
Triage = Callable[..., CommandResult]
Shell = Callable[[str], str]

CONFIG = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{
    worker_connections 512;
}}
http {{
    log_format timed '$remote_addr [$time_local] "$request" $status $body_bytes_sent '
                     'rt=$request_time urt=$upstream_response_time';
    access_log {folder}/access.log timed;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    upstream backend {{
        server 127.0.0.1:8302;
        keepalive 8;
        keepalive_timeout 1s;
    }}
    server {{
        listen 127.0.0.1:8301;
        location / {{
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_read_timeout 5s;
            proxy_pass http://backend;
        }}
    }}
}}
"""


class Proxy:
    """nginx in a namespace with a configuration of its own."""

    def __init__(self, host: Namespace, folder: Path, text: str) -> None:
        self.host, self.folder = host, folder
        self.config = folder / "nginx.conf"
        self.config.write_text(text)
        self.process = host.start("nginx", "-c", str(self.config), stderr=subprocess.DEVNULL)
        until(lambda: ":8301" in host.run("ss", "-Hltn"))

    def get(self, count: int = 1, timeout: float = 8) -> list[bytes]:
        answers = []
        for _ in range(count):
            sock = connect(self.host, 8301)
            sock.settimeout(timeout)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            try:
                answers.append(sock.recv(4096)[9:12])
            except (TimeoutError, ConnectionResetError):
                answers.append(b"")
            sock.close()
        return answers

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(5)


@contextmanager
def proxy(host: Namespace, folder: Path, *changes: tuple[str, str]) -> Iterator[Proxy]:
    text = CONFIG.format(folder=folder)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    made = Proxy(host, folder, text)
    try:
        yield made
    finally:
        made.stop()


def test_a_well_set_nginx_passes_everything(host: Namespace, tcptriage: Triage, tmp_path: Path) -> None:
    with running(host, HTTP, 8302, 1.5, 0.01), proxy(host, tmp_path) as nginx:
        assert nginx.get(20) == [b"200"] * 20
        names = ("nginx-limits", "nginx-upstream", "keepalive-race", "nginx-499", "timeout-chain")
        all_found = at_once(*(partial(tcptriage, name, config=nginx.config) for name in names))
        for name, found in zip(names, all_found, strict=True):
            outcomes = {name: found.outcome(name) for name in found.steps}
            assert not {Outcome.FAIL, Outcome.UNKNOWN, Outcome.WARN} & set(outcomes.values()), (name, outcomes)


def test_worker_connections(host: Namespace, check: Check, shell: Shell, tmp_path: Path) -> None:
    with (
        running(host, HTTP, 8302, 1.5, 0.01),
        proxy(host, tmp_path, ("worker_connections 512", "worker_connections 24")) as nginx,
    ):
        socks = [connect(host, 8301) for _ in range(30)]
        found = check("nginx-limits", config=nginx.config)
        assert found.outcome("connections") is Outcome.FAIL
        assert f"worker_connections 24; ({nginx.config}:6)" in found.evidence("connections")
        assert "of 24 connections" in found.evidence("connections")
        for sock in socks:
            sock.close()
        fix = found.fix("worker-connections")
        assert fix.target == f"{nginx.config}:6"
        time.sleep(1.1)  # lines of before must be older than the change: logs have whole seconds
        shell(fix.apply)
        time.sleep(0.5)
        socks = [connect(host, 8301) for _ in range(30)]
        again = check("nginx-limits", config=nginx.config)
        assert again.outcome("connections") is Outcome.PASS, again.evidence("connections")
        assert again.outcome("buffers") is Outcome.UNKNOWN, "no request and no line: nothing to judge"
        assert nginx.get(2) == [b"200"] * 2
        again = check("nginx-limits", config=nginx.config)
        assert again.report.exit_status == 0, again.report
        for sock in socks:
            sock.close()


def test_descriptors_below_worker_connections(host: Namespace, check: Check, shell: Shell, tmp_path: Path) -> None:
    change = ("daemon off;", "daemon off; worker_rlimit_nofile 100;")
    with running(host, HTTP, 8302, 1.5, 0.01), proxy(host, tmp_path, change) as nginx:
        found = check("nginx-limits", config=nginx.config)
        assert found.outcome("files") is Outcome.FAIL
        assert "worker_connections (512) exceeds the limit of open files (100)" in found.evidence("files")
        fix = found.fix("worker-rlimit")
        shell(fix.apply)
        time.sleep(0.5)
        assert nginx.get(2) == [b"200"] * 2
        assert check("nginx-limits", config=nginx.config).report.exit_status == 0


def test_keepalive_that_cannot_work(host: Namespace, check: Check, shell: Shell, tmp_path: Path) -> None:
    changes = (("            proxy_http_version 1.1;\n", ""), ('            proxy_set_header Connection "";\n', ""))
    with running(host, HTTP, 8302, 1.5, 0.01), proxy(host, tmp_path, *changes) as nginx:
        found = check("nginx-upstream", config=nginx.config)
        assert found.outcome("keepalive") is Outcome.FAIL
        assert f"keepalive 8; ({nginx.config}:16)" in found.evidence("keepalive")
        fix = found.fix("keepalive-directives")
        time.sleep(1.1)  # lines of before must be older than the change: logs have whole seconds
        shell(fix.apply)
        time.sleep(0.3)
        assert nginx.get(3) == [b"200"] * 3
        again = check("nginx-upstream", config=nginx.config)
        assert again.outcome("keepalive") is Outcome.PASS, again.evidence("keepalive")
        shell(fix.undo)
        time.sleep(0.5)
        assert check("nginx-upstream", config=nginx.config).outcome("keepalive") is Outcome.FAIL


def test_connections_that_are_not_kept(host: Namespace, check: Check, shell: Shell, tmp_path: Path) -> None:
    """proxy_pass to an address: the fix makes an upstream block, and nginx then keeps its connections."""
    with (
        running(host, HTTP, 8302, 5, 0.01),
        proxy(host, tmp_path, ("http://backend;", "http://127.0.0.1:8302/;")) as nginx,
    ):
        found = check("nginx-upstream", config=nginx.config)
        assert found.outcome("keepalive") is Outcome.WARN
        fix = found.fix("upstream-keepalive")
        before = nginx.config.read_text()
        shell(fix.apply)
        time.sleep(0.5)
        assert nginx.get(3) == [b"200"] * 3
        again = check("nginx-upstream", config=nginx.config)
        assert again.outcome("keepalive") is Outcome.PASS, again.evidence("keepalive")
        shell(fix.undo)
        assert nginx.config.read_text() == before


def test_a_backend_that_closes_idle_connections_first(
    host: Namespace, check: Check, shell: Shell, tmp_path: Path
) -> None:
    with (
        running(host, HTTP, 8302, 2, 0.01),
        proxy(host, tmp_path, ("keepalive_timeout 1s", "keepalive_timeout 60s")) as nginx,
    ):
        assert nginx.get() == [b"200"]
        found = check("keepalive-race", config=nginx.config, url="http://127.0.0.1:8302/")
        assert found.outcome("idle") is Outcome.FAIL, found.evidence("idle")
        assert "127.0.0.1:8302 closes an idle connection after 2.0 s" in found.evidence("idle")
        assert f"keepalive_timeout 60s; ({nginx.config}:17)" in found.evidence("idle")
        fix = found.fix("upstream-idle")
        before = nginx.config.read_text()
        shell(fix.apply)
        time.sleep(0.5)
        nginx.config.write_text(nginx.config.read_text() + "# edited\n")
        pending = check("keepalive-race", config=nginx.config, url="http://127.0.0.1:8302/")
        assert pending.outcome("idle") is Outcome.UNKNOWN, "edited, not reloaded"
        assert "what is at work is the configuration of before" in pending.evidence("idle")
        shell(f"kill -HUP {nginx.process.pid}")
        time.sleep(0.5)
        again = check("keepalive-race", config=nginx.config, url="http://127.0.0.1:8302/")
        assert again.outcome("idle") is Outcome.PASS, again.evidence("idle")
        shell(fix.undo)
        assert nginx.config.read_text() == before


def test_a_read_timeout_below_the_upstreams_time(host: Namespace, check: Check, shell: Shell, tmp_path: Path) -> None:
    with (
        running(host, HTTP, 8302, 2, 0.3),
        proxy(host, tmp_path, ("proxy_read_timeout 5s", "proxy_read_timeout 200ms")) as nginx,
    ):
        assert nginx.get(3) == [b"504"] * 3
        found = check("timeout-chain", config=nginx.config, url="http://127.0.0.1:8301/")
        assert found.outcome("url") is Outcome.FAIL
        assert found.outcome("config") is Outcome.FAIL, found.evidence("config")
        assert found.outcome("log") is Outcome.FAIL
        assert f"proxy_read_timeout 200ms; ({nginx.config}:24)" in found.evidence("config")
        upstream = check("nginx-upstream", config=nginx.config)
        assert upstream.outcome("errors") is Outcome.FAIL
        assert "127.0.0.1:8302" in upstream.evidence("errors")
        fix = found.fix("read-timeout")
        time.sleep(1.1)  # lines of before must be older than the change: logs have whole seconds
        shell(fix.apply)
        time.sleep(0.3)
        again = check("timeout-chain", config=nginx.config, url="http://127.0.0.1:8301/")
        assert again.report.exit_status == 0, again.report


def test_clients_that_give_up(host: Namespace, check: Check, shell: Shell, tmp_path: Path) -> None:
    with running(host, HTTP, 8302, 9, 1.0), proxy(host, tmp_path) as nginx:
        assert nginx.get(6, timeout=0.3) == [b""] * 6
        found = check("nginx-499", config=nginx.config)
        assert found.outcome("share") is Outcome.FAIL, found.evidence("share")
        assert "6 of 6 requests ended in 499" in found.evidence("share")
        assert "a client's time-out" in found.evidence("share")
        fix = found.fix("ignore-client-abort")
        time.sleep(1.1)  # lines of before must be older than the change: logs have whole seconds
        shell(fix.apply)
        time.sleep(0.3)
        nginx.get(2, timeout=0.3)
        time.sleep(1.2)
        again = check("nginx-499", config=nginx.config, log=tmp_path / "access.log")
        assert again.outcome("share") is Outcome.PASS, again.evidence("share")
        assert again.outcome("setting") is Outcome.WARN


def test_a_log_without_times_learns_them_by_the_fix_as_printed(
    host: Namespace, check: Check, shell: Shell, tmp_path: Path
) -> None:
    """Until then the clients' time-out is not known; its first fix is not another fix's edit."""
    with running(host, HTTP, 8302, 9, 1.0), proxy(host, tmp_path, ("access.log timed;", "access.log;")) as nginx:
        assert nginx.get(6, timeout=0.3) == [b""] * 6
        found = check("nginx-499", config=nginx.config)
        assert found.outcome("share") is Outcome.FAIL
        fix = found.report.fixes[0]
        assert fix.id == "log-format"
        assert "ignore_client_abort" not in fix.apply
        before = nginx.config.read_text()
        time.sleep(1.1)  # lines of before must be older than the change: logs have whole seconds
        shell(fix.apply)
        time.sleep(0.3)
        nginx.get(6, timeout=0.3)
        time.sleep(0.9)
        assert " rt=0." in shell(fix.verify)
        again = check("nginx-499", config=nginx.config)
        assert "a client's time-out" in again.evidence("share")
        assert again.report.fixes[0].id != "log-format"
        chain = check("timeout-chain", config=nginx.config, log=tmp_path / "access.log")
        assert chain.outcome("log") is Outcome.FAIL, "clients that leave are no pass"
        shell(fix.undo)
        assert nginx.config.read_text() == before


def opened_files(pid: int) -> set[str]:
    """What a process has open now; some are closed while one looks."""
    found = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(one))
    return found


def test_an_error_log_that_goes_nowhere_or_was_moved(
    host: Namespace, check: Check, shell: Shell, tmp_path: Path
) -> None:
    change = (f"error_log {tmp_path}/error.log;", "error_log /dev/null;")
    with running(host, HTTP, 8302, 1.5, 0.01), proxy(host, tmp_path, change) as nginx:
        found = check("nginx-limits", config=nginx.config)
        assert found.outcome("error-log") is Outcome.FAIL
        assert f"({nginx.config}:4)" in found.evidence("error-log")
        shell(found.fix("error-log").apply.replace("/var/log/nginx", str(tmp_path)))
        # nginx -t alone makes the file, too
        until(lambda: str(tmp_path / "error.log") in opened_files(nginx.process.pid))
        (tmp_path / "error.log").unlink()
        found = check("nginx-limits", config=nginx.config)
        assert "still writes to the old file" in found.evidence("error-log")
        shell(found.fix("reopen-logs").apply)
        until(lambda: (tmp_path / "error.log").exists())
        assert nginx.get(2) == [b"200"] * 2
        assert check("nginx-limits", config=nginx.config).report.exit_status == 0


def test_an_edited_configuration_hides_no_error(host: Namespace, check: Check, tmp_path: Path) -> None:
    with proxy(host, tmp_path) as nginx:
        assert nginx.get(3) == [b"502"] * 3
        time.sleep(1.1)
        nginx.config.write_text(nginx.config.read_text() + "# edited, not reloaded\n")
        for settings in ({"config": nginx.config}, {}, {"log": tmp_path / "error.log"}):
            found = check("nginx-upstream", **settings)
            assert found.outcome("errors") is Outcome.FAIL, settings
        assert found.report.exit_status == 1


def test_another_machines_log_takes_no_figure_of_this_nginx(host: Namespace, check: Check, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.log"
    line = (
        "2026/03/02 10:00:00 [error] 7#7: *1 upstream timed out (110: Connection timed out) while reading response "
        'header from upstream, client: 10.1.1.9, server: _, request: "GET / HTTP/1.1", upstream: "http://10.1.2.2:80/"\n'
    )
    theirs.write_text(line * 40)
    with running(host, HTTP, 8302, 1.5, 0.01), proxy(host, tmp_path) as nginx:
        assert nginx.get(2) == [b"200"] * 2
        found = check("nginx-upstream", log=theirs)
        assert found.outcome("errors") is Outcome.FAIL
        fix = found.fix("read-timeout")
        told = " ".join((fix.target, fix.current, fix.proposed, fix.apply, fix.undo))
        assert str(tmp_path) not in told
        assert str(nginx.process.pid) not in told
        assert "unknown" in fix.current
        late = tmp_path / "theirs-access.log"
        late.write_text(
            '10.1.1.9 - - [02/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 504 0 "-" "x" rt=60.001 urt=60.001\n' * 9
        )
        found = check("timeout-chain", log=late)
        assert found.outcome("log") is Outcome.FAIL
        assert str(tmp_path / "nginx.conf") not in str([fix.target for fix in found.report.fixes])


def test_a_refused_upstream_and_a_broken_configuration(host: Namespace, check: Check, tmp_path: Path) -> None:
    with proxy(host, tmp_path) as nginx:
        assert nginx.get(3) == [b"502"] * 3
        found = check("nginx-upstream", config=nginx.config)
        assert found.outcome("errors") is Outcome.FAIL
        assert "the upstream refused the connection (111)" in found.evidence("errors")
        assert "127.0.0.1:8302 (3)" in found.evidence("errors")
    broken = tmp_path / "broken.conf"
    broken.write_text("events { worker_connections 10; \nhttp { server {")
    assert check("nginx-limits", config=broken).report.exit_status in (1, 3)
    assert check("nginx-limits", config=tmp_path / "absent.conf").report.exit_status == 3


def test_the_load_test_finds_errors(host: Namespace, check: Check) -> None:
    with running(host, HTTP, 8302, 1.5, 0.01):
        assert check("load-test", url="http://127.0.0.1:8302/").outcome("load") is Outcome.PASS
    found = check("load-test", url="http://127.0.0.1:8302/")
    assert found.outcome("load") is Outcome.FAIL
    assert "ECONNREFUSED" in found.evidence("load")
