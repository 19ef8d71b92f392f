"""nginx's checks on recorded facts: a pass needs requests or lines, and a configuration that is at work."""

from __future__ import annotations

import msgspec
import pytest

from playbooks.checks.clients_gone import access_499
from playbooks.checks.nginx_config import how_to_reload, seconds, short
from playbooks.checks.nginx_limits import _kilobytes, nginx_buffers, worker_connections, worker_files
from playbooks.checks.nginx_logs import nginx_error_lines
from playbooks.checks.nginx_upstreams import upstream_keepalive
from playbooks.facts.facts import Absence, Facts
from playbooks.facts.log_facts import AccessLog, ErrorLine, ErrorLog, Times
from playbooks.facts.nginx_facts import Directive, Nginx, NginxServer, Worker
from playbooks.facts.socket_facts import Sockets
from playbooks.model import Outcome

START = 1_700_000_000.0
KINDS = ["refused", "timed_out"]


def directives(*more: tuple[str, ...]) -> tuple[Directive, ...]:
    path = "/etc/nginx/nginx.conf"
    place = ("http", "server", "location /")
    kept = [
        Directive("worker_connections", ("512",), path, 2, ("events",), 1, (1,)),
        Directive("upstream", ("b",), path, 4, ("http",), 2, (2, 3)),
        Directive("server", ("10.0.0.5:8080",), path, 5, ("http", "upstream b"), 3, (2, 3)),
        Directive("keepalive", ("16",), path, 6, ("http", "upstream b"), 3, (2, 3)),
        Directive("proxy_http_version", ("1.1",), path, 8, place, 6, (2, 5, 6)),
        Directive("proxy_set_header", ("Connection", ""), path, 9, place, 6, (2, 5, 6)),
        Directive("proxy_pass", ("http://b",), path, 10, place, 6, (2, 5, 6)),
    ]
    return (*kept, *(Directive(name, args, path, 20 + n, ()) for n, (name, *args) in enumerate(more)))  # type: ignore[arg-type]


def server(changed: float = START - 60, runs: bool = True, named: bool = False, *more: tuple[str, ...]) -> NginxServer:
    workers = (Worker(7, START, 20, 2048, 4096),) if runs else ()
    master = 6 if runs else None
    return NginxServer("/n.conf", (), directives(*more), (), changed, master=master, workers=workers, named=named)


def facts(nginx: NginxServer | None = None, **more: object) -> Facts:
    values: dict[str, object] = {
        "host": "h",
        "time": START + 600,
        "root": True,
        "settings": {},
        "nginx": Nginx((nginx or server(),)),
        "sockets": Sockets(1.0, "sock_diag", 0, (), (), {}, {}),
    }
    return Facts(**(values | more))  # type: ignore[arg-type]


def log(lines: int, older: int = 0, **more: object) -> ErrorLog:
    values: dict[str, object] = {"paths": ("/l",), "lines": lines, "older": older, "kinds": {}, "own": True}
    return ErrorLog(**(values | more))  # type: ignore[arg-type]


def requests(lines: int) -> AccessLog:
    return AccessLog(("/a",), lines, 0, 0, {"200": lines}, (), own=True)


@pytest.mark.parametrize(
    ("error", "access", "expected"),
    [
        (log(0), None, Outcome.UNKNOWN),
        (log(0, older=40, older_kinds={"timed_out": 40}, since=START), None, Outcome.UNKNOWN),
        (log(0), requests(0), Outcome.UNKNOWN),
        (log(0), requests(1), Outcome.PASS),
        (log(3), None, Outcome.PASS),
        (log(0, own=False), requests(9), Outcome.UNKNOWN),
        (log(3, kinds={"timed_out": ErrorLine("timed_out", 1, {}, "x", "t")}), requests(900), Outcome.FAIL),
    ],
)
def test_nothing_of_nothing_is_not_fine(error: ErrorLog, access: AccessLog | None, expected: Outcome) -> None:
    found = nginx_error_lines(facts(error_log=error, access_log=access), kinds=KINDS)
    assert found.outcome is expected, found.evidence
    if error.older:
        assert any("40 x" in text for text in found.evidence)


def test_a_quiet_level_hides_errors() -> None:
    quiet = server(START - 60, True, False, ("error_log", "/l", "crit"))
    found = nginx_error_lines(facts(quiet, error_log=log(3), access_log=requests(5)), kinds=KINDS)
    assert found.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("path", ["/dev/null", "stderr", "syslog:server=127.0.0.1", "memory:32m"])
def test_errors_that_go_where_nobody_reads_are_not_none(path: str) -> None:
    split = server(START - 60, True, False, ("error_log", "/l"), ("error_log", path))
    found = nginx_error_lines(facts(split, error_log=log(3), access_log=requests(5)), kinds=KINDS)
    assert found.outcome is Outcome.UNKNOWN
    assert any(path in text for text in found.evidence)


CHECKS = {
    "keepalive": upstream_keepalive,
    "connections": worker_connections,
    "files": worker_files,
    "buffers": nginx_buffers,
}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize(
    ("nginx", "expected"),
    [
        (server(), Outcome.PASS),
        (server(changed=START + 60), Outcome.UNKNOWN),  # edited, not reloaded
        (server(runs=False), Outcome.UNKNOWN),  # installed, not running
    ],
)
def test_only_what_is_at_work_is_fine(name: str, nginx: NginxServer, expected: Outcome) -> None:
    found = CHECKS[name](facts(nginx, error_log=log(3)))
    assert found.outcome is expected, found.evidence


def test_a_named_file_is_judged_as_it_stands() -> None:
    assert upstream_keepalive(facts(server(runs=False, named=True))).outcome is Outcome.PASS
    assert worker_connections(facts(server(runs=False, named=True))).outcome is Outcome.UNKNOWN


def test_what_is_passed_on_otherwise_is_not_fine() -> None:
    place = ("http", "server", "location /")
    static = NginxServer("/n", (), (Directive("fastcgi_pass", ("unix:/f",), "/n", 3, place),), (), 0.0, named=True)
    found = upstream_keepalive(facts(static))
    assert found.outcome is Outcome.UNKNOWN
    assert "fastcgi_pass" in found.evidence[0]


def test_buffers_without_a_log_are_unknown() -> None:
    gone = facts(absent={"error_log": Absence("unreadable", "not yours")})
    assert nginx_buffers(gone).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("limit", [100, 20_000, 500_000])
def test_a_workers_limit_is_never_lowered(limit: int) -> None:
    nginx = NginxServer("/n", (), directives(), (), START - 60, master=6, workers=(Worker(7, START, 20, limit, limit),))
    told = log(1, kinds={"too_many_files": ErrorLine("too_many_files", 1, {}, "x", "t")})
    (fix,) = worker_files(facts(nginx, error_log=told, kernel={"fs.nr_open": "1048576"})).offers
    assert int(fix.parameters["proposed"]) > limit


@pytest.mark.parametrize(
    ("page", "set_to", "old", "proposed"),
    [
        (4096, (), "client_body_buffer_size 8k", "128k"),
        (16384, (), "client_body_buffer_size 32k", "128k"),
        (4096, ("256k",), "client_body_buffer_size 256k", "512k"),
        (4096, ("1m",), "client_body_buffer_size 1m", "2048k"),
    ],
)
def test_buffers_are_as_large_as_pages_and_never_made_smaller(
    page: int, set_to: tuple[str, ...], old: str, proposed: str
) -> None:
    more = (("client_body_buffer_size", *set_to),) if set_to else ()
    nginx = msgspec.structs.replace(server(START - 60, True, False, *more), page=page)
    told = log(1, kinds={"body_buffered": ErrorLine("body_buffered", 1, {}, "x", "t")})
    found = nginx_buffers(facts(nginx, error_log=told))
    assert found.outcome is Outcome.WARN
    assert found.offers[0].parameters["old"].startswith(old)
    assert found.offers[0].parameters["proposed"] == proposed


@pytest.mark.parametrize(
    ("version", "expected"),
    [((1, 22, 1), Outcome.WARN), ((1, 29, 6), Outcome.WARN), ((1, 29, 7), Outcome.PASS), ((), Outcome.WARN)],
)
def test_newer_nginx_keeps_connections_by_itself(version: tuple[int, ...], expected: Outcome) -> None:
    bare = [one for one in directives() if one.name not in ("keepalive", "proxy_http_version", "proxy_set_header")]
    nginx = msgspec.structs.replace(server(), directives=tuple(bare), version=version)
    assert upstream_keepalive(facts(nginx)).outcome is expected


@pytest.mark.parametrize(
    ("times", "together"),
    [
        (Times(40, 0.40, 0.41, 0.42, 0.42, 0.39), True),
        (Times(40, 0.40, 0.41, 0.42, 9.0, 0.05), False),  # nearly half of them left much earlier
        (Times(40, 0.40, 2.0, 3.0, 9.0, 0.40), False),
    ],
)
def test_nearly_all_is_nearly_all(times: Times, together: bool) -> None:
    closed = AccessLog(("/a",), 40, 0, 0, {"499": 40}, (), own=True, closed_request=times)
    found = access_499(facts(access_log=closed))
    assert any("nearly all at" in text for text in found.evidence) is together


FPM = (Directive("fastcgi_pass", ("127.0.0.1:9000",), "/etc/nginx/nginx.conf", 12, ("http",), 7, (2,)),)


def offered(kind: str, upstream: str, line: Directive | None = None) -> list[tuple[str, tuple[str, ...]]]:
    found = log(3, kinds={kind: ErrorLine(kind, 3, {upstream: 3}, "x", "y")})
    nginx = msgspec.structs.replace(server(), directives=(*directives(), *FPM, *((line,) if line else ())))
    cures = {kind: ["topic:idle" if kind != "timed_out" else "read-timeout"]}
    judged = nginx_error_lines(facts(nginx, error_log=found), kinds=[kind], fixes=cures)
    assert judged.outcome is Outcome.FAIL
    return [(one.fix, one.identity) for one in judged.offers]


@pytest.mark.parametrize("kind", ["reset", "prematurely_closed"])
def test_a_kept_connection_that_the_upstream_closes_is_first_a_matter_of_who_closes_idle_ones(kind: str) -> None:
    assert offered(kind, "10.0.0.5:8080") == [("topic:idle", ("nginx",)), ("why-it-ends", ())]


@pytest.mark.parametrize("kind", ["reset", "prematurely_closed"])
def test_one_that_is_used_once_was_ended_at_work(kind: str) -> None:
    assert offered(kind, "127.0.0.1:9000") == [("why-it-ends", ()), ("topic:patience", ("php-fpm",))]


def test_fastcgi_has_a_read_timeout_of_its_own() -> None:
    found = log(3, kinds={"timed_out": ErrorLine("timed_out", 3, {"127.0.0.1:9000": 3}, "x", "y")})
    nginx = msgspec.structs.replace(server(), directives=(*directives(), *FPM))
    judged = nginx_error_lines(
        facts(nginx, error_log=found), kinds=["timed_out"], fixes={"timed_out": ["read-timeout"]}
    )
    made = judged.offers[0].parameters
    assert made["directive"] == "fastcgi_read_timeout"
    assert "fastcgi_read_timeout is not set" in made["old"]
    assert "12s|" in made["edit"]
    assert "fastcgi_pass" in made["edit"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None), ("x", None), ("5x", None), ("-5", None), ("5 x", None), ("500ms", 0.5), ("60", 60), ("7s", 7),
        ("1m30s", 90), ("1m 30s", 90), ("2h", 7200), ("1d", 86_400), ("1w", 604_800), ("1M", 2_592_000),
        ("1y", 31_536_000),
    ],
)  # fmt: skip
def test_nginx_notation_of_time(text: str, expected: float | None) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("8k", 8), ("8K", 8), ("2m", 2048), ("2M", 2048), ("1024", 1), ("1025", 2), ("off", 0)]
)
def test_nginx_notation_of_sizes(text: str, expected: int) -> None:
    assert _kilobytes(text) == expected


def test_times_are_written_as_nginx_reads_them() -> None:
    assert [short(value) for value in (0.5, 1.0, 1.5, 60.0)] == ["500ms", "1s", "1500ms", "60s"]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"path": "/etc/nginx/nginx.conf"}, ""),
        ({"path": "/n.conf"}, " -c /n.conf"),
        ({"path": "/etc/nginx/nginx.conf", "prefix": "/opt/a b"}, " -p '/opt/a b' -c /etc/nginx/nginx.conf"),
    ],
)
def test_how_an_nginx_is_reloaded(more: dict[str, str], named: str) -> None:
    runs = msgspec.structs.replace(server(), **more)
    assert how_to_reload(runs) == f"{{{{sudo}}}}nginx -t{named} && {{{{sudo}}}}kill -HUP 6"
    still = msgspec.structs.replace(runs, master=None)
    assert how_to_reload(still) == f"{{{{sudo}}}}nginx -t{named}   # then start it"
