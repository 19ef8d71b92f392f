"""What a side said that nobody heard: unanswered repetitions and probes, and windows that stayed closed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from capture.verdicts.events.event_codes import Context, Kind, Trait

if TYPE_CHECKING:
    from capture.verdicts.events.event_codes import Event

ENOUGH_REPEATS = 3  # unanswered retransmissions that make a time-out (fewer may yet be answered)

ORIGINATOR, RESPONDER = 0, 1


class Silences(Struct, frozen=True, dict=True):
    """The events of one signature, and where in them one side went unheard. Indexes are those of `events`."""

    context: Context
    events: tuple[Event, ...]

    @cached_property
    def silence(self) -> tuple[int, list[int]] | None:
        """A side that repeated itself to the end without an answer: the side, and its unanswered events."""
        found: tuple[int, list[int]] | None = None
        for side in (ORIGINATOR, RESPONDER):
            run = self._unanswered(side)
            if Context.ONE_SIDED in self.context and all(self.events[i].kind is Kind.PROBE for i in run):
                continue  # what answers a probe is seen in the other direction alone
            repeats = sum(self.events[i].has(Trait.REPEAT) or self.events[i].kind is Kind.PROBE for i in run)
            enough = repeats >= ENOUGH_REPEATS or (repeats == ENOUGH_REPEATS - 1 and Context.QUIET_END in self.context)
            if enough and (found is None or run[0] < found[1][0]):
                found = side, run
        return found

    def _unanswered(self, side: int) -> list[int]:
        """The last stretch of this side's lost data, FINs and probes that its peer let go by."""
        run: list[int] = []
        last_word = self._last_words[side]
        for i, event in enumerate(self.events):
            if event.kind in (Kind.ICMP, Kind.RST):
                continue
            if event.side == side:
                lost = event.kind in (Kind.DATA, Kind.FIN) and event.has(Trait.LOST)
                if event.kind is not Kind.ACK:  # what it only acknowledged is no news of its own data
                    run = [*run, i] if lost or event.kind is Kind.PROBE else []
            elif self._in_vain(event) or self._is_unheard(run):
                continue
            elif i < last_word or self._answers_probe(event, run):
                run = []  # the peer said something, and this side went on
        return run

    def _is_unheard(self, run: list[int]) -> bool:
        """Data or a FIN repeated, and never acknowledged: what its peer says meanwhile shows that the peer lives, not
        that it hears."""
        repeats = [i for i in run if self.events[i].has(Trait.REPEAT)]
        return len(repeats) >= ENOUGH_REPEATS - 1 and all(self.events[i].kind is not Kind.PROBE for i in run)

    def _answers_probe(self, event: Event, run: list[int]) -> bool:
        """An ACK after a probe: its sender lives, also where it left probes before that unanswered (Linux answers two a
        second)."""
        return event.kind is Kind.ACK and bool(run) and self.events[run[-1]].kind is Kind.PROBE

    @staticmethod
    def _in_vain(event: Event) -> bool:
        """Sent again, without news and without acknowledging any: no sign that its sender hears its peer."""
        return event.kind in (Kind.DATA, Kind.FIN) and event.has(Trait.REPEAT)

    def repeated_in_vain(self, side: int, before: int | None = None) -> list[int]:
        """Data and FINs of a side that it sent again before an index, and that nothing captured acknowledges."""
        lost = (i for i, e in enumerate(self.events[:before]) if e.side == side and e.has(Trait.LOST))
        return [i for i in lost if self._in_vain(self.events[i])]

    @staticmethod
    def _substance(event: Event) -> bool:
        carries = event.kind is Kind.DATA or (event.kind is Kind.FIN and event.has(Trait.WITH_DATA))
        return carries and not event.has(Trait.GOODBYE)

    def is_meant(self, index: int) -> bool:
        """Whether a packet carries more than a goodbye, or the reason for one."""
        event = self.events[index]
        return self._substance(event) and not (event.kind is Kind.DATA and event.has(Trait.PARTING))

    def repeats_meanwhile(self, side: int, run: list[int]) -> list[int]:
        """The peer's repetitions during a side's unanswered run: it lives, and does not hear."""
        return [i for i in range(run[0], run[-1] + 1) if self.events[i].side != side and self._in_vain(self.events[i])]

    @cached_property
    def ignored_at_first(self) -> list[int]:
        """The originator's first data, repeated before the responder's first word after its SYN,ACK."""
        found: list[int] = []
        for i, event in enumerate(self.events):
            if event.side == RESPONDER and event.kind is not Kind.SYN_ACK:
                break
            if event.kind is Kind.DATA and event.has(Trait.REPEAT):
                found.append(i)
        return found

    @cached_property
    def _last_words(self) -> tuple[int, int]:
        """Each side's last event that is not a RST; -1 without one."""
        spoken = [
            [i for i, e in enumerate(self.events) if e.side == s and e.kind not in (Kind.RST, Kind.ICMP)]
            for s in (0, 1)
        ]
        return spoken[0][-1] if spoken[0] else -1, spoken[1][-1] if spoken[1] else -1

    def stalled(self, side: int, at: int) -> list[int]:
        """The closed windows of this side in force at an index, and the probes they met; empty where it was open."""
        run: list[int] = []
        for i in range(at):
            event = self.events[i]
            if event.side == side and event.kind is not Kind.RST:
                if event.has(Trait.ZERO):
                    run.append(i)
                else:
                    run = []
            elif run and (event.kind is Kind.PROBE or self._knocks(event)):
                run.append(i)
            elif run and event.kind is Kind.DATA and not event.traits & (Trait.LOST | Trait.REPEAT):
                run = []
        return run

    @staticmethod
    def _knocks(event: Event) -> bool:
        """Data sent again that was never taken: it met a window that closed on it, and probes it as well."""
        return event.kind is Kind.DATA and event.has(Trait.REPEAT) and event.has(Trait.LOST)

    def probes_before(self, side: int, at: int) -> list[int]:
        """Keep-alives of this side that nobody answered, right before an index."""
        run: list[int] = []
        for i in range(at):
            event = self.events[i]
            if event.kind in (Kind.ICMP,):
                continue
            run = [*run, i] if event.side == side and event.kind is Kind.PROBE else []
        return run
