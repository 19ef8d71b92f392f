"""An incident folder: what it holds, and reading it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from capture.recorder.recorder_errors import IncidentUnreadable

SCHEMA: Final = "tcptriage.incident/1"
MANIFEST, PACKETS, EVENTS, LOOKS, LOG, REPORT = (
    "manifest.json",
    "packets.pcapng",
    "events.jsonl",
    "looks.jsonl.gz",
    "log.txt",
    "report.md",
)


class Trigger(Struct, frozen=True):
    """What froze the rings. `time` epoch seconds."""

    kind: str
    text: str
    time: float


class Manifest(Struct, frozen=True, kw_only=True, rename={"begin": "from", "end": "to"}):
    """manifest.json. Times are epoch seconds; `looks` and the like count what the folder holds; `notes` say what is
    missing and why; `suppressed` triggers fired since the folder before and made none."""

    schema: str = SCHEMA
    host: str
    kernel: str
    version: str
    trigger: Trigger
    begin: float
    end: float
    packets: int
    packets_dropped: int
    events: int
    events_lost: int
    looks: int
    log_lines: int
    suppressed: int = 0
    notes: tuple[str, ...] = ()


class Incident(Struct, frozen=True):
    """A folder that was opened."""

    path: str
    manifest: Manifest

    def file(self, name: str) -> str | None:
        """The path of one of its files; None where it is not there."""
        path = os.path.join(self.path, name)
        return path if os.path.isfile(path) else None

    def events(self) -> Iterator[dict[str, Any]]:
        """Its kernel events as written; a line that is cut or damaged is passed over."""
        path = self.file(EVENTS)
        if path is None:
            return
        with open(path, "rb") as file:
            for line in file:
                try:
                    event = msgspec.json.decode(line)
                except msgspec.MsgspecError:
                    continue
                if isinstance(event, dict):
                    yield event


def is_incident(path: str) -> bool:
    """Whether a path is a folder with a manifest."""
    return os.path.isfile(os.path.join(path, MANIFEST))


def open_incident(path: str) -> Incident:
    """Raises IncidentUnreadable."""
    try:
        with open(os.path.join(path, MANIFEST), "rb") as file:
            manifest = msgspec.json.decode(file.read(1 << 20), type=Manifest)
    except OSError as error:
        raise IncidentUnreadable(f"{path}: no incident: {MANIFEST}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise IncidentUnreadable(f"{path}: {MANIFEST} is damaged: {error}") from error
    if manifest.schema != SCHEMA:
        raise IncidentUnreadable(f"{path}: {MANIFEST} is of another kind: {manifest.schema}")
    return Incident(path, manifest)
