"""Findings on packets that this machine itself drops."""

from __future__ import annotations

from collections.abc import Iterator

from capture.language import count_of
from capture.model import Finding, Severity
from capture.sockets.findings.finding_words import age_text, finding
from capture.sockets.findings.look_history import Looks, MachineRule, NamespaceRule
from capture.sockets.sources.link_counters import CONNTRACK, SOFTNET
from capture.sockets.watched_namespace import WatchedNamespace


def softnet_drops(looks: Looks) -> Iterator[Finding]:
    """Received packets that found the processor's backlog full since the last look: lost for every protocol."""
    dropped = max((news.counters.get(SOFTNET, 0) for news in looks.news.values()), default=0)
    if dropped < looks.thresholds.softnet_drops or not looks.elapsed_s:
        return
    facts: dict[str, object] = {"dropped": dropped, "elapsed_s": round(looks.elapsed_s, 3)}
    words = {"packets": count_of(dropped, "received packet"), "elapsed": age_text(looks.elapsed_s)}
    yield finding("softnet_drops", Severity.WARNING, [], facts, words, count=0)


def conntrack_drops(looks: Looks, namespace: WatchedNamespace) -> Iterator[Finding]:
    """Packets since the last look whose connection found no room in the table of tracked ones."""
    news = looks.news[namespace]
    dropped = news.counters.get(CONNTRACK, 0)
    if dropped < looks.thresholds.conntrack_drops or not news.elapsed_s:
        return
    facts: dict[str, object] = {"dropped": dropped, "elapsed_s": round(news.elapsed_s, 3)}
    words = {"packets": count_of(dropped, "packet"), "elapsed": age_text(news.elapsed_s)}
    yield finding("conntrack_drops", Severity.CRITICAL, [], facts, words, count=0)


MACHINE_RULES: tuple[MachineRule, ...] = (softnet_drops,)
NAMESPACE_RULES: tuple[NamespaceRule, ...] = (conntrack_drops,)
