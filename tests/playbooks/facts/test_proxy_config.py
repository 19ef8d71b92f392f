"""Configurations of HAProxy, Apache and Envoy, read as the programs do: which wait applies where, and its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbooks.facts.config_facts import ProxyConfig
from playbooks.facts.facts import Absence
from playbooks.facts.haproxy_config import seconds
from playbooks.facts.proxy_config import collect_proxy_config

HAPROXY = """\
global
    maxconn 100
defaults
    mode http
    timeout connect 5000
    timeout client  50s   # a minute is too long
    timeout server  1m
frontend fe
    bind :80
    default_backend be_app
backend be_app
    timeout server 500ms
    server app1 127.0.0.1:8802
defaults strict
    timeout connect 1s
    timeout server 2s
backend be_other from strict
    server app2 127.0.0.1:8803
frontend bare
    bind :81
"""
APACHE = """\
ServerRoot "{root}"
Timeout 45
IncludeOptional sites/*.conf
KeepAliveTimeout 7
"""
SITE = """\
<VirtualHost *:80>
    ProxyPass "/app" "http://127.0.0.1:8802/" \\
        connectiontimeout=2 timeout=90
    ProxyPass /other http://127.0.0.1:8803/
</VirtualHost>
"""
ENVOY = """\
static_resources:
  listeners:
  - name: main
    filter_chains:
    - filters:
      - typed_config:
          route_config:
            virtual_hosts:
            - routes:
              - match: {prefix: "/slow"}
                route:
                  cluster: slow
                  timeout: 0.5s
              - match: {prefix: "/"}
                route: {cluster: app}
  clusters:
  - name: slow
    connect_timeout: 0.25s
    load_assignment: {cluster_name: slow}
  - name: app
    load_assignment: {cluster_name: app}
    common_http_protocol_options:
      idle_timeout: 50s
"""


def read(path: Path, text: str) -> ProxyConfig:
    path.write_text(text)
    found = collect_proxy_config(str(path), None)
    assert isinstance(found, ProxyConfig), found
    return found


def waits(config: ProxyConfig) -> dict[tuple[str, str], tuple[float | None, int]]:
    return {(wait.kind, wait.place): (wait.seconds, wait.line) for wait in config.waits}


def test_haproxy_sections_take_what_their_defaults_say(tmp_path: Path) -> None:
    config = read(tmp_path / "haproxy.cfg", HAPROXY)
    found = waits(config)
    assert config.program == "haproxy"
    assert found["client", "frontend fe"] == (50.0, 6)
    assert found["connect", "backend be_app"] == (5.0, 5)
    assert found["server", "backend be_app"] == (0.5, 12)
    assert found["server", "backend be_other"] == (2.0, 16)
    assert config.missing == (f"timeout client (frontend bare, {tmp_path / 'haproxy.cfg'}:19)",)


@pytest.mark.parametrize(
    ("text", "value"), [("5000", 5.0), ("30s", 30.0), ("500ms", 0.5), ("2m", 120.0), ("soon", None)]
)
def test_haproxy_times(text: str, value: float | None) -> None:
    assert seconds(text) == value


def test_apache_directives_through_includes_and_joined_lines(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "a.conf").write_text(SITE)
    config = read(tmp_path / "apache2.conf", APACHE.format(root=tmp_path))
    found = waits(config)
    app, other = "ProxyPass http://127.0.0.1:8802/", "ProxyPass http://127.0.0.1:8803/"
    assert found["server", app] == (90.0, 2)
    assert found["connect", app] == (2.0, 2)
    assert found["server", other] == (45.0, 2)  # Timeout, as ProxyTimeout is not set
    assert found["idle", "server"] == (7.0, 4)


def test_envoys_routes_and_clusters_with_their_defaults(tmp_path: Path) -> None:
    found = waits(read(tmp_path / "envoy.yaml", ENVOY))
    assert found["server", "route to slow"] == (0.5, 13)
    assert found["server", "route to app"] == (15.0, 0)
    assert found["connect", "cluster slow"] == (0.25, 18)
    assert found["idle", "cluster app"] == (50.0, 23)
    assert found["idle", "cluster slow"] == (3600.0, 0)


@pytest.mark.parametrize(
    "text", ["", "hello world\n", "a: [b\n", "&a [*a, *a]\n", "\x00\x01\x02", "backend x\n" * 3, "<VirtualHost\n" * 5]
)
@pytest.mark.parametrize("name", ["haproxy.cfg", "apache2.conf", "envoy.yaml", "what.txt"])
def test_what_is_no_configuration_is_said_in_a_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    found = collect_proxy_config(str(tmp_path / name), None)
    if isinstance(found, Absence):
        assert "\n" not in found.why
    else:
        assert found.waits or found.missing


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    found = collect_proxy_config(str(tmp_path / "haproxy.cfg"), None)
    assert isinstance(found, Absence)
    assert "No such file" in found.why
