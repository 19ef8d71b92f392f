"""MySQL and MariaDB: my.cnf with !include and !includedir; the last one of a group that the server reads counts."""

from __future__ import annotations

import re

from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.services.lines import config_lines, files_of

DEFAULTS = {
    "wait_timeout": "28800",
    "interactive_timeout": "28800",
    "net_read_timeout": "30",
    "net_write_timeout": "60",
    "max_connections": "151",
}
"""Those that both servers share, with the default of both; others have none here."""
OTHERS = ("back_log", "open_files_limit", "table_open_cache")
_GROUPS = re.compile(r"(mysqld|server|mariadb|mariadbd)(-[\d.]+)?$")


def mysql_settings(path: str) -> list[ServiceSetting]:
    """The settings that apply. Raises OSError."""
    found: dict[str, ServiceSetting] = {}
    place = (path, "")
    for line in config_lines(path, _includes, "#;"):
        if not _GROUPS.fullmatch(line.section):
            continue
        if not line.text:
            place = (line.file, line.section) if line.section == "mysqld" or not place[1] else place
            continue
        name, _, value = line.text.partition("=")
        name = name.strip().lower().replace("-", "_").removeprefix("loose_")
        if (name in DEFAULTS or name in OTHERS) and value.strip():
            written = value.partition("#")[0].strip().strip("\"'")
            found[name] = ServiceSetting("mysql", name, written, line.file, line.number, line.section)
    usual = {name: ServiceSetting("mysql", name, value, place[0], 0, place[1]) for name, value in DEFAULTS.items()}
    return list((usual | found).values())


def _includes(text: str, folder: str) -> list[str] | None:
    word, _, value = text.partition(" ")
    if word == "!includedir":
        return files_of("*.cnf", value.strip())
    return files_of(value.strip(), folder) if word == "!include" else None
