"""Findings on packets that this machine itself drops."""

from __future__ import annotations

from collections.abc import Iterator

from capture.language import count_of
from capture.model import Finding, Severity
from capture.sockets.findings.finding_words import age_text, finding
from capture.sockets.findings.look_history import MachineRule, Scene
from capture.sockets.sources.link_counters import SOFTNET


def softnet_drops(scene: Scene) -> Iterator[Finding]:
    """Received packets that found the processor's backlog full since the last look: lost for every protocol."""
    dropped = max((news.counters.get(SOFTNET, 0) for news in scene.news.values()), default=0)
    if dropped < scene.thresholds.softnet_drops or not scene.elapsed_s:
        return
    facts: dict[str, object] = {"dropped": dropped, "elapsed_s": round(scene.elapsed_s, 3)}
    words = {"packets": count_of(dropped, "received packet"), "elapsed": age_text(scene.elapsed_s)}
    yield finding("softnet_drops", Severity.WARNING, [], facts, words, count=0)


MACHINE_RULES: tuple[MachineRule, ...] = (softnet_drops,)
