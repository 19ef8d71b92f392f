"""Addresses mapped consistently, so that a report can leave the company: the same address is the same stand-in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv6Address

_IPV4 = r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d]|\.\d)"
_IPV6 = r"(?<![0-9A-Fa-f:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Fa-f:])"
_ADDRESS = re.compile(f"{_IPV4}|{_IPV6}")


@dataclass(slots=True)
class Anonymizer:
    """Replaces each address in text by one of the benchmarking and documentation ranges (RFC 2544, RFC 3849).

    Loopback and unspecified addresses stay: they name no one, and say much.
    """

    _names: dict[str, str] = field(default_factory=dict)

    def __call__(self, text: str) -> str:
        """`text` with every address replaced."""
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
