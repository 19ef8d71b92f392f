"""Walks a playbook's steps: collects the facts they need once, asks each check, fills the fixes in."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import msgspec

from capture.safe_text import printable
from playbooks.checks.all_namespaces import judge_everywhere
from playbooks.checks.looked import Judgement, Offer, Pass, Result, Seen
from playbooks.checks.registry import Check, known_checks, manual, unknown
from playbooks.evidence_words import say
from playbooks.facts.collecting import collect
from playbooks.facts.facts import Facts
from playbooks.fixing import chosen, fill
from playbooks.loader import load
from playbooks.masking import mask
from playbooks.model import CheckReport, Fix, Outcome, Playbook, Step, StepResult
from playbooks.playbook_errors import BadSetting
from playbooks.scope import NOTHING, Scope
from playbooks.server_values import values_of

OnStep = Callable[[StepResult], None]
Consent = Callable[[str], bool]

NUMBERS = {"pid": 2**22, "port": 65535}
COMMAND_SECONDS = 15
LINES_OF_OUTPUT = 20
LONGEST_EVIDENCE = 1200
RESTARTS = frozenset(("log-restarts", "error-log-restarts"))
SEEN_IT = frozenset(("capture-causes", "traffic-causes", "waiting-for", "port-held")) | RESTARTS
"""Checks that see why: in packets, in what a process waits for, in who has the port, in when requests were lost. Their
fixes come before those of a log, whose lines fit several causes."""
ANYBODY = "*"
SAID = frozenset(("log-symptoms", "nginx-error-lines", "proxy-log-ends"))
"""Checks of what lines say: where one of SEEN_IT found why, what else would fit them is for other causes."""


def run_checks(
    playbook: str | Playbook,
    settings: Mapping[str, str] | None = None,
    on_step: OnStep | None = None,
    consent: Consent | None = None,
    since: float | None = None,
) -> CheckReport:
    """Collect and judge on this machine; a few seconds at most, more where a URL or an idle time-out is measured.

    `on_step` is called with each result as it comes. `consent` is asked with the command of a user's own step before it
    runs; None runs none. `since` (epoch seconds) leaves older log lines out, for a look after a fix.
    Raises PlaybookError, UnknownPlaybook, BadSetting.
    """
    chosen = load(playbook) if isinstance(playbook, str) else playbook
    given = checked_settings(chosen, settings or {})
    checks = known_checks()
    used = [checks[step.check] for step in chosen.steps if step.check]
    parts = {part for one in used for part in (*one.needs, *one.optional)}
    if any(fix.sets for fix in chosen.fixes):
        parts.add("service_settings")
    return judge(chosen, collect(parts, given, since=since), on_step, consent)


def judge(
    playbook: Playbook, facts: Facts, on_step: OnStep | None = None, consent: Consent | None = None
) -> CheckReport:
    """The report of a playbook on facts that are there already: nothing of this machine is read."""
    results = []
    offers: list[Offer] = []
    seen: list[Offer] = []
    guesses: list[Offer] = []
    proven: set[str] = set()
    about = _asked_about(facts)
    for step in playbook.steps:
        result, scope = _judge(step, facts, consent)
        asked = [
            one if one.identity else dataclasses.replace(one, identity=about, process=True) for one in result.offers
        ]
        asked += [Offer(name, {}, about, process=True) for name in step.offers.get(result.outcome, ())]
        sure = step.check in SEEN_IT and not (step.check in RESTARTS and result.outcome is not Outcome.FAIL)
        (seen if sure else offers).extend(asked)
        if step.check in SAID:
            guesses += asked
        if step.check in SEEN_IT and result.outcome is Outcome.FAIL:
            proven |= {ANYBODY} if step.check in RESTARTS else {word for one in asked for word in one.identity}
        mine, _ = chosen(playbook.fixes, asked)
        shown = StepResult(
            id=step.id,
            title=step.title,
            question=step.question,
            outcome=result.outcome,
            evidence=tuple(printable(mask(text), LONGEST_EVIDENCE) for text in result.evidence),
            command=_with_settings(step.command or step.run, facts.settings),
            meaning=step.means(result.outcome),
            next=step.next.get(result.outcome, ""),
            fixes=tuple(mine),
            scope=scope,
        )
        results.append(shown)
        if on_step is not None:
            on_step(shown)
    templates = {template.id: template for template in playbook.fixes}
    # Whose connections the packets show may not be known: then whoever wrote the log.
    known = next((one for one in offers if one.identity), None)
    if known is not None:
        seen = [one if one.identity else dataclasses.replace(one, identity=known.identity) for one in seen]
    outdone = [one for one in guesses if ANYBODY in proven or not proven.isdisjoint(one.identity)]
    mine, others = chosen(playbook.fixes, (*seen, *(one for one in offers if one not in outdone)))
    less_likely = {name: one for some in chosen(playbook.fixes, outdone) for name, one in some.items()}
    others |= {name: one for name, one in less_likely.items() if name not in mine}

    again = _recheck(facts)

    def made(some: Mapping[str, Offer]) -> tuple[Fix, ...]:
        return tuple(
            fill(
                templates[name],
                again | dict(one.parameters) | values_of(templates[name], facts, dict(one.parameters)),
                facts.root,
                facts.ability,
            )
            for name, one in some.items()
        )

    return CheckReport(
        playbook=playbook.name,
        title=playbook.title,
        host=facts.host,
        time=facts.time,
        settings=dict(facts.settings),
        steps=tuple(results),
        fixes=made(mine),
        others=made(others),
    )


def _recheck(facts: Facts) -> dict[str, str]:
    """{recheck}: the command that tells after a fix whether the fault is gone, with what was named for this run: the
    URL again, or what the log got since; empty where neither was named."""
    url, log = facts.settings.get("url"), facts.settings.get("log")
    if url:
        return {"recheck": f"tcptriage check timeout-chain --set url={shlex.quote(url)}   # {say('recheck_url')}"}
    with contextlib.suppress(OSError):
        if log and log != "-":
            size = os.stat(log).st_size
            since = f"tail -c +{size + 1} {shlex.quote(log)} | tcptriage explain --log -"
            return {"recheck": f"{since}   # {say('recheck_log')}"}
    return {}


def _asked_about(facts: Facts) -> tuple[str, ...]:
    """Words for the process that was named with --set pid; none where none was."""
    pid = facts.number("pid")
    rows = facts.processes.rows if facts.processes is not None and pid is not None else ()
    return next((row.identity for row in rows if row.pid == pid), ())


def recheck(before: CheckReport, on_step: OnStep | None = None, consent: Consent | None = None) -> Comparison:
    """The same steps again with the same settings, after a fix; log lines of before do not count against it."""
    return Comparison(before, run_checks(before.playbook, before.settings, on_step, consent, since=before.time))


@dataclass(frozen=True, slots=True)
class Change:
    """One step before and after."""

    id: str
    title: str
    before: StepResult | None
    after: StepResult | None

    @property
    def cured(self) -> bool:
        """It was wrong, and now it is not."""
        return (
            self.before is not None
            and self.after is not None
            and self.before.outcome in (Outcome.FAIL, Outcome.WARN)
            and self.after.outcome is Outcome.PASS
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs of one playbook."""

    before: CheckReport
    after: CheckReport

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every step, in the playbook's order."""
        earlier = {step.id: step for step in self.before.steps}
        later = {step.id: step for step in self.after.steps}
        return tuple(
            Change(name, (later.get(name) or earlier[name]).title, earlier.get(name), later.get(name))
            for name in dict.fromkeys([*earlier, *later])
        )


def checked_settings(playbook: Playbook, settings: Mapping[str, str]) -> dict[str, str]:
    """The settings, if the playbook takes them and their values can be such. Raises BadSetting (status 2)."""
    takes = (*playbook.settings, "capture") if "capture" not in playbook.settings else playbook.settings
    if "incident" in settings:
        settings = _of_incident(settings, takes)
    for key, value in settings.items():
        if key not in takes:
            close = difflib.get_close_matches(key, takes, 1)
            meant = f"did you mean {close[0]}? " if close else ""
            raise BadSetting(f"--set {printable(key, 40)}: {meant}{playbook.name} takes {', '.join(takes)}")
        if key in NUMBERS and not (value.isascii() and value.isdigit() and 0 < int(value[:12]) <= NUMBERS[key]):
            raise BadSetting(f"--set {key}: {printable(value, 40)!r} is no {key}: 1 to {NUMBERS[key]}")
        if not value or "\0" in value or (value.startswith("-") and key == "host"):
            raise BadSetting(f"--set {key}: a value is missing or cannot be one")
        if key == "url" and not value.lower().startswith(("http://", "https://")):
            raise BadSetting(f"--set url: {printable(value, 60)!r} does not begin with http:// or https://")
    return dict(settings)


def _of_incident(settings: Mapping[str, str], takes: Collection[str]) -> dict[str, str]:
    """An incident folder is a capture and, for a playbook that reads one, a log. Raises BadSetting."""
    from capture.recorder.incident_folder import LOG, open_incident
    from capture.recorder.recorder_errors import IncidentUnreadable

    rest = {key: value for key, value in settings.items() if key != "incident"}
    try:
        incident = open_incident(settings["incident"])
    except IncidentUnreadable as error:
        raise BadSetting(f"--set incident: {printable(str(error), 300)}") from error
    of_folder = {"capture": incident.path}
    log = incident.file(LOG)
    if "log" in takes and log is not None and incident.manifest.log_lines:
        of_folder["log"] = log
    return of_folder | rest


def _judge(step: Step, facts: Facts, consent: Consent | None) -> tuple[Judgement, Scope]:
    """A step's outcome, and what it rests on."""
    if step.run:
        return _run(step.run, facts, consent)
    if not step.check:
        return manual(), NOTHING
    check = known_checks()[step.check]
    scope = facts.scope(*check.needs)
    missing = _missing(check, facts)
    if missing is not None:
        return missing, scope
    try:
        found = _sound(judge_everywhere(check, facts, step.given))
    except Exception as error:
        # A defect of a check, of whatever kind, must not take the other steps along, and must never read as "fine".
        return unknown(say("check_broke", check=step.check, error=repr(error))), scope
    return found, found.scope or scope


def _sound(found: object) -> Judgement:
    """What a check returned, if it is a judgement in sentences. Raises TypeError."""
    if not isinstance(found, (Result, Pass)) or not all(isinstance(text, str) for text in found.evidence):
        raise TypeError(f"no judgement: {type(found).__name__}")
    return found


def _missing(check: Check, facts: Facts) -> Result | None:
    """Why a check cannot be asked: unknown where something should be there, manual where a person decides."""
    gone = [facts.absent[part] for part in check.needs if part in facts.absent]
    if not gone:
        return None
    kinds = {absence.kind for absence in gone}
    whys = tuple(dict.fromkeys(absence.why for absence in gone))
    return unknown(*whys) if "unreadable" in kinds else manual(*whys)


def _run(command: str, facts: Facts, consent: Consent | None) -> tuple[Judgement, Scope]:
    """A command of a user's own playbook: shown, and run only where consent was given. Status 0 is a pass."""
    if consent is None or not consent(command):
        return manual(say("consent_needed", command=command)), NOTHING
    here = Scope(facts.host, facts.netns, begin=time.time())
    try:
        done = subprocess.run(
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return unknown(say("command_broke", command=command, error=error)), here
    here = msgspec.structs.replace(here, end=time.time())
    lines = done.stdout[:65536].decode("utf-8", "replace").splitlines()[:LINES_OF_OUTPUT]
    evidence = (say("command_ended", command=command, status=done.returncode), *lines)
    return (Pass(Seen(here, 1), evidence) if done.returncode == 0 else Result(Outcome.FAIL, evidence)), here


def _with_settings(command: str, settings: Mapping[str, str]) -> str:
    """PID, PORT, HOST, URL, FILE.log of a shown command become what was set; FILE.pcap stays, for tcpdump writes it."""
    for key, value in settings.items():
        if key == "capture":
            continue
        word = {"log": "FILE.log", "config": "NGINX.conf"}.get(key, key.upper())
        command = command.replace(word, shlex.quote(value))
    return printable(command)
