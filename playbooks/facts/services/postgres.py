"""PostgreSQL: postgresql.conf with its includes, then postgresql.auto.conf; the last one counts (its manual, 20.1)."""

from __future__ import annotations

import os
import re

from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.services.lines import Line, config_lines, files_of, with_defaults

DEFAULTS = {
    "port": "5432",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "tcp_keepalives_idle": "0",
    "max_connections": "100",
    "max_files_per_process": "1000",
}
_SETTING = re.compile(r"([A-Za-z_][\w.]*)\s*=?\s*('(?:[^']|'')*'|[^\s#']+)")
_INCLUDE = re.compile(r"(include|include_if_exists|include_dir)\s*=?\s*'([^']+)'", re.I)


def postgres_settings(path: str, data: str | None = None) -> list[ServiceSetting]:
    """The settings that apply; `data` is the data directory, with ALTER SYSTEM's file. Raises OSError."""
    found: dict[str, ServiceSetting] = {}
    lines = list(config_lines(path, _includes))
    directory = data or next((value for line in lines if (value := _value(line, "data_directory"))), None)
    auto = os.path.join(directory or os.path.dirname(path), "postgresql.auto.conf")
    if os.path.isfile(auto) and os.access(auto, os.R_OK):
        lines += config_lines(auto, _includes)
    for line in lines:
        setting = _SETTING.match(line.text)
        if setting is None or setting[1].lower() not in DEFAULTS:
            continue
        name = setting[1].lower()
        found[name] = ServiceSetting("postgres", name, setting[2].strip("'"), line.file, line.number)
    return with_defaults(found, DEFAULTS, "postgres", path)


def _value(line: Line, name: str) -> str | None:
    found = _SETTING.match(line.text)
    return found[2].strip("'") if found is not None and found[1].lower() == name else None


def _includes(text: str, folder: str) -> list[str] | None:
    found = _INCLUDE.match(text)
    if found is None:
        return None
    if found[1].lower() == "include_dir":  # those that begin with a dot are left out, as glob does
        return files_of(os.path.join(found[2], "*.conf"), folder)
    return [os.path.join(folder, found[2])]
