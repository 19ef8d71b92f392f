"""sshd: sshd_config with its Includes; the first one counts (sshd_config(5)), outside of Match blocks."""

from __future__ import annotations

from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.services.lines import config_lines, files_of, with_defaults

DEFAULTS = {"MaxStartups": "10:30:100", "LoginGraceTime": "120"}
_NAMES = {name.lower(): name for name in DEFAULTS}


def ssh_settings(path: str) -> list[ServiceSetting]:
    """The settings that apply. Raises OSError."""
    found: dict[str, ServiceSetting] = {}
    for line in config_lines(path, _includes):
        word, _, value = line.text.replace("=", " ", 1).partition(" ")
        if word.lower() == "match":
            break
        name = _NAMES.get(word.lower())
        if name is not None and value.strip() and name not in found:
            found[name] = ServiceSetting("ssh", name, value.strip().strip('"'), line.file, line.number)
    return with_defaults(found, DEFAULTS, "ssh", path)


def _includes(text: str, folder: str) -> list[str] | None:
    word, _, value = text.partition(" ")
    if word.lower() != "include":
        return None
    return [file for pattern in value.split() for file in files_of(pattern, "/etc/ssh")]
