"""Redis: redis.conf with its includes; the last one counts (redis.conf says so where it explains include)."""

from __future__ import annotations

from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.services.lines import config_lines, files_of, with_defaults

DEFAULTS = {
    "port": "6379", "timeout": "0", "tcp-keepalive": "300", "maxclients": "10000", "tcp-backlog": "511",
    "client-output-buffer-limit": "pubsub 32mb 8mb 60",
}  # fmt: skip


def redis_settings(path: str) -> list[ServiceSetting]:
    """The settings that apply. Raises OSError."""
    found: dict[str, ServiceSetting] = {}
    for line in config_lines(path, _includes):
        name, _, value = line.text.partition(" ")
        if name.lower() == "client-output-buffer-limit" and not value.strip().startswith("pubsub"):
            continue  # one line for each class of clients
        if name.lower() in DEFAULTS and value.strip():
            found[name.lower()] = ServiceSetting(
                "redis", name.lower(), value.strip().strip("\"'"), line.file, line.number
            )
    return with_defaults(found, DEFAULTS, "redis", path)


def _includes(text: str, folder: str) -> list[str] | None:
    name, _, value = text.partition(" ")
    return files_of(value.strip().strip("\"'"), folder) if name.lower() == "include" else None
