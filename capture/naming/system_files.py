"""What this machine calls addresses and ports: /etc/hosts and /etc/services."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

MOST_BYTES = 8 << 20


def hosts_names(root: str = "/") -> dict[str, str]:
    """Address → its first name in /etc/hosts (hosts(5)); the first line of an address holds. Empty where unreadable."""
    found: dict[str, str] = {}
    for words in _lines(Path(root, "etc/hosts")):
        if len(words) > 1:
            try:
                found.setdefault(str(ip_address(words[0].partition("%")[0])), words[1])
            except ValueError:
                continue
    return found


def service_names(root: str = "/") -> dict[int, str]:
    """TCP port → its name in /etc/services (services(5)). Empty where it cannot be read."""
    found: dict[int, str] = {}
    for words in _lines(Path(root, "etc/services")):
        port, _, protocol = words[1].partition("/") if len(words) > 1 else ("", "", "")
        if protocol == "tcp" and port.isascii() and port.isdecimal() and int(port) < 65_536:
            found.setdefault(int(port), words[0])
    return found


def _lines(path: Path) -> list[list[str]]:
    try:
        with open(path, "rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    return [words for line in text.splitlines() if (words := line.partition("#")[0].split())]
