"""Changes to lines of configuration files as commands: sed at the line that was read, a copy for the way back.

The copy lies in /var/tmp: beside the file it could be one that the server includes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

KEPT = "/var/tmp"


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
