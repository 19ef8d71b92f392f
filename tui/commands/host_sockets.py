"""`tcptriage sockets --host`: the live connections of other hosts, a document for each host and look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.arguments.parser import complain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from capture.kernel.looks_with_events import LookEvents
    from capture.sockets.findings.thresholds import Thresholds
    from capture.sockets.snapshot import Snapshot


def looks_at_hosts(
    chosen: argparse.Namespace, thresholds: Thresholds, write: Callable[[str, Snapshot, LookEvents | None, bool], None]
) -> int:
    """Take the looks; `write` is called with the host as it was asked for, its snapshot, its kernel's events where
    they are asked for, and whether it is the first. Returns the worst severity's rank (3 for none), or -1 where no
    host answered."""
    from capture.remote.host_looks import SILENT, ManyHosts
    from tui.work.host_collectors import open_hosts

    count = chosen.count or 1
    hosts = open_hosts(
        chosen.host, chosen.ssh, sudo=chosen.sudo, interval=chosen.interval, count=count, events=chosen.events
    )
    many = ManyHosts(hosts, thresholds)
    worst, first, complained = 3, True, set()
    try:
        for number in range(1, count + 1):
            many.wait(number, chosen.interval)
            for looks, snapshot in many.look():
                name = looks.host.name
                if snapshot is None:
                    if name not in complained:
                        complained.add(name)
                        complain(f"tcptriage sockets: {name}: {looks.host.trouble or SILENT}")
                    continue
                worst = min([worst, *(finding.severity.rank for finding in snapshot.findings)])
                write(name, snapshot, looks.events(snapshot) if chosen.events else None, first)
                first = False
            if all(one.host.ended for one in many.looks):
                break
    finally:
        many.close()
    return -1 if first else worst
