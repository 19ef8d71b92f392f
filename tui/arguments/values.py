"""Values of options: a text to a number, a duration, a size, a port. Raise argparse.ArgumentTypeError, one line."""

from __future__ import annotations

import argparse

from tui.text.language import tr

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds
SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}  # bytes
LEAST_KEPT = 16 << 20  # bytes: what the rings alone need


def as_seconds(text: str) -> float:
    """Seconds from 0.1 to 86,400."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.1 <= value <= 86_400:
        raise argparse.ArgumentTypeError(tr("{text} is not a number of seconds between 0.1 and 86400", text=repr(text)))
    return value


def as_looks(text: str) -> int:
    """How many looks: 1 or more."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= 1_000_000_000:
        raise argparse.ArgumentTypeError(tr("{text} is not a number of looks, 1 or more", text=repr(text)))
    return int(text)


def as_setting(text: str) -> tuple[str, str]:
    """(key, value) of KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(tr("{text} is not KEY=VALUE", text=repr(text)))
    return key, value


def as_workers(text: str) -> int:
    """How many processes: 1 to 1024."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= 1024:
        raise argparse.ArgumentTypeError(tr("{text} is not a number of processes between 1 and 1024", text=repr(text)))
    return int(text)


def as_duration(text: str) -> float:
    """Seconds of 90s, 15m, 8h or 2d."""
    number, unit = (text[:-1], text[-1]) if text[-1:].isalpha() else (text, "")
    if unit not in UNITS or not number.isascii() or not number.isdigit() or not int(number[:9]) > 0:
        raise argparse.ArgumentTypeError(tr("{text} is no duration, as 90s, 15m, 8h or 2d", text=repr(text)))
    return float(int(number[:9]) * UNITS[unit])


def as_size(text: str) -> int:
    """Bytes of 500M or 2G, at least 16M."""
    number, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    if unit not in SIZES or not number.isascii() or not number.isdigit():
        raise argparse.ArgumentTypeError(tr("{text} is no size, as 500M or 2G", text=repr(text)))
    size = int(number[:15]) * SIZES[unit]
    if size < LEAST_KEPT:
        raise argparse.ArgumentTypeError(tr("{text} is too small: the rings alone need 16M", text=repr(text)))
    return size


def as_port(text: str) -> int:
    """A TCP port, 1 to 65535."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:6]) < 65536:
        raise argparse.ArgumentTypeError(tr("{text} is no port: 1 to 65535", text=repr(text)))
    return int(text)
