"""What was said of a line, remembered for all lines of its shape: a log has millions of lines, of few shapes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from playbooks.symptoms.explain_line import explain_plain
from playbooks.symptoms.explanation import End, Explained
from playbooks.symptoms.normalising import plain
from playbooks.symptoms.shapes import Probe, Words, found_in
from playbooks.symptoms.times import time_at, time_of

if TYPE_CHECKING:
    from collections.abc import Callable

_DAY = re.compile(r"\D*(\d{4}[-/.]\d\d[-/.]\d\d[T ]\d\d:\d\d:\d\d)([.,]\d{1,9})?(?!\d| ?[+-])")
MOST_SHAPES = 20_000
MOST_TIMES = 4_096
LONGEST = 1_500
"""Characters of a line that has a shape; longer ones are read each for itself."""


@dataclass(frozen=True, slots=True)
class _EndAt:
    """Where the lines of a shape hold one end: in which word, the how-maniest there; and where its port is."""

    place: int
    order: int
    bare: bool
    port_place: int | None = None
    port_order: int = 0
    port: int | None = None
    ip: str | None = None


@dataclass(frozen=True, slots=True)
class _TimeAt:
    """Which words hold the time; and from where to where there a day and a clock are written as ISO 8601 has them."""

    start: int
    stop: int
    clock: bool = False
    day: int = 0
    end: int = 0
    zone: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What all lines of a shape say; ends that are the same in all of them are not looked up."""

    said: Explained
    local: _EndAt | None
    remote: _EndAt | None
    time: _TimeAt | None


class _Unknown:
    """A shape that was not seen, or once only; or one whose lines differ in more than shapes tell."""


_NEVER, _ONCE, _EACH = _Unknown(), _Unknown(), _Unknown()


class Memo:
    """Explains lines as `explain_line` does, but each shape once. `may_tell` says of a line whether it could be one."""

    def __init__(self, may_tell: Callable[[str], bool] | None = None) -> None:
        self._may_tell = may_tell
        self._words = Words()
        self._plans: dict[str, _Plan | _Unknown | None] = {}
        self._times: dict[str, str | None] = {}
        self._hits = self._misses = 0

    def explain(self, text: str) -> Explained | None:
        """What a line says, or None."""
        if len(text) > LONGEST:
            return explain_plain(plain(text))
        text = plain(text)
        parts = text.split(" ")
        shape = " ".join(map(self._words.__getitem__, parts))
        plan = self._plans.get(shape, _NEVER)
        if plan is None:
            return None
        if isinstance(plan, _Plan):
            self._hits += 1
            return self._applied(plan, parts)
        return self._learned(shape, text, parts, plan)

    def _learned(self, shape: str, text: str, parts: list[str], known: _Unknown) -> Explained | None:
        if self._may_tell is not None and not self._may_tell(text):
            self._keep(shape, None)
            return None
        explained = explain_plain(text)
        self._misses += 1
        if explained is None:
            self._keep(shape, None)
        elif known is _ONCE or (known is _NEVER and self._hits > self._misses):
            plan = self._plan(shape, explained, text, parts)
            self._keep(shape, plan if plan is not None and self._applied(plan, parts) == explained else _EACH)
        elif known is not _EACH:
            self._keep(shape, _ONCE)
        return explained

    def _keep(self, shape: str, plan: _Plan | _Unknown | None) -> None:
        if len(self._plans) >= MOST_SHAPES:
            self._plans.clear()
        self._plans[shape] = plan

    def _applied(self, plan: _Plan, parts: list[str]) -> Explained:
        learned = plan.said
        time = learned.time
        if plan.time is not None:
            at = plan.time
            written = " ".join(parts[at.start : at.stop])
            time = _iso(written, at.day, at.end) + at.zone if at.clock else self._time(written)
        return Explained(
            learned.symptom,
            learned.errno,
            learned.source,
            self._end(plan.local, parts) if plan.local else learned.local,
            self._end(plan.remote, parts) if plan.remote else learned.remote,
            time,
            learned.side,
            learned.playbook,
            learned.meaning,
        )

    def _time(self, written: str) -> str | None:
        try:
            return self._times[written]
        except KeyError:
            if len(self._times) >= MOST_TIMES:
                self._times.clear()
            time = self._times[written] = time_of(written)
            return time

    @staticmethod
    def _end(at: _EndAt, parts: list[str]) -> End:
        if at.ip is not None and at.port_place is not None:
            return End(at.ip, int(found_in(parts[at.port_place])[at.port_order][2]))
        ip, port, _ = found_in(parts[at.place])[at.order]
        if not at.bare:
            return End(ip, int(port))
        if at.port_place is not None:
            return End(ip, int(found_in(parts[at.port_place])[at.port_order][2]))
        return End(ip, at.port)

    def _plan(self, shape: str, said: Explained, text: str, parts: list[str]) -> _Plan | None:
        probe = Probe(parts)
        other = explain_plain(" ".join(probe.parts))
        if other is None or other.symptom != said.symptom:
            return None
        if not (_traced(other.local, probe, shape) and _traced(other.remote, probe, shape)):
            return None
        return _Plan(
            said, _end_at(other.local, probe), _end_at(other.remote, probe), _time_parts(said.time, text, parts)
        )


def _iso(written: str, day: int, stop: int) -> str:
    date, clock = written[day : day + 10], written[day + 11 : stop]
    return f"{date[:4]}-{date[5:7]}-{date[8:]}T{clock.replace(',', '.')}"


def _traced(end: End | None, probe: Probe, shape: str) -> bool:
    """Whether it is known where an end is from: what the probe replaced, or what the shape itself holds."""
    if end is None:
        return True
    if end.ip not in probe.places and ":" not in end.ip and end.ip not in shape:
        return False
    return end.port is None or end.port in probe.places or str(end.port) in shape or end.port in (80, 443)


def _end_at(end: End | None, probe: Probe) -> _EndAt | None:
    if end is None:
        return None
    if end.ip not in probe.places:  # all lines of the shape hold it
        of_port = probe.places.get(end.port) if end.port else None
        return _EndAt(-1, 0, True, *of_port, ip=end.ip) if of_port else None
    place, order = probe.places[end.ip]
    if end.port is None:
        return _EndAt(place, order, bare=True)
    at = probe.places.get(end.port)
    if at == (place, order):
        return _EndAt(place, order, bare=False)
    if at is not None:
        return _EndAt(place, order, True, *at)
    return _EndAt(place, order, True, port=end.port)


def _time_parts(time: str | None, text: str, parts: list[str]) -> _TimeAt | None:
    """Which words hold the time, as few as possible."""
    found = time_at(text)
    if time is None or found is None:
        return None
    stops = list(accumulate(len(part) + 1 for part in parts))
    first = next(place for place, stop in enumerate(stops) if stop > found[0])
    last = next(place for place, stop in enumerate(stops) if stop >= found[1])
    for start in (first, 0):
        written = " ".join(parts[start : last + 2])
        if time_of(written) == time:
            plain_day = _DAY.match(written)
            if plain_day:
                day, stop = plain_day.start(1), plain_day.end()
                zone = "+00:00" if time.endswith("+00:00") else ""
                if time == _iso(written, day, stop) + zone:
                    return _TimeAt(start, last + 2, True, day, stop, zone)
            return _TimeAt(start, last + 2)
    return None
