"""What a process waits for while its clients leave: an upstream. That is no leak: it closes once the answers come."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

from capture.sockets.findings.finding_words import age_text
from playbooks.checks.fact_words import holder_name
from playbooks.checks.fix_audience import identity_of
from playbooks.checks.registry import Judgement, check, failed, look, offers_for, unknown
from playbooks.evidence_words import say
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Holder, Socket

AWAITED_S = 1.0
"""Quiet for so long after a request: an answer that takes longer than most do."""
FEW = 3
OUT_OF_SIGHT = ("no permission", "other namespace", "not found")
"""Why the holder of a socket that has one may not show (capture.sockets.row.MISSING)."""
LEFT = 3
"""Clients that left meanwhile (CLOSE-WAIT), or wait to be accepted: without them nobody minds the wait."""


def awaited(facts: Facts, holder: Holder | None) -> dict[str, list[Socket]]:
    """Connections of a process on which it sent a request and got nothing since, by upstream, the most first."""
    if facts.sockets is None or holder is None:
        return {}
    mine = [row for row in facts.sockets.rows if any(owner.pid == holder.pid for owner in row.owners)]
    served = {row.local.port for row in mine if row.state == "LISTEN"}
    found: dict[str, list[Socket]] = defaultdict(list)
    for row in mine:
        quiet = row.awaiting_s
        if row.state == "ESTAB" and row.local.port not in served and quiet is not None and quiet >= AWAITED_S:
            found[str(row.remote)].append(row)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def explains(
    facts: Facts, holder: Holder | None, left: Sequence[Socket], queued: int = 0
) -> tuple[str, list[Socket]] | None:
    """The upstream for which most of the clients that `left` (their connections in CLOSE-WAIT), or are `queued`, wait;
    None where none explains them. A connection toward that upstream itself is no client's: there the upstream left."""
    for upstream, rows in awaited(facts, holder).items():
        clients = queued + sum(1 for row in left if str(row.remote) != upstream)
        if clients >= LEFT and len(rows) >= FEW and 2 * len(rows) >= clients:
            return upstream, rows
    return None


def _accepted(facts: Facts, holder: Holder, port: int) -> int:
    """Connections that a server is serving at the moment."""
    rows = facts.sockets.rows if facts.sockets is not None else ()
    mine = [row for row in rows if row.state == "ESTAB" and row.local.port == port]
    return sum(1 for row in mine if any(owner.pid == holder.pid for owner in row.owners))


@check("waiting-for", needs=("sockets",), optional=("processes",), everywhere=True)
def waiting_for(facts: Facts, **given: Any) -> Judgement:
    """Processes whose clients left, or wait in a full accept queue, while they wait for an upstream themselves: how
    many requests, for how long, with how many threads."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    pid, port = facts.number("pid"), facts.number("port")
    left: dict[Holder, list[Socket]] = defaultdict(list)
    queued: Counter[Holder] = Counter()
    closed = hidden = 0
    for row in facts.sockets.rows:
        full = row.state == "LISTEN" and row.recv_q > 0 and row.recv_q >= (row.backlog_max or row.recv_q)
        if (row.state == "CLOSE-WAIT" or full) and (port is None or port in (row.local.port, row.remote.port)):
            closed += not full
            hidden += row.owner_missing in OUT_OF_SIGHT
            for owner in {Holder(owner.pid, owner.name) for owner in row.owners}:
                if pid is not None and owner.pid != pid:
                    continue
                if full:
                    queued[owner] += max(LEFT, _accepted(facts, owner, row.local.port))
                else:
                    left[owner].append(row)
    for holder in sorted({*left, *queued}, key=lambda one: -len(left[one]) - queued[one]):
        found = explains(facts, holder, left[holder], queued[holder])
        if found is not None:
            upstream, rows = found
            count = queued[holder] + sum(1 for row in left[holder] if str(row.remote) != upstream)
            return _slow(facts, holder, count, upstream, rows)
    sentence = say("awaits_nothing", count=closed)
    return look(facts, "sockets").passed(sentence, seen=facts.sockets.rows, hidden=hidden)


def _slow(facts: Facts, holder: Holder, left: int, upstream: str, rows: list[Socket]) -> Judgement:
    quiet = [row.awaiting_s for row in rows if row.awaiting_s is not None]
    all_of = facts.sockets.rows if facts.sockets is not None else ()
    open_now = sum(1 for row in all_of if row.state == "ESTAB" and any(one.pid == holder.pid for one in row.owners))
    processes = facts.processes.rows if facts.processes is not None else ()
    threads = next((one.threads for one in processes if one.pid == holder.pid), None)
    sentences = [
        say("awaits", who=holder_name(holder), count=len(rows), all=open_now, upstream=upstream,
            quiet=age_text(median(quiet)), longest=age_text(max(quiet))),
        say("awaits_left", count=left),
    ]  # fmt: skip
    if threads:
        sentences.append(say("awaits_threads", who=holder_name(holder), threads=threads))
    times = say("awaits_times", count=len(rows), upstream=upstream, quiet=age_text(median(quiet)))
    wanted = max(1, min(10, int(median(quiet))))
    offers = offers_for(
        identity_of(facts, holder),
        ("topic:patience",),
        times=times,
        client=say("awaits_current", quiet=age_text(median(quiet))),
        proposed=wanted,
        proposed_ms=wanted * 1000,
    )
    return failed(*sentences, offers=offers)
