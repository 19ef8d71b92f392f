"""Limits and details of processes, from /proc: how many descriptors a process may have, who it is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from capture.sockets.row import Process

LIMITS_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class ProcessDetails:
    """What a person asks about a process; None where it may not be seen. `command` is hostile text."""

    pid: int
    name: str | None
    command: str | None
    uid: int | None
    parent: int | None
    started: float | None


def read_limits(pid: int, root: str = "/proc") -> tuple[int | None, int | None]:
    """RLIMIT_NOFILE (soft, hard) of a process; None for unlimited or unreadable."""
    try:
        with open(f"{root}/{pid}/limits") as limits:
            for line in limits:
                if line.startswith("Max open files"):
                    soft, hard, *_ = line[14:].split()
                    return _number(soft), _number(hard)
    except (OSError, ValueError):
        pass
    return None, None


def renew_limits(processes: Iterable[Process], now: float, root: str = "/proc") -> None:
    """Reads the limits of processes not read yet, and again every 30 s: a running process's limit can be set."""
    for process in processes:
        due = process.limits_due
        if due > now or process.open_files == 0:
            continue
        # Spread over the interval, so that no look reads them all.
        process.limits_due = now + LIMITS_EVERY_S * (1 + process.pid % 16 / 16)
        process.soft_limit, process.hard_limit = read_limits(process.pid, root)


def read_parent(pid: int, root: str = "/proc") -> int | None:
    """The parent's process id; None where the process has gone or is hidden."""
    try:
        # comm may hold spaces and parentheses: fields count from the last one.
        stat = Path(root, str(pid), "stat").read_bytes().rpartition(b")")[2].split()
        return int(stat[1])
    except (OSError, IndexError, ValueError):
        return None


def process_details(pid: int, root: str = "/proc") -> ProcessDetails:
    """Command line, user, parent and start of a process, as far as they may be seen. Start in epoch seconds."""
    command = _bytes(f"{root}/{pid}/cmdline")
    name = _bytes(f"{root}/{pid}/comm")
    try:
        uid: int | None = os.stat(f"{root}/{pid}").st_uid
    except OSError:
        uid = None
    return ProcessDetails(
        pid=pid,
        name=None if name is None else _text(name.rstrip(b"\n")),
        command=None if command is None else _text(command.rstrip(b"\0").replace(b"\0", b" ")),
        uid=uid,
        parent=read_parent(pid, root),
        started=_started(pid, root),
    )


def _started(pid: int, root: str) -> float | None:
    try:
        ticks = int(Path(root, str(pid), "stat").read_bytes().rpartition(b")")[2].split()[19])
        boot = next(line for line in Path(root, "stat").read_text().splitlines() if line.startswith("btime "))
        return int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError, StopIteration):
        return None


def _bytes(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read(4096)
    except OSError:
        return None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _number(text: str) -> int | None:
    return None if text == "unlimited" else int(text)
