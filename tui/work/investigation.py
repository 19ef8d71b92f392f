"""What one run of the program has gathered: shared by the screens, exported by Evidence."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui.work.evidence_item import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.remote.host import Host
    from capture.sockets.findings.thresholds import Thresholds
    from capture.triage import Triage
    from tui.work.case_keeper import CaseKeeper
    from tui.work.standard_input import StandardInput

MOST_DROPPED = 50  # that can be taken back


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked the dashboard for."""

    files: tuple[str, ...] = ()
    log: str | None = None  # explained line by line
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
    compare: tuple[str, ...] | None = None  # captures of several points
    demo: bool = False
    examples: str = ""  # the folder of the shipped recordings
    stdin: StandardInput | None = None  # where a capture comes in by it
    ssh: str = "ssh"  # what reached the hosts
    sudo: bool = False
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by mode: those that are shown
    keys: Mapping[str, str] = field(default_factory=dict)  # what a key does: the key, where it is another
    warnings: tuple[str, ...] = ()  # of the configuration, said at the start
    keep_case: bool = False  # on disk, from the first thing on that would be lost
    keeper: CaseKeeper | None = None  # of the case that is taken up

    @property
    def bottoms(self) -> Mapping[str, Mapping[str, Any]]:
        """What the first screen of each mode shows at the start: where a case is taken up, what it showed."""
        return self.keeper.case.place.bottoms if self.keeper is not None else {}


@dataclass(slots=True)
class Investigation:
    """Everything the four modes share. Changed on the screen's thread only."""

    request: Request
    triages: list[Triage] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    dropped: list[Item] = field(default_factory=list)  # taken out, the latest last
    thresholds: Thresholds | None = None  # of live findings, where they were set on the screen
    changed: Callable[[], None] = lambda: None  # called after each change of the evidence
    _count: int = 0

    def __post_init__(self) -> None:
        """What a case that is taken up holds."""
        if (keeper := self.request.keeper) is not None:
            self.items, self.dropped = list(keeper.case.items), list(keeper.case.dropped)
            self._count = max((item.number for item in (*self.items, *self.dropped)), default=0)

    def keep(self, kind: str, title: str, body: str, of: str = "") -> Item:
        """Add to the evidence; the same thing kept twice replaces its earlier self."""
        self._count += 1
        item = Item(kind, title, body, time.time(), self._count, of)
        self.items = [kept for kept in self.items if (kept.kind, kept.title, kept.of) != (kind, title, of)]
        self.items.append(item)
        self.changed()
        return item

    def drop(self, number: int) -> Item | None:
        """Take one thing out again; `take_back` undoes it."""
        item = next((item for item in self.items if item.number == number), None)
        if item is not None:
            self.items.remove(item)
            self.dropped = [*self.dropped, item][-MOST_DROPPED:]
            self.changed()
        return item

    def take_back(self) -> Item | None:
        """Undo the last `drop` that was not undone; None where there is none."""
        if not self.dropped:
            return None
        item = self.dropped.pop()
        self.items = sorted((*self.items, item), key=lambda one: one.number)
        self.changed()
        return item
