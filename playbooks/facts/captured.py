"""A capture, decoded and judged, as counts of causes and samples of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from capture.model import Connection
from playbooks.facts.facts import Absence
from playbooks.facts.packet_facts import Captured, CapturedConnection
from playbooks.facts.this_host import mostly_here, own_addresses
from playbooks.language import tr

if TYPE_CHECKING:
    from capture.triage import Triage
    from playbooks.facts.responses import CutResponse

LOSSES = frozenset(
    (
        *("cut_short", "bad_record", "unsupported_link_type", "part_left_out", "fragments_missing"),
        *("broken_lines", "no_flags", "no_ports", "too_many_errors", "one_direction", "packets_missing"),
    )
)
"""Codes of notices after which what was looked for may lie in what was not read."""
MOST_LOSSES = 4
SAMPLES = 4
"""Connections kept of each cause."""


def collect_capture(path: str | None, host: str | None, port: int | None) -> Captured | Absence:
    """The capture's connections, those of a host and port where given. Absent without --set capture."""
    if path is None:
        return Absence("not_given", tr("no capture was named: --set capture=FILE reads one"))
    from capture.filters import FilterError
    from capture.wire.capture_errors import CaptureUnreadable

    try:
        read = JudgedCapture(path, host, port)
    except CaptureUnreadable as error:
        return Absence("unreadable", str(error))
    except (OSError, FilterError) as error:
        return Absence("unreadable", f"{path}: {error}")
    causes: Counter[str] = Counter()
    variants: defaultdict[str, Counter[str]] = defaultdict(Counter)
    ids: defaultdict[str, list[int]] = defaultdict(list)
    for number in read.chosen:
        cause = read.cause(number)
        causes[cause] += 1
        if variant := read.variant(number):
            variants[cause][variant] += 1
        if len(ids[cause]) < SAMPLES:
            ids[cause].append(number)
    samples = [read.sample(number) for numbers in ids.values() for number in numbers]
    decoded = read.triage.decoded
    return Captured(
        path,
        len(read.chosen),
        dict(causes),
        tuple(samples),
        read.notices,
        here=mostly_here(read.ends(), own_addresses()),
        first_time=_seconds(decoded.first_time),
        last_time=_seconds(decoded.last_time),
        began_before=read.began_before(read.chosen),
        variants={cause: dict(counts) for cause, counts in variants.items()},
        untold_responses=read.untold_responses,
        losses=tuple(notice.text for notice in decoded.notices if notice.code in LOSSES)[:MOST_LOSSES],
    )


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9


class JudgedCapture:
    """A capture read whole: `chosen` are its connections, or those of a host and a port.

    Raises CaptureUnreadable, OSError, FilterError.
    """

    def __init__(self, path: str, host: str | None = None, port: int | None = None) -> None:
        from capture.filters import parse
        from capture.triage import triage
        from playbooks.facts.responses import cut_responses

        self.triage: Triage = triage([path])[0]
        self.chosen = list(range(len(self.triage.decoded.flows)))
        if port:
            wanted = parse(f"port:{port}").select(self.triage.decoded.flows, self.triage.verdicts)
            self.chosen = [number for number in self.chosen if wanted[number]]
        if host:
            ends = self.triage.endpoint
            self.chosen = [n for n in self.chosen if host in (ends(n, 0).ip, ends(n, 1).ip)]
        self._cut: dict[int, CutResponse]
        self._cut, self.untold_responses = cut_responses(self.triage, path, self.chosen)
        self.notices = tuple(notice.text for notice in self.triage.decoded.notices[:5])

    def ends(self) -> Iterator[tuple[str, str]]:
        """Both addresses of each connection chosen."""
        ends = self.triage.endpoint
        return ((ends(number, 0).ip, ends(number, 1).ip) for number in self.chosen)

    def began_before(self, numbers: Iterable[int]) -> int:
        """How many of these connections show no SYN of their own: they began before the packets do."""
        return sum(1 for number in numbers if not self._has_beginning(number))

    def resets(self, numbers: Iterable[int]) -> int:
        """How many of these connections met a RST."""
        return sum(1 for number in numbers if self._met("rst", number))

    def cut_off(self, numbers: Iterable[int]) -> int:
        """How many of these connections met a RST and began before the packets do: what led to it was not seen, unless
        a FIN was."""
        return sum(
            1
            for number in numbers
            if self._met("rst", number) and not self._has_beginning(number) and not self._met("fin", number)
        )

    def _has_beginning(self, number: int) -> bool:
        return self._met("syn", number)

    def _met(self, flag: str, number: int) -> bool:
        return bool(self.triage.decoded.flows.counts[flag][number].any())

    def cause(self, number: int) -> str:
        """The verdict's cause, or that a response was cut short."""
        cut = self._cut.get(number)
        return cut.cause if cut is not None else self.triage.verdicts.of(number).cause

    def variant(self, number: int) -> str:
        """The way in which it ended with its cause, where that is a finding of its own; "" where not."""
        return "" if number in self._cut else self.triage.verdicts.template(number).diagnosis.variant

    def sample(self, number: int) -> CapturedConnection:
        """One connection with its verdict in words."""
        import msgspec

        from playbooks.evidence_words import say

        sample = _sample(self.triage.connection(number))
        cut = self._cut.get(number)
        if cut is None:
            return sample
        sentence = say(
            cut.cause if cut.announced is not None or not cut.got else "response_incomplete", **_figures(cut)
        )
        proof = (say("cut_packet", packet=cut.packet), *sample.evidence)
        return msgspec.structs.replace(sample, cause=cut.cause, certainty="certain", sentence=sentence, evidence=proof)


def _figures(cut: CutResponse) -> dict[str, object]:
    return {"got": cut.got, "announced": cut.announced}


def _sample(connection: Connection) -> CapturedConnection:
    verdict = connection.verdict
    return CapturedConnection(
        id=connection.id,
        originator=connection.originator,
        responder=connection.responder,
        cause=verdict.cause,
        certainty=verdict.certainty.value,
        closed_first=verdict.closed_first.value if verdict.closed_first else None,
        ended_by=verdict.ended_by.value,
        reset_by=verdict.reset_by.value if verdict.reset_by else None,
        sentence=verdict.sentence,
        evidence=tuple(
            tr("packet {n}: {text}", n=item.packet, text=item.text) if item.packet else item.text
            for item in verdict.evidence[:6]
        ),
        longest_gap_ms=connection.longest_gap_ms,
        bytes=connection.bytes,
    )
