"""A pool whose children are all busy, behind nginx: cured as printed, and as before once undone."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import psutil
import pytest

from playbooks.symptoms.explain_line import explain_line
from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.conftest import Checked
from tests.playbooks.faults.servers import until
from tests.playbooks.faults.test_leaks import connect

FPM = next(iter(sorted(glob.glob("/usr/sbin/php-fpm*"))), None)
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(FPM is None or shutil.which("nginx") is None, reason="not installed: php-fpm, nginx"),
]
Check = Callable[..., Checked]
Shell = Callable[[str], str]

PAGE = b"GET /slow.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POOL = """\
[www]
user = www-data
group = www-data
listen = {folder}/www.sock
listen.mode = 0666
listen.backlog = 2
pm = static
; how many answer at once
pm.max_children = 2
"""
NGINX = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{
        listen 127.0.0.1:8381;
        location / {{
            fastcgi_pass unix:{folder}/www.sock;
            fastcgi_param SCRIPT_FILENAME {folder}/slow.php;
            fastcgi_param REQUEST_METHOD $request_method;
        }}
    }}
}}
"""


@pytest.fixture
def pool(host: Namespace) -> Iterator[tuple[Path, psutil.Process]]:
    """nginx before PHP-FPM, in a folder that both may reach."""
    with suppress(KeyError):
        pwd.getpwnam("www-data")
    with tempfile.TemporaryDirectory(prefix="pool-") as made:
        os.chmod(made, 0o777)
        folder = Path(made)
        (folder / "slow.php").write_text("<?php usleep(1000000); echo 'served';")
        (folder / "pool.d").mkdir()
        (folder / "pool.d" / "www.conf").write_text(POOL.format(folder=folder))
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
        (folder / "php-fpm.conf").write_text(
            f"[global]\ndaemonize = no\nerror_log = {folder}/fpm.log\ninclude={folder}/pool.d/*.conf\n"
        )
        assert FPM is not None
        fpm = host.start(FPM, "-y", str(folder / "php-fpm.conf"), stderr=subprocess.DEVNULL)
        proxy = host.start("nginx", "-c", str(folder / "nginx.conf"), stderr=subprocess.DEVNULL)
        try:
            until(lambda: (folder / "www.sock").exists() and ":8381" in host.run("ss", "-Hltn"))
            yield folder, psutil.Process(fpm.pid)
        finally:
            for process in (proxy, fpm):
                process.terminate()
                process.wait(10)


def ask(host: Namespace) -> bool:
    """Whether a request is answered with the page."""
    with connect(host, 8381) as client:
        client.settimeout(8)
        client.sendall(PAGE)
        answer = b""
        while data := client.recv(4096):
            answer += data
        return b"served" in answer


def served(host: Namespace, count: int) -> int:
    """How many of as many requests at once are answered with the page."""
    with ThreadPoolExecutor(count) as pool:
        return sum(pool.map(lambda _: ask(host), range(count)))


@contextmanager
def asked_all_the_time(host: Namespace, clients: int) -> Iterator[None]:
    """Clients that ask again as soon as they were answered, or a little after a 502."""
    over = Event()

    def one() -> None:
        while not over.is_set():
            if not ask(host):
                over.wait(0.1)

    with ThreadPoolExecutor(clients) as pool:
        for _ in range(clients):
            pool.submit(one)
        try:
            yield
        finally:
            over.set()


def test_too_few_children(host: Namespace, pool: tuple[Path, psutil.Process], check: Check, shell: Shell) -> None:
    """Two answer, a few wait in the socket's queue, the others get a 502."""
    folder, master = pool
    assert served(host, 9) < 9
    line = next(x for x in (folder / "error.log").read_text().splitlines() if "(11:" in x)
    said = explain_line(line)
    assert said is not None
    assert (said.symptom, said.playbook) == ("upstream_refused", "accept-queue")
    with asked_all_the_time(host, 9):
        found = check("accept-queue")
    fix = found.report.fixes[0]
    assert f"[www] may have pm.max_children = 2 children ({folder}/pool.d/www.conf:9)" in found.evidence("full")
    assert (fix.id, fix.current) == ("php-fpm-children", f"pm.max_children = 2 ({folder}/pool.d/www.conf:9)")
    shell(fix.apply)
    until(lambda: len(master.children()) == 4)
    assert "pm.max_children = 4" in (folder / "pool.d" / "www.conf").read_text()
    until(lambda: served(host, 6) == 6, 30)
    shell(fix.undo)
    until(lambda: len(master.children()) == 2)
    assert (folder / "pool.d" / "www.conf").read_text() == POOL.format(folder=folder)
    assert served(host, 9) < 9
