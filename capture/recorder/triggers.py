"""What freezes the rings: a finding, a symptom in a log, resets in a short time, an errno that a call got, a signal."""

from __future__ import annotations

import errno
import re
from collections import deque
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from msgspec import Struct

from capture.kernel.event import KernelEvent, Kind
from capture.language import tr
from capture.sockets.findings.finding_words import finding_codes

ANY: Final = "any"
SIGNAL: Final = "signal:USR1"
"""The trigger that is always there: asked for alone, there is no other."""
RESETS: Final = re.compile(r"(\d{1,9})/(\d{1,6}(?:\.\d{1,3})?)")


class Triggers(Struct, frozen=True):
    """What was asked for. `ANY` among findings or symptoms means each of them."""

    findings: frozenset[str] = frozenset()
    symptoms: frozenset[str] = frozenset()
    errnos: frozenset[str] = frozenset()
    resets: tuple[tuple[int, float], ...] = ()

    def finding(self, code: str) -> str | None:
        """The trigger that a finding of this code fires."""
        return _chosen("finding", code, self.findings)

    def symptom(self, code: str) -> str | None:
        """The trigger that a symptom of this code fires."""
        return _chosen("symptom", code, self.symptoms)

    def error(self, name: str) -> str | None:
        """The trigger that this errno fires."""
        return _chosen("errno", name, self.errnos)


def parse_triggers(texts: Sequence[str], logs: bool, symptoms: Iterable[str]) -> Triggers:
    """`--on` as written. Without any: every symptom where logs are followed, and else every warning.

    `symptoms` are the codes there are. Raises ValueError with what is allowed.
    """
    if not texts:
        return Triggers(symptoms=frozenset({ANY})) if logs else Triggers(findings=frozenset({ANY}))
    known = frozenset(symptoms)
    chosen: dict[str, set[str]] = {"finding": set(), "symptom": set(), "errno": set()}
    resets = []
    for text in texts:
        kind, _, value = text.partition(":")
        if text == SIGNAL:
            continue  # always one
        if kind == "resets":
            resets.append(_rate(text, value))
        elif kind not in chosen or not value:
            allowed = f"finding:CODE, symptom:CODE, resets:N/S, errno:NAME, {SIGNAL}"
            raise ValueError(tr("{text} is no trigger: {allowed}", text=repr(text), allowed=allowed))
        else:
            chosen[kind].add(_checked(text, kind, value, known))
    if chosen["symptom"] and not logs:
        raise ValueError(tr("a symptom is looked for in a log: name one with --log PATH"))
    return Triggers(
        findings=frozenset(chosen["finding"]),
        symptoms=frozenset(chosen["symptom"]),
        errnos=frozenset(chosen["errno"]),
        resets=tuple(resets),
    )


def _checked(text: str, kind: str, value: str, symptoms: frozenset[str]) -> str:
    if kind == "errno":
        known, hint = frozenset(errno.errorcode.values()), tr("write it as EPIPE or ECONNRESET")
    else:
        known = (symptoms if kind == "symptom" else finding_codes()) | {ANY}
        hint = tr("there are {codes}", codes=", ".join(sorted(known)))
    if value in known:
        return value
    near = get_close_matches(value.upper() if kind == "errno" else value.lower(), known, 1)
    meant = tr("did you mean {word}? ", word=near[0]) if near else ""
    raise ValueError(tr("{text}: no {kind} is called so; {hint}", text=repr(text), kind=kind, hint=meant + hint))


def _rate(text: str, value: str) -> tuple[int, float]:
    found = RESETS.fullmatch(value)
    if found is None or not int(found[1]) or not float(found[2]):
        raise ValueError(tr("{text}: resets:N/S is N resets in S seconds, as resets:20/5", text=repr(text)))
    return int(found[1]), float(found[2])


def _chosen(kind: str, code: str, asked: frozenset[str]) -> str | None:
    if code in asked:
        return f"{kind}:{code}"
    return f"{kind}:{ANY}" if ANY in asked else None


class ResetRate:
    """Whether there were N resets within S seconds, as events come."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._times: deque[tuple[float, int]] = deque()
        self._sum = 0

    def add(self, events: Iterable[KernelEvent]) -> KernelEvent | None:
        """The event that made the number full; the count begins anew then."""
        sent = set()
        for event in events:
            if event.kind is Kind.RESET_SENT:
                sent.add((event.local, event.remote))
            elif event.kind is not Kind.RESET_RECEIVED or (event.remote, event.local) in sent:
                continue  # within this machine a reset is reported twice
            self._times.append((event.time, event.count))
            self._sum += event.count
            while abs(self._times[0][0] - event.time) > self.seconds:  # later than it: the clock was set back
                self._sum -= self._times.popleft()[1]
            if self._sum >= self.most:
                self._times.clear()
                self._sum = 0
                return event
        return None
