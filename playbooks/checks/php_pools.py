"""PHP-FPM's pool behind a listener, by its configuration: how many children it may have."""

from __future__ import annotations

from collections.abc import Iterable

from playbooks.checks.line_edits import TIMES_MORE, edit_commands
from playbooks.checks.registry import Offer, offers_for
from playbooks.evidence_words import say
from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.facts import Facts

CHILDREN = "pm.max_children"


def pool_at(facts: Facts, where: str, port: int | None = None) -> ServiceSetting | None:
    """pm.max_children of the pool that listens on a unix socket's path, or on a port; None where none is known."""
    settings = [one for one in facts.service_settings or () if one.service == "php-fpm"]
    for listen in settings:
        here = listen.written == where or (port is not None and listen.written.rpartition(":")[2] == str(port))
        if listen.name == "listen" and here:
            return next((one for one in settings if _same_pool(one, listen) and one.name == CHILDREN), None)
    return None


def _same_pool(one: ServiceSetting, other: ServiceSetting) -> bool:
    return (one.place, one.pid) == (other.place, other.pid)


def pool_evidence(pool: ServiceSetting | None) -> Iterable[str]:
    """What the pool allows, in a sentence."""
    if pool is None:
        return ()
    return (say("fpm_pool", pool=pool.place, children=pool.written, file=pool.file, line=pool.line),)


def pool_offers(pool: ServiceSetting | None, **shared: object) -> tuple[Offer, ...]:
    """More children for a pool whose queue is full."""
    if pool is None or not pool.written.isdecimal():
        return ()
    more = TIMES_MORE * int(pool.written)
    edits = edit_commands([(pool, str(more))], f"children-{pool.place}")
    found = {
        "pool": pool.place,
        "children": pool.written,
        "more": more,
        "file": pool.file,
        "line": pool.line,
        "master": pool.pid if pool.pid is not None else "MASTER_PID",
        "pool_edit": edits["edit"],
        "pool_unedit": edits["unedit"],
    }
    return offers_for(("php-fpm", "php"), ("php-fpm-children",), **(shared | found))
