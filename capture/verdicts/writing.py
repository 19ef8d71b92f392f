"""Verdicts as JSON members, many at once: what differs between connections of a template is filled into its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from capture.verdicts import catalogue
from capture.verdicts.telling import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.model import NextCalls
    from capture.verdicts.judging import Verdicts
    from capture.verdicts.template import Template


def members(verdicts: Verdicts, chosen: Sequence[int]) -> list[str]:
    """The verdict's members of each chosen connection's object, `"closed_first"` to `"playbook"`, without braces."""
    connections = np.asarray(chosen, dtype=np.int64)
    out = [""] * len(connections)
    kinds = verdicts.template_of[connections] if len(connections) else np.zeros(0, np.int32)
    order = np.argsort(kinds, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(kinds[order])) + 1):
        if not len(places):
            continue
        template = verdicts.templates[int(kinds[places[0]])]
        before, between, after = _frame(template)
        told = tell(verdicts.flows, verdicts.signed, template, connections[places].tolist())
        for place, (sentence, evidence) in zip(places.tolist(), told, strict=True):
            packets = ",".join([f'{{"packet":{packet},"text":{_json(text)}}}' for packet, text in evidence])
            out[place] = f"{before}{_json(sentence)}{between}{packets}{after}"
    return out


def _frame(template: Template) -> tuple[str, str, str]:
    """What all connections of a template share: before the sentence, between it and the evidence, after that."""
    diagnosis = template.diagnosis
    info = catalogue.causes()[diagnosis.cause]
    before = ",".join(
        (
            f'"closed_first":{_json(template.closed_first)}',
            f'"ended_by":{_json(template.ended_by)}',
            f'"reset_by":{_json(template.reset_by)}',
            f'"cause":{_json(diagnosis.cause)}',
            f'"certainty":{_json(diagnosis.certainty)}',
            f'"alternatives":{_json(diagnosis.alternatives)}',
            f'"decide_by":{_json(info.decide_by)}',
            '"sentence":',
        )
    )
    calls = f'"originator":{_calls(template.calls[0])},"responder":{_calls(template.calls[1])}'
    return before, ',"evidence":[', f'],"errors":{{{calls}}},"playbook":{_json(info.playbook)}'


def _calls(calls: NextCalls) -> str:
    return _json({"connect": calls.connect, "read": calls.read, "write": calls.write})


_known: dict[str, str] = {}


def _json(value: object) -> str:
    if isinstance(value, str):
        text = _known.get(value)
        if text is None:
            text = msgspec.json.encode(value).decode()
            if len(_known) < 10_000:  # sentences without numbers, evidence: few
                _known[value] = text
        return text
    return msgspec.json.encode(value).decode()
