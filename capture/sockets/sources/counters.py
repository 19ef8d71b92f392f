"""The kernel's TCP counters (/proc/net/netstat, /proc/net/snmp), and what each means (counters.toml)."""

from __future__ import annotations

import os
from typing import Final

from capture.language import catalogue, per_language
from capture.sockets.sources.link_counters import parse_conntrack, parse_links, parse_softnet

GAUGES: Final = frozenset(("RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn", "CurrEstab"))
"""Fields of snmp's Tcp line that are settings or levels, no counters: a difference of these means nothing."""
COUNTED: Final = ("netstat", "snmp", "dev", "stat/nf_conntrack", "softnet_stat")
_WANTED = ("TcpExt:", "Tcp:")


def read_counters(root: str = "/proc/thread-self/net") -> dict[str, int]:
    """TcpExt and Tcp counters under the kernel's names, of the calling thread's network namespace, and those of links,
    of the receive backlog and of tracked connections (link_counters.py); {} if unreadable.

    Not /proc/net: that shows the namespace of the process's first thread, even after this one entered another.
    """
    counters: dict[str, int] = {}
    for name in COUNTED:
        try:
            with open(f"{root}/{name}", encoding="utf-8", errors="backslashreplace") as file:
                text = file.read()
        except OSError:
            continue
        counters |= parse_file(name, text)
    return counters


def parse_file(name: str, text: str) -> dict[str, int]:
    """The counters of one of the files COUNTED."""
    if name == "dev":
        return parse_links(text)
    if name == "stat/nf_conntrack":
        return parse_conntrack(text)
    return parse_softnet(text) if name == "softnet_stat" else parse_counters(text)


def parse_counters(text: str) -> dict[str, int]:
    """Pairs of lines, names above values, of the protocols TcpExt and Tcp; damaged pairs are left out."""
    counters: dict[str, int] = {}
    lines = text.splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        head, *fields = names.split()
        if head not in _WANTED or not values.startswith(head):
            continue
        try:
            counters.update(zip(fields, map(int, values.split()[1:]), strict=False))
        except ValueError:
            continue
    for gauge in GAUGES:
        counters.pop(gauge, None)
    return counters


def moved(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    """The differences that are not zero. A counter that fell (another namespace, a restarted machine) is left out."""
    return {name: value - before[name] for name, value in now.items() if value > before.get(name, value)}


@per_language
def _catalogue() -> dict[str, dict[str, str]]:
    return catalogue(os.path.dirname(__file__), "counters")


def meaning(name: str) -> str | None:
    """One line on what a counter's growth means; None for those not in the catalogue."""
    entry = _catalogue().get(name)
    return entry["meaning"] if entry else None
