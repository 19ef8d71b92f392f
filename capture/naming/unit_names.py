"""What a process belongs to: its container, else its systemd unit, from /proc/PID/cgroup."""

from __future__ import annotations

import re
from pathlib import Path

from capture.sockets.sources.namespaces import container_of

_UNIT = re.compile(r"/([^/\n]+\.(?:service|socket))(?=/|$)", re.MULTILINE)


def unit_of(pid: int, root: str = "/proc") -> str:
    """`nginx.service`, `docker web`; empty where neither shows (a login, another machine's system, no permission)."""
    try:
        cgroup = Path(root, str(pid), "cgroup").read_text(errors="replace")
    except OSError:
        return ""
    if container := container_of(cgroup):
        return container
    units = _UNIT.findall(cgroup)
    return _unescaped(units[-1]) if units else ""


def _unescaped(unit: str) -> str:
    """systemd-escape(1) writes other characters as \\xNN."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), unit)
