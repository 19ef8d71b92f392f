"""Whether this host would find out by itself that full-size packets do not get through (RFC 4821, tcp_mtu_probing)."""

from __future__ import annotations

from typing import Any

from playbooks.checks.registry import Judgement, check, look, offer, unknown, warned
from playbooks.evidence_words import say
from playbooks.facts.facts import Facts

COUNTERS = ("TCPMTUPFail", "TCPMTUPSuccess")


@check("mtu-settings", needs=("kernel",), optional=("sockets",))
def mtu_settings(facts: Facts, **given: Any) -> Judgement:
    """tcp_mtu_probing, and whether ICMP is believed; the kernel's own count of probes."""
    probing = facts.sysctl("net.ipv4.tcp_mtu_probing")
    if probing is None:
        return unknown(say("no_sysctl", name="net.ipv4.tcp_mtu_probing"))
    sentences = [say("mtu_probing", value=probing, base=facts.sysctl("net.ipv4.tcp_base_mss") or "?")]
    totals = facts.sockets.totals if facts.sockets is not None else {}
    sentences += [say("mtu_counter", name=name, total=totals[name]) for name in COUNTERS if totals.get(name)]
    shared = {"probing": probing, "disc": facts.sysctl("net.ipv4.ip_no_pmtu_disc") or 0}
    fixes = tuple(offer(name, **shared) for name in ("mtu-probing-now", "mtu-probing", "clamp-mss", "interface-mtu"))
    if not probing or totals.get("TCPMTUPFail"):
        return warned(*sentences, offers=fixes)
    return look(facts, "kernel").passed(*sentences, seen=1)
