"""What a pasted table shows: piles by holder or peer, full queues, counters of trouble. No ages: a table has none."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from capture.language import catalogue, count_of, per_language
from capture.model import Finding, Severity
from capture.sockets.findings.finding_words import share_text
from playbooks.language import tr
from playbooks.tables.end_formats import is_address, is_any
from playbooks.tables.pasted_counters import troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from playbooks.tables.pasted_table import TableSocket

FEW = 3
"""From so many on a pile warns: people paste the rows that trouble them, often the first few only."""
MANY_HALF_OPEN = 16
LEAST_PORTS = 1000
DEFAULT_PORTS = 60_999 - 32_768 + 1
MOST_SHARE = 0.7
UNREAD = 32_768
REPEATED = 3
PEERS_NAMED = 3
SAMPLE = 20


def findings_of(sockets: Sequence[TableSocket], counters: Mapping[str, int]) -> list[Finding]:
    """All findings, most severe first, larger ones before smaller."""
    by_state: dict[str, list[TableSocket]] = defaultdict(list)
    for one in sockets:
        by_state[one.state].append(one)
    listening = frozenset(one.local.port for one in by_state["LISTEN"])
    found = [
        *_close_wait(by_state["CLOSE-WAIT"], listening),
        *_toward("fin_wait_2_pile", by_state["FIN-WAIT-2"], FEW),
        *_ports(sockets),
        *_half_open(by_state["SYN-RECV"]),
        *_toward("connect_unanswered", by_state["SYN-SENT"], FEW),
        *_queues(by_state["LISTEN"]),
        *_stalls(sockets),
        *_unread(by_state["ESTAB"]),
        *_counted(counters),
    ]
    return sorted(found, key=lambda one: (one.severity.rank, -one.connections, one.code, one.title))


def _close_wait(rows: list[TableSocket], listening: frozenset[int | None]) -> Iterator[Finding]:
    def holder(one: TableSocket) -> Hashable:
        if one.pid is not None:
            return one.pid
        return ("port", one.local.port) if one.local.port in listening else _service(rows, one)

    for pile in _piles(rows, holder):
        severity = Severity.WARNING if len(pile) >= FEW else Severity.INFO
        port = _common(one.local.port for one in pile) if len(pile) > 1 or pile[0].local.port in listening else None
        place = tr(" at port {port}", port=port) if port else ""
        words = {"count": _count(pile), "holder": _held(pile), "place": place, "peers": _peers(pile)}
        yield _finding("close_wait_pile", severity, pile, words, {"port": port})


def _service(rows: list[TableSocket], one: TableSocket) -> Hashable:
    """The end that many rows share: this side's port, or else the peer."""
    shared = sum(row.local.port == one.local.port for row in rows[:1000])
    return ("port", one.local.port) if shared > 1 else ("peer", one.remote.host, one.remote.port)


def _toward(code: str, rows: list[TableSocket], least: int) -> Iterator[Finding]:
    for pile in _piles(rows, lambda one: one.remote.host):
        severity = Severity.WARNING if len(pile) >= least else Severity.INFO
        words = {"count": _count(pile), "holder": _held(pile), "peer": _peer(pile)}
        yield _finding(code, severity, pile, words, _service_of(pile))


def _ports(sockets: Sequence[TableSocket]) -> Iterator[Finding]:
    """Local ports toward one peer: each connection to it needs another, also one in TIME-WAIT."""
    rows = [one for one in sockets if one.state != "LISTEN" and one.remote.port is not None]
    for pile in _piles(rows, lambda one: (one.local.host, one.remote)):
        ports = len({one.local.port for one in pile})
        if ports < LEAST_PORTS:
            continue
        share = ports / DEFAULT_PORTS
        waiting = sum(one.state == "TIME-WAIT" for one in pile)
        words = {"ports": f"{ports:,}", "waiting": f"{waiting:,}", "peer": str(pile[0].remote)}
        severity = Severity.CRITICAL if share >= MOST_SHARE else Severity.WARNING
        yield _finding("ports_running_out", severity, pile, words | {"share": share_text(share)}, _service_of(pile))


def _half_open(rows: list[TableSocket]) -> Iterator[Finding]:
    for pile in _piles(rows, lambda one: one.local.port):
        if len(pile) >= MANY_HALF_OPEN:
            words = {
                "count": _count(pile),
                "place": tr(" at port {port}", port=pile[0].local.port),
                "peers": _peers(pile),
            }
            yield _finding("syn_recv_pile", Severity.WARNING, pile, words, {"port": pile[0].local.port})


def _queues(listeners: list[TableSocket]) -> Iterator[Finding]:
    for one in listeners:
        waiting = one.recv_q or 0
        words = {"listener": str(one.local), "waiting": f"{waiting:,}", "holder": _held([one], of=True)}
        facts = {"port": one.local.port}
        if one.backlog_max is not None and waiting > one.backlog_max:
            words["most"] = f"{one.backlog_max:,}"
            yield _finding("accept_queue_full", Severity.CRITICAL, [one], words, facts, count=waiting)
        elif one.backlog_max is None and waiting >= FEW:
            yield _finding("accept_queue_waits", Severity.WARNING, [one], words, facts, count=waiting)


def _stalls(sockets: Sequence[TableSocket]) -> Iterator[Finding]:
    probing = [one for one in sockets if one.timer == "persist" and one.send_q]
    repeating = [one for one in sockets if one.timer == "on" and one.send_q and (one.retransmits or 0) >= REPEATED]
    for code, rows in (("zero_window_stall", probing), ("retransmitting", repeating)):
        for pile in _piles(rows, lambda one: one.remote.host):
            words = {
                "count": _count(pile),
                "holder": _held(pile),
                "peer": _peer(pile),
                "bytes": f"{sum(one.send_q or 0 for one in pile):,}",
                "most": str(max(one.retransmits or 0 for one in pile)),
            }
            yield _finding(code, Severity.WARNING, pile, words, _service_of(pile))


def _unread(rows: list[TableSocket]) -> Iterator[Finding]:
    for pile in _piles([one for one in rows if one.recv_q], lambda one: (one.pid, one.process)):
        waiting = sum(one.recv_q or 0 for one in pile)
        if waiting >= UNREAD:
            words = {"bytes": f"{waiting:,}", "count": str(len(pile)), "holder": _held(pile), "peers": _peers(pile)}
            yield _finding("reader_stalled", Severity.WARNING, pile, words, {})


def _counted(counters: Mapping[str, int]) -> Iterator[Finding]:
    """One finding for each kind of trouble: several counters tell of the same."""
    moved: dict[str, list[str]] = defaultdict(list)
    for name in troubles():
        if counters.get(name):
            moved[troubles()[name].code].append(name)
    sentence = _sentences()["counter"]
    for code, names in moved.items():
        first = troubles()[names[0]]
        yield Finding(
            code=code,
            severity=Severity.WARNING,
            title=", ".join(f"{name}: {counters[name]:,}" for name in names),
            text=sentence["text"].format(meaning=first.text),
            connections=max(counters[name] for name in names),
            sample=(),
            playbook=first.playbook,
            facts={"counters": names},
        )


# -- words ---------------------------------------------------------------------------------------------------------


def _piles(rows: Sequence[TableSocket], key: Callable[[TableSocket], Hashable]) -> list[list[TableSocket]]:
    piles: dict[Hashable, list[TableSocket]] = defaultdict(list)
    for one in rows:
        piles[key(one)].append(one)
    return sorted(piles.values(), key=len, reverse=True)


def _count(pile: Sequence[TableSocket]) -> str:
    return count_of(len(pile), "connection")


def _held(pile: Sequence[TableSocket], of: bool = False) -> str:
    names = {(one.process, one.pid) for one in pile}
    if len(names) != 1:
        return ""
    process, pid = names.pop()
    if process is None:
        if pid is None:
            return ""
        return tr(" of process {pid}" if of else " by process {pid}", pid=pid)
    named = process if pid is None else tr("{process} (pid {pid})", process=process, pid=pid)
    return tr(" of {who}" if of else " by {who}", who=named)


def _peers(pile: Sequence[TableSocket]) -> str:
    """The commonest peers, with the port where they share it."""
    hosts = Counter(one.remote.host for one in pile if not is_any(one.remote))
    port = _peer_port(pile)
    named = [f"{host} ({count:,})" if count > 1 else host for host, count in hosts.most_common(PEERS_NAMED)]
    more = len(hosts) - len(named)
    hosts_text = ", ".join(named) + (tr(" and {n} more", n=f"{more:,}") if more > 0 else "")
    return tr("{hosts}, port {port}", hosts=hosts_text, port=port) if port else hosts_text


def _peer(pile: Sequence[TableSocket]) -> str:
    port = _peer_port(pile)
    return f"{pile[0].remote.host}:{port}" if port else pile[0].remote.host


def _service_of(pile: Sequence[TableSocket]) -> dict[str, object]:
    """What a playbook may get of the peer: its address, not a name, and the port that all share."""
    first = pile[0].remote
    return {"host": first.host if is_address(first) else None, "port": _peer_port(pile)}


def _peer_port(pile: Sequence[TableSocket]) -> int | None:
    return _common(one.remote.port for one in pile)


def _common(ports: Iterator[int | None]) -> int | None:
    different = set(ports)
    return different.pop() if len(different) == 1 else None


@per_language
def _sentences() -> dict[str, dict[str, str]]:
    return catalogue(os.path.dirname(__file__), "findings")


def _finding(
    code: str,
    severity: Severity,
    pile: Sequence[TableSocket],
    words: Mapping[str, str],
    facts: Mapping[str, object],
    *,
    count: int | None = None,
) -> Finding:
    sentence = _sentences()[code]
    return Finding(
        code="accept_queue_full" if code == "accept_queue_waits" else code,
        severity=severity,
        title=sentence["title"].format(**words),
        text=sentence["text"].format(**words),
        connections=len(pile) if count is None else count,
        sample=tuple(one.line for one in pile[:SAMPLE]),
        playbook=sentence["playbook"],
        facts={name: value for name, value in facts.items() if value is not None},
    )
