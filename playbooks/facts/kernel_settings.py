"""Kernel settings that checks and fixes look at, by their sysctl names."""

from __future__ import annotations

from pathlib import Path

from playbooks.facts.facts import Absence
from playbooks.language import tr

SETTINGS = (
    "fs.file-max",
    "fs.file-nr",
    "fs.nr_open",
    "net.core.somaxconn",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_no_pmtu_disc",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_base_mss",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_mtu_probing",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_synack_retries",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_tw_recycle",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_wmem",
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
)


def collect_kernel(root: str = "/proc/sys") -> dict[str, str] | Absence:
    """Each setting's text; those that this kernel has not, or does not show, are left out."""
    found = {}
    for name in SETTINGS:
        try:
            found[name] = " ".join(Path(root, *name.split(".")).read_text().split())
        except OSError:
            continue
    return found or Absence("unreadable", tr("{root} cannot be read: kernel settings are unknown", root=root))
