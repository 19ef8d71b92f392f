"""Changes to nginx's configuration as commands: what to put where (line_edits.py says how)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from playbooks.checks.line_edits import sed_commands
from playbooks.facts.nginx_facts import Directive, NginxServer


@dataclass(frozen=True, slots=True)
class Edit:
    """A text at a directive: in its place, before or after it, or as the first in the block that it opens."""

    at: Directive
    text: str
    how: Literal["replace", "before", "after", "inside"] = "replace"

    @property
    def script(self) -> str:
        """sed's command. The directive is found on its line by its name, up to its end."""
        new = self.text.replace("\\", "\\\\").replace("&", "\\&").replace("|", "\\|")
        name = self.at.name
        if self.how == "inside":
            return f"{self.at.line}s|{name}[^{{]*{{|& {new}|"
        whole = {"replace": new, "before": f"{new} &", "after": f"& {new}"}[self.how]
        return f"{self.at.line}s|\\b{name}\\b[^;]*;|{whole}|"


def commands(edits: Iterable[Edit]) -> dict[str, str]:
    """{edit, unedit}: shell commands that make the changes and take them back; empty where there is nothing to change,
    so that a fix falls back to an editor. {{sudo}} is filled in later."""
    scripts: dict[str, list[str]] = {}
    changes = list(edits)
    for one in changes:
        scripts.setdefault(one.at.file, []).append(one.script)
    if not scripts:
        return {}
    return sed_commands(scripts, changes[0].text.split(" ")[0])


def opening(server: NginxServer, name: str) -> Directive | None:
    """The directive that opens a block of the main context (events, http)."""
    return next((one for one in server.directives if one.name == name and not one.context), None)


def set_in_block(server: NginxServer, line: Directive | None, text: str, block_name: str) -> dict[str, str]:
    """A directive in place of the one that is there, else as the first of a block."""
    if line is not None:
        return commands([Edit(line, text)])
    opened = opening(server, block_name)
    return commands([Edit(opened, text, "inside")]) if opened is not None else {}


def set_in_main(server: NginxServer, line: Directive | None, text: str) -> dict[str, str]:
    """A directive of the main context in place of the one that is there, else before the events block."""
    if line is not None:
        return commands([Edit(line, text)])
    events = opening(server, "events")
    if events is None:
        return {}
    return commands([_BeforeBlock(events, text)])


@dataclass(frozen=True, slots=True)
class _BeforeBlock(Edit):
    """Before a block's opening: it has no semicolon to end at."""

    @property
    def script(self) -> str:
        """sed's command."""
        new = self.text.replace("\\", "\\\\").replace("&", "\\&").replace("|", "\\|")
        return f"{self.at.line}s|\\b{self.at.name}\\b|{new} &|"


def set_beside(line: Directive | None, place: Directive, text: str) -> dict[str, str]:
    """A directive in place of the one that applies, else before a proxy_pass: for that location alone."""
    return commands([Edit(line, text) if line is not None else Edit(place, text, "before")])
