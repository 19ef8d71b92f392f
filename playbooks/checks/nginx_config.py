"""Reading a configuration of nginx as nginx does: what applies where, and its times."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sized
from datetime import UTC, datetime

from playbooks.checks.registry import Judgement, look, unknown
from playbooks.evidence_words import say
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import AccessLog, ErrorLog
from playbooks.facts.nginx_facts import Directive, Nginx, NginxServer

QUIET_LEVELS = ("crit", "alert", "emerg")
"""Levels of error_log that leave upstream's errors out."""
_TIME = re.compile(r"(\d+)(ms|[smhdwMy]?)")
_UNITS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}


def seconds(text: str) -> float | None:
    """nginx's notation of time ("60s", "1m30s", "500ms", "60"); None where it is none."""
    parts = _TIME.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.replace(" ", ""):
        return None
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def short(value: float) -> str:
    """Seconds in nginx's notation, whole where it can be."""
    return f"{value:.0f}s" if value >= 1 and float(value).is_integer() else f"{value * 1000:.0f}ms"


def within(one: Directive, place: Directive) -> bool:
    """Whether a simple directive is in a block around `place`."""
    return one.outer == place.outer[: len(one.outer)]


def effective(server: NginxServer, name: str, place: Directive) -> Directive | None:
    """The directive that applies at `place`: the innermost of those in the blocks around it (nginx's inheritance)."""
    found = [one for one in server.directives if one.name == name and within(one, place)]
    return max(found, key=lambda one: len(one.outer)) if found else None


def header_sent(server: NginxServer, header: str, place: Directive) -> Directive | None:
    """The proxy_set_header of this header that applies: those of the innermost level that has any."""
    found = [one for one in server.directives if one.name == "proxy_set_header" and within(one, place)]
    deepest = max((len(one.outer) for one in found), default=0)
    mine = [one for one in found if len(one.outer) == deepest and one.args and one.args[0].lower() == header.lower()]
    return mine[-1] if mine else None


def main_directive(server: NginxServer, name: str, context: tuple[str, ...] = ()) -> Directive | None:
    """The last directive of this name in exactly this context."""
    found = [one for one in server.directives if one.name == name and one.context == context]
    return found[-1] if found else None


def number_of(one: Directive | None, default: int | None) -> int | None:
    """The directive's first argument as a number."""
    return int(one.args[0]) if one is not None and one.args and one.args[0].isdigit() else default


def proxied(server: NginxServer) -> list[Directive]:
    """Every proxy_pass over HTTP. What is passed on otherwise: passed_otherwise()."""
    return [
        one for one in server.directives if one.name == "proxy_pass" and one.args and "stream" not in one.context[:1]
    ]


OTHER_PASSES = ("fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass")


def no_proxy_pass(facts: Facts) -> Judgement:
    """Nothing to judge: no request is passed on by proxy_pass; what is by other directives is not looked at."""
    servers = facts.nginx.servers if facts.nginx is not None else ()
    others = {one.name for server in servers for one in server.directives if one.name in OTHER_PASSES}
    sentence = say("no_proxy_pass_but", names=", ".join(sorted(others))) if others else say("no_proxy_pass")
    return unknown(sentence, *not_at_work(servers))


def upstream_name(proxy_pass: Directive) -> str:
    """The host part of a proxy_pass: an upstream's name, or an address."""
    return proxy_pass.args[0].partition("://")[2].partition("/")[0]


def in_upstream(server: NginxServer, upstream: str) -> Iterator[Directive]:
    """The directives of an upstream block."""
    return (one for one in server.directives if one.context and one.context[-1] == f"upstream {upstream}")


def stated(one: Directive | None, default: str) -> str:
    """A directive as written with file and line, or nginx's default."""
    return say("directive", text=" ".join((one.name, *one.args)), where=one.where) if one is not None else default


def not_at_work(servers: Iterable[NginxServer]) -> list[str]:
    """Why what the files say may not be what is at work, one sentence a configuration; empty where it is. A file that
    a person named and that nothing runs is judged as it is written."""
    found = []
    for server in servers:
        if server.at_work is False:
            changed, since = clock(server.changed), clock(server.since or 0.0)
            found.append(say("config_not_loaded", config=server.path, changed=changed, since=since))
        elif server.at_work is None and server.master is not None:
            found.append(say("config_workers_hidden", config=server.path, master=server.master))
        elif server.at_work is None and not server.named:
            found.append(say("config_not_run", config=server.path))
    return found


def config_judged(facts: Facts, parts: tuple[str, ...], *evidence: str, seen: int | Sized) -> Judgement:
    """A pass of what was seen, if the configurations that were read are those at work."""
    doubts = not_at_work(facts.nginx.servers if facts.nginx is not None else ())
    if doubts:
        return unknown(*evidence, *doubts)
    return look(facts, *parts).passed(*evidence, seen=seen)


def nginx_of(facts: Facts, log: ErrorLog | AccessLog | None) -> Nginx | None:
    """The nginx whose log was read, for a fix's figures: not any that runs here beside a log of another one. A person
    who names a configuration says that it belongs to the log."""
    if facts.nginx is None or not facts.nginx.servers:
        return None
    mine = log is None or log.own or "config" in facts.settings
    return facts.nginx if mine else None


def clock(moment: float) -> str:
    """A moment for people, in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def how_to_reload(server: NginxServer) -> str:
    """Test and reload, for this nginx; {{sudo}} is filled in later."""
    path = server.path.removeprefix(server.root)
    prefix = f" -p {shlex.quote(server.prefix)}" if server.prefix else ""
    named = f" -c {shlex.quote(path)}" if path != "/etc/nginx/nginx.conf" or prefix else ""
    if server.master is None:
        return f"{{{{sudo}}}}nginx -t{prefix}{named}   # then start it"
    inside = f"nsenter -t {server.master} -m -r " if server.root else ""
    return f"{{{{sudo}}}}{inside}nginx -t{prefix}{named} && {{{{sudo}}}}kill -HUP {server.master}"
