"""The facts of nginx: its configuration, and what is at work of it."""

from __future__ import annotations

import msgspec


class Directive(msgspec.Struct, frozen=True):
    """One directive of nginx. `context` is the path of blocks around it: ("http", "server", "location /")."""

    name: str
    args: tuple[str, ...]
    file: str
    line: int
    context: tuple[str, ...]
    block: int = 0
    """A number that directives of the same innermost block share."""
    outer: tuple[int, ...] = ()
    """The numbers of all blocks around it, outermost first; ends with `block`."""

    @property
    def where(self) -> str:
        """File and line, as editors take it."""
        return f"{self.file}:{self.line}"


class Worker(msgspec.Struct, frozen=True):
    """An nginx worker process. `connections` counts its TCP sockets that are no listeners; None: owners are hidden."""

    pid: int
    started: float | None
    open_files: int | None
    soft_limit: int | None
    hard_limit: int | None


class NginxServer(msgspec.Struct, frozen=True):
    """One nginx configuration, running or not. `changed`: epoch seconds of the newest change of its files."""

    path: str
    files: tuple[str, ...]
    directives: tuple[Directive, ...]
    errors: tuple[str, ...]
    changed: float
    prefix: str = ""
    master: int | None = None
    workers: tuple[Worker, ...] = ()
    deleted_logs: tuple[str, ...] = ()
    cpus: int = 1
    version: tuple[int, ...] = ()
    """Of the program that runs it, or that is installed; empty where it is unknown."""
    page: int = 4096
    """Bytes of a memory page: nginx's buffers are as large as one, or two, where nothing is set."""
    named: bool = False
    """A person named the file: it is what was asked about, running or not."""
    root: str = ""
    """Below what this program finds the files of an nginx that has files of its own (its_files.py), /proc/PID/root:
    all paths here begin with it. Empty where both see the same files."""

    @property
    def since(self) -> float | None:
        """From when on what is at work now was at work: the oldest worker's start. None where none tells."""
        starts = [worker.started for worker in self.workers if worker.started is not None]
        return min(starts, default=None)

    @property
    def at_work(self) -> bool | None:
        """Whether the files are what the workers were started with. None where no worker tells: nothing runs, or it is
        hidden."""
        return None if self.since is None else self.changed <= self.since + CLOCK_S


CLOCK_S = 0.05
"""A start is given in hundredths of a second, and the clock is set a little now and then."""


class Nginx(msgspec.Struct, frozen=True):
    """Every nginx found here, or the one named with --set config."""

    servers: tuple[NginxServer, ...]
