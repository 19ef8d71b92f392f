"""Puts a snapshot together from places that have just been looked at: the same for the kernel and for a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from capture.sockets import inet_diag_msg as form
from capture.sockets.finding_lives import Lives
from capture.sockets.findings.look_history import Scene
from capture.sockets.findings.rule_list import find
from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.findings.trends import Trends
from capture.sockets.row import Process
from capture.sockets.snapshot import PlaceView, Snapshot, Unseen
from capture.sockets.socket_groups import group_places
from capture.sockets.watched_namespace import News, Place


@dataclass(frozen=True, slots=True)
class Look:
    """What surrounds the sockets of one look. `now` is on the clock of ages, `time` epoch seconds."""

    time: float
    now: float
    elapsed_s: float | None
    host: str
    source: str
    limits: tuple[str, ...]
    hidden_owners: int
    processes: Sequence[Process]
    unseen: tuple[Unseen, ...] = ()
    hidden_why: str = ""


def assemble(look: Look, news: Mapping[Place, News], thresholds: Thresholds, trends: Trends, lives: Lives) -> Snapshot:
    """A snapshot of all places; the first is the program's own namespace, whose counters and settings count."""
    places = list(news)
    own = places[0]
    scene = Scene(places, news, look.processes, thresholds, trends, look.now, look.time, look.elapsed_s)
    findings = find(scene)
    return Snapshot(
        time=look.time,
        host=look.host,
        source=look.source,
        limits=look.limits,
        states=_states(places),
        rows=own.rows() if len(places) == 1 else [row for place in places for row in place.rows()],
        counters=_of_tcp(news[own].counters),
        groups=group_places(places),
        findings=tuple(findings),
        lives=lives.take(findings, look.time),
        transitions=tuple(entry for place in places for entry in news[place].transitions),
        processes=tuple(look.processes),
        settings=own.settings,
        counter_totals=_of_tcp(own.totals),
        elapsed_s=look.elapsed_s,
        transitions_left_out=sum(entry.left_out for entry in news.values()),
        hidden_owners=look.hidden_owners,
        moment=look.now,
        details={row: info for place in places for row, info in place.asked.items()},
        unix_listeners=tuple(listener for place in places for listener in place.unix.rows.values()),
        sees_unix=any(place.unix.seen for place in places),
        unseen=look.unseen,
        of_ports=lambda wanted: (row for place in places for row in place.of_ports(wanted)),
        hidden_why=look.hidden_why,
        places=tuple(
            PlaceView(place.netns, place.settings, place.totals, tuple(place.bound.values()), news[place].resets)
            for place in places
        ),
    )


def _of_tcp(counters: Mapping[str, int]) -> dict[str, int]:
    """Without those of links, whose names have a colon."""
    return {name: count for name, count in counters.items() if ":" not in name}


def _states(places: Sequence[Place]) -> dict[str, int]:
    states: dict[str, int] = {}
    for place in places:
        for number, count in enumerate(place.aggregates.states):
            if count:
                name = form.state_of(number).value
                states[name] = states.get(name, 0) + count
    return states
