"""What a server's files say becomes a fix's current value, and its edit a command that pastes and goes back."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.facts import Facts
from playbooks.facts.service_settings import collect_service_settings
from playbooks.facts.services.mysql import mysql_settings
from playbooks.facts.services.php_fpm import php_fpm_settings
from playbooks.facts.services.postgres import postgres_settings
from playbooks.facts.services.redis import redis_settings
from playbooks.facts.services.ssh import ssh_settings
from playbooks.facts.services.uwsgi import uwsgi_settings
from playbooks.fixing import fill
from playbooks.loader import load_all
from playbooks.model import Fix
from playbooks.server_values import values_of

TEMPLATES = {one.id: one for book in load_all(Path("/nonexistent")).values() for one in book.fixes}
READERS = {
    "redis": redis_settings, "postgres": postgres_settings, "mysql": mysql_settings, "php-fpm": php_fpm_settings,
    "ssh": ssh_settings, "uwsgi": uwsgi_settings,
}  # fmt: skip


def fixed(name: str, settings: list[ServiceSetting], **given: str) -> Fix:
    facts = Facts(host="h", time=0, root=True, settings={}, service_settings=tuple(settings))
    template = TEMPLATES[name]
    return fill(template, given | values_of(template, facts, given), root=True)


def test_every_setting_is_one_that_a_reader_knows(tmp_path: Path) -> None:
    main = tmp_path / "x"
    main.write_text(
        "[mysqld]\nback_log=1\nopen_files_limit=1\ntable_open_cache=1\n[www]\nlisten=1\npm.max_children=1\n"
    )
    known = {f"{one.service}:{one.name}" for read in READERS.values() for one in read(str(main))}
    known |= {"haproxy:timeout http-keep-alive", "apache:KeepAliveTimeout", "envoy:idle_timeout"}
    asked = {key for one in TEMPLATES.values() for key in one.sets}
    assert len(asked) > 10
    assert asked <= known


@pytest.mark.parametrize(
    ("name", "text", "now", "after"),
    [
        ("files-redis", "# a\nmaxclients 10\n", "maxclients 10 (FILE:2)", "# a\nmaxclients 10000\n"),
        ("files-redis", "port 6379\n", "maxclients 10000 (the default)", "port 6379\nmaxclients 10000\n"),
        ("backlog-redis", "port 1\n", "tcp-backlog 511 (the default)", "port 1\ntcp-backlog 2048\n"),
        (
            "files-postgres",
            "max_connections = 20 # few\nport = 1\n",
            "max_connections = 20 (FILE:1); max_files_per_process = 1000 (the default)",
            "max_connections = 200\nport = 1\nmax_files_per_process = 2000\n",
        ),
        (
            "backlog-php-fpm",
            "[www]\nlisten = 9000\npm.max_children = 5\n",
            "listen.backlog = 511 (the default [www]); pm.max_children = 5 (FILE:3 [www])",
            "[www]\nlisten.backlog = 2048\nlisten = 9000\npm.max_children = 5\n",
        ),
    ],
)
def test_the_edit_pastes_and_goes_back(name: str, text: str, now: str, after: str, tmp_path: Path) -> None:
    main = tmp_path / "it's a.conf"
    main.write_text(text)
    service = TEMPLATES[name].who[0]
    fix = fixed(name, READERS[service](str(main)), proposed="2048")
    assert sorted(fix.current.replace(str(main), "FILE").split("; ")) == sorted(now.split("; "))
    assert fix.target == str(main)
    for command, expected in ((fix.apply, after), (fix.undo, text)):
        edit, restart = command.rsplit(" && ", 1)
        assert re.fullmatch(r"systemctl restart [\w-]+", restart)
        subprocess.run(["sh", "-ec", edit.replace("/var/tmp/", f"{tmp_path}/")], check=True, timeout=10)
        assert main.read_text() == expected


def test_a_figure_that_no_check_told_is_twice_what_is_in_force(tmp_path: Path) -> None:
    main = tmp_path / "redis.conf"
    main.write_text("maxclients 70\n")
    fix = fixed("full-redis", redis_settings(str(main)))
    assert fix.apply.startswith("redis-cli -p 6379 CONFIG SET maxclients 140 && cp ")
    assert fix.undo.startswith("redis-cli -p 6379 CONFIG SET maxclients 70 && cp ")
    assert "maxclients 140" in fix.apply.rpartition("sed")[2]
    told = fixed("full-redis", redis_settings(str(main)), more="99", most="70")
    assert told.apply.startswith("redis-cli -p 6379 CONFIG SET maxclients 99 && ")


def test_two_servers_are_told_and_not_edited(tmp_path: Path) -> None:
    settings = []
    for name in ("a", "b"):
        (tmp_path / name).write_text("maxclients 10\n")
        settings += redis_settings(str(tmp_path / name))
    fix = fixed("files-redis", settings)
    assert fix.current.count("maxclients 10 (") == 2
    assert "sed" not in fix.apply


def test_what_was_not_read_is_not_told() -> None:
    fix = fixed("idle-redis", [])
    assert "timeout 0" not in fix.current
    told = fixed("idle-redis", [ServiceSetting("redis", "timeout", "7", "/etc/redis/redis.conf", 3)])
    assert told.current == "timeout 7 (/etc/redis/redis.conf:3)"


def test_proxies_tell_how_long_they_keep_idle_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy, envoy, apache = (tmp_path / name for name in ("haproxy.cfg", "envoy.yaml", "apache2.conf"))
    haproxy.write_text("frontend web\n  timeout client 1m\n  timeout http-keep-alive 10s\n")
    apache.write_text("KeepAliveTimeout 3\n")
    envoy.write_text(
        "static_resources:\n  listeners:\n  - name: in\n    filter_chains:\n    - filters:\n      - typed_config:\n"
        "          stat_prefix: ingress\n          common_http_protocol_options: {idle_timeout: 20s}\n"
        "          http_filters: []\n  clusters:\n  - name: app\n    connect_timeout: 1s\n"
    )
    here = [("haproxy", str(haproxy), ""), ("envoy", str(envoy), ""), ("apache", str(apache), "")]
    monkeypatch.setattr("playbooks.facts.service_settings.installed", lambda *_: here)
    monkeypatch.setattr("playbooks.facts.service_settings._known", lambda _: iter(()))
    read = collect_service_settings()
    assert isinstance(read, tuple)
    assert fixed("idle-haproxy", list(read)).current == f"timeout http-keep-alive 10s ({haproxy}:3 [frontend web])"
    assert fixed("idle-apache", list(read)).current == f"KeepAliveTimeout 3 ({apache}:1 [server])"
    assert fixed("idle-envoy", list(read)).current == (
        f"idle_timeout: 20s ({envoy}:8 [HTTP listener ingress]); idle_timeout: 3600s (the default [cluster app])"
    )
