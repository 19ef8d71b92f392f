"""Other hosts, from the command line to open collectors."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.remote.host import Host

ASKED = ("permission denied", "host key verification failed", "too many authentication failures")
"""What ssh says where it would have asked the user, had it been allowed to."""


def open_hosts(
    names: Sequence[str],
    ssh: str,
    *,
    sudo: bool,
    interval: float,
    count: int | None,
    events: bool = False,
    packets: bytes = b"",
) -> list[Host]:
    """Starts a collector on each host, all at once; asks for passwords one by one, before there is a screen.

    `packets`: the filter of those that are taken, if any are. Raises ValueError for a name that can be no host.
    """
    from capture.remote.host import Host
    from capture.remote.host_looks import FIRST_S
    from capture.remote.transport import command_for, program

    text = program(interval, count, events, packets)
    unique = list(dict.fromkeys(names))

    def words(name: str, batch: bool) -> list[str]:
        return command_for(name, ssh, sudo=sudo, batch=batch, interval=interval, count=count)

    commands = {name: words(name, True) for name in unique}
    hosts = {name: Host(name, command, text, count) for name, command in commands.items()}
    if not (sys.stdin.isatty() and os.isatty(2)):
        return list(hosts.values())
    until = time.monotonic() + FIRST_S
    for name, host in hosts.items():
        host.wait(1, until)
        if any(word in host.trouble.lower() for word in ASKED):
            hosts[name] = Host(name, words(name, False), text, count)
            hosts[name].wait(1, float("inf"))  # ssh asks on the terminal itself, and gives up by itself
    return list(hosts.values())
