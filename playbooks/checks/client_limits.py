"""How many clients a server holds, against what its own configuration allows."""

from __future__ import annotations

from typing import Any

from playbooks.checks.line_edits import TIMES_MORE
from playbooks.checks.registry import Judgement, check, failed, look, offers_for, unknown, warned
from playbooks.evidence_words import say
from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Socket

LIMITS = {
    "redis": ("maxclients", "redis-server"),
    "postgres": ("max_connections", "postgres"),
    "mysql": ("max_connections", "mysqld", "mariadbd"),
}
"""By service: the setting, and the names of its processes."""
FULL, FEW = 0.97, 0.85
"""Of the places: PostgreSQL keeps 3 of 100 for superusers, and Redis and MySQL one or two for themselves."""


@check("client-limits", needs=("sockets", "service_settings"))
def client_limits(facts: Facts, **given: Any) -> Judgement:
    """Servers whose places are all taken, or nearly."""
    if facts.sockets is None or facts.service_settings is None:
        return unknown(say("no_sockets"))
    evidence, full, few = [], [], []
    seen = 0
    for one in _limits(facts.service_settings):
        held = _clients(facts, one.service)
        if held is None:
            continue
        known = one.pid is not None  # else a guess: the server may have been started with other figures
        seen += known
        most = int(one.written)
        evidence.append(_stated(one, held))
        if known and held >= FULL * most:
            full.append((one, held))
        elif held >= FEW * most:
            few.append((one, held))
    offers = tuple(
        offer
        for one, held in (*full, *few)
        for offer in offers_for(
            (one.service,), ("topic:full",), server=one.service, held=held, most=one.written, file=one.file,
            more=TIMES_MORE * int(one.written),
        )
    )  # fmt: skip
    if full:
        return failed(*evidence, offers=offers)
    if few:
        return warned(*evidence, offers=offers)
    if not seen:
        return unknown(say("no_limited_server"))
    return look(facts, "sockets").passed(*evidence, seen=seen)


def _limits(settings: tuple[ServiceSetting, ...]) -> list[ServiceSetting]:
    """The limits of the servers that are here once: of several, which one holds a client is unknown."""
    limits = [
        one
        for one in settings
        if one.service in LIMITS and one.name == LIMITS[one.service][0] and one.written.isdecimal() and int(one.written)
    ]
    return [one for one in limits if sum(other.service == one.service for other in limits) == 1]


def _clients(facts: Facts, service: str) -> int | None:
    """Established connections that the server's processes hold; None where none of them listens here."""
    names = LIMITS[service][1:]
    rows = facts.sockets.rows if facts.sockets is not None else ()
    mine = [row for row in rows if row.owners and row.owners[0].name.startswith(names)]
    ports = {row.local.port for row in mine if row.state == "LISTEN"}
    return sum(_is_client(row, ports) for row in mine) if ports else None


def _is_client(row: Socket, ports: set[int]) -> bool:
    return row.state in ("ESTAB", "CLOSE-WAIT") and row.local.port in ports


def _stated(one: ServiceSetting, held: int) -> str:
    where = f"{one.file}:{one.line}" if one.line else say("the_default")
    return say("client_places", server=one.service, held=held, name=one.name, most=one.written, where=where)
