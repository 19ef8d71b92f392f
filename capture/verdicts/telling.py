"""Verdicts in words: a template's sentence filled with the numbers of its connections."""

from __future__ import annotations

from functools import lru_cache
from string import Formatter
from typing import TYPE_CHECKING

import numpy as np

from capture.verdicts import catalogue
from capture.verdicts.numbers import Numbers
from capture.verdicts.outlook import outlook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.flows.table import FlowTable
    from capture.verdicts.signatures import Signatures
    from capture.verdicts.template import Template

IDLE_ENDS = frozenset(
    (
        "stale_crossing", "stale_reuse", "idle_drop", "abort_after_response", "no_socket", "middlebox_ttl",
        "middlebox_goes_on", "bare_reset", "gave_up", "gave_up_late_response", "normal_close", "abort_unanswered",
        "client_abort_waiting", "no_response",
    )
)  # fmt: skip
"""Sentences whose silence before the end a default time-out may explain."""

Told = tuple[str, list[tuple[int, str]]]
"""A sentence, and the evidence: packet numbers with what each proves."""


def tell(flows: FlowTable, signed: Signatures, template: Template, connections: Sequence[int]) -> list[Told]:
    """Sentence and evidence of connections that share a template."""
    numbers = Numbers(flows, signed, template, connections)
    texts = [catalogue.evidence(proof.code) for proof in template.diagnosis.proofs]
    packets = zip(*(numbers.packets(proof.at) for proof in template.diagnosis.proofs), strict=True)
    evidence = [list(zip(row, texts, strict=True)) for row in packets] if texts else [[] for _ in connections]
    return list(zip(_sentences(numbers, template), evidence, strict=True))


def _sentences(numbers: Numbers, template: Template) -> list[str]:
    text, names = _worded(template.diagnosis.sentence, template.diagnosis.actor)
    if further := outlook(template):
        text += further
    if names:
        columns = [numbers.text(name) for name in names]
        sentences = [text % row for row in zip(*columns, strict=True)]
    else:
        sentences = [text] * len(numbers.connections)
    if template.diagnosis.sentence in IDLE_ENDS and template.diagnosis.proofs:
        silences = numbers.longest_wait
        for k in np.flatnonzero(silences >= catalogue.shortest_timeout_ns()).tolist():
            sentences[k] += catalogue.timeout_hint(int(silences[k]) / 1e9)
    return sentences


@lru_cache(maxsize=4096)
def _worded(code: str, actor: int | None) -> tuple[str, tuple[str, ...]]:
    """A sentence about an actor as a %-format, and the names of its numbers in order."""
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
