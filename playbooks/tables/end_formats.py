"""The ends of sockets as tables write them: `10.0.0.1:443`, `[::1]:80`, `*:http`, macOS's `10.0.0.1.443`."""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from playbooks.tables.pasted_table import TableEnd

_ANY = ("*", "0.0.0.0", "::", "[::]", "[::ffff:0.0.0.0]")


def end_of(text: str, *, dotted: bool = False) -> TableEnd | None:
    """An end; None for what is none. `dotted`: the port follows a point, as macOS and the BSDs write it."""
    host, separator, port = text.rpartition("." if dotted else ":")
    if not separator or not host:
        return None
    host = host.strip("[]").partition("%")[0]
    if port == "*":
        return TableEnd(_canonical(host), None)
    number = _port(port)
    return None if number is None else TableEnd(_canonical(host), number)


def is_address(end: TableEnd) -> bool:
    """Whether an end is written as an address, not as a name."""
    try:
        ip_address(end.host)
    except ValueError:
        return False
    return True


def is_any(end: TableEnd) -> bool:
    """Whether an end means all addresses."""
    return end.host in _ANY


def _canonical(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


@lru_cache(maxsize=1024)
def _port(text: str) -> int | None:
    if text.isdecimal():
        return int(text) if int(text) <= 65_535 else None
    if not text.replace("-", "").isalnum():
        return None
    try:
        return socket.getservbyname(text, "tcp")
    except (OSError, UnicodeError):
        return None
