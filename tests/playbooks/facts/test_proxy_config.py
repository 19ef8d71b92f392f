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
ENVOY_SHAPES = """\
static_resources:
  listeners:
  - filter_chains:
    - filters:
      - typed_config: {stat_prefix: postgres_tcp, cluster: db}
  - filter_chains:
    - filters:
      - typed_config:
          stat_prefix: ingress_http
          route_config:
            virtual_hosts:
            - routes:
              - match: {prefix: "/w"}
                route:
                  weighted_clusters:
                    clusters: [{name: one, weight: 90}, {name: two, weight: 10}]
                  timeout: {seconds: 3}
              - {match: {prefix: /}, route: {cluster_header: x-to, timeout: 0s}}
          http_filters:
          - typed_config: {http_service: {server_uri: {uri: a, cluster: auth, timeout: 0.250s}}}
  clusters:
  - &base
    name: one
    connectTimeout: 0.25s
    common_http_protocol_options: {idle_timeout: 20s}
    hosts: [{socket_address: {address: 127.0.0.1, port_value: 1}}]
  - name: db
    connect_timeout: {seconds: 1, nanos: 500000000}
    type: strict_dns
  - {name: two, type: EDS}
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


def test_an_envoy_of_tcp_with_an_authorization_and_weights(tmp_path: Path) -> None:
    """The shapes of Envoy's own examples, of version 2 and of its JSON."""
    found = waits(read(tmp_path / "envoy.yaml", ENVOY_SHAPES))
    assert found == {
        ("idle", "TCP to db"): (3600.0, 0),
        ("idle", "HTTP listener ingress_http"): (3600.0, 0),
        ("server", "route to one"): (3.0, 17),
        ("server", "route to two"): (3.0, 17),
        ("server", "route to header x-to"): (None, 18),
        ("connect", "cluster db"): (1.5, 28),
        ("idle", "cluster db"): (3600.0, 0),
        ("connect", "cluster one"): (0.25, 24),
        ("idle", "cluster one"): (20.0, 25),
        ("connect", "cluster two"): (5.0, 0),
        ("idle", "cluster two"): (3600.0, 0),
    }


def test_envoys_json_with_tabs_and_its_second_document(tmp_path: Path) -> None:
    text = '{\n\t"clusters": [\n\t\t{"name": "a", "connectTimeout": "2s", "type": "EDS"}\n\t]\n}\n'
    assert waits(read(tmp_path / "envoy.json", text))["connect", "cluster a"] == (2.0, 3)
    two = "admin: {}\n---\nclusters: [{name: b, connect_timeout: 3s}]\n"
    assert waits(read(tmp_path / "envoy.yaml", two))["connect", "cluster b"] == (3.0, 3)


def test_haproxys_other_sections_have_waits_of_their_own(tmp_path: Path) -> None:
    text = """\
defaults
    contimeout 4000
    timeout client '10s'
    srvtimeout 6000
backend be
    server a 127.0.0.1:1
ring logs
    timeout connect 1s
    timeout server 1s
resolvers dns
    timeout retry 1s
frontend fe
    bind :80
"""
    found = waits(read(tmp_path / "haproxy.cfg", text))
    assert found["connect", "backend be"] == (4.0, 2)
    assert found["server", "backend be"] == (6.0, 4)
    assert found["client", "frontend fe"] == (10.0, 3)


def test_apaches_proxy_timeout_of_the_same_site_applies(tmp_path: Path) -> None:
    text = """\
Timeout 60
<IfModule mod_proxy.c>
    ProxyTimeout 100
</IfModule>
<VirtualHost *:80>
    ProxyTimeout 20
    <Location /a>
        ProxyPass http://127.0.0.1:1/
    </Location>
</VirtualHost>
<VirtualHost *:81>
    ProxyPass / http://127.0.0.1:2/
</VirtualHost>
<VirtualHost *:82>
    ProxyTimeout 30
    ProxyPass / http://127.0.0.1:3/
</VirtualHost>
"""
    found = waits(read(tmp_path / "apache2.conf", text))
    assert found["server", "ProxyPass http://127.0.0.1:1/"] == (20.0, 6)
    assert found["server", "ProxyPass http://127.0.0.1:2/"] == (100.0, 3)
    assert found["server", "ProxyPass http://127.0.0.1:3/"] == (30.0, 15)


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
