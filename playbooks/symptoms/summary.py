"""What a whole log, or several, say together: counts by symptom, peer and minute, and what happened beside what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playbooks.symptoms.scanning import Match

MOST_PEERS = 50_000
MOST_MINUTES = 200_000
OTHERS = "others"
"""Where counts go once there are too many different peers or minutes to keep apart: memory stays bounded."""

REQUEST_ENDED = ("client_closed_request", "upstream_timed_out", "upstream_closed")
APPLICATION_MET = ("broken_pipe", "connection_reset", "unexpected_eof", "use_of_closed_connection", "read_timed_out")
PROXIES = ("nginx", "haproxy", "envoy", "apache", "traefik", "caddy", "varnish")


@dataclass(frozen=True, slots=True)
class Join:
    """One minute in which a proxy's requests ended early and an application met errors.

    `by` says what both share beside the minute: the end (an address, or address and port), the request's path, or only
    the time. `proxy` and `application` count symptoms.
    """

    minute: str
    by: str
    shared: str | None
    proxy: dict[str, int]
    application: dict[str, int]


@dataclass
class LogSummary:
    """Counts over all matches that were added. Keys of `peers` are (symptom, end); of `minutes` (minute, symptom)."""

    lines: int = 0
    bytes: int = 0
    matches: Counter[str] = field(default_factory=Counter)
    peers: Counter[tuple[str, str]] = field(default_factory=Counter)
    minutes: Counter[tuple[str, str]] = field(default_factory=Counter)
    first_time: str | None = None
    last_time: str | None = None
    samples: dict[str, Match] = field(default_factory=dict)
    _ended: dict[tuple[str, str, str], Counter[str]] = field(default_factory=dict)
    _met: dict[tuple[str, str, str], Counter[str]] = field(default_factory=dict)

    def add(self, match: Match) -> None:
        """Count one recognised line."""
        explained = match.explained
        symptom = explained.symptom
        self.matches[symptom] += 1
        self.samples.setdefault(symptom, match)
        if explained.remote is not None:
            _count(self.peers, (symptom, str(explained.remote)), (symptom, OTHERS), MOST_PEERS)
        minute = _minute(match.near)
        if minute is None:
            return
        _count(self.minutes, (minute, symptom), (OTHERS, symptom), MOST_MINUTES)
        self.first_time = min(self.first_time or match.near or "", match.near or "")
        self.last_time = max(self.last_time or "", match.near or "")
        self._note_for_joins(match, minute)

    def _note_for_joins(self, match: Match, minute: str) -> None:
        explained = match.explained
        if explained.source in PROXIES and explained.symptom in REQUEST_ENDED:
            table = self._ended
        elif explained.source not in PROXIES and explained.symptom in APPLICATION_MET:
            table = self._met
        else:
            return
        keys = [("time", "")]
        keys += [("end", end.ip) for end in (explained.remote, explained.local) if end is not None]
        keys += [("path", match.request)] if match.request else []
        for by, shared in dict.fromkeys(keys):
            if len(table) < MOST_MINUTES:
                table.setdefault((minute, by, shared), Counter())[explained.symptom] += 1

    def joins(self) -> list[Join]:
        """Minutes in which both happened, in order; the closest relation of each: by path, by end, or by time alone."""
        found = []
        for minute in sorted({key[0] for key in self._ended}):
            shared = [key for key in self._ended if key[0] == minute and key in self._met and key[1] != "time"]
            keys = sorted(shared, key=lambda key: (key[1] != "path", key[2])) or [(minute, "time", "")]
            for key in keys:
                if key in self._met:
                    ended, met = self._ended[key], self._met[key]
                    found.append(Join(minute, key[1], key[2] or None, dict(ended), dict(met)))
        return found


def _count(counter: Counter[tuple[str, str]], key: tuple[str, str], others: tuple[str, str], most: int) -> None:
    counter[key if key in counter or len(counter) < most else others] += 1


def _minute(time: str | None) -> str | None:
    """A time cut to its minute, whatever zone it is told in: logs of one incident are taken to share their clock."""
    if time is None or len(time) < 16 or time[4] != "-" or time[13] != ":":
        return None
    return time[:16]


def summarized(matches: Iterable[Match]) -> LogSummary:
    """The summary of some matches."""
    summary = LogSummary()
    for match in matches:
        summary.add(match)
    return summary
