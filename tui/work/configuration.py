"""What the user prefers: config.toml under $XDG_CONFIG_HOME/tcptriage. The command line wins over it.

A wrong entry is reported with its line and with what is allowed; all others hold.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui.terminal.theme_names import THEME_NAMES
from tui.work.configuration_place import configuration_path

LANGUAGES = ("en", "zh")
TABLES = ("live", "capture")
KNOWN = ("theme", "language", "interval", "ascii", "mouse", "columns", "thresholds", "keys")
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Configuration:
    """What config.toml says; None and empty where it says nothing. `troubles` are one line each."""

    theme: str | None = None
    language: str | None = None
    interval: float | None = None
    ascii: bool | None = None
    mouse: bool | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by table: those that are shown
    thresholds: tuple[str, ...] = ()  # NAME=VALUE
    keys: Mapping[str, str] = field(default_factory=dict)  # what a key does, as key_meanings names it: the key
    troubles: tuple[str, ...] = ()


def configuration_file() -> Path | None:
    """Where it lies; None for a user without a home."""
    path = configuration_path()
    return Path(path) if path else None


def read_configuration(path: Path | None = None) -> Configuration:
    """What the file says. Raises nothing: what is wrong with it is in `troubles`."""
    path = path or configuration_file()
    try:
        if path is None or not path.is_file():
            return Configuration()
        with open(path, "rb") as file:
            text = file.read(LARGEST).decode()
    except OSError as error:
        return Configuration(troubles=(f"{path}: {(error.strerror or str(error)).lower()}",))
    except UnicodeDecodeError:
        return Configuration(troubles=(f"{path}: it is not UTF-8; nothing of it is used",))
    import tomli

    try:
        entries = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        return Configuration(troubles=(f"{path}: {error}; nothing of it is used",))
    return _Reader(path, text, entries).read()


class _Reader:
    def __init__(self, path: Path, text: str, entries: dict[str, Any]) -> None:
        self._path, self._lines, self._entries = path, text.split("\n"), entries
        self._troubles: list[str] = []

    def read(self) -> Configuration:
        for name in self._entries:
            if name not in KNOWN:
                self._wrong("", name, f"is no entry; there are {', '.join(KNOWN)}")
        return Configuration(
            theme=self._one_of("theme", THEME_NAMES),
            language=self._one_of("language", LANGUAGES),
            interval=self._interval(),
            ascii=self._flag("ascii"),
            mouse=self._flag("mouse"),
            columns=self._columns(),
            thresholds=self._thresholds(),
            keys=self._keys(),
            troubles=tuple(self._troubles),
        )

    def _wrong(self, table: str, name: str, why: str) -> None:
        line = line_of(self._lines, table, name)
        where = f"{self._path} line {line}" if line else f"{self._path}"
        self._troubles.append(f"{where}: {f'{table}.' if table else ''}{name} {why}")

    def _one_of(self, name: str, allowed: Iterable[str]) -> str | None:
        value = self._entries.get(name)
        if value is None or value == "auto":
            return None
        if value in allowed:
            return str(value)
        self._wrong("", name, f"is {_shown(value)}, not one of auto, {', '.join(allowed)}")
        return None

    def _interval(self) -> float | None:
        value = self._entries.get("interval")
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and 0.1 <= value <= 86_400:
            return float(value)
        self._wrong("", "interval", f"is {_shown(value)}, not a number of seconds between 0.1 and 86400")
        return None

    def _flag(self, name: str) -> bool | None:
        value = self._entries.get(name)
        if value is None or isinstance(value, bool):
            return value
        self._wrong("", name, f"is {_shown(value)}, not true or false")
        return None

    def _table(self, name: str) -> dict[str, Any]:
        value = self._entries.get(name, {})
        if isinstance(value, dict):
            return value
        self._wrong("", name, f"is {_shown(value)}, not a table: write [{name}]")
        return {}

    def _columns(self) -> dict[str, tuple[str, ...]]:
        chosen = {}
        for table, names in self._table("columns").items():
            if table not in TABLES:
                self._wrong("columns", table, f"is no table; there are {', '.join(TABLES)}")
                continue
            known = column_names(table)
            if not isinstance(names, list) or not names:
                self._wrong("columns", table, f"is {_shown(names)}, not a list of {', '.join(known)}")
                continue
            wrong = [name for name in names if name not in known]
            if wrong:
                self._wrong("columns", table, f"names {_shown(wrong[0])}; there are {', '.join(known)}")
            if good := tuple(name for name in names if name in known):
                chosen[table] = good
        return chosen

    def _thresholds(self) -> tuple[str, ...]:
        entries = self._table("thresholds")
        if not entries:
            return ()
        from capture.sockets.findings.thresholds import Thresholds

        good = []
        for name, value in entries.items():
            try:
                Thresholds().changed([f"{name}={value}"])
                good.append(f"{name}={value}")
            except ValueError as error:
                self._wrong("thresholds", name, f"is wrong: {error}")
        return tuple(good)

    def _keys(self) -> dict[str, str]:
        entries = self._table("keys")
        if not entries:
            return {}
        from tui.text.key_meanings import FREE_KEYS, MEANINGS, key_named, slugs

        known, chosen = slugs(), dict[str, str]()
        for name, key in entries.items():
            if name not in known:
                self._wrong("keys", name, f"is nothing that a key does; there are {', '.join(known)}")
            elif not isinstance(key, str) or not (key in FREE_KEYS or (len(key) == 1 and key.isprintable())):
                self._wrong("keys", name, f"is {_shown(key)}, not one character or one of f2 to f10")
            elif (does := MEANINGS.get(key_named(key), name)) != name and not _given_away(does, name, entries, key):
                self._wrong("keys", name, f"is {_shown(key)}, which is the key of {does!r}: give that another")
            elif key in chosen.values():
                self._wrong("keys", name, f"is {_shown(key)} like another entry: one key, one meaning")
            else:
                chosen[name] = key
        return chosen


def _given_away(meaning: str, name: str, entries: Mapping[str, Any], key: str) -> bool:
    from tui.text.key_meanings import slug

    return slug(meaning) == name or bool(entries.get(slug(meaning), key) != key)


def _shown(value: object) -> str:
    return repr(value)[:60]


def line_of(lines: list[str], table: str, name: str) -> int | None:
    """The line, from 1, on which an entry is; None where it is not found (an inline table)."""
    here = ""
    for number, line in enumerate(lines, 1):
        if head := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            here = head[1].strip("\"' ")
            if not table and here == name:
                return number
        elif here == table and re.match(rf"""\s*["']?{re.escape(name)}["']?\s*=""", line):
            return number
    return None


def column_names(table: str) -> tuple[str, ...]:
    """The columns that a table has."""
    from tui.rows import connection_columns, socket_rows

    columns = socket_rows.COLUMNS if table == "live" else connection_columns.COLUMNS
    return tuple(column.key for column in columns)


def write_whole(path: Path, text: str) -> None:
    """Replaces a file: there is the old one or the new one, and a link stays a link. Raises OSError."""
    path = path.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text)
    os.replace(fresh, path)
