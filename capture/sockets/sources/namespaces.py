"""Other network namespaces: which there are, whose they are, and a source of sockets in each.

As root one netlink socket per namespace, made by a thread that enters it and ends: the socket stays there and can be
used from anywhere. Where entering is refused, /proc/PID/net of a process inside shows its sockets to anybody.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from capture.sockets.row import Namespace
from capture.sockets.sources.container_names import name_of, pod_of
from capture.sockets.sources.counters import COUNTED, parse_file
from capture.sockets.sources.dump_diff import Chunk
from capture.sockets.sources.interface_names import interface_names
from capture.sockets.sources.procfs import ProcfsSource
from capture.sockets.sources.rst_tap import RstTap
from capture.sockets.sources.settings import KernelSettings, read_settings
from capture.sockets.sources.socket_errors import SourceUnavailable
from capture.sockets.sources.source_protocol import SockDiagSource, Source

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
KTHREADD = 2
NAMED = "/run/netns"
_MOUNTED = re.compile(r"^\S+ \S+ \S+ net:\[(\d+)\] (\S+) .* - nsfs ", re.MULTILINE)
_CONTAINER = re.compile(
    r"(?P<engine>docker|libpod|cri-containerd|crio|containerd|nerdctl)[-/](?P<id>[0-9a-f]{64})|"
    r"(?P<lxc>lxc(?:\.payload)?[./])(?P<name>[^/\s]+)|machine-(?P<machine>[^/\s]+)\.scope|"
    r"/kubepods[^\s]*/(?P<pod>[0-9a-f]{64})"
)
_ENGINES = {"libpod": "podman", "cri-containerd": "containerd", "crio": "cri-o"}
_INUSE = re.compile(r"^TCP6?: inuse (\d+)", re.MULTILINE)
_TIME_WAITS = re.compile(r"^TCP: .*\btw (\d+)", re.MULTILINE)
SOCKSTATS = ("sockstat", "sockstat6")
"""IPv4's sockets and all TIME-WAITs are counted in the one, IPv6's (those of dual-stack listeners too) in the other."""


@dataclass(frozen=True, slots=True)
class Found:
    """A namespace and how to get in: the path of its handle, and a process inside where there is one."""

    namespace: Namespace
    key: tuple[str, int]
    handle: str | None
    pid: int | None
    contained: bool = False
    """Whether a container is known to be its owner."""


def find_namespaces(root: str = "/proc") -> dict[tuple[str, int], Found]:
    """All network namespaces but the program's own that show: of processes, and those mounted somewhere (`ip netns`,
    container engines).

    Keys: ("net", inode), or ("proc", number) where the inode may not be read. A process's own command name is hostile
    text, and is part of the name where no container is known.
    """
    own = _own_keys(root)
    found: dict[tuple[str, int], Found] = {}
    for pid in sorted(int(name) for name in _listing(root) if name.isdigit()):
        key = _key_of(root, pid)
        if key is None or key in own or key in found:
            continue
        found[key] = _found(root, pid, key)
    for inode, path in _mounted(root).items():
        key = ("net", inode)
        if key in own:
            continue
        known = found.get(key)
        if known is None or (path.startswith(f"{NAMED}/") and not known.contained):
            name = f"netns {path.rpartition('/')[2]}"
            found[key] = Found(Namespace(inode, name), key, path, known.pid if known else None)
    return found


def namespace_of(pid: int, root: str = "/proc") -> Found | None:
    """The network namespace of a process; None where it is the program's own, or the process does not show."""
    key = _key_of(root, pid)
    return None if key is None or key in _own_keys(root) else _found(root, pid, key)


def in_host_network(root: str = "/proc") -> bool:
    """Whether this is the network of the machine's first process (of its kernel threads, where that may not be read).
    Who looks from another one, a container's or one that was entered, means that one. True where nothing tells."""
    own = _own_keys(root)
    first = next((key for pid in (1, KTHREADD) if (key := _key_of(root, pid)) is not None), None)
    return first is None or first in own


def count_sockets(found: Found, root: str = "/proc") -> int | None:
    """How many TCP sockets a namespace holds, from a process inside it (0.1 ms; no right is needed); half-open ones are
    not counted. None where nothing tells."""
    if found.pid is None:
        return None
    try:
        return counted("".join(Path(root, str(found.pid), "net", name).read_text() for name in SOCKSTATS))
    except OSError:
        return None


def counted(sockstats: str) -> int:
    """The TCP sockets of a namespace's sockstat and sockstat6, one after the other."""
    return sum(int(count) for pattern in (_INUSE, _TIME_WAITS) for count in pattern.findall(sockstats))


def _own_keys(root: str) -> set[tuple[str, int] | None]:
    inode, number = _inode(f"{root}/thread-self/ns/net"), _inode(f"{root}/thread-self/net/tcp")
    return {("net", inode) if inode is not None else None, ("proc", number) if number is not None else None}


def _key_of(root: str, pid: int) -> tuple[str, int] | None:
    inode = _inode(f"{root}/{pid}/ns/net")
    if inode is not None:
        return "net", inode
    number = _inode(f"{root}/{pid}/net/tcp")
    return None if number is None else ("proc", number)


def _found(root: str, pid: int, key: tuple[str, int]) -> Found:
    inode = key[1] if key[0] == "net" else None
    container = _container(root, pid)
    # The host's own is that of the first process; where that may not be read, the kernel's threads are in it.
    name = container or ("host" if pid in (1, KTHREADD) else _process(root, pid))
    return Found(Namespace(inode, name), key, f"{root}/{pid}/ns/net" if inode else None, pid, container is not None)


def _mounted(root: str) -> dict[int, str]:
    """{inode: path} of the namespaces mounted in the program's own mount namespace."""
    try:
        mounts = Path(root, "self", "mountinfo").read_text(errors="replace")
    except OSError:
        return {}
    return {int(inode): path.replace("\\040", " ") for inode, path in reversed(_MOUNTED.findall(mounts))}


def open_namespace(found: Found, enter: bool = True) -> Source:
    """A source of a namespace's sockets. Raises SourceUnavailable where it may not be seen, or has gone."""
    why = "not permitted"
    if enter and found.handle is not None:
        try:
            return NamespaceSource(found.namespace, found.handle)
        except (OSError, SourceUnavailable) as error:
            why = str(error)
    if found.pid is not None:
        return ProcfsSource(f"/proc/{found.pid}/net", found.namespace)
    raise SourceUnavailable(f"network namespace {found.namespace}: {why}")


class NamespaceSource(SockDiagSource):
    """sock_diag inside another namespace. Raises OSError, SourceUnavailable.

    `number` is the namespace's other name, which anybody may read: the inode of its /proc/PID/net/tcp.
    """

    def __init__(self, netns: Namespace, handle: str) -> None:
        descriptor = os.open(handle, os.O_RDONLY)
        self._files: dict[str, int] = {}
        self.number = 0
        self._handle = handle
        try:
            inside(descriptor, lambda: SockDiagSource.__init__(self, netns))
            inside(descriptor, self._open_files)
            self._settings = inside(descriptor, read_settings)
        except BaseException:
            self._close_files()
            raise
        finally:
            os.close(descriptor)

    def connections(self) -> Iterable[Chunk]:
        """See Source. A dump walks the hash all namespaces share: left out where there is nothing to find."""
        return super().connections() if self._has_sockets() else ()

    def detailed(self) -> Iterable[bytes]:
        """See Source."""
        return super().detailed() if self._has_sockets() else ()

    def listeners(self) -> Iterable[bytes]:
        """See Source."""
        return super().listeners() if self._has_sockets() else ()

    def counters(self) -> dict[str, int]:
        """See Source."""
        found: dict[str, int] = {}
        for name in COUNTED[:-1]:  # the receive backlog is the whole machine's
            found |= parse_file(name, self._read(name))
        return found

    def settings(self) -> KernelSettings:
        """See Source: as they were when the namespace was found."""
        return self._settings

    def interfaces(self) -> dict[int, str]:
        """See NamesInterfaces."""
        return self._once_more_inside(interface_names)

    def tap_resets(self) -> RstTap:
        """See SeesResets."""
        return self._once_more_inside(RstTap)

    def _once_more_inside(self, function: Callable[[], T]) -> T:
        descriptor = os.open(self._handle, os.O_RDONLY)
        try:
            if self.netns is None or os.fstat(descriptor).st_ino != self.netns.inode:
                raise OSError(errno.ESTALE, "the process that the namespace was found by has gone", self._handle)
            return inside(descriptor, function)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """See Source. Lets go of the namespace, so that it can end."""
        super().close()
        self._close_files()

    def _open_files(self) -> None:
        self.number = _inode("/proc/thread-self/net/tcp") or 0
        for name in (*COUNTED[:-1], *SOCKSTATS):
            with suppress(FileNotFoundError):  # nothing is tracked here
                self._files[name] = os.open(f"/proc/thread-self/net/{name}", os.O_RDONLY)

    def _close_files(self) -> None:
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()

    def _has_sockets(self) -> bool:
        counts = "".join(map(self._read, SOCKSTATS))
        return not counts or counted(counts) > 0

    def _read(self, name: str) -> str:
        try:
            return os.pread(self._files[name], 1 << 16, 0).decode("utf-8", "backslashreplace")
        except (OSError, KeyError):
            return ""


def inside(descriptor: int, function: Callable[[], T]) -> T:
    """Calls a function in a thread that entered a network namespace and ends with it. Raises what it raises; OSError
    where entering is refused."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            _enter(descriptor)
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="in-namespace", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def in_network_of(pid: int | None, function: Callable[[], T]) -> T:
    """Calls a function inside the network namespace of a process: settings and rules are each namespace's own. Here
    where that is the same one, or no process is named. Raises OSError where entering is refused."""
    found = None if pid is None else namespace_of(pid)
    if found is None:
        return function()
    descriptor = os.open(found.handle or f"/proc/{found.pid}/ns/net", os.O_RDONLY)
    try:
        return inside(descriptor, function)
    finally:
        os.close(descriptor)


def _enter(descriptor: int) -> None:
    # os.setns came with Python 3.12; the C library has it everywhere.
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _container(root: str, pid: int) -> str | None:
    try:
        return container_of(Path(root, str(pid), "cgroup").read_text(errors="replace"))
    except OSError:
        return None


def _process(root: str, pid: int) -> str:
    try:
        name = Path(root, str(pid), "comm").read_text(errors="backslashreplace").rstrip("\n")
    except OSError:
        name = "?"
    return f"{name}[{pid}]"


def container_of(cgroup: str, root: str = "/") -> str | None:
    """`docker web`, `docker 0123456789ab` where its name is not known, `pod shop/cart-7d9f`, `lxc web`: from a
    /proc/PID/cgroup; None for a process in none. `root` is where the engines' files are."""
    match = _CONTAINER.search(cgroup)
    if match is None:
        return None
    if pod := pod_of(cgroup, root):
        return f"pod {pod}"
    if match["engine"]:
        engine = _ENGINES.get(match["engine"], match["engine"])
        return f"{engine} {name_of(engine, match['id'], root) or match['id'][:12]}"
    if match["lxc"]:
        return f"lxc {match['name']}"
    return f"machine {match['machine']}" if match["machine"] else f"pod {match['pod'][:12]}"


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def _listing(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []
