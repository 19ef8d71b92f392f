"""Network namespaces, and the small networks built of them.

A socket belongs to the namespace in which it was made, whatever its thread does later. So a scenario runs in one
process and enters a namespace only for as long as it takes to make a socket or to set a sysctl.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count()


def run(*argv: str) -> str:
    """Run a command to its end; its output. A failure is the scenario's, with what the command said."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr.strip()}"
    return done.stdout


def _setns(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Namespace:
    """One host: a network namespace with loopback up. `role` is client, server, router, proxy or upstream."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.name = f"ttlab{os.getpid()}-{next(_serial)}{role[0]}"
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *argv: str) -> str:
        """`ip` inside this namespace."""
        return run("ip", "-n", self.name, *argv)

    def run(self, *argv: str) -> str:
        """A command inside this namespace, to its end."""
        return run("ip", "netns", "exec", self.name, *argv)

    def start(self, *argv: str, **options: object) -> subprocess.Popen[bytes]:
        """A command inside this namespace, left running."""
        return subprocess.Popen(["ip", "netns", "exec", self.name, *argv], **options)  # type: ignore[call-overload, no-any-return]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread inside the namespace, for the length of a with block."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            _setns(there)
            yield
        finally:
            _setns(home)
            os.close(there)
            os.close(home)

    def sysctl(self, name: str, value: object) -> None:
        """Set net.NAME (`ipv4.tcp_retries2`) in this namespace only."""
        with self.entered():
            Path("/proc/sys/net", *name.split(".")).write_text(f"{value}\n")

    def nft(self, rules: str) -> None:
        """Load nftables rules."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, "nft", "-f", "-"],
            input=rules,
            text=True,
            capture_output=True,
            timeout=20,
        )
        assert done.returncode == 0, done.stderr

    def counters(self) -> dict[str, int]:
        """TcpExt and Tcp counters, under the kernel's names (the latter as Tcp:NAME)."""
        found: dict[str, int] = {}
        with self.entered():
            texts = [Path("/proc/thread-self/net", name).read_text() for name in ("netstat", "snmp")]
        for text in texts:
            lines = text.splitlines()
            for head, row in zip(lines[::2], lines[1::2], strict=True):
                kind, *names = head.split()
                if kind in ("TcpExt:", "Tcp:"):
                    prefix = "" if kind == "TcpExt:" else kind
                    found |= {prefix + name: int(value) for name, value in zip(names, row.split()[1:], strict=True)}
        return found

    def states(self) -> Counter[str]:
        """How many TCP sockets are in each state, as ss spells them."""
        return Counter(line.split()[0] for line in self.run("ss", "-Htan").splitlines())

    def remove(self) -> None:
        """Delete the namespace, and so its links."""
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, timeout=20)


def cable(a: Namespace, a_device: str, a_net: str, b: Namespace, b_device: str, b_net: str) -> None:
    """A veth pair between two hosts; the nets are ADDRESS/PREFIX, IPv4 or IPv6."""
    run("ip", "-n", a.name, "link", "add", a_device, "type", "veth", "peer", "name", b_device, "netns", b.name)
    for host, device, net in ((a, a_device, a_net), (b, b_device, b_net)):
        address(host, device, net)
        host.ip("link", "set", device, "up")


def address(host: Namespace, device: str, net: str) -> None:
    """Give a device an address, usable at once (no duplicate address detection)."""
    host.ip("addr", "add", net, "dev", device, *(["nodad"] if ":" in net else []))
