"""Verdicts as JSON members, many at once: what differs between connections of a template is filled into its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from capture.verdicts import catalogue
from capture.verdicts.sentences import Wording, worded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.model import NextCalls
    from capture.verdicts.judge import Verdicts
    from capture.verdicts.verdict_template import Template


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
        told = worded(verdicts.flows, verdicts.signed, template, connections[places].tolist())
        for place, text in zip(places.tolist(), _texts(template, told, len(places)), strict=True):
            out[place] = text
    return out


def _texts(template: Template, told: Wording, connections: int) -> list[str]:
    """All members of each of these connections: one %-format for all, but for those that a hint follows."""
    before, between, after = (text.replace("%", "%%") for text in _frame(template))
    proofs = ",".join([f'{{"packet":%d,"text":{_json(text).replace("%", "%%")}}}' for text in told.proofs])
    columns = [[_json(value)[1:-1] for value in column] for column in told.values]
    rows = list(zip(*columns, *told.packets, strict=True)) or [()] * connections
    sentence = _json(told.text)
    plain = f"{before}{sentence}{between}{proofs}{after}"
    texts = [plain % row for row in rows]
    for k, hint in told.hints.items():
        hinted = sentence[:-1] + _json(hint)[1:].replace("%", "%%")
        texts[k] = f"{before}{hinted}{between}{proofs}{after}" % rows[k]
    return texts


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
