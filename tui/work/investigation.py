"""What one run of the program has gathered: shared by the screens, exported by Evidence."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.remote.host import Host
    from capture.triage import Triage
    from tui.work.standard_input import StandardInput


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked the dashboard for."""

    files: tuple[str, ...] = ()
    fleet: str | None = None  # a folder that `tcptriage fleet` made
    join: bool = False
    filter: str = ""
    interval: float = 1.0
    all_namespaces: bool | None = None  # None: from the host's own network
    replay: str | None = None
    hosts: tuple[Host, ...] = ()  # collectors that run on other hosts: looked at instead of this one
    thresholds: tuple[str, ...] = ()  # "name=value": of live findings
    playbook: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    demo: bool = False
    examples: str = ""  # the folder of the shipped recordings
    stdin: StandardInput | None = None  # where a capture comes in by it


@dataclass(frozen=True, slots=True)
class Item:
    """One thing kept as evidence. `body` is Markdown; `at` epoch seconds."""

    kind: str  # finding | connection | check | log | fix | note
    title: str
    body: str
    at: float
    number: int


@dataclass(slots=True)
class Investigation:
    """Everything the four modes share. Changed on the screen's thread only."""

    request: Request
    triages: list[Triage] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    _count: int = 0

    def keep(self, kind: str, title: str, body: str) -> Item:
        """Add to the evidence; the same thing kept twice replaces its earlier self."""
        self._count += 1
        item = Item(kind, title, body, time.time(), self._count)
        self.items = [kept for kept in self.items if (kept.kind, kept.title) != (kind, title)]
        self.items.append(item)
        return item

    def drop(self, number: int) -> None:
        """Take one thing out again."""
        self.items = [item for item in self.items if item.number != number]
