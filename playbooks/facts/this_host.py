"""What is this machine's: its addresses, its network namespace; and whether a capture or a log is of here."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from playbooks.facts.facts import Absence
from playbooks.facts.log_facts import SymptomLog
from playbooks.facts.packet_facts import Captured
from playbooks.language import tr

OF_THIS_MACHINE = ("sockets", "processes", "kernel", "traffic", "firewall", "probe", "service_settings")
"""Parts of Facts that are always this machine's. nginx and its logs are so where no setting names them."""


def own_netns() -> str | None:
    """The inode of the calling thread's network namespace, as text; None where the system has none."""
    try:
        return str(os.stat("/proc/thread-self/ns/net").st_ino)
    except OSError:
        return None


def own_addresses() -> frozenset[str]:
    """The addresses of this network namespace. Not loopback's: every machine has those."""
    import psutil

    families = (socket.AF_INET, socket.AF_INET6)
    every = (one for many in psutil.net_if_addrs().values() for one in many if one.family in families)
    return frozenset(ip for ip in (one.address.partition("%")[0] for one in every) if not is_loopback(ip))


def is_loopback(address: str) -> bool:
    """Whether an address is every machine's own; False for what is no address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def mostly_here(ends: Iterable[tuple[str, str]], own: frozenset[str]) -> bool:
    """Whether at least half of these connections, and one of them, have an end at this machine."""
    pairs = list(ends)
    mine = sum(1 for pair in pairs if not own.isdisjoint(pair))
    return mine > 0 and len(pairs) <= 2 * mine


def locals_here(addresses: Iterable[str], own: frozenset[str]) -> bool | None:
    """Whether one of the local addresses that a log names is this machine's; None where it names none that tell."""
    telling = {address for address in addresses if not is_loopback(address)}
    return None if not telling else not telling.isdisjoint(own)


def why_elsewhere(settings: Mapping[str, str], capture: Any, log: Any) -> str | None:
    """Why facts of this machine may not be used beside the capture or log that was named; None where they may."""
    if isinstance(capture, Captured) and not capture.here:
        return tr(
            "{path} does not show this machine's addresses: "
            "nothing of this machine stands beside it (run this on the machine of the capture, without capture=)",
            path=capture.path,
        )
    if isinstance(capture, Absence) and capture.kind == "unreadable" and "capture" in settings:
        return tr("a capture was named and could not be read ({why}): whose it is cannot be told", why=capture.why)
    if isinstance(log, SymptomLog) and log.here is False:
        return tr(
            "{path} speaks of local addresses that are not this machine's: "
            "nothing of this machine stands beside it (run this on the machine of the log, without log=)",
            path=log.path,
        )
    return None
