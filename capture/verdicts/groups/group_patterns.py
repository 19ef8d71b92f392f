"""What the connections of a group have in common: a time-out, an age, a byte offset, a client, a minute."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from capture.language import sentences, tr
from capture.verdicts import catalogue
from capture.verdicts.groups.group import ALIKE, LEAST, Group, cluster, count, say
from capture.verdicts.groups.shared_traits import at_once, one_moment, same_offset, silences
from capture.verdicts.words.sentence_numbers import duration
from capture.wire.numpy_sets import distinct, numbered

if TYPE_CHECKING:
    from capture.flows.connection_table import FlowTable
    from capture.wire.column_types import I64

MINUTE_NS = 60_000_000_000
CENTURIES_NS = 1 << 62  # no pattern in time: some are damaged
TIMED = ("client_gave_up", "no_response")
UNTIMED = ("syn_flood", "syn_unanswered", "refused", "unreachable", "late_close", "keepalive_timeout")
"""Causes whose length the kernel's own timers set: the same age says nothing."""


def describe(group: Group, hop: str | None = None) -> tuple[str, str, dict[str, object]]:
    """Title, text and the numbers behind them; `hop` says what became of the same requests beyond a proxy."""
    facts: dict[str, object] = {
        "count": len(group.members),
        "total": group.total,
        "cause": catalogue.cause_of(group.cause),
    }
    clauses = [_meaning(group)]
    for clause in (_share, _clients, _moment, _waits, silences, at_once, one_moment, _ages, same_offset, _times):
        text = clause(group, facts)
        if text:
            clauses.append(text)
    if hop:
        clauses.insert(1, hop)
    info = catalogue.info_of(group.cause)
    if info is not None and info.decide_by:
        clauses.append(
            say("decide" if info.decide_by.endswith(("?", "？")) else "decide_and_stop", decide=info.decide_by)
        )
    return _title(group, facts), sentences(*clauses), facts


def _title(group: Group, facts: dict[str, object]) -> str:
    n = len(group.members)
    where = place(group.flows, group.members)
    facts["where"] = where
    who = catalogue.side_word(group.actor if group.actor is not None else 1)
    facts["by"] = None if group.actor is None else ("originator", "responder")[group.actor]
    return catalogue.finding_title(group.cause, n).format(n=count(n), where=where, who=who)


def place(flows: FlowTable, members: I64) -> str:
    """The listener of a group, or its host with the number of ports, or the number of hosts."""
    hosts = distinct(flows.address[members, 1])
    if len(hosts) > 1:
        return catalogue.place("hosts").format(hosts=count(len(hosts)))
    ip = flows.addresses.text(int(hosts[0]))
    ports = distinct(flows.port[members, 1])
    if len(ports) > 1:
        return catalogue.place("ports").format(ip=ip, ports=count(len(ports)))
    return f"[{ip}]:{ports[0]}" if ":" in ip else f"{ip}:{ports[0]}"


def _meaning(group: Group) -> str:
    info = catalogue.info_of(group.cause)
    if info is None:
        return catalogue.clause(group.cause)
    meaning = info.meaning[0].upper() + info.meaning[1:]
    return say("meaning", meaning=meaning)


def _share(group: Group, facts: dict[str, object]) -> str | None:
    n = len(group.members)
    share = n / max(1, group.total)
    facts["share"] = round(share, 4)
    if group.total <= 1:
        return None
    total = count(group.total)
    if n >= group.total:
        return say("all_of_listener", total=total)
    return say(
        "share", share=f"{share:.1%}" if share >= 0.001 else tr("{n} in {total}", n=count(n), total=total), total=total
    )


def _clients(group: Group, facts: dict[str, object]) -> str | None:
    clients = group.flows.address[group.members, 0]
    number = numbered(clients)
    counts = np.bincount(number)
    top = int(counts.argmax())  # of equals the first to be seen
    name = group.flows.addresses.text(int(clients[np.argmax(number == top)]))
    facts["clients"] = len(counts)
    facts["top_client"] = name
    if len(counts) == 1:
        return say("one_client", client=name)
    if int(counts[top]) == 1:
        return say("clients_once", clients=count(len(counts)))
    return say("clients", clients=count(len(counts)), top=count(int(counts[top])), client=name)


def _moment(group: Group, facts: dict[str, object]) -> str | None:
    """What the resets follow: an answer, or none at all."""
    if group.cause != "aborted" or len(group.members) < LEAST:
        return None
    codes = {group.verdicts.template(int(i)).diagnosis.sentence for i in group.members[:1000]}
    facts["moments"] = sorted(codes)
    if codes == {"abort_after_response"}:
        return say("when_response")
    return say("when_no_response") if codes == {"abort_unanswered"} else None


def _waits(group: Group, facts: dict[str, object]) -> str | None:
    if group.cause not in TIMED:
        return None
    alike = cluster(group.each(lambda numbers: numbers.waited), 50_000_000)
    if alike is None:
        return None
    wait, inside = alike
    facts["wait_s"] = round(wait / 1e9, 3)
    facts["wait_count"] = inside
    half_seconds = round(wait / 5e8) * 500_000_000
    is_round = abs(wait - half_seconds) <= max(40_000_000, half_seconds // 50)
    code = "wait_round" if is_round else "wait"
    shown = duration(half_seconds if is_round else wait)
    return say(code, wait=shown, inside=count(inside), n=count(len(group.members)))


def _ages(group: Group, facts: dict[str, object]) -> str | None:
    if group.cause in UNTIMED or "wait_s" in facts or "silence_s" in facts or len(group.members) < 5:
        return None
    alike = cluster(group.each(lambda numbers: numbers.age), 1_000_000_000)
    if alike is None:
        return None
    facts["age_s"] = round(alike[0] / 1e9, 3)
    return say("age", age=duration(alike[0]), inside=count(alike[1]), n=count(len(group.members)))


def _times(group: Group, facts: dict[str, object]) -> str | None:
    """When: a rate over minutes, or all in one."""
    ends, began = group.flows.last_time[group.members], int(group.flows.lowest_time.min())
    facts["first_time"], facts["last_time"] = int(ends.min()), int(ends.max())
    whole = group.flows.ends_at - began
    if len(ends) < LEAST or not 5 * MINUTE_NS <= whole < CENTURIES_NS:
        return None
    minute = (ends - began) // MINUTE_NS  # damaged times may lie centuries apart: no row of all the minutes
    busy, each = np.unique(minute, return_counts=True)
    peak = int(each.max())
    facts["peak_per_minute"] = peak
    facts["per_minute"] = np.bincount(minute).tolist() if busy[-1] < 120 else None
    if peak >= ALIKE * len(ends):
        start = (int(busy[each.argmax()]) * MINUTE_NS + began) // 1_000_000_000
        at = datetime.fromtimestamp(start, UTC).strftime("%H:%M:%S")
        return say("minute", inside=count(peak), n=count(len(ends)), at=at)
    span = max(1.0, whole / MINUTE_NS)
    rate = len(ends) / span
    return say("rate", rate=f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}", minutes=f"{span:.0f}", peak=count(peak))
