"""Addresses mapped consistently, so that a report can leave the company: the same address is the same stand-in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv6Address

_IPV4 = r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d]|\.\d)"
_IPV6 = r"(?<![0-9A-Fa-f:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Fa-f:])"
_ADDRESS = re.compile(f"{_IPV4}|{_IPV6}")


class Anonymizer:
    """Replaces each address in text by one of the benchmarking and documentation ranges (RFC 2544, RFC 3849).

    Loopback and unspecified addresses stay: they name no one, and say much. `hosts` are names that stand for addresses
    (a text that tcpdump printed without -n has them): each becomes host-1, host-2 …
    """

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._names: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        for number, host in enumerate(dict.fromkeys(hosts), 1):
            for spelling in (host, json.dumps(host)[1:-1], json.dumps(host, ensure_ascii=False)[1:-1]):
                self._hosts[spelling] = f"host-{number}"
        longest_first = sorted(self._hosts, key=len, reverse=True)
        either = "|".join(re.escape(host) for host in longest_first)
        # whole words, and no key of a JSON object
        self._host = re.compile(rf'(?<![\w.-])(?:{either})(?![\w-]|\.\w|":)') if longest_first else None

    def __call__(self, text: str) -> str:
        """`text` with every address replaced."""
        if self._host is not None:
            text = self._host.sub(lambda match: self._hosts[match.group()], text)
        return _ADDRESS.sub(lambda match: self._name(match.group()), text)

    def _name(self, text: str) -> str:
        try:
            address = IPv6Address(text) if ":" in text else IPv4Address(text)
        except AddressValueError:
            return text
        if address.is_loopback or address.is_unspecified:
            return text
        key = address.compressed
        if key not in self._names:
            count = len(self._names) + 1
            self._names[key] = (
                str(IPv4Address(int(IPv4Address("198.18.0.0")) + count))
                if isinstance(address, IPv4Address)
                else str(IPv6Address(int(IPv6Address("2001:db8::")) + count))
            )
        return self._names[key]
