"""Findings in words (findings.toml): titles, texts and playbooks by code, filled with a finding's facts."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from capture.language import catalogue, count_of, per_language, tr
from capture.model import Endpoint, Finding, Severity
from capture.safe_text import printable
from capture.sockets.row import NO_PERMISSION, OTHER_NAMESPACE, Process, SocketRow
from capture.sockets.sources.unix_listeners import UnixListener

if TYPE_CHECKING:
    from capture.sockets.findings.piles import Pile

SAMPLE = 20
"""How many sockets a finding names."""


@per_language
def _catalogue() -> dict[str, dict[str, str]]:
    return catalogue(os.path.dirname(__file__), "findings")


def finding_codes() -> frozenset[str]:
    """The codes that a finding may have."""
    return frozenset(entry.get("of", name) for name, entry in _catalogue().items() if "title" in entry)


def threshold_meanings() -> dict[str, str]:
    """What each field of Thresholds counts, and why its default is what it is."""
    return _catalogue()["thresholds"]


def phrase(code: str, **facts: object) -> str:
    """A part of a sentence."""
    return _catalogue()["phrases"][code].format(**facts)


def finding(
    code: str,
    severity: Severity,
    rows: list[SocketRow],
    facts: dict[str, object],
    words: dict[str, str] | None = None,
    count: int | None = None,
    text_of: str | None = None,
) -> Finding:
    """A finding of these sockets. `facts` go to the playbook and into the text, `words` into the text alone;
    `text_of` names another entry of the catalogue for the sentences."""
    entry = _catalogue()[text_of or code]
    filled: dict[str, Any] = {name: _readable(value) for name, value in facts.items()} | (words or {})
    return Finding(
        code=code,
        severity=severity,
        title=printable(entry["title"].format(**filled)),
        text=printable(entry["text"].format(**filled)),
        connections=len(rows) if count is None else count,
        sample=tuple(row.cookie for row in rows[:SAMPLE]),
        playbook=entry["playbook"],
        facts=facts,
    )


def holder_text(row: SocketRow | UnixListener) -> str:
    """The process that holds a socket; where none shows, whether it is hidden or there is none."""
    if row.owners:
        return process_text(row.owners[0].process)
    if row.owner_missing in (NO_PERMISSION, OTHER_NAMESPACE):
        return phrase("hidden_process")
    return phrase("nobody")


def process_text(process: Process) -> str:
    """A process as findings name it. Hostile text."""
    return f"{process.name}[{process.pid}]"


def pile_holder(pile: Pile, listener: SocketRow | None = None) -> str:
    """Who holds a pile: one process, one and how many others; of sockets that nobody holds any more who listens on
    their port; else that it is hidden, or nobody."""
    if pile.process is not None:
        return with_others(process_text(pile.process), pile.others)
    if listener is not None and all(not row.inode for row in pile.rows):
        return holder_text(listener)
    return holder_text(pile.rows[0])


def with_others(named: str, others: int) -> str:
    """`web[12]`, or `web[12] and 19 other processes`."""
    return phrase("and_others", process=named, others=count_of(others, "other process")) if others else named


def at_text(rows: Sequence[SocketRow], port: int | None) -> str:
    """The local port of a service here, where that is what the rows share; toward whom they go is peers_text's."""
    return phrase("at_port", port=port) if port is not None and rows[0].local.port == port else ""


def peers_text(rows: Sequence[SocketRow], hosts: Sequence[str], port: int | None) -> str:
    """The peers of rows: with their port where that is what the rows share."""
    if port is None or rows[0].local.port == port:
        return hosts_text(hosts)
    if len(hosts) == 1:
        return str(Endpoint(hosts[0], port))
    return phrase("at_their_port", hosts=hosts_text(hosts), port=port)


def hosts_text(hosts: Sequence[str], named: int = 3) -> str:
    """`10.0.0.1`, `10.0.0.1, 10.0.0.2`, `200 hosts (10.0.0.1, 10.0.0.2, …)`."""
    if len(hosts) <= named:
        return ", ".join(hosts)
    return phrase("several_hosts", hosts=len(hosts), named=", ".join(hosts[:named]))


def named_text(names: Sequence[str], most: int = 3) -> str:
    """The first of some names: `80, 443`, `80, 81, 82, …`."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def since_text(when: float, at_latest: bool = False) -> str:
    """A time of day, with the date where that is not today."""
    there, today = time.localtime(when), time.localtime()
    same = there[:3] == today[:3]
    text = time.strftime("%H:%M:%S" if same else "%Y-%m-%d %H:%M:%S", there)
    return phrase("or_earlier", time=text) if at_latest else text


def age_text(seconds: float, is_minimum: bool = False) -> str:
    """A length of time for people: 4 s, 3 min, 2 h."""
    if seconds < 90:
        text = f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    elif seconds < 5400:
        text = f"{seconds / 60:.0f} min"
    elif seconds < 172_800:
        text = f"{seconds / 3600:.0f} h"
    else:
        text = tr("{n} days", n=f"{seconds / 86_400:.0f}")
    return phrase("at_least", age=text) if is_minimum else text


def share_text(share: float) -> str:
    """A share in percent, never rounded up to 100."""
    return f"{min(share * 100, 99) if share < 1 else share * 100:.0f} %"


def per_minute(rate: float | None) -> float | None:
    """A rate a second as one a minute."""
    return None if rate is None else round(rate * 60, 1)


def seconds_left(left: int | None, rate: float | None) -> float | None:
    """When what is left is used up at this rate; None where it does not grow."""
    return round(left / rate, 1) if left is not None and rate is not None and rate > 0 else None


def rate_text(rate: float) -> str:
    """A rate a second, with no more digits than it carries."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def growth_text(rate: float | None) -> str:
    """How fast a count grows, where that is worth saying."""
    return phrase("growth", rate=f"{rate * 60:.0f}") if rate is not None and rate * 60 >= 1 else ""


def room_text(code: str, left: int | None, rate: float | None) -> str:
    """How much is left, and for how long at this rate."""
    if left is None:
        return ""
    seconds = seconds_left(left, rate)
    end = phrase("room_end") if seconds is None or seconds > 86_400 else phrase("room_when", when=age_text(seconds))
    return phrase(code, left=left) + end


def _readable(value: object) -> object:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value > 99_999 else value
