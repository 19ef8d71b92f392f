"""The times of printed packets: of a day, with a date, of the epoch, since the first packet, or since the last."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from capture.wire.text.printed import Clock, PrintedPacket

_TIME = re.compile(
    r"(?:(?P<date>\d{4}-\d\d-\d\d)[ T])?(?<![\d.:])(?P<clock>\d\d:\d\d:\d\d)[.,](?P<part>\d{3,9})(?!\d)"
    r"|(?<![\w.:])(?P<epoch>\d{9,10})\.(?P<rest>\d{6}|\d{9})(?!\d)"
)
_LATEST = 9_000_000_000_000_000_000  # nanoseconds: the year 2255; more does not fit
_SECOND = 1_000_000_000
_HOUR, _DAY = 3600 * _SECOND, 86_400 * _SECOND
LOOKED_AT = 32  # packets by which it must show that times count from the line before


def clock_of(text: str) -> Clock | None:
    """The last time in a text: a log's own prefix comes before tcpdump's."""
    last = None
    for last in _TIME.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    if last is None:
        return None
    if last["epoch"]:
        return Clock(min(int(last["epoch"]) * _SECOND + int(last["rest"].ljust(9, "0")), _LATEST), epoch=True)
    hours, minutes, seconds = (int(part) for part in last["clock"].split(":"))
    return Clock((hours * 3600 + minutes * 60 + seconds) * _SECOND + int(last["part"].ljust(9, "0")), last["date"])


class Timeline:
    """Gives each packet its time.

    `tcpdump -ttt` and Wireshark's delta column say the time since the line before, in the same form as others the time
    of day: packets are held until one of LOOKED_AT falls far below the one before it, or none did.
    """

    def __init__(self) -> None:
        self.undated = self.untimed = False
        self._held: list[PrintedPacket] = []
        self._since_before: bool | None = None
        self._last = -1
        self._days = 0
        self._newest = 0  # of the clocks held

    @property
    def holds(self) -> bool:
        """Are packets held?"""
        return bool(self._held)

    def put(self, packet: PrintedPacket) -> list[tuple[int, PrintedPacket]]:
        """The packets that have a time (nanoseconds) now, in their order."""
        if self._since_before is None:
            self._held.append(packet)
            self._since_before = self._decided(packet.heading.clock)
            return [] if self._since_before is None else self.end()
        return [(self._time(packet.heading.clock), packet)]

    def end(self) -> list[tuple[int, PrintedPacket]]:
        """What was held: nothing more comes."""
        if self._since_before is None:
            self._since_before = False
        held, self._held = self._held, []
        return [(self._time(packet.heading.clock), packet) for packet in held]

    def _decided(self, clock: Clock | None) -> bool | None:
        if clock is None:
            return None if len(self._held) < LOOKED_AT else False
        if clock.epoch or clock.day is not None or clock.nanoseconds >= _HOUR:
            return False
        before, self._newest = self._newest, clock.nanoseconds
        if clock.nanoseconds < before // 2:
            return True
        return None if len(self._held) < LOOKED_AT else False

    def _time(self, clock: Clock | None) -> int:
        if clock is None:
            self.untimed = True
            time = max(self._last, 0)
        elif clock.epoch:
            time = clock.nanoseconds
        elif self._since_before:
            self.undated = True
            time = max(self._last, 0) + clock.nanoseconds
        else:
            time = self._of_day(clock)
        self._last = min(time, _LATEST)
        return self._last

    def _of_day(self, clock: Clock) -> int:
        if clock.day is not None:
            self._days = _days(clock.day)
        else:
            self.undated = True
            if self._last >= 0 and clock.nanoseconds + self._days * _DAY < self._last - _DAY // 2:
                self._days += 1  # past midnight
        return clock.nanoseconds + self._days * _DAY


@lru_cache(maxsize=64)
def _days(text: str) -> int:
    try:
        return max(date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal(), 0)
    except ValueError:
        return 0
