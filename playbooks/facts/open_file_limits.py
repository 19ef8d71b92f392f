"""RLIMIT_NOFILE as it is granted today: what a user's log-ins get (limits.conf(5)), what a unit gives its service.

A fix for good must not go below either: a process may have lowered its own limits, its user's other processes not."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from playbooks.facts.socket_facts import Granted, Process
from playbooks.language import tr

PAM_FILES = "/etc/security/limits.conf"
PAM_FOLDER = "/etc/security/limits.d"
LOGS_IN = frozenset(("sshd", "login", "systemd", "cron", "crond", "su", "sudo"))
"""Programs whose limits their log-ins inherit where limits.conf says nothing."""
SYSTEMD_S = 2
_LINE = re.compile(r"^\s*(\S+)\s+(soft|hard|-)\s+nofile\s+(\S+)")
_UNLIMITED = ("unlimited", "infinity", "-1")


def granted(process: Process, others: Iterable[Process], root: str = "/") -> Granted:
    """The most that is in force for the process's unit, or for the log-ins of its user; None where nothing tells."""
    if process.unit:
        soft, hard = unit_limits(process.unit)
        return Granted(
            soft, hard, account(process.uid), tr("LimitNOFILE of {unit}", unit=process.unit) if soft or hard else ""
        )
    name = account(process.uid)
    soft, hard, source = None, None, ""
    for where, kind, value in pam_lines(process.uid, name, root):
        soft = value if kind in ("soft", "-") else soft
        hard = value if kind in ("hard", "-") else hard
        source = where
    same = [one for one in others if one.uid == process.uid and one.pid != process.pid]
    starters = [one for one in others if one.name in LOGS_IN or one.pid == 1]
    if soft is None:
        soft = max((one.soft_limit for one in same if one.soft_limit is not None), default=None)
    hards = [one.hard_limit for one in same + (starters if hard is None else []) if one.hard_limit is not None]
    hard = max([*hards, *([] if hard is None else [hard])], default=None)
    return Granted(soft, hard, name, source)


def account(uid: int) -> str:
    """A user's name; where the number has none, limits.conf's notation for exactly this number."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f":{uid}" if uid >= 0 else ""


def pam_lines(uid: int, name: str, root: str = "/") -> Iterator[tuple[str, str, int]]:
    """(file:line, soft|hard|-, limit) of what pam_limits applies to a user, the last of a kind wins: first what is for
    all, then for the user by number or name. Groups are not looked at. root is not meant by *."""
    lines = list(_nofile_lines(root))
    if uid != 0:
        yield from ((where, kind, value) for where, who, kind, value in lines if who == "*")
    yield from ((where, kind, value) for where, who, kind, value in lines if who == name or _means(who, uid))


def _means(who: str, uid: int) -> bool:
    """Whether a range of user numbers (MIN:MAX, MIN:, or :EXACTLY) holds this one."""
    low, colon, high = who.partition(":")
    if not colon or not all(part.isdigit() for part in (low, high) if part) or not (low or high):
        return False
    if not low:
        return uid == int(high)
    return int(low) <= uid and (not high or uid <= int(high))


def _nofile_lines(root: str) -> Iterator[tuple[str, str, str, int]]:
    folder = Path(root, PAM_FOLDER.lstrip("/"))
    try:
        more = sorted(path for path in folder.iterdir() if path.suffix == ".conf")
    except OSError:
        more = []
    ceiling = _nr_open(root)
    for path in (Path(root, PAM_FILES.lstrip("/")), *more):
        try:
            lines = path.read_text("utf-8", "replace").splitlines()[:2000]
        except OSError:
            continue
        for number, line in enumerate(lines, 1):
            found = _LINE.match(line)
            if found is None or found[1].startswith("#"):
                continue
            if found[3] in _UNLIMITED or found[3].isdigit():
                value = ceiling if found[3] in _UNLIMITED else int(found[3])
                yield f"{path}:{number}", found[1], found[2], value


def _nr_open(root: str) -> int:
    try:
        return int(Path(root, "proc/sys/fs/nr_open").read_text())
    except (OSError, ValueError):
        return 1_048_576


def unit_limits(unit: str) -> tuple[int | None, int | None]:
    """(soft, hard) that systemd gives the unit; None where no systemd runs, or does not answer."""
    if not os.path.isdir("/run/systemd/system"):
        return None, None
    try:
        output = subprocess.run(
            ["systemctl", "show", "-p", "LimitNOFILESoft", "-p", "LimitNOFILE", "--", unit],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SYSTEMD_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None, None
    values = dict(line.partition("=")[::2] for line in output.splitlines())
    return _limit(values.get("LimitNOFILESoft")), _limit(values.get("LimitNOFILE"))


def _limit(text: str | None) -> int | None:
    if text in _UNLIMITED:
        return _nr_open("/")
    return int(text) if text and text.isdigit() else None
