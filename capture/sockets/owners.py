"""Which process holds which socket: inode → descriptors, kept up to date by reading as little of /proc as will do.

Reading every descriptor of every process costs 4 µs each, a look at 50,000 sockets would spend 200 ms. So: each look
stats every /proc/PID/fd (its size is the number of open descriptors since Linux 6.2, its inode changes with the
process), and lists only those that moved, or that held a socket which vanished; of these only descriptors not known yet
are read. While a socket stays without an owner, all are read again, ever more rarely. A slow rotating sweep reads known
ones again. `thorough` reads all.

Inode numbers are reused and so are descriptors and process ids: nothing here is kept for a socket that has gone. What
`_unknown` and `_bereft` name is in `_rows`: an inode gets there through its row, and goes with it, between refreshes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final

from capture.sockets.process_visibility import Visibility, read_visibility
from capture.sockets.row import (
    NO_OWNERS,
    NO_PERMISSION,
    OTHER_NAMESPACE,
    UNKNOWN_OWNER,
    Owner,
    Process,
    SocketRow,
)
from capture.sockets.sources.unix_listeners import UnixListener

Held = SocketRow | UnixListener

SWEEP_DESCRIPTORS: Final = 32
"""Known descriptors read again each look (about 0.2 ms)."""
WORTH_PROBING: Final = 64
"""A folder of so many descriptors is listed only where reading the likely ones does not settle it."""
KERNEL_THREAD_LOOKS: Final = 30
"""How many looks a process without descriptors is passed over."""
REST_LOOKS: Final = 10
"""Between two readings of all descriptors where some processes hide theirs: a socket may be one of those."""
_LINK, _TAIL = "socket:[", -1


class _Watched:
    """What is known of one process between looks. `size` is st_size of its fd folder, -2 before it was looked at;
    `others` descriptors that are no sockets, `freed` those whose socket vanished, `highest` the highest known."""

    __slots__ = ("freed", "highest", "inode", "others", "process", "rest", "size")

    def __init__(self, process: Process) -> None:
        self.process = process
        self.inode = 0
        self.size = -2
        self.others: set[int] = set()
        self.freed: set[int] = set()
        self.highest = -1
        self.rest = 0


class OwnerIndex:
    """Owners of the sockets of all namespaces: an inode is of one socket wherever it is.

    `root` is /proc. `changed` is called with a row before its owners change, and again after: aggregates follow.
    """

    def __init__(
        self,
        root: str = "/proc",
        leave: Callable[[Held], None] | None = None,
        enter: Callable[[Held], None] | None = None,
        visibility: Visibility | None = None,
    ) -> None:
        self._root = root
        self._leave = leave or (lambda row: None)
        self._enter = enter or (lambda row: None)
        self._watched: dict[int, _Watched] = {}
        self._rows: dict[int, Held] = {}
        self._unknown: dict[int, int] = {}  # inode → looks it stayed unknown
        self._dirty: set[int] = set()
        self._sweep: list[tuple[int, int]] = []
        self._strays: dict[int, tuple[int, int]] = {}  # inode of no row → where it was read
        self._rereads_in, self._due = 0, False
        self._own = os.getpid()
        self._bereft: dict[int, tuple[Owner, ...]] = {}
        self._late: set[int] = set()
        self.visibility = visibility or read_visibility(root)
        self.hidden_processes = 0
        self.size_counts = self._size_counts()

    @property
    def processes(self) -> list[Process]:
        """Every process that has open descriptors or whose descriptors are hidden."""
        return [watched.process for watched in self._watched.values() if watched.size != 0]

    def process(self, pid: int) -> Process | None:
        """A process seen in the last look."""
        watched = self._watched.get(pid)
        return watched.process if watched else None

    def unowned(self) -> list[Held]:
        """Rows with an inode that no process is known to hold."""
        return [self._rows[inode] for inode in self._unknown]

    def add(self, row: Held) -> None:
        """A row appeared, or got an inode."""
        inode = row.inode
        if inode:
            self._rows[inode] = row
            self._unknown[inode] = 0

    def remove(self, row: Held, inode: int) -> None:
        """A row went, or lost its inode: the processes that held it have closed something."""
        if self._rows.get(inode) is row:
            del self._rows[inode]
            self._unknown.pop(inode, None)
        for owner in row.owners:
            self._dirty.add(owner.pid)
            if owner.process.sockets.get(owner.fd) == inode:
                del owner.process.sockets[owner.fd]
            if (watched := self._watched.get(owner.pid)) is not None:
                watched.freed.add(owner.fd)

    def forget(self, rows: Iterable[Held]) -> None:
        """Rows went together, and what their last records said may never have been told: a dump that broke off."""
        gone = set(rows)
        for inode, row in [(inode, row) for inode, row in self._rows.items() if row in gone]:
            self.remove(row, inode)

    def refresh(self, thorough: bool = False) -> None:
        """Brings every row's owners up to date."""
        self._drop_late()
        moved = self._stat_all()
        for pid in self._dirty | moved:
            if (watched := self._watched.get(pid)) is not None:
                self._visit(watched)
        self._dirty.clear()
        if thorough:
            for watched in list(self._watched.values()):
                self._visit(watched, everything=True)
        else:
            self._sweep_some()
            self._search_unknown()
        self._keep_late()
        self._explain_unknown()

    # -- processes -------------------------------------------------------------------------------------------------

    def _stat_all(self) -> set[int]:
        """Stats every process's fd folder; returns the pids that may have opened or closed something."""
        try:
            names = os.listdir(self._root)
        except OSError:
            names = []
        moved: set[int] = set()
        alive: set[int] = set()
        watched_by_pid, stat, root = self._watched, os.stat, self._root
        for name in names:
            if not name.isdigit():
                continue
            pid = int(name)
            watched = watched_by_pid.get(pid)
            if watched is not None and watched.rest > 0:
                watched.rest -= 1
                alive.add(pid)
                continue
            try:
                status = stat(f"{root}/{name}/fd")
            except OSError:
                continue
            alive.add(pid)
            if watched is None or watched.inode != status.st_ino:
                if watched is not None:
                    self._forget(watched)
                watched = watched_by_pid[pid] = _Watched(Process(pid, self._name(pid)))
                watched.inode = status.st_ino
            if self._count(watched, pid, status.st_size):
                moved.add(pid)
        for pid in watched_by_pid.keys() - alive:
            self._forget(watched_by_pid.pop(pid))
        return moved

    def _count(self, watched: _Watched, pid: int, size: int) -> bool:
        """Notes the number of open descriptors; True where it moved or is not to be trusted."""
        if not self.size_counts:
            return watched.process.readable
        moved = watched.size != size
        watched.size = size
        watched.process.open_files = size
        if size == 0:
            watched.rest = KERNEL_THREAD_LOOKS
        return moved and watched.process.readable

    def _size_counts(self) -> bool:
        """Whether st_size of an fd folder is its number of descriptors (Linux 6.2): our own is surely not empty."""
        try:
            return os.stat(f"{self._root}/self/fd").st_size > 0
        except OSError:
            return True

    def _name(self, pid: int) -> str:
        try:
            with open(f"{self._root}/{pid}/comm", "rb") as comm:
                return comm.read(64).rstrip(b"\n").decode("utf-8", "backslashreplace")
        except OSError:
            return ""

    def _forget(self, watched: _Watched) -> None:
        for inode in set(watched.process.sockets.values()):
            self._disown(watched.process, inode)
        watched.process.sockets.clear()

    # -- descriptors -----------------------------------------------------------------------------------------------

    def _visit(self, watched: _Watched, everything: bool = False) -> None:
        """Brings a process's descriptors up to date: by probing the likely ones, else by listing (or reading) all."""
        process = watched.process
        # Listing our own folder takes a descriptor, of a number that may have been a socket's a moment ago.
        everything = everything or process.pid == self._own
        if not everything and watched.size >= WORTH_PROBING and self._probe(watched):
            return
        watched.freed.clear()
        try:
            descriptors = {int(name) for name in os.listdir(f"{self._root}/{process.pid}/fd")}
        except PermissionError:
            process.readable = False
            return
        except (OSError, ValueError):
            return
        process.readable = True
        if not self.size_counts:
            process.open_files = watched.size = len(descriptors)
        name = self._name(process.pid)
        if name:
            process.name = name
        for descriptor in process.sockets.keys() - descriptors:
            self._closed(process, descriptor)
        watched.others &= descriptors
        if everything:
            wanted: Iterable[int] = descriptors
        else:
            wanted = descriptors - process.sockets.keys()
            if len(watched.others) > 512:  # those that were no socket may be one by now, if they are few look again
                wanted = wanted - watched.others
        for descriptor in wanted:
            self._read(watched, descriptor)
            if not process.readable:
                return
        watched.highest = max(descriptors, default=-1)

    def _probe(self, watched: _Watched) -> bool:
        """Reads descriptors that were freed, and those above the highest: new ones take the lowest free number. True
        if as many are known then as are open, so that no listing is needed (of 50,000 that takes 20 ms)."""
        sockets = watched.process.sockets
        for descriptor in watched.freed:
            self._read(watched, descriptor)
        watched.freed.clear()
        while len(sockets) + len(watched.others) < watched.size:
            if not self._read(watched, watched.highest + 1) or not watched.process.readable:
                break
            watched.highest += 1
        return len(sockets) + len(watched.others) == watched.size

    def _read(self, watched: _Watched, descriptor: int) -> bool:
        """Reads what one descriptor is; False where it is closed."""
        process = watched.process
        try:
            target = os.readlink(f"{self._root}/{process.pid}/fd/{descriptor}")
        except PermissionError:
            # Its folder may be listed, its descriptors may not be read (root without CAP_SYS_PTRACE): open, and hidden.
            process.readable = False
            return True
        except OSError:
            target = ""
        inode = int(target[len(_LINK) : _TAIL]) if target.startswith(_LINK) else 0
        known = process.sockets.get(descriptor, 0)
        if known and known != inode:
            self._closed(process, descriptor)
        if not inode:
            if target:
                watched.others.add(descriptor)
            else:
                watched.others.discard(descriptor)
            return bool(target)
        watched.others.discard(descriptor)
        process.sockets[descriptor] = inode
        row = self._rows.get(inode)
        if row is None:
            self._strays[inode] = (process.pid, descriptor)
            return True
        self._unknown.pop(inode, None)
        for owner in row.owners:
            if owner.fd == descriptor and owner.process is process:
                return True
        self._leave(row)
        row.owners = (*row.owners, Owner(process, descriptor))
        self._enter(row)
        return True

    def _closed(self, process: Process, descriptor: int) -> None:
        """A descriptor holds its socket no more; the socket may live on in other hands."""
        inode = process.sockets.pop(descriptor)
        row = self._rows.get(inode)
        if row is not None and row.owners:
            kept = tuple(one for one in row.owners if one.process is not process or one.fd != descriptor)
            self._set_owners(inode, row, kept)

    def _disown(self, process: Process, inode: int) -> None:
        row = self._rows.get(inode)
        if row is not None and row.owners:
            self._set_owners(inode, row, tuple(owner for owner in row.owners if owner.process is not process))

    def _set_owners(self, inode: int, row: Held, owners: tuple[Owner, ...]) -> None:
        if not owners:
            self._unknown[inode] = 0
            self._bereft.setdefault(inode, row.owners)
        self._change(row, owners)

    def _change(self, row: Held, owners: tuple[Owner, ...]) -> None:
        self._leave(row)
        row.owners = owners or NO_OWNERS
        self._enter(row)

    def _keep_late(self) -> None:
        """A socket was in the dump, and now its last known descriptor is closed: closed after the dump, most likely.
        Until the next dump tells, it keeps the owner that it had then."""
        for inode, owners in self._bereft.items():
            row = self._rows[inode]
            if not row.owners:
                self._change(row, owners)
                self._late.add(inode)
        self._bereft.clear()

    def _drop_late(self) -> None:
        """The next dump has come: where the socket is still there, somebody else must hold it."""
        for inode in self._late:
            row = self._rows.get(inode)
            if row is not None and row.owners:
                self._change(row, NO_OWNERS)
        self._late.clear()

    # -- what stays unknown ------------------------------------------------------------------------------------------

    def _search_unknown(self) -> None:
        """For sockets nobody is known to hold: where their inode was read before they showed in a dump, and for those
        that stay unknown all descriptors again, ever more rarely."""
        for inode in [inode for inode, turns in self._unknown.items() if turns == 0 and inode in self._strays]:
            pid, descriptor = self._strays.pop(inode)
            if (watched := self._watched.get(pid)) is not None:
                self._read(watched, descriptor)
        if len(self._strays) > 4 * len(self._watched) + 10_000:
            self._strays.clear()
        self._rereads_in = max(0, self._rereads_in - 1)
        self._due = self._due or any(turns and _power_of_two(turns) for turns in self._unknown.values())
        if self._due and not self._rereads_in:
            self._due, self._rereads_in = False, REST_LOOKS if self.hidden_processes else 1
            for watched in list(self._watched.values()):
                if watched.process.readable and watched.size != 0:
                    self._visit(watched, everything=True)
        for inode in self._unknown:
            self._unknown[inode] += 1

    def _sweep_some(self) -> None:
        """Reads a few known descriptors again: one closed and another opened at once leaves the count as it was."""
        if not self._sweep:
            self._sweep = [(pid, fd) for pid, watched in self._watched.items() for fd in watched.process.sockets]
        batch = self._sweep[-SWEEP_DESCRIPTORS:]
        del self._sweep[-SWEEP_DESCRIPTORS:]
        for pid, descriptor in batch:
            watched = self._watched.get(pid)
            if watched is not None and descriptor in watched.process.sockets:
                self._read(watched, descriptor)

    def _explain_unknown(self) -> None:
        hidden = sum(1 for watched in self._watched.values() if not watched.process.readable and watched.size != 0)
        self.hidden_processes = hidden
        if self.visibility.processes == "pid_namespace" and not hidden:
            reason = OTHER_NAMESPACE
        else:
            reason = NO_PERMISSION if hidden or self.visibility.why else UNKNOWN_OWNER
        for inode in self._unknown:
            self._rows[inode].hidden = reason


class NoIndex:
    """For sources that tell owners themselves."""

    def add(self, row: Held) -> None:
        """See OwnerIndex."""

    def remove(self, row: Held, inode: int) -> None:
        """See OwnerIndex."""

    def forget(self, rows: Iterable[Held]) -> None:
        """See OwnerIndex."""


def _power_of_two(number: int) -> bool:
    return number & (number - 1) == 0
