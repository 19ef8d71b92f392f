"""Connections that do not move: closed windows, retransmissions without an answer, tables that are full."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from capture.sockets.findings.finding_words import age_text
from playbooks.checks.fact_words import holder_name, own_language_first
from playbooks.checks.fix_audience import identity_of
from playbooks.checks.registry import (
    Judgement,
    Offer,
    check,
    failed,
    look,
    manual,
    moved,
    offer,
    offers_for,
    unknown,
    warned,
)
from playbooks.evidence_words import bracketed, most_common, percent, say
from playbooks.facts.config_facts import FirewallRule
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Socket

CLOSED_S = 1.5
RETRANSMISSIONS = 3
"""Single losses are repaired by the first or second."""
QUICK = 2
SERVED = 0
"""In place of the port of a server's client."""
FULL_SIZE = 1000
"""Bytes that no small segment holds."""
MTU_FIXES = ("mtu-probing-now", "mtu-probing", "clamp-mss", "interface-mtu")
TRACKED_S = 7800
"""Seconds: above tcp_keepalive_time, whose default is two hours."""
FULL, HIGH = 0.9, 0.75
UNTIMED = ("LISTEN", "SYN-RECV", "TIME-WAIT")
"""States in which this side waits for no answer of its own data, probes or SYN."""
WITHOUT_WINDOW = (*UNTIMED, "SYN-SENT")
NAT_IDLE_S = 350
"""The shortest common idle time-out of NAT and load balancers in clouds (350 s; others 240 s to 1 h)."""


@check("zero-window", needs=("sockets",), everywhere=True)
def zero_window(facts: Facts, **given: Any) -> Judgement:
    """Connections whose peer closed its window for CLOSED_S or longer, and local readers that leave data unread."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    if facts.sockets.source != "sock_diag":
        return unknown(say("no_windows", source=facts.sockets.source))
    port = facts.number("port")
    rows = [
        row
        for row in facts.sockets.rows
        if row.state not in WITHOUT_WINDOW and (port is None or port in (row.local.port, row.remote.port))
    ]
    closed = [row for row in rows if row.closed_window_s is not None and row.closed_window_s >= CLOSED_S]
    if not closed:
        waiting = sum(1 for row in rows if row.send_q and row.state == "ESTAB")
        counted = moved(facts, "TCPToZeroWindowAdv") if port is None else {}
        return look(facts, "sockets").passed(say("windows_open", waiting=waiting), seen=rows, counted=counted)
    by_host: dict[str, list[Socket]] = defaultdict(list)
    for row in closed:
        by_host[row.remote.ip].append(row)
    evidence = []
    for host, mine in sorted(by_host.items(), key=lambda item: -len(item[1]))[:3]:
        longest = max(row.closed_window_s or 0 for row in mine)
        who = most_common(holder_name(row.owners[0]) if row.owners else say("nobody") for row in mine)
        evidence.append(
            say(
                "window_closed",
                host=host,
                count=len(mine),
                bytes=sum(row.send_q for row in mine),
                longest=age_text(longest),
                who=who,
                ports=most_common(str(row.remote) for row in mine),
            )
        )
    readers = _local_readers(facts, closed)
    for reader in readers[:3]:
        owner = holder_name(reader.owners[0]) if reader.owners else say("nobody")
        evidence.append(say("window_reader", who=owner, bytes=reader.recv_q, local=reader.local))
    who = holder_name(readers[0].owners[0]) if readers and readers[0].owners else str(closed[0].remote)
    shared = {
        "who": who,
        "count": len(closed),
        "bytes": sum(row.send_q for row in closed),
        "port": closed[0].local.port,
        "host": closed[0].remote.ip,
        "what": f"dst {bracketed(closed[0].remote.ip)} and sport = :{closed[0].local.port}",
    }
    names = (
        "reader-go",
        "write-timeout-go",
        "reader-python",
        "reader-node",
        "reader-java",
        "user-timeout-python",
        "destroy-slow",
    )
    at_fault = readers[0].owners[0] if readers and readers[0].owners else None
    offers = offers_for(identity_of(facts, at_fault), own_language_first(names, at_fault), **shared)
    sender = identity_of(facts, next((row.owners[0] for row in closed if row.owners), None))
    if "redis" in sender:
        offers += offers_for(sender, ("output-buffer-redis",), **shared)
    return failed(*evidence, offers=offers)


def _local_readers(facts: Facts, closed: list[Socket]) -> list[Socket]:
    ends = {(row.remote, row.local) for row in closed}
    rows = facts.sockets.rows if facts.sockets is not None else ()
    return [row for row in rows if row.recv_q and (row.local, row.remote) in ends]


@check("unanswered", needs=("sockets",), optional=("firewall", "capture"), arguments=("aside",), everywhere=True)
def unanswered(facts: Facts, aside: bool = False, **given: Any) -> Judgement:
    """Data, probes or SYNs that were sent again and again without an answer, by remote host and port. `aside`: of a
    playbook about something else, which a machine without connections leaves undecided no more than before."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    if facts.sockets.source == "psutil":
        return unknown(say("no_timers", source=facts.sockets.source))
    host, port = facts.settings.get("host"), facts.number("port")
    by_peer: dict[tuple[str, int], list[Socket]] = defaultdict(list)
    served = {row.local.port for row in facts.sockets.rows if row.state == "LISTEN"}
    single = looked = 0
    for row in facts.sockets.rows:
        if (host and row.remote.ip != host) or (port and port not in (row.local.port, row.remote.port)):
            continue
        if row.state in UNTIMED:
            continue
        looked += 1
        if row.timer not in ("on", "keepalive"):
            continue
        if row.unanswered >= (QUICK if row.state == "SYN-SENT" or row.stayed else RETRANSMISSIONS):
            # A server's clients are told by their host: each connection has another port.
            by_peer[row.remote.ip, SERVED if row.local.port in served else row.remote.port].append(row)
        elif row.unanswered:
            single += 1
    # One connection to a host that vanished is everyday on the internet: unless somebody asked for that host.
    asked = host is not None or port is not None
    bad = {
        peer: rows
        for peer, rows in by_peer.items()
        if asked or len(rows) >= 3 or max(row.unanswered for row in rows) >= 2 * RETRANSMISSIONS
    }
    lonely = sum(len(rows) for peer, rows in by_peer.items() if peer not in bad)
    if not by_peer and not looked and aside:
        return manual(say("all_answered", single=single))
    if not by_peer:
        counted = {} if asked else moved(facts, "TCPAbortOnTimeout", "TCPSynRetrans")
        return look(facts, "sockets").passed(say("all_answered", single=single), seen=looked, counted=counted)
    evidence = []
    for (ip, where), rows in sorted((bad or by_peer).items(), key=lambda item: -len(item[1]))[:4]:
        syn = sum(1 for row in rows if row.state == "SYN-SENT")
        who = most_common(holder_name(row.owners[0]) if row.owners else say("nobody") for row in rows)
        evidence.append(
            say(
                "unanswered",
                host=bracketed(ip),
                port=where if where != SERVED else say("any_port"),
                count=len(rows),
                syn=syn,
                who=who,
                most=max(row.unanswered for row in rows),
                bytes=sum(row.send_q for row in rows),
            )
        )
    sized = [row for rows in by_peer.values() for row in rows if row.state == "ESTAB" and row.send_q >= FULL_SIZE]
    by_size = bool(sized) and len(sized) == sum(map(len, by_peer.values()))
    if by_size:
        evidence.append(say("unanswered_sized", count=len(sized)))
    mtu = tuple(offer(name, **_probing(facts)) for name in MTU_FIXES) if by_size else ()
    if by_size and aside:
        return failed(*evidence, offers=mtu)
    if not bad:
        return warned(*evidence, say("unanswered_lonely", count=lonely))
    (ip, where), rows = max(bad.items(), key=lambda item: len(item[1]))
    rules = _suspects(facts, ip, {where, *(row.local.port for row in rows[:50])})
    evidence += [say("firewall_rule", verdict=r.verdict, table=r.table, chain=r.chain, text=r.text) for r in rules[:3]]
    drops = _drop_offers(facts, ip, where or rows[0].remote.port, rows)
    return failed(*evidence, offers=(*_rule_offers(rules), *drops, *mtu))


def _probing(facts: Facts) -> dict[str, object]:
    return {
        "probing": facts.sysctl("net.ipv4.tcp_mtu_probing") or 0,
        "disc": facts.sysctl("net.ipv4.ip_no_pmtu_disc") or 0,
    }


def _suspects(facts: Facts, ip: str, ports: set[int]) -> list[FirewallRule]:
    """Rules that may be the reason: they name the host or one of the ports, or neither, and have counted packets."""
    found = []
    for rule in facts.firewall or ():
        words = rule_words(rule)
        names = not words.isdisjoint((ip, f"{ip}/32", f"{ip}/128")) or any(str(port) in words for port in ports)
        general = words.isdisjoint(SELECTIVE)
        if rule.handle and (names or (general and rule.packets)):
            found.append(rule)
    return found


SELECTIVE = frozenset(
    (
        *("dport", "sport", "saddr", "daddr", "ct", "invalid"),
        *("--dport", "--sport", "--dports", "--sports", "-s", "-d", "--ctstate", "--state"),
    )
)
"""Words of a rule that is about some packets only, in nft's language and iptables'."""


def rule_words(rule: FirewallRule) -> set[str]:
    """The words of a rule, those of sets too."""
    return set(rule.text.replace("{", " ").replace("}", " ").replace(",", " ").split())


def _rule_offers(rules: list[FirewallRule]) -> tuple[Offer, ...]:
    if not rules:
        return ()
    rule = rules[0]
    shared = {"rule": rule.text, "table": rule.table, "chain": rule.chain}
    return (offer("delete-rule", delete=rule.delete, restore=rule.restore, **shared),)


def _drop_offers(facts: Facts, ip: str, port: int, rows: list[Socket]) -> tuple[Offer, ...]:
    idle, interval = facts.sysctl("net.ipv4.tcp_keepalive_time"), facts.sysctl("net.ipv4.tcp_keepalive_intvl")
    shared = {
        "host": ip,
        "port": port,
        "count": len(rows),
        "keepalive_time": idle or 7200,
        "intvl": interval or 75,
        "probes": facts.sysctl("net.ipv4.tcp_keepalive_probes") or 9,
        "retries2": facts.sysctl("net.ipv4.tcp_retries2") or 15,
    }
    names = (
        "user-timeout-go",
        "user-timeout-python",
        "user-timeout-java",
        "user-timeout-node",
        "keepalive",
    )
    holders = Counter(owner.name for row in rows for owner in row.owners[:1])
    owner = next((row.owners[0] for row in rows if row.owners and row.owners[0].name == _commonest(holders)), None)
    return offers_for(identity_of(facts, owner), own_language_first(names, owner), **shared)


def _commonest(counts: Counter[str]) -> str:
    return counts.most_common(1)[0][0] if counts else ""


@check("conntrack", needs=("kernel",), optional=("firewall",))
def conntrack(facts: Facts, **given: Any) -> Judgement:
    """The connection-tracking table against its size: a full one drops new connections silently."""
    count, most = facts.sysctl("net.netfilter.nf_conntrack_count"), facts.sysctl("net.netfilter.nf_conntrack_max")
    if count is None or most is None:
        return manual(say("conntrack_none"))
    sentence = say(
        "conntrack",
        count=count,
        most=most,
        share=percent(count / max(1, most)),
        timeout=_tracked(facts),
    )
    proposed = 1 << max(16, (4 * count - 1).bit_length())
    offers = (
        offer("conntrack-now", count=count, most=most, proposed=proposed),
        offer("conntrack-max", count=count, most=most, proposed=proposed),
        *_tracked_shorter(facts),
    )
    if most and count >= FULL * most:
        return failed(sentence, offers=offers)
    if most and count >= HIGH * most:
        return warned(sentence, offers=offers)
    if short := _forgets_early(facts, count):
        return warned(
            sentence, *short, offers=(offer("conntrack-longer", timeout=_tracked(facts), proposed=TRACKED_S),)
        )
    return look(facts, "kernel").passed(sentence, seen=1)


def _tracked(facts: Facts) -> int | None:
    return facts.sysctl("net.netfilter.nf_conntrack_tcp_timeout_established")


def _forgets_early(facts: Facts, count: int) -> tuple[str, ...]:
    """What to say where connections are tracked and an idle one is forgotten before its first keep-alive probe. Those
    that were forgotten are tracked no more: then a rule that has dropped packets shows that it matters."""
    kept, idle = _tracked(facts), facts.sysctl("net.ipv4.tcp_keepalive_time")
    drops = any(rule.verdict == "drop" and rule.packets for rule in facts.firewall or ())
    if not (count or drops) or kept is None or idle is None or kept >= idle:
        return ()
    return (say("conntrack_short", timeout=kept, idle=idle),)


def _tracked_shorter(facts: Facts) -> tuple[Offer, ...]:
    """A shorter memory of idle connections, where it is longer than two hours: never shorter than keep-alives need."""
    now = _tracked(facts)
    if now is None or now <= TRACKED_S:
        return ()
    return (offer("conntrack-timeouts", timeout=now, proposed=TRACKED_S),)


@check("keepalive-settings", needs=("kernel", "sockets"))
def keepalive_settings(facts: Facts, **given: Any) -> Judgement:
    """tcp_keepalive_* beside the idle time-outs of NAT, and how many idle connections go without."""
    if facts.sockets is None:
        return unknown(say("no_sockets"))
    idle = facts.sysctl("net.ipv4.tcp_keepalive_time")
    if idle is None:
        return unknown(say("no_sysctl", name="net.ipv4.tcp_keepalive_time"))
    interval, probes = facts.sysctl("net.ipv4.tcp_keepalive_intvl"), facts.sysctl("net.ipv4.tcp_keepalive_probes")
    sentence = say(
        "keepalive", idle=idle, interval=interval, probes=probes, retries2=facts.sysctl("net.ipv4.tcp_retries2")
    )
    if facts.sockets.source != "sock_diag":
        return unknown(sentence, say("no_idle_times", source=facts.sockets.source))
    far = [row for row in facts.sockets.rows if row.state == "ESTAB" and not _is_loopback(row.remote.ip)]
    quiet = [row for row in far if row.timer is None and row.age_s >= NAT_IDLE_S]
    said_of = say("keepalive_quiet", quiet=len(quiet), far=len(far), nat=NAT_IDLE_S)
    if quiet:
        return warned(sentence, said_of, say("keepalive_peers", peers=most_common(str(row.remote) for row in quiet)))
    return look(facts, "kernel", "sockets").passed(sentence, said_of, seen=far)


def _is_loopback(ip: str) -> bool:
    return ip == "::1" or ip.removeprefix("::ffff:").startswith("127.")
