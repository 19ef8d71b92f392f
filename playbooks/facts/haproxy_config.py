"""HAProxy's time-outs as they apply to each section (configuration manual, "timeout"; milliseconds unless said)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from playbooks.facts.config_facts import ProxyWait

SECTIONS = ("global", "defaults", "frontend", "backend", "listen")
OTHERS = frozenset(
    ("peers", "resolvers", "userlist", "mailers", "program", "cache", "ring", "log-forward", "log-profile")
)
"""Sections with time-outs of their own that are none of a request's: resolvers wait for a name, rings for a log."""
OLD = {"contimeout": "connect", "srvtimeout": "server", "clitimeout": "client"}
"""As HAProxy before 2.1 took them, in milliseconds."""
KINDS = {
    "connect": "connect",
    "server": "server",
    "client": "client",
    "queue": "queue",
    "http-request": "request",
    "http-keep-alive": "idle",
    "tunnel": "tunnel",
}
NEEDED = {"frontend": ("client",), "backend": ("connect", "server"), "listen": ("client", "connect", "server")}
"""Without these HAProxy warns: a peer that is silent holds its connection for ever."""
_TIME = re.compile(r"(\d+)(us|ms|s|m|h|d)?")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(slots=True)
class _Section:
    kind: str
    name: str
    line: int
    defaults: dict[str, ProxyWait] = field(default_factory=dict)
    own: dict[str, ProxyWait] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name}".strip()


def haproxy_waits(path: str) -> tuple[list[ProxyWait], list[str]]:
    """(time-outs that apply, one for each section and kind, with where each is written; what is missing, in words).

    Raises OSError.
    """
    waits: list[ProxyWait] = []
    missing: list[str] = []
    for section in _sections(path):
        if section.kind in ("global", "defaults"):
            continue
        applied = section.defaults | section.own
        wanted = {"frontend": ("client", "request", "idle"), "backend": ("connect", "server", "queue", "tunnel")}
        kinds = wanted.get(section.kind, tuple(KINDS.values()))
        waits += [_of(section, applied[kind]) for kind in kinds if kind in applied]
        missing += [
            f"timeout {kind} ({section.title}, {path}:{section.line})"
            for kind in NEEDED[section.kind]
            if kind not in applied
        ]
    return waits, missing


def seconds(text: str) -> float | None:
    """A time of HAProxy's: 5000 is 5 s, 30s, "1m"; None of what is none."""
    found = _TIME.fullmatch(text.strip("\"'"))
    return int(found[1]) * _UNITS[found[2] or "ms"] if found else None


def _of(section: _Section, wait: ProxyWait) -> ProxyWait:
    return ProxyWait(wait.kind, wait.seconds, wait.written, wait.file, wait.line, section.title)


def _sections(path: str) -> Iterator[_Section]:
    now: _Section | None = None
    named: dict[str, dict[str, ProxyWait]] = {}
    last: dict[str, ProxyWait] = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            if words[0] in SECTIONS:
                if now is not None:
                    yield now
                now = _begun(words, number, named, last)
                if now.kind == "defaults":
                    last = now.own
                    if now.name:
                        named[now.name] = now.own
            elif words[0] in OTHERS and not line[:1].isspace():
                if now is not None:
                    yield now
                now = None
            elif now is not None and words[0] in OLD and len(words) > 1:
                kind = OLD[words[0]]
                now.own[kind] = ProxyWait(kind, seconds(words[1]), " ".join(words[:2]), path, number)
            elif now is not None and words[0] == "timeout" and len(words) >= 3 and words[1] in KINDS:
                kind = KINDS[words[1]]
                now.own[kind] = ProxyWait(kind, seconds(words[2]), " ".join(words[:3]), path, number)
    if now is not None:
        yield now


def _begun(
    words: list[str], number: int, named: dict[str, dict[str, ProxyWait]], last: dict[str, ProxyWait]
) -> _Section:
    """A section's first line; `from NAME` chooses other defaults than those right above."""
    chosen = named.get(words[words.index("from") + 1], last) if "from" in words[:-1] else last
    name = words[1] if len(words) > 1 and words[1] != "from" else ""
    section = _Section(words[0], name, number, dict(chosen))
    if words[0] == "defaults":
        section.own = dict(chosen) if "from" in words else {}
    return section
