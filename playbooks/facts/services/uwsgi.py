"""uWSGI: the [uwsgi] section of an ini file; the last one counts."""

from __future__ import annotations

from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.services.lines import config_lines, files_of, with_defaults

DEFAULTS = {"processes": "1", "threads": "1", "listen": "100"}
ALIASES = {"workers": "processes", "p": "processes", "l": "listen"}


def uwsgi_settings(path: str) -> list[ServiceSetting]:
    """The settings that apply. Raises OSError."""
    found: dict[str, ServiceSetting] = {}
    for line in config_lines(path, _includes, "#;"):
        if line.section != "uwsgi":
            continue
        name, _, value = (part.strip() for part in line.text.partition("="))
        if ALIASES.get(name, name) in DEFAULTS and value:
            found[ALIASES.get(name, name)] = ServiceSetting(
                "uwsgi", ALIASES.get(name, name), value, line.file, line.number, line.section
            )
    return with_defaults(found, DEFAULTS, "uwsgi", path, "uwsgi")


def _includes(text: str, folder: str) -> list[str] | None:
    name, _, value = (part.strip() for part in text.partition("="))
    return files_of(value, folder) if name in ("ini", "include") else None
