"""What a server's own configuration files say of the settings that a fix changes, and the commands that edit them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from playbooks.checks.line_edits import TIMES_MORE, edit_commands, line_of
from playbooks.evidence_words import say
from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.facts import Facts
from playbooks.loader import PLACEHOLDER
from playbooks.model import FixTemplate

SHOWN = 4
OWN_FILES = re.compile(r"/proc/\d+/root/")


def values_of(template: FixTemplate, facts: Facts, parameters: Mapping[str, str]) -> dict[str, str]:
    """{now, server_port, config_file, config_edit, config_unedit} for a fix that names settings; nothing where none of
    them was read. The commands are there only where one server's files hold them: which of several is meant is a
    person's to know."""
    wanted = template.sets
    found = [one for one in facts.service_settings or () if f"{one.service}:{one.name}" in wanted]
    if not found:
        return {}
    now = "; ".join(map(_stated, found[:SHOWN]))
    values = {"now": now} if len(found) <= SHOWN else {"now": f"{now}; …"}
    values |= _doubled(found, template, parameters)
    ports = {
        one.written for one in facts.service_settings or () if (one.service, one.name) == (found[0].service, "port")
    }
    if len(ports) == 1:
        values["server_port"] = next(iter(ports))
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
    own = f"; {say('files_of_its_own', pid=one.file.split('/')[2])}" if OWN_FILES.match(one.file) else ""
    where = f"{one.file}:{one.line}" if one.line else say("the_default")
    return f"{line} ({where}{place}{own})"


def _filled(text: str, template: FixTemplate, parameters: Mapping[str, str]) -> str:
    values = dict(template.defaults) | dict(parameters)
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)
