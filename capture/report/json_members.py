"""Verdicts as JSON members: what the connections of a template share, and the places of what differs between them."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct

from capture.verdicts import catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.model import NextCalls
    from capture.verdicts.judge import Verdicts
    from capture.verdicts.rules.verdict_template import Template
    from capture.verdicts.words.sentences import Wording

_PERCENT = re.compile(r"%(.)")


class Blank(Enum):
    """What is in a blank: a value of the sentence, what follows the sentence, the number of a packet."""

    VALUE = "value"
    HINT = "hint"
    PACKET = "packet"


class Place(Struct, frozen=True):
    """A blank: the k-th of its kind."""

    blank: Blank
    k: int = 0


def pieces(template: Template, wording: Wording) -> list[str | Place]:
    """The members of a verdict, `"closed_first"` to `"playbook"`, without braces: texts, and blanks between them."""
    before, between, after = _frame(template)
    sentence: list[str | Place] = []
    text, end, values = _json(wording.text), 0, 0
    for found in _PERCENT.finditer(text):
        sentence.append(text[end : found.start()])
        if found[1] == "s":
            sentence.append(Place(Blank.VALUE, values))
            values += 1
        else:
            sentence.append(found[1])
        end = found.end()
    proofs: list[str | Place] = []
    for k, proof in enumerate(wording.proofs):
        proofs += [',{"packet":' if k else '{"packet":', Place(Blank.PACKET, k), f',"text":{_json(proof)}}}']
    return [before, *sentence, text[end:-1], Place(Blank.HINT), '"', between, *proofs, after]


def members(verdicts: Verdicts, chosen: Sequence[int]) -> list[str]:
    """The verdict's members of each chosen connection's object."""
    out = [""] * len(chosen)
    for kind, places, wording in verdicts.worded(np.asarray(chosen, dtype=np.int64)):
        parts = pieces(verdicts.templates[kind], wording)
        for k, place in enumerate(places.tolist()):
            out[place] = "".join(part if isinstance(part, str) else filled(part, wording, k) for part in parts)
    return out


def filled(place: Place, wording: Wording, k: int) -> str:
    """What is in a blank of the k-th connection."""
    if place.blank is Blank.PACKET:
        return str(wording.packets[place.k][k])
    return _json(wording.values[place.k][k] if place.blank is Blank.VALUE else wording.hints.get(k, ""))[1:-1]


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
