"""What a server's own configuration files say of the settings that a fix changes, and the commands that edit them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from playbooks.checks.line_edits import TIMES_MORE, edit_commands, line_of
from playbooks.evidence_words import say
from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.facts import Facts
from playbooks.loader import PLACEHOLDER
from playbooks.model import FixTemplate

SHOWN = 4


def values_of(template: FixTemplate, facts: Facts, parameters: Mapping[str, str]) -> dict[str, str]:
    """{now, config_file, config_edit, config_unedit} for a fix that names settings; nothing where none of them was
    read. The commands are there only where one server's files hold them: which of several is meant is a person's to
    know."""
    wanted = template.sets
    found = [one for one in facts.service_settings or () if f"{one.service}:{one.name}" in wanted]
    if not found:
        return {}
    now = "; ".join(map(_stated, found[:SHOWN]))
    values = {"now": now} if len(found) <= SHOWN else {"now": f"{now}; …"}
    values |= _doubled(found, template, parameters)
    parameters = dict(parameters) | values
    names = [(one.service, one.name) for one in found]
    to_set = {key: _filled(value, template, parameters) for key, value in wanted.items() if value}
    changed = [one for one in found if f"{one.service}:{one.name}" in to_set]
    if not changed or len(set(names)) != len(names):
        return values
    targets = {f"{one.service}:{one.name}": to_set[f"{one.service}:{one.name}"] for one in changed}
    edits = edit_commands(((one, targets[f"{one.service}:{one.name}"]) for one in changed), template.id)
    if changed[0].pid is not None:
        values["master"] = str(changed[0].pid)
    values |= {"config_file": changed[0].file, "config_quoted": shlex.quote(changed[0].file)}
    return values | {f"config_{key}": text for key, text in edits.items()}


def _doubled(found: Sequence[ServiceSetting], template: FixTemplate, parameters: Mapping[str, str]) -> dict[str, str]:
    """{most, more} of a fix that makes a figure larger: what is in force, and twice that, where no check knows."""
    if "more" not in template.defaults or "more" in parameters or not found[0].written.isdecimal():
        return {}
    return {"most": found[0].written, "more": str(TIMES_MORE * int(found[0].written))}


def _stated(one: ServiceSetting) -> str:
    line = line_of(one, one.written)
    place = f" [{one.place}]" if one.place else ""
    if not one.line:
        return f"{line} ({say('the_default')}{place})"
    return f"{line} ({one.file}:{one.line}{place})"


def _filled(text: str, template: FixTemplate, parameters: Mapping[str, str]) -> str:
    values = dict(template.defaults) | dict(parameters)
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)
