"""From the text of one value to its matcher. Each reader raises ValueError; the parser knows where the word is."""

from __future__ import annotations

import re
import socket
from math import inf
from typing import TYPE_CHECKING

from capture.filters.matchers import End, Network, Nothing, Span, Truth, Words, code, is_glob, name, plain_network
from capture.filters.moments import Recent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COMPARISON = re.compile(r"(>=|<=|>|<|=|≥|≤)?(.*)", re.DOTALL)
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?|\.\d+)([a-zµμ]*)", re.IGNORECASE)
_IPV4_PART = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,2}\.?\*?")

SIZES = {"": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12}
SIZES |= {"ki": 2**10, "kib": 2**10, "mi": 2**20, "mib": 2**20, "gi": 2**30, "gib": 2**30, "ti": 2**40, "tib": 2**40}
"""Units of bytes, decimal as ss and tcpdump count; Ki, Mi, Gi are binary."""

SECONDS = {"": 1, "s": 1, "sec": 1, "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "m": 60, "min": 60}
SECONDS |= {"h": 3600, "d": 86_400}
"""Units of time; without one a number is seconds."""

COUNTS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9}
NONE_WORDS = ("none", "null")


class BareDurationError(ValueError):
    """A duration without > or <: equality with a clock's reading is never meant."""


def quantity(text: str, units: Mapping[str, float]) -> float:
    """A number with a unit, e.g. 1.5k; raises ValueError."""
    found = _QUANTITY.fullmatch(text)
    if found is None or found[2].lower() not in units:
        raise ValueError(text)
    return float(found[1]) * units[found[2].lower()]


def span(text: str, units: Mapping[str, float], *, bare: bool = True) -> Span | Nothing:
    """`>5`, `<=5`, `5..9`, `5`, `none`; `bare` says whether a number alone is allowed."""
    if text.lower() in NONE_WORDS:
        return Nothing()
    low, dots, high = text.partition("..")
    if dots:
        return Span(quantity(low, units) if low else -inf, quantity(high, units) if high else inf)
    found = _COMPARISON.fullmatch(text)
    assert found is not None
    number = quantity(found[2], units)
    match found[1]:
        case ">":
            return Span(low=number, low_open=True)
        case ">=" | "≥":
            return Span(low=number)
        case "<":
            return Span(high=number, high_open=True)
        case "<=" | "≤":
            return Span(high=number)
        case None if not bare:
            raise BareDurationError(text)
        case _:
            return Span(number, number)


def count(text: str) -> Span | Nothing:
    """A count of things."""
    return span(text, COUNTS)


def size(text: str) -> Span | Nothing:
    """A number of bytes."""
    return span(text, SIZES)


def duration(text: str) -> Span | Nothing:
    """A duration in seconds."""
    return span(text, SECONDS, bare=False)


def recent(text: str) -> Recent:
    """The last so long: 30s, 5m."""
    return Recent(quantity(text, SECONDS))


def ports(text: str) -> Span:
    """A port, a range 80-90 or 80..90, a comparison, or a service name of this machine."""
    first, dash, last = text.partition("-")
    if dash and first.isdecimal() and last.isdecimal():
        text = f"{first}..{last}"
    if re.fullmatch(r"[a-zA-Z][\w.+-]*", text):
        try:
            number = socket.getservbyname(text.lower(), "tcp")
        except OSError as none:
            raise ValueError(text) from none
        return Span(number, number)
    found = span(text, {"": 1})
    if not isinstance(found, Span) or any(
        abs(b) != inf and (b != int(b) or b > 65_535) for b in (found.low, found.high)
    ):
        raise ValueError(text)
    return found


def end(text: str) -> End:
    """An address, a network, `10.0.*`, an address with port(s), or `:port` alone; raises ValueError."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(text)
        return End(plain_network(host), ports(rest[1:]) if rest else None)
    if text.startswith(":") and not text.startswith("::"):
        return End(None, ports(text[1:]))
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return End(None if host in ("", "*") else _network(host), ports(port))
    return End(_network(text))


def _network(text: str) -> Network:
    if _IPV4_PART.fullmatch(text) and "." in text and text.endswith((".", "*")):
        parts = [part for part in text.rstrip("*").split(".") if part]
        return plain_network(".".join(parts + ["0"] * (4 - len(parts))) + f"/{8 * len(parts)}")
    return plain_network(text)


def bare_end(text: str) -> End | None:
    """A bare word as an address, network or end; None where it is none of them and does not look like one."""
    if not re.search(r"\d", text) and ":" not in text:
        return None
    try:
        found = end(text)
    except ValueError:
        if re.fullmatch(r"\d+(\.\d+){3}(/\d*|:\d*)?", text) or text.startswith("["):
            raise
        return None
    return found if found.network is not None or text.startswith(":") else None


def flag(text: str) -> Truth:
    """Yes or no."""
    if text.lower() in ("yes", "true", "1", "y"):
        return Truth(True)
    if text.lower() in ("no", "false", "0", "n"):
        return Truth(False)
    raise ValueError(text)


def one_of(known: tuple[str, ...], text: str) -> Words | Nothing:
    """One of some known codes, `none`, or a glob over them; any word where none are known. Raises ValueError."""
    if text.lower() in NONE_WORDS:
        return Nothing()
    words = code(text)
    if known and not is_glob(text) and not any(words.test(choice) for choice in known):
        raise ValueError(text)
    return words


def reader_of(known: tuple[str, ...]) -> Callable[[str], Words | Nothing]:
    """A reader of one of these codes."""
    return lambda text: one_of(known, text)


def word(text: str) -> Words | Nothing:
    """A name that holds the text; a glob over the whole name; `none`."""
    return Nothing() if text.lower() in NONE_WORDS else name(text)


def exactly(text: str) -> Words | Nothing:
    """A whole word, whatever the case; a glob; `none`."""
    return one_of((), text)


def listed(text: str) -> Words | Nothing:
    """A word of a comma-separated list (VLANs in a VLAN)."""
    if text.lower() in NONE_WORDS:
        return Nothing()
    return Words(re.compile(rf"(?<![^,]){re.escape(text)}(?![^,])", re.IGNORECASE))


def letters(text: str) -> Words:
    """Letters in this order and case."""
    return Words(re.compile(re.escape(text)))
