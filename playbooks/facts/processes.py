"""Processes with their descriptors and limits, from /proc."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from capture.sockets.limits import limit_text
from capture.sockets.process_limits import process_details, read_limits
from capture.sockets.process_visibility import read_visibility
from playbooks.facts.facts import Absence
from playbooks.facts.socket_facts import Process, Processes
from playbooks.language import tr

LOOKED_INTO = 5
"""Processes whose descriptors are sorted by kind: those nearest to their limits."""
LOOK_INTO_S = 0.5
FEW_FILES = 5
MOST_DESCRIPTORS = 20_000
_UNIT = re.compile(r"/([^/\n]+\.(?:service|scope))\s*$", re.MULTILINE)
_CAPABILITIES = re.compile(r"^CapEff:\s*([0-9a-f]+)", re.MULTILINE)
_CAP_SYS_RESOURCE = 24
_TABLES = (
    "tcp",
    "tcp6",
    "udp",
    "udp6",
    "udplite",
    "udplite6",
    "raw",
    "raw6",
    "unix",
    "packet",
    "netlink",
    "icmp",
    "icmp6",
)


def collect_processes(pid: int | None, root: str = "/proc") -> Processes | Absence:
    """All processes, or the one named. Absent where that one is not there."""
    if pid is not None:
        if not Path(root, str(pid)).is_dir():
            return Absence("unreadable", tr("no process {pid} is running (or it is hidden from this user)", pid=pid))
        numbers = [pid]
    else:
        numbers = [int(name) for name in os.listdir(root) if name.isdigit()]
    found = [one for one in (_process(number, root) for number in numbers) if one is not None]
    found.sort(key=lambda one: -_share(one))
    found = list(_identified(found, root))
    everyone = found if pid is None else _limits_of_all(root)
    looked = [seen for one in found[:LOOKED_INTO] if (seen := _looked_into(one, everyone, root)) is not None]
    rows = (*looked, *found[LOOKED_INTO:])
    visibility = read_visibility(root)
    return Processes(
        rows,
        hidden=sum(1 for one in rows if one.open_files is None),
        own_pid=os.getpid(),
        unseen=_why_unseen(visibility.processes),
        contained=visibility.processes == "pid_namespace",
        may_raise=_may_raise_limits(root),
    )


def _may_raise_limits(root: str) -> bool:
    """CAP_SYS_RESOURCE in root's effective set (capabilities(7)). An ordinary user's fix is for root to apply."""
    if os.geteuid() != 0:
        return True
    try:
        found = _CAPABILITIES.search(Path(root, "self", "status").read_text(errors="replace"))
    except OSError:
        return True
    return found is None or bool(int(found[1], 16) >> _CAP_SYS_RESOURCE & 1)


def _identified(rows: Iterable[Process], root: str) -> Iterator[Process]:
    """The processes with their languages. Compiled ones are looked into while there is time: those nearest to their
    limits first, and none that holds next to nothing."""
    import msgspec

    from playbooks.facts.identity import container, identity

    until = time.monotonic() + LOOK_INTO_S
    for one in rows:
        deep = (one.open_files or 0) >= FEW_FILES and time.monotonic() < until
        words = identity(one.pid, one.name, one.command, root, deep=deep)
        yield msgspec.structs.replace(one, identity=words, container=container(one.pid, root))


def _why_unseen(code: str | None) -> str:
    return limit_text(code) if code else ""


def _limits_of_all(root: str) -> list[Process]:
    """Every process's user and limits, and no more: what is granted to the named one shows in the others."""
    found = []
    for number in (int(name) for name in os.listdir(root) if name.isdigit()):
        details = process_details(number, root)
        soft, hard = read_limits(number, root)
        uid = details.uid if details.uid is not None else -1
        found.append(Process(number, details.name or "", uid, soft_limit=soft, hard_limit=hard))
    return found


def _share(process: Process) -> float:
    return (process.open_files or 0) / max(process.soft_limit or 1_000_000, 1)


def _process(pid: int, root: str) -> Process | None:
    details = process_details(pid, root)
    if details.name is None:
        return None
    soft, hard = read_limits(pid, root)
    try:
        open_files = _count(pid, root)
    except PermissionError:
        open_files = None
    except OSError:  # it ended meanwhile
        return None
    return Process(
        pid=pid,
        name=details.name,
        uid=details.uid if details.uid is not None else -1,
        parent=details.parent,
        unit=_unit(pid, root),
        command=(details.command or "")[:300],
        open_files=open_files,
        threads=_threads(pid, root),
        started=details.started,
        soft_limit=soft,
        hard_limit=hard,
    )


def _count(pid: int, root: str) -> int:
    """Open descriptors: the directory's size since Linux 6.2, readable by everyone; counted on older kernels. Raises
    PermissionError where they may not be counted, another OSError where the process has gone."""
    folder = f"{root}/{pid}/fd"
    size = os.stat(folder).st_size
    return size if size or _tells_size(root) else len(os.listdir(folder))


def _tells_size(root: str) -> bool:
    """Whether this kernel's fd directories tell their size: this program has files open for certain."""
    return os.stat(f"{root}/self/fd").st_size > 0


def _threads(pid: int, root: str) -> int | None:
    try:
        return len(os.listdir(f"{root}/{pid}/task"))
    except OSError:
        return None


def _unit(pid: int, root: str) -> str:
    try:
        found = _UNIT.search(Path(root, str(pid), "cgroup").read_text(errors="replace"))
    except OSError:
        return ""
    return found[1] if found and found[1].endswith(".service") else ""


def _looked_into(process: Process, everyone: list[Process], root: str) -> Process | None:
    """The process with what it is granted, and its descriptors sorted by kind where they may be read; None where it
    has ended."""
    import msgspec

    from playbooks.facts.open_file_limits import granted

    process = msgspec.structs.replace(process, granted=granted(process, everyone))
    try:
        goals = list(_descriptors(process.pid, root))
    except PermissionError:
        return process
    except OSError:
        return None
    inodes = {goal[8:-1] for goal in goals if goal.startswith("socket:[")}
    lost = len(inodes - _listed(process.pid, root)) if inodes else 0
    kinds = Counter(_kind(goal) for goal in goals)
    return msgspec.structs.replace(process, kinds=dict(kinds), lost_sockets=lost)


def _descriptors(pid: int, root: str) -> Iterator[str]:
    """What each descriptor leads to; those closed meanwhile are left out. Raises PermissionError where one may not be
    read: that is no closed one. Raises another OSError where the process has gone."""
    folder = f"{root}/{pid}/fd"
    for name in os.listdir(folder)[:MOST_DESCRIPTORS]:
        try:
            yield os.readlink(f"{folder}/{name}")
        except PermissionError:
            raise
        except OSError:
            continue


def _kind(goal: str) -> str:
    if goal.startswith(("socket:", "pipe:")):
        return goal.partition(":")[0]
    if goal.startswith("anon_inode:"):
        return goal[11:].strip("[]")
    return "device" if goal.startswith("/dev/") else "file"


def _listed(pid: int, root: str) -> set[str]:
    """Inodes of the sockets that a protocol lists, in the process's own network namespace."""
    found: set[str] = set()
    for table in _TABLES:
        try:
            lines = Path(root, str(pid), "net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        place = {"unix": 6, "netlink": 9, "packet": 8}.get(table, 9)
        for line in lines:
            words = line.split()
            if len(words) > place:
                found.add(words[place])
    return found
