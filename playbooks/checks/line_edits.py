"""Changes to lines of configuration files as commands: sed at the line that was read, a copy for the way back.

The copy lies in /var/tmp: beside the file it could be one that the server includes."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from playbooks.facts.config_facts import ServiceSetting

KEPT = "/var/tmp"
TIMES_MORE = 2
"""What is proposed for a limit that is reached, of what it is."""


def sed_commands(scripts: Mapping[str, Sequence[str]], change: str) -> dict[str, str]:
    """{edit, unedit}: shell commands that run sed's scripts on each file, and that take them back. `change` names the
    copy, so that each change has a way back of its own; {{sudo}} is filled in later."""
    do, undo = [], []
    for file, lines in scripts.items():
        kept = shlex.quote(f"{KEPT}/tcptriage-{PurePosixPath(file).name}.before-{change}")
        where = shlex.quote(file)
        sed = " ".join(f"-e {shlex.quote(line)}" for line in lines)
        do += [f"{{{{sudo}}}}cp -L {where} {kept}", f"{{{{sudo}}}}sed -i --follow-symlinks {sed} {where}"]
        undo.append(f"{{{{sudo}}}}cp {kept} {where}")
    return {"edit": " && ".join(do), "unedit": " && ".join(undo)}


def edit_commands(changes: Iterable[tuple[ServiceSetting, str]], change: str) -> dict[str, str]:
    """{edit, unedit}: shell commands that give settings these values where they are written, or add their line."""
    scripts: dict[str, list[str]] = {}
    for one, value in changes:
        line = line_of(one, value)
        if one.line:
            script = f"{one.line}c\\{line}"
        elif one.place:
            script = f"/^\\[{one.place}\\]/a\\{line}"
        elif one.service == "ssh":  # at the end it could be in a Match block
            script = f"1i\\{line}"
        else:
            script = f"$a\\{line}"
        scripts.setdefault(one.file, []).append(script)
    return sed_commands(scripts, change)


def line_of(one: ServiceSetting, value: str) -> str:
    """A setting with a value as its server's files write it."""
    between = {"redis": " ", "haproxy": " ", "apache": " ", "envoy": ": ", "ssh": " "}.get(one.service, " = ")
    return f"{one.name}{between}{value}"
