"""The tcpdump command that records one connection, bounded in time, packets and bytes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capture.model import Endpoint

SECONDS = 30
PACKETS = 20_000
SNAPLEN = 160  # headers with all options, and the first bytes of what was said
WILDCARDS = ("0.0.0.0", "::", "*")


def packet_filter(local: Endpoint, remote: Endpoint) -> str:
    """pcap-filter(7) for a connection, or for all of a listener's. ICMP errors about it come along."""
    if remote.port == 0 or remote.ip in WILDCARDS:
        wanted = f"tcp port {local.port}"
        if local.ip not in WILDCARDS:
            wanted += f" and host {local.ip}"
        return f"({wanted}) or icmp or icmp6"
    return (
        f"(tcp and host {local.ip} and port {local.port} and host {remote.ip} and port {remote.port}) "
        f"or ((icmp or icmp6) and host {remote.ip})"
    )


def command(local: Endpoint, remote: Endpoint, path: str) -> list[str]:
    """Arguments of the bounded recording. `any` sees every interface, loopback too."""
    return [
        "timeout",
        str(SECONDS),
        "tcpdump",
        "-i",
        "any",
        "-n",
        "-U",
        "-s",
        str(SNAPLEN),
        "-c",
        str(PACKETS),
        "-w",
        path,
        packet_filter(local, remote),
    ]


def shell_line(arguments: list[str], *, root: bool) -> str:
    """The command as a person types it, shell-quoted; with sudo where it is needed."""
    return ("" if root else "sudo ") + shlex.join(arguments)
