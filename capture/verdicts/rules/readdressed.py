"""What became of a connection and of the answers that came to it from another address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from capture.model import TcpFlags
from capture.verdicts.events.event_codes import Kind
from capture.verdicts.rules.diagnosis import LIKELY, Diagnosis, proofs

if TYPE_CHECKING:
    from capture.flows.connection_table import FlowTable
    from capture.verdicts.events.relations import Relations
    from capture.verdicts.rules.signatures import Signatures
    from capture.verdicts.rules.verdict_template import Template


def rejudged(signed: Signatures, relations: Relations, flows: FlowTable) -> Signatures:
    """The verdicts with those of connections that another host answered judged anew, each with its other half."""
    if not relations.elsewhere:
        return signed
    templates, of = list(signed.templates), signed.of.copy()
    asked = {two: one for one, two in relations.elsewhere.items() if _asked(flows, one)}
    made: dict[tuple[int, bool, bool], int] = {}
    for stray, connection in asked.items():
        opened = signed.templates[int(of[connection])].history.first(Kind.SYN_ACK) is not None
        for which, is_stray in ((connection, False), (stray, True)):
            key = (int(signed.of[which]), opened, is_stray)
            if key not in made:
                made[key] = len(templates)
                templates.append(_anew(signed.templates[key[0]], opened, is_stray))
            of[which] = made[key]
    relations.same_as.update(asked)
    return replace(signed, templates=templates, of=of.astype(np.int32), elsewhere=relations.elsewhere)


def _asked(flows: FlowTable, connection: int) -> bool:
    opening = int(flows.opening.flags[connection, 0]) & (TcpFlags.SYN | TcpFlags.ACK) == TcpFlags.SYN
    return int(flows.opening.side[connection, 0]) == 0 and opening


def _anew(template: Template, opened: bool, is_stray: bool) -> Template:
    history = template.history
    last = len(history.events) - 1
    cause = "idle_drop" if opened else "syn_unanswered"
    if is_stray:
        evidence = proofs(
            (0 if history.events else None, "answer_from_elsewhere"), (history.first(Kind.RST), "stray_reset")
        )
        return replace(template, diagnosis=Diagnosis(cause, LIKELY, "stray_answer", None, (), evidence))
    if not opened:
        evidence = proofs((history.first(Kind.SYN), "syn"), (history.last(Kind.SYN), "syn_again"))
        others: tuple[str, ...] = ("unreachable",)
        return replace(template, diagnosis=Diagnosis(cause, LIKELY, "answered_elsewhere_syn", 0, others, evidence))
    others = ("no_socket", "middlebox_reset")
    evidence = proofs((history.last(Kind.DATA), "unanswered"), (history.last(Kind.RST), "reset"), (last, "closed"))
    return replace(template, diagnosis=Diagnosis(cause, LIKELY, "answered_elsewhere", 0, others, evidence[:2]))
