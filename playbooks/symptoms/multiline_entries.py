"""Entries of several lines: a stack trace's cause names no address, but the line that began the entry does.

Each line is judged alone; what the entry adds is beside it, and is never called the line's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playbooks.symptoms.endpoints import ends_of
from playbooks.symptoms.normalising import plain, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from playbooks.symptoms.explanation import End, Explained

LOOK_BACK = 40
"""Lines of an entry that are looked at, the nearest first."""

# what wraps each line of an entry alike: containerd's, docker compose's, kubectl's prefixes
_WRAPPED = re.compile(r"^(?:\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) [FP] |[\w.-]{1,60} +\| |\[pod/[^\]]+\] )")
_ADDRESS = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d|[\da-f]::?[\da-f]", re.IGNORECASE)
_CLOCK = re.compile(r"\d:\d\d:\d\d")
_GOES_ON = re.compile(
    r"\s+\S|[Cc]aused by\b|\.\.\. \d+ (?:more|common)|at [\w.$<]|-{2,3}>|Traceback \(|During handling of|Suppressed: "
    r"|The above exception|[Nn]ested exception|\[?cause\]?: |reason: |[\w.:$]*(?:Exception|Error|exception|error)\b"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """The ends that another line of the same entry names: (local, remote) as that line tells them, and its number."""

    line: int
    local: End | None
    remote: End | None


def entry_after(line: int, said: Explained, entry: Entry | None) -> Entry | None:
    """The entry of a line that goes on the recognised line just before it, of which all three are known."""
    if said.local is not None or said.remote is not None:
        return Entry(line, said.local, said.remote)
    return entry


def entry_of(
    said: Explained, before: Iterable[tuple[int, str]], explain: Callable[[str], Explained | None]
) -> Entry | None:
    """The ends of the entry that a recognised line without ends of its own goes on (see goes_on); None where none are.

    `before` are the lines before it with their numbers, the nearest first; `explain` judges one of them.
    """
    for looked, (number, line) in enumerate(before):
        if looked >= LOOK_BACK:
            return None
        if _ADDRESS.search(line):
            local, remote = _ends(line, said, explain)
            if local is not None or remote is not None:
                return Entry(number, local, remote)
        if not goes_on(line):
            return None
    return None


def _ends(line: str, said: Explained, explain: Callable[[str], Explained | None]) -> tuple[End | None, End | None]:
    """The ends that a line names: of the error that it tells, or of any other line for the error that follows."""
    explained = explain(line)
    if explained is not None:
        return explained.local, explained.remote
    return ends_of(small(plain(line)), said.symptom, said.side)


def goes_on(text: str) -> bool:
    """Whether a line continues the entry that an earlier one began: it has no time of its own, and looks so."""
    bare = _WRAPPED.sub("", text) if " std" in text or "| " in text or text.startswith("[pod/") else text
    return _GOES_ON.match(bare) is not None and _CLOCK.search(bare) is None
