"""Connections from nginx to its upstreams: kept or not, and who closes idle ones first."""

from __future__ import annotations

import re
from typing import Any

from playbooks.checks.fix_audience import SERVERS_IDLE, identity_of
from playbooks.checks.nginx_config import (
    config_judged,
    effective,
    header_sent,
    how_to_reload,
    in_upstream,
    no_proxy_pass,
    not_at_work,
    proxied,
    seconds,
    short,
    stated,
    upstream_name,
)
from playbooks.checks.nginx_edits import Edit, commands, opening
from playbooks.checks.nginx_passes import keeps_by_default
from playbooks.checks.reaching import listener_behind
from playbooks.checks.registry import Judgement, Offer, check, failed, manual, offer, offers_for, unknown, warned
from playbooks.evidence_words import bracketed, say
from playbooks.facts.facts import Facts
from playbooks.facts.measured_facts import IdlePeer
from playbooks.facts.nginx_facts import Directive, NginxServer

MANY_TIME_WAIT = 100
DEFAULT_IDLE = 60.0
"""nginx's keepalive_timeout of an upstream block (ngx_http_upstream_module)."""


@check("upstream-keepalive", needs=("nginx",), optional=("sockets",))
def upstream_keepalive(facts: Facts, **given: Any) -> Judgement:
    """keepalive in the upstream block, and the two directives without which it does nothing."""
    if facts.nginx is None:
        return unknown(say("no_nginx"))
    evidence: list[str] = []
    offers: list[Offer] = []
    bad = missing = False
    seen = set()
    for server in facts.nginx.servers:
        for place in proxied(server):
            name = upstream_name(place)
            key = (server.path, name, place.outer)
            if key in seen or "$" in name:
                continue
            seen.add(key)
            kept = next((one for one in in_upstream(server, name) if one.name == "keepalive"), None)
            if kept is None and keeps_by_default(server):
                evidence.append(say("keepalive_default", where=place.where, version=".".join(map(str, server.version))))
                if wrong := _without(server, place):
                    bad = True
                    evidence += wrong
                    offers.append(_directives_offer(server, place, name, wrong))
                continue
            if kept is None:
                missing = True
                pile = _time_wait(facts, server, name)
                evidence.append(say("keepalive_missing", where=place.where, upstream=name, pile=pile))
                if pile >= MANY_TIME_WAIT:
                    bad = True
                offers.append(_keepalive_offer(server, place, name))
                continue
            wrong = _without(server, place)
            evidence.append(stated(kept, ""))
            if wrong:
                bad = True
                evidence += wrong
                offers.append(_directives_offer(server, place, name, wrong))
    if not evidence:
        return no_proxy_pass(facts)
    if bad:
        return failed(*evidence, *not_at_work(facts.nginx.servers), offers=tuple(offers))
    if missing:
        return warned(*evidence, *not_at_work(facts.nginx.servers), offers=tuple(offers))
    return config_judged(facts, ("nginx",), *evidence, say("keepalive_works"), seen=seen)


def _without(server: NginxServer, place: Directive) -> list[str]:
    """What keeps nginx from keeping connections at a proxy_pass; empty where nothing does."""
    found = []
    version = effective(server, "proxy_http_version", place)
    if (version is None and not keeps_by_default(server)) or (version is not None and version.args == ("1.0",)):
        found.append(say("http_1_0", where=place.where, stated=stated(version, say("http_1_0_default"))))
    header = header_sent(server, "Connection", place)
    if (header is None and not keeps_by_default(server)) or (header is not None and header.args[1:] == ("close",)):
        found.append(say("connection_close", where=place.where, stated=stated(header, say("connection_default"))))
    return found


def _time_wait(facts: Facts, server: NginxServer, name: str) -> int:
    """TIME-WAIT sockets toward the upstream's servers now."""
    if facts.sockets is None:
        return 0
    ports = {
        int(text.rpartition(":")[2])
        for text in [name, *(one.args[0] for one in in_upstream(server, name) if one.name == "server" and one.args)]
        if text.rpartition(":")[2].isdigit()
    }
    return sum(1 for row in facts.sockets.rows if row.state == "TIME-WAIT" and row.remote.port in ports)


def _keepalive_offer(server: NginxServer, place: Directive, name: str) -> Offer:
    block = next((one for one in server.directives if one.name == "upstream" and one.args == (name,)), None)
    where = f"{block.where} (upstream {name})" if block is not None else f"{server.path} (http block)"
    return offer(
        "upstream-keepalive",
        where=where,
        location=place.where,
        upstream=name,
        config=server.path,
        keep=max(16, 8 * server.cpus),
        idle=_idle_setting(server, name)[1],
        reload=how_to_reload(server),
        **_keep_commands(server, place, name, max(16, 8 * server.cpus)),
    )


def _keep_commands(server: NginxServer, place: Directive, name: str, keep: int) -> dict[str, str]:
    """keepalive after the upstream's servers; an upstream block of its own where proxy_pass names an address."""
    servers = [one for one in in_upstream(server, name) if one.name == "server"]
    if servers:
        return commands([Edit(servers[-1], f"keepalive {keep};", "after"), *_kept_alive(server, place)])
    http = opening(server, "http")
    if http is None or not place.args[0].startswith("http://"):
        return {}
    made = "kept_" + re.sub(r"\W", "_", name)
    kept = f"upstream {made} {{ server {name}; keepalive {keep}; }}"
    to = f"proxy_pass {place.args[0].replace(f'http://{name}', f'http://{made}', 1)};"
    beside = [one.text for one in _kept_alive(server, place) if one.how == "before"]
    others = [one for one in _kept_alive(server, place) if one.how != "before"]
    return commands([Edit(http, kept, "inside"), Edit(place, " ".join([*beside, to])), *others])


def _directives_offer(server: NginxServer, place: Directive, name: str, wrong: list[str]) -> Offer:
    return offer(
        "keepalive-directives",
        where=place.where,
        upstream=name,
        config=server.path,
        old="; ".join(wrong),
        reload=how_to_reload(server),
        **commands(_kept_alive(server, place)),
    )


def _kept_alive(server: NginxServer, place: Directive) -> list[Edit]:
    """What a location misses for connections to be kept: HTTP/1.1 and an empty Connection header, beside proxy_pass.
    A proxy_set_header there would hide those of the level above: then they are for the person to repeat."""
    edits = []
    version = effective(server, "proxy_http_version", place)
    if version is None or version.args == ("1.0",):
        edits.append(Edit(version, "proxy_http_version 1.1;") if version is not None else None)
    header = header_sent(server, "Connection", place)
    empty = 'proxy_set_header Connection "";'
    missing = [] if edits and edits[0] is not None else ["proxy_http_version 1.1;"] if edits else []
    if header is None:
        missing.append(empty)
    elif header.args[1:] == ("close",):
        edits.append(Edit(header, empty))
    found = [one for one in edits if one is not None]
    if missing:
        found.append(Edit(place, " ".join(missing), "before"))
    return found


def _idle_setting(server: NginxServer, name: str) -> tuple[Directive | None, float]:
    line = next((one for one in in_upstream(server, name) if one.name == "keepalive_timeout"), None)
    return line, ((seconds(line.args[0]) if line is not None and line.args else None) or DEFAULT_IDLE)


@check("upstream-idle", needs=("nginx", "idle_peers"), optional=("sockets", "processes"))
def upstream_idle(facts: Facts, **given: Any) -> Judgement:
    """nginx's keepalive_timeout must be shorter than the backend's: who sends next must be who closes idle ones."""
    if facts.nginx is None or facts.idle_peers is None:
        return unknown(say("no_nginx"))
    evidence: list[str] = []
    offers: list[Offer] = []
    bad = undecided = False
    peers = {peer.server: peer for peer in facts.idle_peers}
    for server in facts.nginx.servers:
        for block in (one for one in server.directives if one.name == "upstream" and one.args):
            name = block.args[0]
            if not any(one.name == "keepalive" for one in in_upstream(server, name)):
                continue
            line, idle = _idle_setting(server, name)
            setting = stated(line, say("default", name="keepalive_timeout", value="60s"))
            for one in in_upstream(server, name):
                peer = peers.get(_with_port(one.args[0])) if one.name == "server" and one.args else None
                if peer is None:
                    continue
                state, text = _compared(peer, idle, setting)
                evidence.append(text)
                if state == "bad":
                    bad = True
                    offers.append(_idle_offer(server, block, line, name, idle, peer))
                    offers += _behind(facts, idle, peer)
                undecided = undecided or state == "undecided"
    if bad:
        return failed(*evidence, offers=tuple(offers))
    if not evidence:
        return manual(say("no_idle_peers"))
    if undecided:
        return unknown(*evidence)
    return config_judged(facts, ("nginx", "idle_peers"), *evidence, seen=evidence)


def _behind(facts: Facts, idle: float, peer: IdlePeer) -> tuple[Offer, ...]:
    """The other side's cure, where it is seen who that is: to keep idle connections for longer than nginx."""
    words = identity_of(facts, listener_behind(facts, peer.server))
    longer = {"longer": int(idle) + 5, "backend": f"{peer.closed_after or 0:.1f}", "server": _shown(peer.server)}
    return offers_for(words, SERVERS_IDLE, **longer) if words else ()


def _with_port(text: str) -> str:
    text = text.strip("[]") if text.endswith("]") else text.replace("[", "").replace("]", "")
    return text if text.rpartition(":")[2].isdigit() and ":" in text else f"{text}:80"


def _compared(peer: IdlePeer, idle: float, setting: str) -> tuple[str, str]:
    if peer.error:
        return "undecided", say("idle_error", server=_shown(peer.server), error=peer.error)
    if not peer.keeps_alive and peer.closed_after is not None:
        return "fine", say("idle_never", server=_shown(peer.server))
    if peer.closed_after is None:
        code = "idle_longer" if peer.waited > idle else "idle_unknown"
        return ("fine" if peer.waited > idle else "undecided"), say(
            code, server=_shown(peer.server), waited=f"{peer.waited:.1f}", said=setting
        )
    closed = f"{peer.closed_after:.1f}"
    if peer.closed_after <= idle:
        return "bad", say("idle_shorter", server=_shown(peer.server), closed=closed, said=setting)
    return "fine", say("idle_fine", server=_shown(peer.server), closed=closed, said=setting)


def _shown(server: str) -> str:
    ip, _, port = server.rpartition(":")
    return f"{bracketed(ip)}:{port}"


def _idle_commands(server: NginxServer, line: Directive | None, name: str, text: str) -> dict[str, str]:
    kept = next((one for one in in_upstream(server, name) if one.name == "keepalive"), None)
    if line is not None:
        return commands([Edit(line, text)])
    return commands([Edit(kept, text, "after")]) if kept is not None else {}


def _idle_offer(
    server: NginxServer, block: Directive, line: Directive | None, name: str, idle: float, peer: IdlePeer
) -> Offer:
    closed = peer.closed_after or 1.0
    proposed = float(int(closed * 0.8)) if closed >= 2 else round(closed * 0.7, 1)
    return offer(
        "upstream-idle",
        where=line.where if line is not None else f"{block.where} (upstream {name})",
        old=f"keepalive_timeout {short(idle)}{'' if line is not None else ' (default)'}",
        proposed=short(max(0.1, proposed)),
        backend=f"{closed:.1f}",
        server=_shown(peer.server),
        upstream=name,
        longer=f"{int(idle) + 5}",
        **_idle_commands(server, line, name, f"keepalive_timeout {short(max(0.1, proposed))};"),
        longer_ms=f"{(int(idle) + 5) * 1000}",
        config=server.path,
        reload=how_to_reload(server),
    )
