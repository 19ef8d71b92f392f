"""What could be done on this host: capabilities, tools, systemd, writable kernel settings."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from playbooks.facts.facts import Ability

TOOLS = ("conntrack", "ip", "iptables", "nft", "prlimit", "ss", "sysctl", "systemctl", "tc")
_EFFECTIVE = re.compile(r"^CapEff:\s*([0-9a-f]+)", re.MULTILINE)
SBIN = "/usr/sbin:/sbin"
"""Where these tools lie, and where an ordinary user's search does not look."""


def collect_ability(root: str = "/") -> Ability:
    """Of this program's own environment."""
    try:
        found = _EFFECTIVE.search(Path(root, "proc/self/status").read_text(errors="replace"))
    except OSError:
        found = None
    path = f"{os.environ.get('PATH', '')}:{SBIN}"
    return Ability(
        capabilities=int(found[1], 16) if found else None,
        tools=tuple(tool for tool in TOOLS if shutil.which(tool, path=path)),
        systemd=Path(root, "run/systemd/system").is_dir(),
        sysctl_read_only=_read_only(f"{root}proc/sys"),
    )


def _read_only(folder: str) -> bool:
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False
