"""What a term's value matches: numbers in a span, ends in a network, words. The same for rows and for columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import inf
from typing import TYPE_CHECKING, Any

from capture.filters.moments import Moments, Recent

if TYPE_CHECKING:
    from capture.model import Endpoint

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from `low` to `high`; the bounds belong to it unless they are open."""

    low: float = -inf
    high: float = inf
    low_open: bool = False
    high_open: bool = False

    def test(self, value: object) -> bool:
        """Whether a number lies in it; None (unknown) lies nowhere."""
        return isinstance(value, (int, float)) and bool(self.mask(value))

    def mask(self, values: Any) -> Any:
        """The same for a numpy array of any shape; NaN lies nowhere."""
        above = values > self.low if self.low_open else values >= self.low
        below = values < self.high if self.high_open else values <= self.high
        return above & below


@dataclass(frozen=True, slots=True)
class End:
    """An end of a connection: address in a network (None: any), port in a span (None: any)."""

    network: Network | None
    ports: Span | None = None

    def test(self, value: object) -> bool:
        """Whether an Endpoint is meant."""
        endpoint: Endpoint = value  # type: ignore[assignment]
        if self.ports is not None and not self.ports.mask(endpoint.port):
            return False
        if self.network is None:
            return True
        address = _address(endpoint.ip)
        return address is not None and address.version == self.network.version and address in self.network


@lru_cache(maxsize=65_536)
def _address(text: str) -> Address | None:
    try:
        return plain_address(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Words:
    """A text: exactly a code (`-` and `_` are the same), a glob where it holds `*` or `?`, or contained in a name."""

    pattern: re.Pattern[str]

    def test(self, value: object) -> bool:
        """Whether a text matches; None does not."""
        return isinstance(value, str) and self.pattern.search(value) is not None


def code(text: str) -> Words:
    """Exactly this code, whatever the case; a glob where the text holds one."""
    return Words(re.compile(rf"\A{_pattern(text)}\Z", re.IGNORECASE))


def name(text: str) -> Words:
    """A name that holds this text, whatever the case; a whole-name glob where the text holds one."""
    return code(text) if is_glob(text) else Words(re.compile(re.escape(text), re.IGNORECASE))


def part_of_code(text: str) -> Words:
    """A code that holds this text, `-` and `_` being the same."""
    return code(text) if is_glob(text) else Words(re.compile(_pattern(text), re.IGNORECASE))


def is_glob(text: str) -> bool:
    """Whether a text holds a wildcard."""
    return "*" in text or "?" in text


def _pattern(text: str) -> str:
    parts = {"*": ".*", "?": ".", "-": "[-_ ]", "_": "[-_ ]"}
    return "".join(parts.get(character) or re.escape(character) for character in text)


@dataclass(frozen=True, slots=True)
class Nothing:
    """An unknown value: matches where the row says None."""

    def test(self, value: object) -> bool:
        """Whether there is no value."""
        return value is None


@dataclass(frozen=True, slots=True)
class Truth:
    """Yes or no."""

    wanted: bool

    def test(self, value: object) -> bool:
        """Whether a flag is as wanted."""
        return value is self.wanted


Matcher = Span | End | Words | Nothing | Truth | Moments | Recent


def plain_address(text: str) -> Address:
    """An address without its zone, IPv4-mapped IPv6 as IPv4; raises ValueError."""
    address = ip_address(text.partition("%")[0])
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def plain_network(text: str) -> Network:
    """A network, or an address as a network of one; host bits are let pass; raises ValueError."""
    head, slash, prefix = text.partition("/")
    if not slash:
        return ip_network(plain_address(head))
    return ip_network(f"{head.partition('%')[0]}/{prefix}", strict=False)
