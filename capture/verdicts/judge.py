"""Judge all connections of a capture: one verdict each, made from its signature's template and its own numbers."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from capture.model import Evidence, Side, TcpState, Verdict
from capture.verdicts import catalogue
from capture.verdicts.events.context import context_of, listeners_of
from capture.verdicts.events.relations import relations_of
from capture.verdicts.events.ttl import with_foreign_marks
from capture.verdicts.rules import signatures
from capture.verdicts.rules.diagnosis import CERTAIN, LIKELY
from capture.verdicts.rules.habits import with_habits
from capture.verdicts.rules.missing_details import missing_in
from capture.verdicts.rules.readdressed import rejudged
from capture.verdicts.words.sentences import sentence_of, worded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from capture.flows.connection_table import FlowTable
    from capture.model import Notice
    from capture.verdicts.events.relations import Relations
    from capture.verdicts.events.states import Pair
    from capture.verdicts.events.vantage import Vantage
    from capture.verdicts.rules.verdict_template import Template
    from capture.verdicts.words.sentences import Wording
    from capture.wire.column_types import I32, I64, Bool

HARMLESS_COST = 4  # of a reset that costs nobody anything
SURENESS = {CERTAIN: 2, LIKELY: 1}


def judge(flows: FlowTable, until: int | None = None, notices: Iterable[Notice] = ()) -> Verdicts:
    """Verdicts for every connection of a flow table.

    `until`: when the capture ended, epoch ns; `notices` sentence_of what a printed capture leaves out.
    """
    kept, listeners = with_foreign_marks(flows), listeners_of(flows)
    signed = signatures.sign(flows, kept, context_of(flows, kept, listeners, until, missing_in(notices)))
    relations = relations_of(flows, listeners)
    signed = with_habits(rejudged(signed, relations, flows), listeners)
    return Verdicts(flows, signed, listeners, relations)


class Verdicts:
    """One verdict a connection. Codes are columns; sentences are made when asked for."""

    def __init__(self, flows: FlowTable, signed: signatures.Signatures, listeners: I64, relations: Relations) -> None:
        self.flows = flows
        self.signed = signed
        self.relations = relations  # which connections belong together
        self.listeners = listeners  # a number for each connection's responder address and port

    def __len__(self) -> int:
        return len(self.flows)

    @property
    def templates(self) -> Sequence[Template]:
        """The distinct verdicts; `template_of` says which one a connection has."""
        return self.signed.templates

    @property
    def template_of(self) -> I32:
        """Index into `templates` for each connection, shape (n,)."""
        return self.signed.of

    def template(self, connection: int) -> Template:
        """The verdict of a connection without its numbers."""
        return self.signed.templates[int(self.signed.of[connection])]

    def of(self, connection: int) -> Verdict:
        """The verdict of a connection, with its sentence and evidence."""
        template = self.template(connection)
        diagnosis = template.diagnosis
        info = catalogue.info_of(diagnosis.variant) or catalogue.causes()[diagnosis.cause]
        sentence, evidence = sentence_of(self.flows, self.signed, template, connection)
        return Verdict(
            closed_first=template.closed_first,
            ended_by=template.ended_by,
            reset_by=template.reset_by,
            cause=diagnosis.cause,
            certainty=diagnosis.certainty,
            alternatives=diagnosis.alternatives,
            decide_by=info.decide_by,
            sentence=sentence,
            evidence=tuple(Evidence(packet, text) for packet, text in evidence),
            errors={Side.ORIGINATOR: template.calls[0], Side.RESPONDER: template.calls[1]},
            playbook=info.playbook,
        )

    def worded(self, connections: I64) -> Iterator[tuple[int, I64, Wording]]:
        """For each template that some of these connections have: its number, where in `connections` they are, and what
        is said of them.
        """
        kinds = self.template_of[connections] if len(connections) else np.zeros(0, np.int32)
        order = np.argsort(kinds, kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(kinds[order])) + 1):
            if len(places):
                kind = int(kinds[places[0]])
                of = connections[places].tolist()
                yield kind, places, worded(self.flows, self.signed, self.templates[kind], of)

    @cached_property
    def once(self) -> Bool:
        """The connections without second copies of them (NAT, another interface): each is judged once. Shape (n,)."""
        once = np.ones(len(self), np.bool_)
        once[list(self.relations.same_as)] = False
        return once

    @cached_property
    def badness(self) -> I64:
        """How bad each end is, for "worst first": 0 a clean end. Shape (n,)."""
        costs = np.array([cost(t) for t in self.signed.templates] or [0], np.int64)
        return np.where(self.once, costs[self.signed.of], 0) if len(self) else np.zeros(0, np.int64)

    def count(self, code: Callable[[Template], str]) -> Counter[str]:
        """How many connections have each code, in order of first connection among equals."""
        per_template = np.bincount(self.signed.of[self.once], minlength=len(self.templates)).tolist()
        counts: Counter[str] = Counter()
        for template, connections in zip(self.templates, per_template, strict=True):
            if connections:
                counts[code(template)] += connections
        return counts

    def causes(self) -> list[str]:
        """The cause of each connection."""
        codes = [t.diagnosis.cause for t in self.signed.templates]
        return [codes[i] for i in self.signed.of.tolist()]

    def endings(self) -> list[str]:
        """The ending of each connection."""
        codes = [t.ended_by.value for t in self.signed.templates]
        return [codes[i] for i in self.signed.of.tolist()]

    def states(self, connection: int, numbers: Sequence[int]) -> list[Pair]:
        """Both sides' states after each of a connection's packets, which are given by their numbers, in file order."""
        template = self.template(connection)
        start = TcpState.ESTABLISHED if template.history.midstream else TcpState.CLOSED
        pair: Pair = (start, start if template.history.midstream else TcpState.LISTEN)
        later = [(self.signed.events.number[row], after) for row, after in self._changes(connection)]
        out, at = [], 0
        for number in numbers:
            while at < len(later) and later[at][0] <= number:
                pair = later[at][1]
                at += 1
            out.append(pair)
        return out

    def _changes(self, connection: int) -> list[tuple[int, Pair]]:
        """Rows of the events of a connection's packets, and the states after each."""
        rows = self.signed.rows(connection)
        return [(row, after) for row, after in zip(rows, self.template(connection).states, strict=True) if row >= 0]

    @cached_property
    def vantage(self) -> Vantage:
        """Where the capture was taken: at the clients, at the servers, or between."""
        from capture.verdicts.events.vantage import vantage_of

        return vantage_of(self.flows)


def cost(template: Template) -> int:
    """What such an end costs, 0 for a clean one; among equals the surer one is worse."""
    diagnosis = template.diagnosis
    info = catalogue.info_of(diagnosis.variant or diagnosis.cause) or catalogue.causes()[diagnosis.cause]
    base = min(info.cost, HARMLESS_COST) if diagnosis.harmless else info.cost
    return base * 4 + (SURENESS.get(diagnosis.certainty, 0) if base else 0)
