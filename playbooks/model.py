"""The words of playbooks: what a file in library/ holds, and what running one yields. All frozen."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import msgspec

from playbooks.scope import NOTHING, Scope

Risk = Literal["none", "low", "medium", "high"]
Lasts = Literal["now", "reboot", "permanent"]

SETTING_KEYS = ("pid", "port", "host", "config", "log", "url", "capture")
"""Every key that --set knows; a playbook takes some of them."""


class Outcome(StrEnum):
    """What a step found. UNKNOWN: could not be looked at (never "fine"). MANUAL: a person has to look."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    MANUAL = "manual"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"passed": "pass", "given": "with"}):
    """One question of a playbook. `check` names a built-in check and `given` are its arguments; `run` is a command of a
    user's own playbook, shown first and run only with consent. `passed`, `warn`, `fail` say what each outcome means;
    `next` maps an outcome to the id of the step (or the name of the playbook) to go on with."""

    id: str
    title: str
    question: str
    command: str = ""
    check: str = ""
    run: str = ""
    given: dict[str, Any] = {}
    passed: str = ""
    warn: str = ""
    fail: str = ""
    next: dict[Outcome, str] = {}
    offers: dict[Outcome, tuple[str, ...]] = {}
    """Fixes (ids, or topic:NAME) that the step offers at an outcome, beside those that its check asks for."""

    def means(self, outcome: Outcome) -> str:
        """The step's own sentence for an outcome; empty where it has none."""
        return {Outcome.PASS: self.passed, Outcome.WARN: self.warn, Outcome.FAIL: self.fail}.get(outcome, "")


class FixTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fix with {{parameters}}, which a check computes on this machine; `defaults` serve for reading it beforehand."""

    id: str
    title: str
    why: str
    target: str
    proposed: str
    snippet: str
    apply: str
    verify: str
    undo: str
    risk: Risk
    lasts: Lasts
    not_when: str
    current: str = ""
    language: str = "text"
    """What the snippet is: go, java, python, javascript, nginx, systemd, sysctl, limits, shell, text."""
    defaults: dict[str, str] = {}
    who: tuple[str, ...] = ()
    """Words of the programs that it is for (playbooks.facts.identity, sources of playbooks.symptoms); empty: any."""
    instead_of: tuple[str, ...] = ()
    """General fixes that this one makes needless where it is offered: it names the file, line and value."""
    sets: dict[str, str] = {}
    """Settings of a server's configuration that it changes, as SERVICE:NAME, and to what; empty where it only tells
    what is in force. What this host's files say becomes `current`, and the edit a command (playbooks.server_values)."""
    topic: str = ""
    """The file of cures it comes from; set by the loader."""


class Playbook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One playbook. `settings` are the --set keys it takes, `capture` always among them."""

    name: str
    title: str
    summary: str
    steps: tuple[Step, ...]
    settings: tuple[str, ...] = ()
    fixes: tuple[FixTemplate, ...] = ()
    borrowed: tuple[str, ...] = ()
    """Fixes of other playbooks, as PLAYBOOK/FIX; the loader puts them among `fixes`."""
    cures: tuple[str, ...] = ()
    """Topics: files of fixes, one for each language and server; the loader puts them among `fixes`. A step offers all
    of a topic as topic:NAME; those for the program that is known are shown, the others behind one row."""
    folklore: tuple[str, ...] = ()
    """What is often written and is wrong on Linux, with the reason."""
    see_also: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    """Of a user's own playbook: codes of symptoms whose lines lead to it, too."""
    origin: str = ""
    """The file of a user's own playbook; empty for those that ship."""


# msgspec makes a type's table at its first use, and before 0.23 crashed where threads did so at once: here the import
# lock is held.
msgspec.convert({"name": "", "title": "", "summary": "", "steps": []}, Playbook)


class Fix(msgspec.Struct, frozen=True):
    """A fix for this machine: a template with its parameters filled in. `not_when` says when to leave it; `refused`
    why it cannot be applied on this host, empty where it can; `who` the programs that it is for, empty for any."""

    id: str
    title: str
    why: str
    target: str
    current: str
    proposed: str
    snippet: str
    apply: str
    verify: str
    undo: str
    risk: Risk
    lasts: Lasts
    not_when: str
    language: str
    who: tuple[str, ...] = ()
    refused: str = ""


class StepResult(msgspec.Struct, frozen=True):
    """What one step found. `meaning` is the playbook's sentence for the outcome, `fixes` ids in offered order, `scope`
    what it rests on."""

    id: str
    title: str
    question: str
    outcome: Outcome
    evidence: tuple[str, ...]
    command: str
    meaning: str = ""
    next: str = ""
    fixes: tuple[str, ...] = ()
    scope: Scope = NOTHING


class CheckReport(msgspec.Struct, frozen=True):
    """One run of a playbook on this machine at one time (epoch seconds)."""

    playbook: str
    title: str
    host: str
    time: float
    settings: dict[str, str]
    steps: tuple[StepResult, ...]
    fixes: tuple[Fix, ...]
    others: tuple[Fix, ...] = ()
    """The same cures for other programs than the one that was found."""

    @property
    def exit_status(self) -> int:
        """0 nothing failed, 1 a step failed, 3 a step could not be decided, or none was (all are by hand); a failure
        decides over an unknown."""
        outcomes = {step.outcome for step in self.steps}
        if Outcome.FAIL in outcomes:
            return 1
        decided = outcomes & {Outcome.PASS, Outcome.WARN}
        return 3 if Outcome.UNKNOWN in outcomes or not decided else 0
