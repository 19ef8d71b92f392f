"""PHP-FPM: php-fpm.conf and the pools that it includes."""

from __future__ import annotations

from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.services.lines import config_lines, files_of

DEFAULTS = {"listen.backlog": "511", "request_terminate_timeout": "0"}
NAMES = ("listen", "pm", "pm.max_children", "pm.max_requests", *DEFAULTS)


def php_fpm_settings(path: str) -> list[ServiceSetting]:
    """The settings of each pool. Raises OSError."""
    pools: dict[str, dict[str, ServiceSetting]] = {}
    for line in config_lines(path, _includes, ";#"):
        if line.section in ("", "global"):
            continue
        pool = pools.setdefault(line.section, {})
        if not line.text:
            for name, value in DEFAULTS.items():
                pool.setdefault(name, ServiceSetting("php-fpm", name, value, line.file, 0, line.section))
            continue
        name, _, value = (part.strip() for part in line.text.partition("="))
        written = value.partition(";")[0].strip().strip("\"'").replace("$pool", line.section)
        if name in NAMES and written:
            pool[name] = ServiceSetting("php-fpm", name, written, line.file, line.number, line.section)
    return [one for pool in pools.values() for one in pool.values()]


def _includes(text: str, folder: str) -> list[str] | None:
    name, _, value = (part.strip() for part in text.partition("="))
    return files_of(value.strip("\"'"), folder) if name == "include" else None
