"""Open files: against the limit of each process, of the system, and what they are."""

from __future__ import annotations

from typing import Any

from playbooks.checks.leaks import leak_first
from playbooks.checks.registry import Judgement, Offer, check, failed, look, offer, offers_for, unknown, warned
from playbooks.evidence_words import most_common, percent, say
from playbooks.facts.facts import Facts
from playbooks.facts.processes import LOOKED_INTO
from playbooks.facts.socket_facts import Granted, Process, Processes

FULL, HIGH = 0.9, 0.75
SMALLEST = 16
"""Sandboxes set tiny limits on purpose: those are left alone."""
LOST = 50


@check("open-files-of-processes", needs=("processes",), optional=("sockets", "kernel"))
def open_files_of_processes(facts: Facts, **given: Any) -> Judgement:
    """Descriptors against RLIMIT_NOFILE's soft limit, process by process."""
    if facts.processes is None:
        return unknown(say("no_processes"))
    rows = [one for one in facts.processes.rows if one.open_files is not None and one.soft_limit]
    if facts.number("pid") is not None and not rows:
        return unknown(say("fds_hidden", pid=facts.number("pid")))
    rows = [one for one in rows if (one.soft_limit or 0) >= SMALLEST or facts.number("pid") is not None]
    rows.sort(key=lambda one: -_share(one))
    near = [one for one in rows if _share(one) >= HIGH]
    hidden = [say("processes_hidden", hidden=facts.processes.hidden)] if facts.processes.hidden else []
    hidden += [facts.processes.unseen] if facts.processes.unseen else []
    if not near:
        if not rows:
            return unknown(*hidden or [say("no_processes")])
        sentences = [_process_sentence(one) for one in rows[:2]]
        return _room(facts, facts.processes, rows, *sentences)
    evidence = [text for one in near[:4] for text in (_process_sentence(one), *_details(facts, one))]
    offers = (*leak_first(facts, near[0].pid, near[0].open_files or 0), *_file_offers(facts, near[0]))
    if _share(near[0]) >= FULL:
        return failed(*evidence, *hidden, offers=offers)
    return warned(*evidence, *hidden, offers=offers)


def _room(facts: Facts, found: Processes, rows: list[Process], *said: str) -> Judgement:
    """That every process has room, if more than this program itself could be looked at, and none was hidden."""
    others = [one for one in rows if one.pid != found.own_pid]
    named = facts.number("pid") is not None
    notes = [say("processes_contained", count=len(rows))] if found.contained and not named else []
    unseen = "" if named else unseen_processes(facts)
    if unseen:
        return unknown(*said, *notes, unseen)
    return look(facts, "processes").passed(*said, *notes, seen=others, hidden=found.hidden)


def unseen_processes(facts: Facts) -> str:
    """Why processes that matter here do not even show; empty where all do. All of a container do, but where its network
    is the host's (or another container's), processes around it hold sockets in it."""
    found = facts.processes
    if found is None or not found.unseen or not found.contained:
        return found.unseen if found is not None else ""
    held = facts.sockets.hidden_owners if facts.sockets is not None else 0
    return say("sockets_held_outside", count=held, why=found.unseen) if held else ""


def _share(process: Process) -> float:
    return (process.open_files or 0) / max(1, process.soft_limit or 1)


def _process_sentence(process: Process) -> str:
    return say(
        "fds",
        who=f"{process.name}[{process.pid}]",
        used=process.open_files,
        soft=process.soft_limit,
        hard=process.hard_limit if process.hard_limit is not None else "unlimited",
        share=percent(_share(process)),
    )


def _details(facts: Facts, process: Process) -> list[str]:
    found = []
    if process.kinds:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(process.kinds.items(), key=lambda i: -i[1]))
        found.append(say("fd_kinds", who=f"{process.name}[{process.pid}]", kinds=kinds))
    if facts.sockets is not None:
        mine = [row for row in facts.sockets.rows if any(owner.pid == process.pid for owner in row.owners)]
        if mine:
            found.append(say("fd_states", states=most_common((row.state for row in mine), 5)))
    given = process.granted
    if given is not None and granted_enough(facts, process):
        found.append(say("granted_more", account=process.unit or given.account, given=_in_force(given)))
    return found


def _file_offers(facts: Facts, process: Process) -> tuple[Offer, ...]:
    proposed, hard = proposed_limit(facts, process)
    now, now_hard = proposed, hard
    if facts.processes is not None and not facts.processes.may_raise and process.hard_limit is not None:
        now, now_hard = min(proposed, process.hard_limit), process.hard_limit
    as_user = ""
    if facts.processes is not None and not facts.processes.may_raise and process.uid not in (0, -1):
        # Without CAP_SYS_RESOURCE not even root may set another user's limits (prlimit(2)); that user may.
        owner = f"--reuid=$(stat -c %u /proc/{process.pid}) --regid=$(stat -c %g /proc/{process.pid})"
        as_user = f"setpriv {owner} --clear-groups "
    given = process.granted
    lasting, lasting_hard = lasting_limit(facts, process)
    shared = {
        "pid": process.pid,
        "as_user": as_user,
        "who": f"{process.name}[{process.pid}]",
        "name": process.name,
        "unit": process.unit,
        "used": process.open_files,
        "soft": process.soft_limit,
        "hard": process.hard_limit if process.hard_limit is not None else "unlimited",
        "now": now,
        "now_hard": now_hard,
        "proposed": lasting,
        "proposed_hard": lasting_hard,
        "account": given.account if given is not None else "",
        "in_force": _in_force(given),
    }
    names = []
    if now > (process.soft_limit or 0):  # else soft and hard are one, and nobody here may raise it
        names.append("prlimit-now")
    if not granted_enough(facts, process):
        if process.unit:
            names.append("systemd-limit")
        elif given is not None and given.account:
            names.append("limits-conf")
    names.append("topic:descriptors")
    return offers_for(process.identity, names, **shared)


def _in_force(given: Granted | None) -> str:
    """What a new log-in or start gets today."""
    if given is None or (given.soft is None and given.hard is None):
        return say("granted_unknown")
    soft, hard = (value if value is not None else say("granted_value_unknown") for value in (given.soft, given.hard))
    return say("granted", soft=soft, hard=hard, by=f" ({given.by})" if given.by else "")


def proposed_limit(facts: Facts, process: Process) -> tuple[int, int]:
    """(soft, hard): a power of two, four times what is open, at most fs.nr_open; the hard limit is never lowered."""
    used = process.open_files or 0
    ceiling = facts.sysctl("fs.nr_open") or 1_048_576
    wanted = 1 << max(12, (max(4 * used, 2 * (process.soft_limit or 0)) - 1).bit_length())
    soft = min(wanted, ceiling)
    hard = process.hard_limit if process.hard_limit is not None else ceiling
    return soft, max(soft, hard)


def lasting_limit(facts: Facts, process: Process) -> tuple[int, int]:
    """(soft, hard) for good: for others too, so neither is below what is granted today."""
    soft, hard = proposed_limit(facts, process)
    given = process.granted
    soft = max(soft, (given.soft if given is not None else None) or 0)
    return soft, max(soft, hard, (given.hard if given is not None else None) or 0)


def granted_enough(facts: Facts, process: Process) -> bool:
    """Whether a new start gets as much as is proposed, or more: the process was started otherwise, or lowered its own
    limit, and no file is to be changed."""
    given = process.granted
    return given is not None and (given.soft or 0) >= proposed_limit(facts, process)[0]


@check("open-files-of-system", needs=("kernel",))
def open_files_of_system(facts: Facts, **given: Any) -> Judgement:
    """fs.file-nr against fs.file-max: ENFILE, which no process's own limit explains."""
    words = (facts.kernel or {}).get("fs.file-nr", "").split()
    most = facts.sysctl("fs.file-max")
    if len(words) < 3 or most is None:
        return unknown(say("no_sysctl", name="fs.file-nr"))
    used = int(words[0])
    sentence = say("file_nr", used=used, most=most, share=percent(used / most), nr_open=facts.sysctl("fs.nr_open"))
    if used >= FULL * most:
        return failed(sentence, offers=(offer("file-max", used=used, most=most, proposed=4 * used),))
    if used >= HIGH * most:
        return warned(sentence)
    return look(facts, "kernel").passed(sentence, seen=1)


@check("lost-sockets", needs=("processes",), optional=("sockets",))
def lost_sockets(facts: Facts, **given: Any) -> Judgement:
    """Sockets that no protocol lists (lsof: can't identify protocol): made or shut, and never closed here."""
    if facts.processes is None:
        return unknown(say("no_processes"))
    own = facts.processes.own_pid
    looked = [one for one in facts.processes.rows if one.lost_sockets is not None and one.pid != own]
    if not looked:
        return unknown(say("fds_hidden", pid=facts.number("pid") or "*"))
    many = [
        one
        for one in looked
        if (one.lost_sockets or 0) >= LOST and (one.lost_sockets or 0) >= (one.open_files or 0) / 4
    ]
    if not many:
        sentence = say("lost_none", looked=len(looked))
        hidden = [one for one in facts.processes.rows[:LOOKED_INTO] if one.lost_sockets is None]
        if hidden:
            return unknown(sentence, say("lost_hidden", hidden=len(hidden)))
        unseen = unseen_processes(facts) if facts.number("pid") is None else ""
        if unseen:
            return unknown(sentence, unseen)
        return look(facts, "processes").passed(sentence, seen=looked)
    return warned(
        *(say("lost", who=f"{one.name}[{one.pid}]", lost=one.lost_sockets, used=one.open_files) for one in many)
    )
