"""Verdicts in words: a template's sentence filled with the numbers of one connection."""

from __future__ import annotations

from functools import lru_cache
from string import Formatter
from typing import TYPE_CHECKING

from capture.verdicts import catalogue
from capture.verdicts.codes import Kind
from capture.verdicts.ending import icmp_class

if TYPE_CHECKING:
    from capture.verdicts.judging import Verdicts
    from capture.verdicts.template import Template

IDLE_ENDS = frozenset(
    (
        "stale_crossing", "stale_reuse", "idle_drop", "abort_after_response", "no_socket", "middlebox_ttl",
        "middlebox_goes_on", "bare_reset", "gave_up", "gave_up_late_response", "normal_close", "late_close",
    )
)  # fmt: skip
"""Sentences whose silence before the end a default time-out may explain."""


def sentence_of(verdicts: Verdicts, connection: int) -> str:
    """The story of a connection in one sentence."""
    template = verdicts.template(connection)
    text, names = _worded(template)
    numbers = _Numbers(verdicts, connection, template)
    filled = text.format_map({name: getattr(numbers, name) for name in names}) if names else text
    if template.diagnosis.sentence in IDLE_ENDS:
        filled += catalogue.timeout_hint(numbers.longest_wait_s)
    return filled


def evidence_of(verdicts: Verdicts, connection: int) -> list[tuple[int | None, str]]:
    """Packet numbers and what each proves."""
    template = verdicts.template(connection)
    if not template.diagnosis.proofs:
        return []
    rows = verdicts.signed.rows(connection)
    return [(_number(verdicts, connection, rows[p.at]), catalogue.evidence(p.code)) for p in template.diagnosis.proofs]


def _number(verdicts: Verdicts, connection: int, row: int) -> int:
    if row < 0:
        return verdicts.flows.quoted[connection][-1 - row].number
    return int(verdicts.flows.packets.number[row])


@lru_cache(maxsize=4096)
def _sentence(code: str, actor: int | None) -> tuple[str, tuple[str, ...]]:
    text = catalogue.sentence(code)
    if actor is not None:
        words = catalogue.side_word(actor), catalogue.side_word(1 - actor)
        text = text.replace("{actor}", words[0]).replace("{peer}", words[1])
        text = text[0].upper() + text[1:]
    return text, tuple(name for _, name, _, _ in Formatter().parse(text) if name)


def _worded(template: Template) -> tuple[str, tuple[str, ...]]:
    return _sentence(template.diagnosis.sentence, template.diagnosis.actor)


def duration(ns: int) -> str:
    """A duration as people say it: 35 ms, 3.1 s, 2 min 5 s, 2 h 0 min."""
    seconds = max(0, ns) / 1e9
    if seconds < 0.0995:
        return f"{seconds * 1000:.3g} ms" if seconds else "0 ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 119.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


class _Numbers:
    """The numbers a sentence may ask for; each is computed when asked."""

    def __init__(self, verdicts: Verdicts, connection: int, template: Template) -> None:
        self.verdicts, self.connection, self.template = verdicts, connection, template
        self.flows = verdicts.flows
        self.rows = verdicts.signed.rows(connection)

    def _time(self, row: int) -> int:
        if row < 0:
            return self.flows.quoted[self.connection][-1 - row].time
        return int(self.flows.packets.time[row])

    def _end_row(self) -> int:
        at = self.template.end.at
        row = self.rows[at] if at is not None else -1
        return row if row >= 0 else int(self.flows.first[self.connection + 1]) - 1

    def _proof_times(self) -> list[int]:
        return [self._time(self.rows[p.at]) for p in self.template.diagnosis.proofs]

    def _gap_before(self, row: int) -> int:
        first = int(self.flows.first[self.connection])
        return max(0, self._time(row) - self._time(row - 1)) if row > first else 0

    @property
    def gap(self) -> str:
        """Silence before the end; before a late FIN, since the other FIN."""
        at = self.template.story.fins
        if self.template.diagnosis.sentence == "late_close" and at[0] is not None and at[1] is not None:
            return duration(abs(self._time(self.rows[at[1]]) - self._time(self.rows[at[0]])))
        return duration(self._gap_before(self._end_row()))

    @property
    def waited(self) -> str:
        """From the request on, to the FIN of the side that waited."""
        proofs = [p for p in self.template.diagnosis.proofs if p.code == "request"]
        fins = [i for i in self.template.story.fins if i is not None]
        if not proofs or not fins:
            return duration(self._gap_before(self._end_row()))
        return duration(self._time(self.rows[min(fins)]) - self._time(self.rows[proofs[0].at]))

    @property
    def age(self) -> str:
        """From the first packet to the end."""
        return duration(self._time(self._end_row()) - self._time(int(self.flows.first[self.connection])))

    @property
    def span(self) -> str:
        """From the first packet of the evidence to the last."""
        times = self._proof_times()
        return duration(max(times) - min(times)) if times else duration(0)

    @property
    def quiet(self) -> str:
        """Silence before the first packet of the evidence."""
        proofs = self.template.diagnosis.proofs
        return duration(self._gap_before(self.rows[proofs[0].at])) if proofs else duration(0)

    @property
    def longest_wait_s(self) -> float:
        """The longest silence before any packet of the evidence, in seconds."""
        rows = [self.rows[p.at] for p in self.template.diagnosis.proofs]
        return max((self._gap_before(row) for row in rows if row >= 0), default=0) / 1e9

    @property
    def reporter(self) -> str:
        """Who sent the ICMP error."""
        rows = [row for row in self.rows if row < 0]
        return self.flows.quoted[self.connection][-1 - rows[-1]].reporter if rows else "?"

    @property
    def icmp(self) -> str:
        """What the ICMP error said."""
        story = self.template.story
        errors = story.indexes(Kind.ICMP)
        return catalogue.icmp_meaning(icmp_class(story, errors[-1]).name) if errors else "?"
