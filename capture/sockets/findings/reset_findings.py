"""Findings on resets and refusals: how many a second, whose, toward whom, and what the kernel says of the reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from msgspec.structs import replace

from capture.language import count_of
from capture.model import Finding, Severity
from capture.sockets import inet_diag_msg as diag
from capture.sockets.findings.finding_words import (
    finding,
    holder_text,
    hosts_text,
    named_text,
    phrase,
    process_text,
    rate_text,
)
from capture.sockets.findings.look_history import Looks, NamespaceRule
from capture.sockets.row import Process, SocketRow
from capture.sockets.sources.reset_watch import COUNTED, OPENED
from capture.sockets.sources.rst_tap import Reset, TappedResets
from capture.sockets.watched_namespace import News, WatchedNamespace

LEAST_S = 1.0
"""Looks may be closer together: ten resets within 10 ms are not a thousand a second."""
WANTED = 0.9
"""Share of the resets sent that were closes with SO_LINGER 0: then those toward a service were."""
ROWS_ASKED, CALLERS_ASKED = 5000, 16
"""Of the newest so many connections, so many toward a service tell who holds them."""
PORTS_SCANNED = 10
"""Attempts at so many ports that nobody listens at are no service's that has gone."""
_INFO = Severity.INFO
REASONS = ("TCPAbortOnClose", "TCPAbortOnData", "TCPAbortOnTimeout", "TCPAbortOnMemory", "TCPAbortOnLinger")
_HARMLESS = ("unused", "finished")
_APART = ("refused", *_HARMLESS)
Group = tuple[bool, str, bytes, bytes]
"""Sent by this machine, kind (of _APART, else empty), the service's address (empty: this machine's) and port."""


def resets(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """By service, where the tap tells; else one for the namespace, from the kernel's counters alone."""
    news, limits = looks.news[namespace], looks.thresholds
    if news.elapsed_s is None:
        return
    elapsed = max(LEAST_S, news.elapsed_s)
    if not _notable(looks, news.counters, elapsed):
        return
    taken = news.resets
    # One burst that was over before anyone could look, as when workers are restarted, is a notice; a second one warns.
    again = looks.trends.again(("resets", namespace.netns), looks.now) or taken.lasting
    if taken.resets and taken.seconds:
        found = _by_service(namespace, taken.resets)
        wanted = limits.resets_a_second * taken.seconds / (1 + taken.missed / taken.resets.total())
        large = {group: parts for group, parts in found.items() if parts.total() >= wanted}
        findings = [_of_service(looks, namespace, group, parts, again) for group, parts in large.items()]
        yield from (
            findings if _share_of_opened(looks, news, findings) else (replace(one, severity=_INFO) for one in findings)
        )
        scanned = {group: parts for group, parts in found.items() if group not in large and _unserved(group)}
        scan = _over_ports(looks, news, scanned, wanted)
        yield from scan
        left = sum(parts.total() for group, parts in found.items() if group[1] not in _HARMLESS)
        if findings or scan or left < wanted:
            return
    counted = {name: news.counters[name] for name in COUNTED if news.counters.get(name)}
    most = max(counted.values())
    facts: dict[str, object] = {"count": most, "a_second": round(most / elapsed, 1), "port": None, **counted}
    words = {
        "rate": rate_text(most / elapsed),
        "counted": ", ".join(f"{name} +{value}" for name, value in counted.items()),
        "reason": _reasons(news.counters),
        "who": _why_nobody(taken),
    }
    severity = Severity.WARNING if again or taken.refusal is not None else Severity.INFO
    yield finding("resets", severity, [], facts, words, count=most, text_of="resets_counted")


def _why_nobody(taken: TappedResets) -> str:
    if taken.refusal:
        return phrase("tap_refused", why=taken.refusal)
    return phrase("tap_spread" if taken.resets and taken.seconds else "tap_opened")


def _share_of_opened(looks: Looks, news: News, findings: Sequence[Finding]) -> bool:
    """Whether those that are no ordinary business are no small share of the connections opened meanwhile: health checks
    alone may make the count of a busy proxy notable."""
    rate = sum(float(str(one.facts["a_second"])) for one in findings if one.severity is not _INFO)
    opened = sum(news.counters.get(name, 0) for name in OPENED)
    return rate * max(LEAST_S, news.elapsed_s or 0.0) >= looks.thresholds.resets_share * opened


def _unserved(group: Group) -> bool:
    sent, kind, address, _ = group
    return sent and kind == "refused" and not address


def _over_ports(looks: Looks, news: News, groups: Mapping[Group, Counter[Reset]], wanted: float) -> list[Finding]:
    """Attempts at so many ports that each has only a few: somebody looks for open ones."""
    parts = sum(groups.values(), Counter[Reset]())
    if len(groups) < PORTS_SCANNED or parts.total() < wanted:
        return []
    hosts, rate = _hosts(parts), _rate(news, parts.total())
    ports = sorted(group[3][0] << 8 | group[3][1] for group in groups)
    facts: dict[str, object] = {
        "port": None,
        "ports": len(ports),
        "host": hosts[0] if len(hosts) == 1 else None,
        "hosts": len(hosts),
        "count": parts.total(),
        "a_second": round(rate, 1),
        "sent": True,
    }
    words = {
        "resets": count_of(parts.total(), "reset"),
        "rate": rate_text(rate),
        "seconds": f"{news.resets.seconds:.1f}",
        "peers": hosts_text(hosts),
        "named": named_text([str(port) for port in ports]),
    }
    return [finding("refusals", _INFO, [], facts, words, count=parts.total(), text_of="refusals_sent_ports")]


def _notable(looks: Looks, counters: Mapping[str, int], elapsed: float) -> bool:
    """Many a second, and no small share of the connections opened meanwhile."""
    limits = looks.thresholds
    most = max(counters.get(name, 0) for name in COUNTED)
    opened = sum(counters.get(name, 0) for name in OPENED)
    return (
        most >= limits.resets_least
        and most >= limits.resets_a_second * elapsed
        and most >= limits.resets_share * opened
    )


def _by_service(namespace: WatchedNamespace, seen: Counter[Reset]) -> dict[Group, Counter[Reset]]:
    """The local port where it is listened on or refused, else the peer's end."""
    groups: dict[Group, Counter[Reset]] = defaultdict(Counter)
    listening = namespace.aggregates.listening
    for one, count in seen.items():
        # What its caller gives up is over; a caller whose service resets it may still wait for an answer.
        caller = (one.remote_port if one.sent else one.local_port) not in listening
        reset = one._replace(kind="aborted") if one.kind == "finished" and caller else one
        kind = reset.kind if reset.kind in _APART else ""
        here = reset.local_port in listening or (kind == "refused" and reset.sent)
        key = (reset.sent, kind, b"", reset.local_port) if here else _toward(reset, kind)
        groups[key][reset] += count
    return groups


def _toward(reset: Reset, kind: str) -> Group:
    return reset.sent, kind, reset.remote, reset.remote_port


def _of_service(looks: Looks, namespace: WatchedNamespace, group: Group, parts: Counter[Reset], again: bool) -> Finding:
    sent, kind, address, port_bytes = group
    news, port, total = looks.news[namespace], port_bytes[0] << 8 | port_bytes[1], parts.total()
    hosts, rate = _hosts(parts), _rate(news, total)
    listener = looks.listener_on(namespace, port_bytes) if not address else None
    process = _process(namespace, listener, address, port_bytes)
    service = phrase("at_port", port=port) if not address else f" {diag.endpoint(address, port_bytes)}"
    facts: dict[str, object] = {
        "port": port,
        "host": hosts[0] if len(hosts) == 1 else None,
        "hosts": len(hosts),
        "pid": listener.owners[0].pid if listener is not None and listener.owners else None,
        "process": process,
        "count": total,
        "a_second": round(rate, 1),
        "missed": news.resets.missed,
        "sent": sent,
    }
    words = {
        "resets": count_of(total, "reset"),
        "rate": rate_text(rate),
        "seconds": f"{news.resets.seconds:.1f}",
        "service": service,
        "peers": hosts_text(hosts),
        "kinds": _kinds(parts),
        "caller": phrase("caller_seen", process=process),
        "reason": _reasons(news.counters),
    }
    code = "refusals" if kind == "refused" else "resets"
    side = "sent" if sent else "received"
    here = "" if address else "_here"
    # Answers to data after a close, once: what clients kept was closed under them. All the time, that is a fault.
    once = not again and all(reset.kind == "stray" for reset in parts)
    harmless = kind in _HARMLESS or once or _wanted(news, group, parts) or _is_elsewhere(looks, namespace, group)
    severity = Severity.INFO if harmless else Severity.WARNING
    return finding(code, severity, [], facts, words, count=total, text_of=f"{code}_{side}{here}")


def _hosts(parts: Mapping[Reset, int]) -> list[str]:
    """The peers' addresses, those with most first."""
    peers: Counter[str] = Counter()
    for reset, count in parts.items():
        peers[diag.address_text(reset.remote)] += count
    return [host for host, _ in peers.most_common()]


def _rate(news: News, total: int) -> float:
    """A second. Those that the tap did not keep were like those that it kept."""
    kept = news.resets.resets.total()
    rate = total / news.resets.seconds * (1 + news.resets.missed / kept)
    if news.elapsed_s and (counted := max(news.counters.get(name, 0) for name in COUNTED)):
        rate = min(rate, counted / max(LEAST_S, news.elapsed_s))  # the tap may have seen a burst of them alone
    return rate


def _wanted(news: News, group: Group, parts: Counter[Reset]) -> bool:
    """Whether a caller closes its own connections so, with SO_LINGER 0 and nothing unread, as HAProxy does with those
    to its servers: the kernel counts that as TCPAbortOnData, and unread data as TCPAbortOnClose."""
    sent, _, address, _ = group
    chosen, sent_in_all = news.counters.get("TCPAbortOnData", 0), news.counters.get("OutRsts", 0)
    return bool(sent and address) and all(one.kind == "aborted" for one in parts) and chosen >= WANTED * sent_in_all


def _is_elsewhere(looks: Looks, namespace: WatchedNamespace, group: Group) -> bool:
    """Whether another namespace got them from a service on this machine: there the same resets are reported as sent."""
    sent, kind, address, port = group
    if namespace.netns is None or sent or kind == "refused" or not address:
        return False
    return any(
        diag.local_port(row.raw) == port and diag.local_address(row.raw) in (address, b"\0" * 4, b"\0" * 16)
        for other in looks.namespaces
        if other is not namespace
        for row in other.listeners.rows.values()
    )


def _process(namespace: WatchedNamespace, listener: SocketRow | None, address: bytes, port: bytes) -> str:
    """The listener's process; of a service elsewhere those here that hold connections toward it."""
    if listener is not None:
        return holder_text(listener)
    if not address:
        return phrase("nobody")
    callers: list[Process] = []
    for row in islice(reversed(namespace.connections.rows.values()), ROWS_ASKED):
        raw = row.raw
        if diag.remote_port(raw) == port and row.owners and diag.remote_address(raw) == address:
            callers.append(row.owners[0].process)
            if len(callers) == CALLERS_ASKED:
                break
    return process_text(Counter(callers).most_common(1)[0][0]) if callers else phrase("unknown_process")


def _kinds(parts: Mapping[Reset, int]) -> str:
    kinds: Counter[str] = Counter()
    for reset, count in parts.items():
        kinds[reset.kind] += count
    return ", ".join(phrase(f"reset_{kind}", count=count) for kind, count in kinds.most_common())


def _reasons(counters: Mapping[str, int]) -> str:
    counted = [(name, counters[name]) for name in REASONS if counters.get(name)]
    if not counted:
        return ""
    return phrase("counted_reasons", reasons=", ".join(f"{name} +{count}" for name, count in counted))


NAMESPACE_RULES: tuple[NamespaceRule, ...] = (resets,)
