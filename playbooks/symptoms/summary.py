"""What a whole log, or several, say together: counts by symptom, peer and minute, and what happened beside what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playbooks.symptoms.log_scan import Match

MOST_PEERS = 50_000
MOST_MINUTES = 200_000
OTHERS = "others"
"""Where counts go once there are too many different peers or minutes to keep apart: memory stays bounded."""

REQUEST_ENDED = ("client_closed_request", "upstream_timed_out", "upstream_closed")
APPLICATION_MET = ("broken_pipe", "connection_reset", "unexpected_eof", "use_of_closed_connection", "read_timed_out")
PROXIES = ("nginx", "haproxy", "envoy", "apache", "traefik", "caddy", "varnish")


_Tallies = dict[str, dict[tuple[str, str], dict[str, int]]]
"""Counts of symptoms by minute, and by what the lines share."""


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
    _ended: _Tallies = field(default_factory=dict)
    _met: _Tallies = field(default_factory=dict)
    _tallied: int = 0

    def add(self, match: Match) -> None:
        """Count one recognised line."""
        explained = match.explained
        symptom = explained.symptom
        if symptom in self.samples:
            self.matches[symptom] += 1
        else:
            self.samples[symptom], self.matches[symptom] = match, 1
        peer = explained.remote or (match.entry.remote if match.entry is not None else None)
        if peer is not None:
            _count(self.peers, (symptom, str(peer)), (symptom, OTHERS), MOST_PEERS)
        near = match.near
        minute = _minute(near)
        if near is None or minute is None:
            return
        _count(self.minutes, (minute, symptom), (OTHERS, symptom), MOST_MINUTES)
        if self.first_time is None or near < self.first_time:
            self.first_time = near
        if self.last_time is None or near > self.last_time:
            self.last_time = near
        self._note_for_joins(match, minute)

    def _note_for_joins(self, match: Match, minute: str) -> None:
        explained = match.explained
        symptom = explained.symptom
        if explained.source in PROXIES and symptom in REQUEST_ENDED:
            table = self._ended
        elif explained.source not in PROXIES and symptom in APPLICATION_MET:
            table = self._met
        else:
            return
        tallies = table.get(minute)
        if tallies is None:
            if self._tallied >= MOST_MINUTES:
                return
            tallies = table[minute] = {}
        remote, local = explained.remote, explained.local
        keys = [("time", "")]
        if remote is not None:
            keys.append(("end", remote.ip))
        if local is not None and (remote is None or local.ip != remote.ip):
            keys.append(("end", local.ip))
        if match.request:
            keys.append(("path", match.request))
        for key in keys:
            counts = tallies.get(key)
            if counts is not None:
                counts[symptom] = counts.get(symptom, 0) + 1
            elif self._tallied < MOST_MINUTES:
                self._tallied += 1
                tallies[key] = {symptom: 1}

    def joins(self) -> list[Join]:
        """Minutes in which both happened, in order; the closest relation of each: by path, by end, or by time alone."""
        found: list[Join] = []
        for minute, ended in sorted(self._ended.items()):
            met = self._met.get(minute, {})
            shared = sorted(
                (key for key in ended if key in met and key[0] != "time"), key=lambda key: (key[0] != "path", key[1])
            )
            keys = shared or [key for key in (("time", ""),) if key in ended and key in met]
            found += [Join(minute, key[0], key[1] or None, dict(ended[key]), dict(met[key])) for key in keys]
        return found


def _count(counter: Counter[tuple[str, str]], key: tuple[str, str], others: tuple[str, str], most: int) -> None:
    counted = counter.get(key)
    if counted is not None:
        counter[key] = counted + 1
    else:
        counter[key if len(counter) < most else others] += 1


def _minute(time: str | None) -> str | None:
    """A time cut to its minute, whatever zone it is written in: logs of one incident are taken to share their clock."""
    if time is None or len(time) < 16 or time[4] != "-" or time[13] != ":":
        return None
    return time[:16]
