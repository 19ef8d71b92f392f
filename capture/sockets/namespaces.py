"""Other network namespaces: which there are, whose they are, and a source of sockets in each.

As root one netlink socket per namespace, made by a thread that enters it and ends: the socket stays there and can be
used from anywhere. Where entering is refused, /proc/PID/net of a process inside shows its sockets to anybody.
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from capture.sockets.counters import parse_counters
from capture.sockets.errors import SourceUnavailable
from capture.sockets.framing import Dump
from capture.sockets.procfs import ProcfsSource
from capture.sockets.row import Namespace
from capture.sockets.settings import KernelSettings, read_settings
from capture.sockets.sources import SockDiagSource, Source

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
NAMED = "/run/netns"
_CONTAINER = re.compile(
    r"(?P<engine>docker|libpod|cri-containerd|crio|containerd|nerdctl)[-/](?P<id>[0-9a-f]{64})|"
    r"(?P<lxc>lxc(?:\.payload)?[./])(?P<name>[^/\s]+)|machine-(?P<machine>[^/\s]+)\.scope|"
    r"/kubepods[^\s]*/(?P<pod>[0-9a-f]{64})"
)
_ENGINES = {"libpod": "podman", "cri-containerd": "containerd", "crio": "cri-o"}
_SOCKSTAT = re.compile(r"^TCP: inuse (\d+) orphan (\d+) tw (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """A namespace and how to get in: the path of its handle, and a process inside where there is one."""

    namespace: Namespace
    key: tuple[str, int]
    handle: str | None
    pid: int | None


def find_namespaces(root: str = "/proc") -> dict[tuple[str, int], Found]:
    """All network namespaces but the program's own that show: of processes, and those named by `ip netns`.

    Keys: ("net", inode), or ("proc", number) where the inode may not be read. A process's own command name is hostile
    text, and is part of the name where no container is known.
    """
    own = _inode(f"{root}/thread-self/ns/net"), _inode(f"{root}/thread-self/net/tcp")
    found: dict[tuple[str, int], Found] = {}
    for pid in sorted(int(name) for name in _listing(root) if name.isdigit()):
        handle = f"{root}/{pid}/ns/net"
        inode = _inode(handle)
        if inode is not None:
            key = ("net", inode)
        elif (number := _inode(f"{root}/{pid}/net/tcp")) is not None and own[1] is not None:
            key = ("proc", number)
        else:
            continue
        if key[1] in own or key in found:
            continue
        found[key] = Found(Namespace(inode, _holder(root, pid)), key, handle if inode else None, pid)
    for name in _listing(NAMED):
        inode = _inode(f"{NAMED}/{name}")
        if inode is not None and inode != own[0]:
            key = ("net", inode)
            known = found.get(key)
            pid_inside = known.pid if known else None
            found[key] = Found(Namespace(inode, f"netns {name}"), key, f"{NAMED}/{name}", pid_inside)
    return found


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
    """sock_diag inside another namespace. Raises OSError, SourceUnavailable."""

    def __init__(self, netns: Namespace, handle: str) -> None:
        descriptor = os.open(handle, os.O_RDONLY | os.O_CLOEXEC)
        self._files: dict[str, int] = {}
        try:
            inside(descriptor, lambda: SockDiagSource.__init__(self, netns))
            inside(descriptor, self._open_files)
            self._settings = inside(descriptor, read_settings)
        except BaseException:
            self._close_files()
            raise
        finally:
            os.close(descriptor)

    def connections(self) -> Dump:
        """See Source. A dump walks the hash all namespaces share: left out where there is nothing to find."""
        return super().connections() if self._has_sockets() else Dump(())

    def detailed(self) -> Iterable[bytes]:
        """See Source."""
        return super().detailed() if self._has_sockets() else ()

    def listeners(self) -> Iterable[bytes]:
        """See Source."""
        return super().listeners() if self._has_sockets() else ()

    def counters(self) -> dict[str, int]:
        """See Source."""
        return parse_counters(self._read("netstat")) | parse_counters(self._read("snmp"))

    def settings(self) -> KernelSettings:
        """See Source: as they were when the namespace was found."""
        return self._settings

    def close(self) -> None:
        """See Source. Lets go of the namespace, so that it can end."""
        super().close()
        self._close_files()

    def _open_files(self) -> None:
        for name in ("netstat", "snmp", "sockstat"):
            self._files[name] = os.open(f"/proc/thread-self/net/{name}", os.O_RDONLY | os.O_CLOEXEC)

    def _close_files(self) -> None:
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()

    def _has_sockets(self) -> bool:
        counts = _SOCKSTAT.search(self._read("sockstat"))
        return counts is None or any(int(count) for count in counts.groups())

    def _read(self, name: str) -> str:
        try:
            return os.pread(self._files[name], 1 << 16, 0).decode()
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


def _enter(descriptor: int) -> None:
    # os.setns came with Python 3.12; the C library has it everywhere.
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _holder(root: str, pid: int) -> str:
    """A container, where the control group of a process tells, else the process."""
    try:
        container = container_of(Path(root, str(pid), "cgroup").read_text(errors="replace"))
    except OSError:
        container = None
    if container:
        return container
    try:
        name = Path(root, str(pid), "comm").read_text(errors="backslashreplace").rstrip("\n")
    except OSError:
        name = "?"
    return f"{name}[{pid}]"


def container_of(cgroup: str) -> str | None:
    """`docker 0123456789ab`, `lxc web`: from a /proc/PID/cgroup; None for a process in none."""
    match = _CONTAINER.search(cgroup)
    if match is None:
        return None
    if match["engine"]:
        return f"{_ENGINES.get(match['engine'], match['engine'])} {match['id'][:12]}"
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
