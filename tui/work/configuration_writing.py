"""Entries put into config.toml by the program: each in its table, all else in the file as the user wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import tomli

from tui.work.configuration import configuration_file, line_of, write_whole

if TYPE_CHECKING:
    from tui.work.investigation import Investigation

Value = str | float | bool
Entries = Mapping[tuple[str, str], Value]
"""(table, name) → value; of entries before any table it is ""."""
_SIMPLE = r"""(?:"[^"\n]*"|'[^'\n]*'|[^\s#"']+)"""


def put(text: str, table: str, name: str, value: Value) -> str:
    """The text with an entry in it: in its line, in that of its commented default, else as the first of its table."""
    entry_text = f"{name} = {_as_toml(value)}"
    lines = text.split("\n")
    at = line_of(lines, table, name)
    if at is not None:
        entry = rf"""^(\s*)["']?{re.escape(name)}["']?\s*=\s*{_SIMPLE}"""
        lines[at - 1] = re.sub(entry, lambda found: found[1] + entry_text, lines[at - 1], count=1)
        return "\n".join(lines)
    here = ""
    for number, line in enumerate(lines):
        if head := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            here = head[1].strip("\"' ")
        elif here == table and re.match(rf"#\s?{re.escape(name)}\s*=", line):
            lines[number] = entry_text
            return "\n".join(lines)
    if not table:
        return "\n".join([entry_text, *lines])
    header = next((n for n, one in enumerate(lines) if re.match(rf"\s*\[\s*{re.escape(table)}\s*\]", one)), None)
    if header is None:
        return f"{text.rstrip()}\n\n[{table}]\n{entry_text}\n".lstrip("\n")
    lines.insert(header + 1, entry_text)
    return "\n".join(lines)


def _as_toml(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def keep(entries: Entries, fresh: str = "") -> str:
    """Writes entries into config.toml; `fresh` is what a file begins with that is not there yet. The answer says where
    they were kept, or why not."""
    path = configuration_file()
    if path is None:
        return "not kept: there is no home"
    try:
        text = path.read_text() if path.exists() else fresh
        for (table, name), value in entries.items():
            text = put(text, table, name, value)
        if not _holds(text, entries):
            return f"not kept: {path} is written in a way that this does not edit"
        write_whole(path, text)
    except (OSError, UnicodeDecodeError) as error:
        return f"not kept: {getattr(error, 'strerror', None) or error}"
    return f"kept in {path}"


def _holds(text: str, entries: Entries) -> bool:
    """Whether a reader will find the entries: an inline table, or a broken file, is left as it is."""
    try:
        found = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return False
    tables = {table: found.get(table, {}) if table else found for table, _ in entries}
    return all(isinstance(tables[table], dict) and tables[table].get(name) == v for (table, name), v in entries.items())


def keep_theme(name: str) -> str:
    """Writes the theme; the answer says whether it was kept."""
    return keep({("", "theme"): name})


def settings_now(investigation: Investigation, theme: str) -> dict[tuple[str, str], Value]:
    """What this run has that an entry can say: the theme, the interval, and each threshold that is not the default."""
    from dataclasses import fields

    from capture.sockets.findings.thresholds import Thresholds

    request = investigation.request
    now = investigation.thresholds or Thresholds().changed(request.thresholds)
    found: dict[tuple[str, str], Value] = {("", "theme"): theme, ("", "interval"): request.interval}
    for field in fields(now):
        if (value := getattr(now, field.name)) != field.default:
            found["thresholds", field.name] = value
    return found


def keep_settings(investigation: Investigation, theme: str) -> str:
    """Writes what this run has; a new file also lists all other entries, commented out, with what is allowed."""
    from tui.work.configuration_page import default_page

    return keep(settings_now(investigation, theme), default_page())
