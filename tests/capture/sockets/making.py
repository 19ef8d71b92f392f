"""Starts makers (maker.py) and tells them what to do; reads what ss says."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAKER = Path(__file__).with_name("maker.py")


class Maker:
    """A running maker."""

    def __init__(self, pairs: int, hosts: int = 1) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(MAKER), str(pairs), str(hosts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.port = int(self.process.stdout.readline().split()[1])
        self.pid = self.process.pid

    def tell(self, command: str) -> None:
        """Sends a command and waits until it is done."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def end(self) -> None:
        """Ends it at once."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def maker(pairs: int, hosts: int = 1) -> Iterator[Maker]:
    """A maker for the length of a block."""
    running = Maker(pairs, hosts)
    try:
        yield running
    finally:
        running.end()


@dataclass(frozen=True)
class SsRow:
    """One line of ss."""

    state: str
    recv_q: int
    send_q: int
    local: str
    remote: str
    owners: frozenset[tuple[int, int]]
    cookie: str
    timer: str | None


_OWNER = re.compile(r"pid=(\d+),fd=(\d+)")
_COOKIE = re.compile(r"\bsk:([0-9a-f]+)")
_TIMER = re.compile(r"timer:\((\w+)")


def ss() -> dict[str, SsRow]:
    """`ss -tanpeo` by cookie."""
    out = subprocess.run(["ss", "-tanpeoHO"], capture_output=True, text=True, check=True).stdout
    said = {}
    for line in out.splitlines():
        state, recv_q, send_q, local, remote, *_ = line.split()
        cookie = _COOKIE.search(line)
        assert cookie, line
        timer = _TIMER.search(line)
        owners = frozenset((int(pid), int(fd)) for pid, fd in _OWNER.findall(line))
        said[cookie[1]] = SsRow(
            state, int(recv_q), int(send_q), local, remote, owners, cookie[1], timer[1] if timer else None
        )
    return said
