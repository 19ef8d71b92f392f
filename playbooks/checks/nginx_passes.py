"""Where nginx passes requests on, by whatever directive: proxy_pass, fastcgi_pass, uwsgi_pass, scgi_pass, grpc_pass."""

from __future__ import annotations

import re

from playbooks.checks.nginx_config import OTHER_PASSES, effective, header_sent, in_upstream, proxied
from playbooks.facts.nginx_facts import Directive, Nginx, NginxServer

KEEPS_SINCE = (1, 29, 7)
"""From this nginx on upstream connections are kept, over HTTP/1.1, where nothing else is set (its CHANGES)."""


def passes(server: NginxServer) -> list[Directive]:
    """Every directive that passes requests on; those of streams are not read."""
    others = [one for one in server.directives if one.name in OTHER_PASSES and one.args]
    return [*proxied(server), *others]


def protocol(place: Directive) -> str:
    """What the directives of this upstream begin with: proxy, fastcgi, uwsgi, scgi, grpc, memcached."""
    return place.name.removesuffix("_pass")


def passed_to(place: Directive) -> str:
    """An upstream's name, an address, or unix:PATH."""
    name = place.args[0]
    after = name.partition("://")[2]
    return after.partition("/")[0] if after else name


def addresses(server: NginxServer, place: Directive) -> set[str]:
    """The addresses, with ports, behind such a directive, as an error log writes them."""
    name = passed_to(place)
    servers = [one.args[0] for one in in_upstream(server, name) if one.name == "server" and one.args] or [name]
    default = 443 if place.args[0].startswith("https:") else 80
    with_port = {one if re.search(r":\d+$", one) else f"{one}:{default}" for one in servers}
    return (with_port | set(servers)) if protocol(place) in ("proxy", "grpc") else set(servers)


def passing_to(nginx: Nginx, upstream: str) -> tuple[NginxServer, list[Directive]]:
    """The nginx, and its directives, that lead to an upstream's address; every proxy_pass of the first nginx where none
    is seen to."""
    for server in nginx.servers:
        places = [place for place in passes(server) if upstream and upstream in addresses(server, place)]
        if places:
            return server, places
    return nginx.servers[0], proxied(nginx.servers[0])


def keeps_by_default(server: NginxServer) -> bool:
    """Whether this nginx keeps upstream connections by default; False where its version is not known."""
    return server.version >= KEEPS_SINCE


def keeps(server: NginxServer, place: Directive) -> bool:
    """Whether a connection may be used for more than one request: only then can it be a stale one that was reset."""
    name = passed_to(place)
    keepalive = any(one.name == "keepalive" for one in in_upstream(server, name))
    kind = protocol(place)
    if kind in ("fastcgi", "uwsgi", "scgi"):
        line = effective(server, f"{kind}_keep_conn", place)
        return keepalive and line is not None and line.args == ("on",)
    if kind == "grpc":
        return keepalive or keeps_by_default(server)
    if not keepalive and not keeps_by_default(server):
        return False
    version, header = effective(server, "proxy_http_version", place), header_sent(server, "Connection", place)
    if version is None and header is None:
        return keeps_by_default(server)
    closes = header is not None and header.args[1:] == ("close",)
    return not closes and (version is None or version.args != ("1.0",))
