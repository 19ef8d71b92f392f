"""What the connections of a group have in common: a time-out, an age, a byte offset, a client, a minute."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.verdicts import catalogue
from capture.verdicts.numbers import Numbers, duration
from capture.wire.arrays import distinct

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.flows.table import FlowTable
    from capture.verdicts.judging import Verdicts
    from capture.wire.columns import I64

MINUTE_NS = 60_000_000_000
CENTURIES_NS = 1 << 62  # no pattern in time: some are damaged
ALIKE = 0.8  # share of a group that makes a pattern
LEAST = 3  # connections that make a pattern
TIMED = ("client_gave_up", "no_response")
SILENT = ("stale_keepalive", "idle_drop", "no_socket", "middlebox_reset", "aborted", "silent_drop")
UNTIMED = ("syn_flood", "syn_unanswered", "refused", "unreachable", "late_close", "keepalive_timeout")
"""Causes whose length the kernel's own timers set: the same age says nothing."""

LEAST_OFFSET = 512  # bytes: below it every short answer has the same length


class Group(Struct, frozen=True):
    """Connections with one cause and one acting side (None: neither). `total`: of their listeners in the capture."""

    flows: FlowTable
    verdicts: Verdicts
    cause: str
    actor: int | None
    members: I64
    total: int

    def each(self, number: Callable[[Numbers], I64]) -> I64:
        """A number of every member, in nanoseconds."""
        out = np.zeros(len(self.members), np.int64)
        kinds = self.verdicts.template_of[self.members]
        for kind in distinct(kinds).tolist():
            where = np.flatnonzero(kinds == kind)
            numbers = Numbers(
                self.flows, self.verdicts.signed, self.verdicts.templates[kind], self.members[where].tolist()
            )
            out[where] = number(numbers)
        return out


def describe(group: Group) -> tuple[str, str, dict[str, object]]:
    """Title, text and the numbers behind them."""
    facts: dict[str, object] = {"count": len(group.members), "total": group.total, "cause": group.cause}
    clauses = [_meaning(group)]
    for clause in (_share, _clients, _moment, _waits, _silences, _ages, _offsets, _times):
        text = clause(group, facts)
        if text:
            clauses.append(text)
    info = catalogue.causes().get(group.cause)
    if info is not None and info.decide_by:
        clauses.append(_say("decide", decide=info.decide_by) + ("" if info.decide_by.endswith("?") else "."))
    return _title(group, facts), " ".join(clauses), facts


def _say(code: str, **values: object) -> str:
    return catalogue.clause(code).format(**values)


def _count(number: int) -> str:
    return f"{number:,}"


def _title(group: Group, facts: dict[str, object]) -> str:
    n = len(group.members)
    where = place(group.flows, group.members)
    facts["where"] = where
    who = catalogue.side_word(group.actor if group.actor is not None else 1)
    facts["by"] = None if group.actor is None else ("originator", "responder")[group.actor]
    return catalogue.finding_title(group.cause, n).format(n=_count(n), where=where, who=who)


def place(flows: FlowTable, members: I64) -> str:
    """The listener of a group, or its host with the number of ports, or the number of hosts."""
    hosts = distinct(flows.address[members, 1])
    if len(hosts) > 1:
        return catalogue.place("hosts").format(hosts=_count(len(hosts)))
    ip = flows.addresses.text(int(hosts[0]))
    ports = distinct(flows.port[members, 1])
    if len(ports) > 1:
        return catalogue.place("ports").format(ip=ip, ports=_count(len(ports)))
    return f"[{ip}]:{ports[0]}" if ":" in ip else f"{ip}:{ports[0]}"


def _meaning(group: Group) -> str:
    info = catalogue.causes().get(group.cause)
    if info is None:
        return catalogue.clause(group.cause)
    meaning = info.meaning[0].upper() + info.meaning[1:]
    return _say("meaning", meaning=meaning)


def _share(group: Group, facts: dict[str, object]) -> str | None:
    n = len(group.members)
    share = n / max(1, group.total)
    facts["share"] = round(share, 4)
    if group.total <= 1:
        return None
    total = _count(group.total)
    if n >= group.total:
        return _say("all_of_listener", total=total)
    return _say("share", share=f"{share:.1%}" if share >= 0.001 else f"{_count(n)} in {total}", total=total)


def _clients(group: Group, facts: dict[str, object]) -> str | None:
    clients, first, counts = np.unique(group.flows.address[group.members, 0], return_index=True, return_counts=True)
    top = int(np.lexsort((first, -counts))[0])  # of equals the first to be seen
    name = group.flows.addresses.text(int(clients[top]))
    facts["clients"] = len(clients)
    facts["top_client"] = name
    if len(group.members) == 1 or len(clients) == 1:
        return _say("one_client", client=name)
    if int(counts[top]) == 1:
        return _say("clients_once", clients=_count(len(clients)))
    return _say("clients", clients=_count(len(clients)), top=_count(int(counts[top])), client=name)


def _moment(group: Group, facts: dict[str, object]) -> str | None:
    """What the resets follow: an answer, or none at all."""
    if group.cause != "aborted" or len(group.members) < LEAST:
        return None
    codes = {group.verdicts.template(int(i)).diagnosis.sentence for i in group.members[:1000]}
    facts["moments"] = sorted(codes)
    if codes == {"abort_after_response"}:
        return _say("when_response")
    return _say("when_no_response") if codes == {"abort_unanswered"} else None


def _cluster(values: I64, least_ns: int) -> tuple[int, int] | None:
    """The value that most are close to (2 % or 60 ms), and how many; None where they are scattered or tiny."""
    if len(values) < LEAST:
        return None
    middle = int(np.median(values))
    if middle < least_ns:
        return None
    inside = int((np.abs(values - middle) <= max(60_000_000, middle // 50)).sum())
    return (middle, inside) if inside >= ALIKE * len(values) else None


def _waits(group: Group, facts: dict[str, object]) -> str | None:
    if group.cause not in TIMED:
        return None
    cluster = _cluster(group.each(lambda numbers: numbers.waited), 50_000_000)
    if cluster is None:
        return None
    wait, inside = cluster
    facts["wait_s"] = round(wait / 1e9, 3)
    facts["wait_count"] = inside
    half_seconds = round(wait / 5e8) * 500_000_000
    is_round = half_seconds > 0 and abs(wait - half_seconds) <= max(40_000_000, half_seconds // 50)
    code = "wait_round" if is_round else "wait"
    shown = duration(half_seconds if is_round else wait)
    return _say(code, wait=shown, inside=_count(inside), n=_count(len(group.members)))


def _silences(group: Group, facts: dict[str, object]) -> str | None:
    if group.cause not in SILENT:
        return None
    cluster = _cluster(group.each(lambda numbers: numbers.longest_wait), 1_000_000_000)
    if cluster is None:
        return None
    silence, inside = cluster
    facts["silence_s"] = round(silence / 1e9, 3)
    names = catalogue.timeout_names(silence / 1e9)
    suffix = _say("silence_names", names=names) if names else ""
    return _say("silence", silence=duration(silence), inside=_count(inside), n=_count(len(group.members)), names=suffix)


def _ages(group: Group, facts: dict[str, object]) -> str | None:
    if group.cause in UNTIMED or "wait_s" in facts or "silence_s" in facts or len(group.members) < 5:
        return None
    cluster = _cluster(group.each(lambda numbers: numbers.age), 1_000_000_000)
    if cluster is None:
        return None
    facts["age_s"] = round(cluster[0] / 1e9, 3)
    return _say("age", age=duration(cluster[0]), inside=_count(cluster[1]), n=_count(len(group.members)))


def _offsets(group: Group, facts: dict[str, object]) -> str | None:
    """The same number of bytes before each end, where the whole capture does not show it too."""
    if len(group.members) < 5:
        return None
    for side in (1, 0):
        values, counts = np.unique(group.flows.bytes[group.members, side], return_counts=True)
        top = int(np.argmax(counts))
        offset, inside = int(values[top]), int(counts[top])
        usual = float((group.flows.bytes[:, side] == offset).mean())
        if offset >= LEAST_OFFSET and inside >= ALIKE * len(group.members) and usual < 0.5:
            facts["offset_bytes"] = offset
            side_word = catalogue.side_word(side)
            return _say(
                "offset", bytes=_count(offset), side=side_word, inside=_count(inside), n=_count(len(group.members))
            )
    return None


def _times(group: Group, facts: dict[str, object]) -> str | None:
    """When: a rate over minutes, or all in one."""
    time = group.flows.packets.time
    ends = time[group.flows.first[group.members + 1] - 1]
    facts["first_time"], facts["last_time"] = int(ends.min()), int(ends.max())
    whole = int(time.max()) - int(time.min())
    if len(ends) < LEAST or not 5 * MINUTE_NS <= whole < CENTURIES_NS:
        return None
    minute = (ends - time.min()) // MINUTE_NS  # damaged times may lie centuries apart: no row of all the minutes
    busy, each = np.unique(minute, return_counts=True)
    peak = int(each.max())
    facts["peak_per_minute"] = peak
    facts["per_minute"] = np.bincount(minute).tolist() if busy[-1] < 120 else None
    if peak >= ALIKE * len(ends):
        start = (int(busy[each.argmax()]) * MINUTE_NS + int(time.min())) // 1_000_000_000
        at = datetime.fromtimestamp(start, UTC).strftime("%H:%M:%S")
        return _say("minute", inside=_count(peak), n=_count(len(ends)), at=at)
    span = max(1.0, whole / MINUTE_NS)
    rate = len(ends) / span
    return _say("rate", rate=f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}", minutes=f"{span:.0f}", peak=_count(peak))
