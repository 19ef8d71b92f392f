"""A client that resets each connection once it has its answer does so by habit: one does not tell, many alike do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from capture.model import Closer
from capture.verdicts.events.event_codes import PAUSE

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.verdicts.rules.signatures import Signatures
    from capture.verdicts.rules.verdict_template import Template
    from capture.wire.column_types import I64, Bool

LEAST = 3  # connections that make a habit
ALIKE = 0.8  # share of those that the clients of a listener ended
SENTENCE = "abort_reading"
ALSO = ("abort_answered",)


def with_habits(signed: Signatures, listeners: I64) -> Signatures:
    """The verdicts, with resets right after an answer called a habit where nearly all connections of a listener that
    the client ended first end so, and nothing was left unacknowledged. `listeners`: those of `listeners_of`."""
    habitual = _of(signed, lambda t: _after_an_answer(t, (SENTENCE, *ALSO)))
    unclear = _of(signed, lambda t: _after_an_answer(t, (SENTENCE,)))
    if not unclear.any():
        return signed
    ended = _of(signed, lambda t: t.closed_first is Closer.ORIGINATOR and bool(t.history.data(1)))
    n = int(listeners.max()) + 1
    so, all_ended = np.bincount(listeners[habitual], minlength=n), np.bincount(listeners[ended], minlength=n)
    chosen = unclear & ((so >= LEAST) & (so >= ALIKE * all_ended))[listeners]
    if not chosen.any():
        return signed
    templates, of = list(signed.templates), signed.of.copy()
    for kind in np.unique(of[chosen]).tolist():
        of[chosen & (signed.of == kind)] = len(templates)
        templates.append(_by_habit(signed.templates[kind]))
    return replace(signed, templates=templates, of=of)


def _of(signed: Signatures, wanted: Callable[[Template], bool]) -> Bool:
    """Connections whose template is wanted, shape (n,)."""
    return np.array([wanted(template) for template in signed.templates], np.bool_)[signed.of]


def _after_an_answer(template: Template, sentences: tuple[str, ...]) -> bool:
    end, diagnosis = template.end, template.diagnosis
    if diagnosis.cause != "aborted" or diagnosis.sentence not in sentences or end.at is None:
        return False
    return template.history.events[end.at].gap < PAUSE and template.history.waiting(0, end.at) is None


def _by_habit(template: Template) -> Template:
    diagnosis = replace(template.diagnosis, sentence="abort_habit", variant="reset_by_habit")
    return replace(template, diagnosis=diagnosis)
