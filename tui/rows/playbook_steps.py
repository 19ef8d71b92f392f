"""Playbooks as the screen shows them: summaries, and one run as a list of steps and fixes. No textual here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from capture.cells import left
from capture.safe_text import printable
from tui.text.language import count, tr

if TYPE_CHECKING:
    from collections.abc import Callable

    from playbooks.model import CheckReport, Fix, Playbook, StepResult

OUTCOMES = ("fail", "warn", "unknown", "manual", "pass")


class AskedWrongly(Exception):  # noqa: N818  (named for the fact)
    """The playbook or a setting is not known. str() is one line."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A playbook in the list. `page` is what it is about."""

    name: str
    title: str
    page: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a run: a step, or a fix. `page` is what the screen shows of it; `copyable` what `y` sends."""

    key: str
    outcome: str  # pass | warn | fail | unknown | manual | waiting | fix | other (a fix that no check here asked for)
    title: str
    heading: str
    page: str
    copyable: str
    fix: Fix | None = None
    behind: tuple[Entry, ...] = ()  # what the row opens to
    next: str = ""  # a playbook to go on with


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a playbook, ready to show."""

    title: str
    tally: str
    entries: tuple[Entry, ...]
    markdown: str
    report: CheckReport
    cured: tuple[str, ...]  # titles of the steps that were wrong the last time and are not now
    see_also: tuple[str, ...]


def summaries() -> list[Summary]:
    """Every playbook, in the library's order. Files that could not be used are listed last, with the reason."""
    from playbooks.loader import load_library

    library = load_library()
    found = [Summary(book.name, book.title, _about(book)) for book in library.playbooks.values()]
    return found + [Summary(f"(unusable {n})", str(e), str(e)) for n, e in enumerate(library.problems, 1)]


def keys_of(name: str) -> tuple[str, ...]:
    """The settings that a playbook takes; none where there is no such playbook."""
    from playbooks.loader import load
    from playbooks.playbook_errors import PlaybookError

    try:
        book = load(name)
    except PlaybookError:
        return ()
    return tuple(dict.fromkeys((*book.settings, "capture")))


def planned(name: str) -> tuple[Entry, ...]:
    """The steps that will be run: listed until their results are there; none where there is no such playbook."""
    from playbooks.loader import load
    from playbooks.playbook_errors import PlaybookError

    try:
        book = load(name)
    except PlaybookError:
        return ()
    return tuple(
        Entry(f"step {step.id}", "waiting", printable(step.title), tr("checking …"), _page([step.question]), "")
        for step in book.steps
    )


def accepted(name: str, facts: dict[str, str]) -> dict[str, str]:
    """Those of some facts that the playbook takes as settings."""
    keys = keys_of(name)
    return {key: value for key, value in facts.items() if key in keys and value}


def ask(
    name: str,
    settings: dict[str, str],
    before: CheckReport | None = None,
    on_step: Callable[[StepResult], None] | None = None,
) -> Run:
    """Run a playbook's automatic steps. Takes seconds at most; raises AskedWrongly.

    `before` is an earlier run with the same settings: what was cured since is marked. `on_step` hears of each step.
    """
    from playbooks.loader import load
    from playbooks.playbook_errors import BadSetting, PlaybookError
    from playbooks.run import recheck, run_checks

    try:
        book = load(name)
        if before is None:
            return shown(run_checks(book, settings, on_step), book)
        comparison = recheck(before, on_step)
    except (PlaybookError, BadSetting) as error:
        raise AskedWrongly(str(error)) from error
    return shown(comparison.after, book, tuple(change.title for change in comparison.changes if change.cured))


def shown(report: CheckReport, book: Playbook, cured: tuple[str, ...] = ()) -> Run:
    """A report as the screen lists it: the steps in their order, the fixes, then those that nothing here asked for."""
    from playbooks.check_report import write
    from playbooks.fixing import fill
    from playbooks.loader import load_all

    books = frozenset(load_all())
    counts = {outcome: sum(step.outcome == outcome for step in report.steps) for outcome in OUTCOMES}
    tally = ", ".join(f"{number} {tr(outcome)}" for outcome, number in counts.items() if number)
    if report.fixes:
        tally += tr("; {fixes} proposed", fixes=count(len(report.fixes), "fix"))
    offered = {fix.id for fix in (*report.fixes, *report.others)}
    others = [*report.others, *(fill(template, {}) for template in book.fixes if template.id not in offered)]
    if book.name in READS_NGINX:
        others.sort(key=lambda fix: fix.language != "nginx")
    entries = (
        *(_step(step, books) for step in report.steps),
        *(_fix(fix, "fix") for fix in report.fixes),
        *_behind_one_row([_fix(fix, "other") for fix in others]),
    )
    led_to = [name for step in book.steps for name in step.next.values()]
    see_also = tuple(name for name in dict.fromkeys((*led_to, *book.see_also)) if name in books and name != book.name)
    return Run(report.title, tally, entries, write(report, "md"), report, cured, see_also)


def _behind_one_row(others: list[Entry]) -> list[Entry]:
    """The fixes that nothing here asked for, or that are for other programs: one row that opens."""
    if not others:
        return []
    count = (
        tr("{n} more, for other programs and causes", n=len(others))
        if len(others) > 1
        else tr("1 more, for another cause")
    )
    page = _page([tr("{how_many}: Enter lists them.", how_many=count), "", *(f"  - {entry.title}" for entry in others)])
    return [Entry(OTHERS, "other", count, count, page, "", behind=tuple(others))]


def fixes_first(run: Run) -> tuple[Entry, ...]:
    """A run for whoever needs its fixes: these, or why there is none; the checks behind one row; other fixes."""
    fixes = [entry for entry in run.entries if entry.outcome == "fix"]
    steps = tuple(entry for entry in run.entries if entry.key.startswith("step "))
    rest = [entry for entry in run.entries if entry.key == OTHERS]
    checks = tr("the checks: {tally}", tally=run.tally.partition(";")[0])
    page = _page(
        [f"{checks}. {tr('Enter lists them.')}", "", *(f"  {left(tr(one.outcome), 8)} {one.title}" for one in steps)]
    )
    behind = [Entry("checks", "checks", checks, checks, page, "", behind=steps)] if steps else []
    if fixes:
        return (*fixes, *behind, *rest)
    return (_no_fix(run, bool(rest)), *behind, *(other for row in rest for other in row.behind))


def _no_fix(run: Run, others: bool) -> Entry:
    """Why these checks propose nothing."""
    steps = run.report.steps
    wrong = [step for step in steps if step.outcome in ("fail", "warn")]
    open_ones = [step for step in steps if step.outcome in ("unknown", "manual")]
    if wrong:
        why = tr("what is wrong was seen, but not the setting or program to change")
    elif open_ones and len(open_ones) == len(steps):
        why = tr("no check could look at what it needs")
    else:
        why = tr("the checks that could look found nothing wrong now")
    lines = [tr("No fix: {why}.", why=why), ""]
    lines += [line for step in wrong for line in (f"  {tr(step.outcome.upper())} {step.title}: {step.meaning}", "")]
    if open_ones:
        reasons: dict[str, list[str]] = {}
        for step in open_ones:
            reasons.setdefault(_reason(step), []).append(step.title)
        lines.append(tr("Not looked at:"))
        lines += [line for why, titles in reasons.items() for line in (f"  {'; '.join(titles)}:", f"    {why}")]
        lines.append("")
    if others:
        lines.append(tr("Rows with ○ are fixes that are known for such trouble; no check here asked for them."))
    return Entry("none", "none", tr("no fix: {why}", why=why), tr("no fix"), _page(lines), "")


def _reason(step: StepResult) -> str:
    return step.evidence[0] if step.evidence else tr("a person decides: see its question")


OTHERS = "others"
"""The key of the row behind which the other fixes are."""
READS_NGINX = frozenset(("nginx-499", "nginx-upstream", "nginx-limits", "timeout-chain", "keepalive-race"))
"""Playbooks that are about nginx: the log they take is nginx's own, and its lines come first among their fixes."""


def carried(settings: dict[str, str], before: str, after: str) -> dict[str, str]:
    """The settings that go along from one playbook to another: an application's log is not nginx's."""
    same = (before in READS_NGINX) == (after in READS_NGINX)
    return {key: value for key, value in settings.items() if key != "log" or same}


def _about(book: Playbook) -> str:
    from playbooks.fixing import fill

    lines = [book.summary, "", tr("Steps:")]
    lines += [f"  {n}. {step.title}" for n, step in enumerate(book.steps, 1)]
    if book.fixes:
        lines += ["", tr("Fixes it may propose:"), *(f"  - {fill(fix, {}).title}" for fix in book.fixes)]
    if book.folklore:
        lines += ["", tr("Often said, and wrong on Linux:"), *(f"  - {text}" for text in book.folklore)]
    if book.see_also:
        lines += ["", tr("See also: {names}", names=", ".join(book.see_also))]
    if book.origin:
        lines += ["", tr("Your own: {path}", path=book.origin)]
    return _page(lines)


def _step(step: StepResult, books: frozenset[str]) -> Entry:
    from playbooks.scope import scope_text

    lines = [step.question]
    if step.meaning:
        lines += ["", f"{tr(step.outcome.upper())}: {step.meaning}"]
    if step.evidence:
        lines += ["", *(f"  {text}" for text in step.evidence)]
    if scope := scope_text(step.scope):
        lines += ["", tr("Looked at: {scope}", scope=scope)]
    if step.command:
        lines += ["", tr("By hand:"), f"  $ {step.command}"]
    onward = step.next if step.next in books else ""
    if onward:
        lines += ["", tr("Next: playbook {name} (B goes there)", name=onward)]
    outcome = step.outcome.value
    return Entry(f"step {step.id}", outcome, printable(step.title), outcome, _page(lines), step.command, next=onward)


def _fix(fix: Fix, kind: str) -> Entry:
    lines = [tr("Not on this host: {why}", why=fix.refused), ""] if fix.refused else []
    lines += [fix.snippet.rstrip("\n"), "", _fact("in", fix.target)]
    if fix.current and kind != "other":  # nobody looked at what is in force for a fix that no check asked for
        lines.append(_fact("now", fix.current))
    lines += [
        _fact("proposed", fix.proposed),
        _fact("risk", tr("{risk}; lasts: {time}", risk=tr(fix.risk), time=_lasts(fix))),
        "",
        tr("Why: {why}", why=fix.why),
    ]
    if fix.not_when:
        lines.append(tr("Not when: {when}", when=fix.not_when))
    lines.append("")
    for name, command in (("Apply:", fix.apply), ("Verify:", fix.verify), ("Undo:", fix.undo)):
        lines += [tr(name), *_indented(command)]
    if kind == "other":
        lines += [
            "",
            tr("No check here asked for this one: its values are examples, words in capitals are yours to fill in."),
        ]
    title = printable(fix.title)
    return Entry(
        f"fix {fix.id}",
        kind,
        title,
        tr("{title} (y copies the snippet)", title=title),
        _page(lines),
        fix.snippet,
        fix,
    )


def _fact(name: str, value: str) -> str:
    return f"{left(tr(name), 8)} {value}"


def _lasts(fix: Fix) -> str:
    return tr({"now": "until the process ends", "reboot": "until the next boot", "permanent": "permanently"}[fix.lasts])


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.strip("\n").split("\n")]


def _page(lines: list[str]) -> str:
    return "\n".join(printable(line.expandtabs(4)) for text in lines for line in text.split("\n"))


def fix_markdown(fix: Fix) -> str:
    """A fix for a ticket."""
    fence = f"```{fix.language}\n{fix.snippet.rstrip()}\n```"
    facts = tr(
        "in {target}; now: {current}; risk {risk}; lasts {time}",
        target=fix.target,
        current=fix.current or tr("not set"),
        risk=tr(fix.risk),
        time=_lasts(fix),
    )
    commands = ((tr("Apply:"), fix.apply), (tr("Verify:"), fix.verify), (tr("Undo:"), fix.undo))
    return "\n\n".join([fix.why, fence, facts, *(f"{name} `{command}`" for name, command in commands)])


STATE_FILTERS = {
    "close-wait": "state:close-wait",
    "fin-wait-2": "state:fin-wait-2",
    "time-wait": "state:time-wait",
    "accept-queue": "state:listen,syn-recv",
    "syn-flood": "state:syn-recv,listen",
    "silent-drop": "state:syn-sent,estab",
}
CAUSE_FILTERS = {
    "broken-pipe": "cause:write-after-peer-close,client-gave-up",
    "connection-reset": "ended-by:rst",
    "nginx-499": "cause:client-gave-up",
    "connection-refused": "cause:refused,refused-by-firewall",
    "middlebox-reset": "reset-by:middlebox",
    "keepalive-race": "cause:stale-keepalive",
    "accept-queue": "cause:accept-queue-overflow,accept-queue-reset",
    "silent-drop": "ended-by:timeout",
    "slow-reader": "cause:zero-window-stall",
    "close-wait": "cause:late-close,no-response",
}


def joins(name: str, settings: dict[str, str]) -> tuple[str, str]:
    """(filter of live sockets, filter of captured connections) that show what a playbook speaks of."""
    ends = [f"port:{settings['port']}"] if settings.get("port") else []
    if settings.get("host"):
        ends.append(f"peer:{settings['host']}")
    live = [STATE_FILTERS.get(name, ""), *ends]
    if settings.get("pid"):
        live.append(f"pid:{settings['pid']}")
    captured = [CAUSE_FILTERS.get(name, ""), *ends]
    return " ".join(filter(None, live)), " ".join(filter(None, captured))
