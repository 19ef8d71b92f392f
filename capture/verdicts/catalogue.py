"""The texts and the vocabulary of verdicts, by code; loaded once, when first asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import Any

from msgspec import Struct

from capture.language import catalogue, per_language


class CauseInfo(Struct, frozen=True):
    """One entry of causes.toml. `severity` is critical, warning, info, or none for a clean end; `absence`: it says that
    something did not come, which a capture without gaps alone can show. `titles` of a
    finding on one, and on many, or one text for both."""

    meaning: str
    severity: str
    cost: int
    playbook: str | None = None
    decide_by: str | None = None
    absence: bool = False
    titles: Sequence[str] | str = ()

    @property
    def clean(self) -> bool:
        """An end that needs nobody's attention."""
        return self.severity == "none"


class Variant(CauseInfo, frozen=True):
    """A way to end with a cause that is a finding of its own: one of [variants] of findings.toml."""

    cause: str = ""


class KnownTimeout(Struct, frozen=True):
    """A silence that a well-known default explains."""

    seconds: float
    names: str
    http: bool = False  # only where HTTP may be spoken
    silent: str = "both"  # idle: only while nothing is asked; waiting: only for an answer; both
    by: str = ""  # whose it is: client, server; else anybody's

    def explains(self, silence_s: float) -> bool:
        """Within 1.5 % or half a second, whichever is more."""
        return abs(silence_s - self.seconds) <= max(0.5, self.seconds * 0.015)

    def concerns(self, *, http: bool, waiting: bool | None, by: str = "") -> bool:
        """Whether it can be what ended such a silence; `waiting` None and `by` "": not known."""
        other = {True: "idle", False: "waiting", None: ""}[waiting]
        ended = not by or not self.by or by == self.by
        return (http or not self.http) and self.silent != other and ended


def _load(name: str) -> dict[str, Any]:
    return catalogue(os.path.dirname(__file__), name)


@per_language
def causes() -> dict[str, CauseInfo]:
    """The vocabulary of `cause`."""
    return {code: CauseInfo(**entry) for code, entry in _load("causes").items()}


@per_language
def _sentences() -> dict[str, Any]:
    return _load("sentences")


def sentence(code: str) -> str:
    """A sentence with its placeholders."""
    return str(_sentences()["sentences"][code])


def evidence(code: str) -> str:
    """What a packet proves."""
    return str(_sentences()["evidence"][code])


def error_choice(code: str) -> str:
    """What the next calls will get, with its placeholders."""
    return str(_sentences()["outlook"][code])


def nothing_lost() -> str:
    """The claim of some sentences that a second point may prove wrong."""
    return str(_sentences()["claims"]["nothing_lost"])


def side_word(side: int) -> str:
    """The client, the server."""
    return str(_sentences()["sides"][("originator", "responder")[side]])


def vantage(code: str) -> str:
    """Where a capture was taken, and why it is believed."""
    return str(_sentences()["vantage"][code])


def icmp_meaning(name: str) -> str:
    """What an ICMP error said, by IcmpClass name."""
    return str(_sentences()["icmp"][name])


@per_language
def known_timeouts() -> tuple[KnownTimeout, ...]:
    """Well-known silences, shortest first."""
    return tuple(KnownTimeout(**entry) for entry in _sentences()["timeouts"])


@per_language
def _findings() -> dict[str, Any]:
    return _load("findings")


@per_language
def _variants() -> dict[str, Variant]:
    return {code: Variant(**entry) for code, entry in _findings()["variants"].items()}


def info_of(code: str) -> CauseInfo | None:
    """What is known of a cause, or of a variant of one; None for other findings."""
    return causes().get(code) or _variants().get(code)


def cause_of(code: str) -> str:
    """The cause that a finding's code is a variant of, or the code itself."""
    variant = _variants().get(code)
    return variant.cause if variant else code


def finding_title(cause: str, count: int) -> str:
    """The title of a finding, for one connection or for many, with its placeholders.

    One text serves all numbers, where the language has no plural.
    """
    known = info_of(cause)
    forms = known.titles if known and known.titles else _findings()["titles"][cause]
    return str(forms if isinstance(forms, str) else forms[0 if count == 1 else 1])


def clause(code: str) -> str:
    """A sentence about a group."""
    return str(_findings()["clauses"][code])


def place(code: str) -> str:
    """How several listeners are called together."""
    return str(_findings()["places"][code])


def timeout_names(silence_s: float, *, http: bool = True, waiting: bool | None = None, by: str = "") -> str | None:
    """What a silence is the default of, where it is a well-known one."""
    return next(
        (
            known.names
            for known in known_timeouts()
            if known.explains(silence_s) and known.concerns(http=http, waiting=waiting, by=by)
        ),
        None,
    )


def timeouts_between(lived_s: float, died_s: float, *, http: bool = True) -> list[str]:
    """The well-known limits that a connection idle for `lived_s` survives and one idle for `died_s` does not."""
    return [
        f"{known.seconds:.0f} s, {known.names}"
        for known in known_timeouts()
        if lived_s < known.seconds <= died_s + 0.5 and known.concerns(http=http, waiting=False)
    ]


@cache
def other_protocols() -> tuple[int, ...]:
    """Ports of well-known protocols that are not HTTP."""
    return tuple(_sentences()["ports"]["other_protocols"])


@cache
def shortest_timeout_ns() -> int:
    """Shorter silences need no look at the list."""
    return min(int((known.seconds - 0.5) * 1e9) for known in known_timeouts())


def timeout_hint(silence_s: float, *, http: bool = True, waiting: bool | None = None, by: str = "") -> str:
    """A half-sentence on a silence that a default explains, or nothing."""
    names = timeout_names(silence_s, http=http, waiting=waiting, by=by)
    if names is None:
        return ""
    return str(_sentences()["timeout_hint"]["text"]).format(seconds=f"{silence_s:.1f}", names=names)
