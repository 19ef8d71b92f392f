"""The kernel settings that ages and findings depend on, of one network namespace (/proc/sys/net, thread's view)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True)
class KernelSettings:
    """Sysctls under their own names, with Linux's defaults where one cannot be read. Seconds, counts, ports."""

    ip_local_port_range: tuple[int, int] = (32768, 60999)
    ip_local_reserved_ports: str = ""
    tcp_fin_timeout: int = 60
    tcp_tw_reuse: int = 2
    tcp_syn_linear_timeouts: int = 0
    tcp_syncookies: int = 1
    tcp_max_syn_backlog: int = 128
    tcp_abort_on_overflow: int = 0
    somaxconn: int = 4096

    @property
    def ephemeral_ports(self) -> int:
        """How many local ports connect() may choose from: the range without the reserved ones."""
        low, high = self.ip_local_port_range
        return max(
            0, high - low + 1 - sum(_overlap(part, low, high) for part in self.ip_local_reserved_ports.split(","))
        )


def read_settings(root: str = "/proc/sys/net") -> KernelSettings:
    """The settings of the calling thread's network namespace; unreadable ones keep Linux's default."""
    texts: dict[str, str | None] = {}
    for setting in fields(KernelSettings):
        name = f"core/{setting.name}" if setting.name == "somaxconn" else f"ipv4/{setting.name}"
        try:
            texts[name] = Path(root, name).read_text()
        except (OSError, ValueError):
            continue
    return parsed_settings(texts)


def parsed_settings(texts: Mapping[str, str | None]) -> KernelSettings:
    """Settings from the texts of their files, by their place under /proc/sys/net; those that are missing or damaged
    keep Linux's default."""
    found: dict[str, object] = {}
    for name, text in texts.items():
        setting = name.rpartition("/")[2]
        if text is None or setting not in KernelSettings.__dataclass_fields__:
            continue
        with contextlib.suppress(ValueError):
            found[setting] = _parsed(setting, text.strip())
    return KernelSettings(**found)  # type: ignore[arg-type]


def _parsed(name: str, text: str) -> object:
    if name == "ip_local_port_range":
        low, high = text.split()
        return int(low), int(high)
    return text if name == "ip_local_reserved_ports" else int(text)


def _overlap(part: str, low: int, high: int) -> int:
    first, _, last = part.strip().partition("-")
    if not first.isdigit():
        return 0
    start, stop = int(first), int(last) if last.isdigit() else int(first)
    return max(0, min(stop, high) - max(start, low) + 1)
