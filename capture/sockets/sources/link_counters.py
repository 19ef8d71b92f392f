"""What this machine drops itself, before TCP sees it or after: counters of links, of the receive backlog, and of the
table of tracked connections."""

from __future__ import annotations

LINK, SOFTNET, CONNTRACK = "link:", "softnet:dropped", "conntrack:dropped"
"""How these counters are named beside TCP's own, which have no colon."""


def parse_links(text: str) -> dict[str, int]:
    """{link:NAME: segments it could not send} of a /proc/net/dev: drops, errors and lost carriers; not loopback's."""
    found = {}
    for line in text.splitlines()[2:]:
        name, colon, numbers = line.partition(":")
        fields = numbers.split()
        if colon and len(fields) >= 15 and name.strip() != "lo":
            found[LINK + name.strip()] = sum(int(fields[at]) for at in (10, 11, 14))
    return found


def parse_softnet(text: str) -> dict[str, int]:
    """{softnet:dropped: packets} of a /proc/net/softnet_stat: its second column, a line a processor, of the whole
    machine: the backlog of received packets was full (net.core.netdev_max_backlog)."""
    dropped = 0
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 2:
            continue
        dropped += int(fields[1], 16)
    return {SOFTNET: dropped}


def parse_conntrack(text: str) -> dict[str, int]:
    """{conntrack:dropped: packets} of a /proc/net/stat/nf_conntrack, a line a processor, hexadecimal: the table was
    full (nf_conntrack_max). {} where nothing is tracked."""
    names, *lines = text.splitlines() or ("",)
    if "drop" not in (columns := names.split()):
        return {}
    at = columns.index("drop")
    return {CONNTRACK: sum(int(fields[at], 16) for line in lines if len(fields := line.split()) > at)}
