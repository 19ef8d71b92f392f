"""Verdicts in words: a template's sentence filled with the numbers of its connections."""

from __future__ import annotations

from functools import lru_cache
from string import Formatter
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.language import chosen, sentences
from capture.model import Closer
from capture.verdicts import catalogue
from capture.verdicts.words.error_choices import error_choice
from capture.verdicts.words.sentence_numbers import Numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.flows.connection_table import FlowTable
    from capture.verdicts.rules.diagnosis import Proof
    from capture.verdicts.rules.signatures import Signatures
    from capture.verdicts.rules.verdict_template import Template

IDLE_ENDS = frozenset(
    (
        "stale_crossing", "stale_reuse", "idle_drop", "abort_after_response", "no_socket", "middlebox_ttl",
        "middlebox_goes_on", "bare_reset", "gave_up", "gave_up_late_response", "normal_close", "abort_unanswered",
        "client_abort_waiting", "no_response", "no_response_then", "idle_reset", "no_socket_idle", "stale_reset",
        "normal_server_first", "abort_idle_server", "silent_drop_idle", "closed_unanswered",
    )
)  # fmt: skip
"""Sentences whose silence before the end a default time-out may explain."""
WAITING_ENDS = frozenset(
    (
        "gave_up", "gave_up_late_response", "abort_unanswered", "client_abort_waiting", "no_response",
        "no_response_then", "closed_unanswered",
    )
)  # fmt: skip
"""Those of them in which an answer was owed: no keep-alive time-out was running."""
UNKNOWN_ENDS = frozenset(("bare_reset", "middlebox_ttl", "middlebox_goes_on", "no_socket"))
"""Those that come in both states."""

ENDED_BY = {Closer.ORIGINATOR: "client", Closer.RESPONDER: "server"}
"""Whose time-out it was."""

Sentence = tuple[str, list[tuple[int, str]]]
"""A sentence, and the evidence: packet numbers with what each proves."""


class Wording(Struct, frozen=True):
    """What is said of m connections that share a template, before it is put together."""

    text: str  # the sentence as a %-format
    values: list[list[str]]  # a column of m texts for each of its placeholders
    hints: dict[int, str]  # what follows the sentence of some of the m
    proofs: list[str]  # what each packet of the evidence proves
    packets: list[list[int]]  # a column of m packet numbers for each of the proofs

    def sentences(self, m: int) -> list[str]:
        """The whole sentence of each of the m."""
        rows = zip(*self.values, strict=True) if self.values else [()] * m
        texts = [self.text % row for row in rows]
        for k, hint in self.hints.items():
            texts[k] += hint
        return texts


def worded(flows: FlowTable, signed: Signatures, template: Template, connections: Sequence[int]) -> Wording:
    """Sentence and evidence of connections that share a template."""
    numbers = Numbers(flows, signed, template, connections)
    text, names = _format(template.diagnosis.sentence, template.diagnosis.actor, chosen())
    return Wording(
        text=sentences(text, error_choice(template).replace("%", "%%")),
        values=[numbers.text(name) for name in names],
        hints=_hints(numbers, template),
        proofs=[_proof(template, proof) for proof in template.diagnosis.proofs],
        packets=[numbers.packets(proof.at) for proof in template.diagnosis.proofs],
    )


def _proof(template: Template, proof: Proof) -> str:
    """What a packet of the evidence proves, or what it acknowledges."""
    heard = template.history.heard_of
    unseen = heard is not None and template.history.events[proof.at].side == heard
    return catalogue.evidence(proof.code) + (catalogue.evidence("heard") if unseen else "")


def sentence_of(flows: FlowTable, signed: Signatures, template: Template, connection: int) -> Sentence:
    """The sentence and the evidence of one connection."""
    texts = worded(flows, signed, template, [connection])
    sentence = texts.text % tuple(column[0] for column in texts.values) + texts.hints.get(0, "")
    return sentence, [(column[0], proof) for column, proof in zip(texts.packets, texts.proofs, strict=True)]


def _hints(numbers: Numbers, template: Template) -> dict[int, str]:
    """For those of the connections whose silence a default time-out may explain: which."""
    if template.diagnosis.sentence not in IDLE_ENDS or not template.diagnosis.proofs:
        return {}
    silences, waiting = numbers.longest_wait, was_waiting(template.diagnosis.sentence)
    by = ENDED_BY.get(template.closed_first, "") if template.closed_first else ""
    hints = {}
    for k in np.flatnonzero(silences >= catalogue.shortest_timeout_ns()).tolist():
        port = int(numbers.flows.port[numbers.connections[k], 1])
        http = port not in catalogue.other_protocols()
        hints[k] = catalogue.timeout_hint(int(silences[k]) / 1e9, http=http, waiting=waiting, by=by)
    return hints


def was_waiting(sentence: str) -> bool | None:
    """Whether an answer was owed in the silence before the end; None where the sentence does not tell."""
    return None if sentence in UNKNOWN_ENDS else sentence in WAITING_ENDS


@lru_cache(maxsize=4096)
def _format(code: str, actor: int | None, language: str) -> tuple[str, tuple[str, ...]]:
    """A sentence about an actor as a %-format, and the names of its numbers in order; in the chosen language."""
    sides = {} if actor is None else {"actor": catalogue.side_word(actor), "peer": catalogue.side_word(1 - actor)}
    text, names = "", []
    for literal, name, _, _ in Formatter().parse(catalogue.sentence(code)):
        text += literal.replace("%", "%%")
        if name in sides:
            text += sides[name]
        elif name:
            text += "%s"
            names.append(name)
    return text[0].upper() + text[1:], tuple(names)
