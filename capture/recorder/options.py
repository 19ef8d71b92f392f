"""What a recorder is asked to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from capture.recorder.triggers import Triggers

BEFORE_S: Final = 30.0
AFTER_S: Final = 10.0
KEEP_BYTES: Final = 1 << 30
INCIDENTS: Final = 20

Recognise = Callable[[str], str | None]
"""The symptom code of a log line; None where it tells of none."""


class Options(Struct, frozen=True, kw_only=True):
    """`before_s` and `after_s` around a trigger go into a folder; at most `incidents` folders and `keep_bytes` under
    `out`, rings included; `seconds` None watches until it is asked to stop. `report` is a command line that writes a
    folder's report.md when the folder's path is put behind it; empty for none."""

    out: str
    triggers: Triggers
    recognise: Recognise
    ports: tuple[int, ...] = ()
    logs: tuple[str, ...] = ()
    seconds: float | None = None
    before_s: float = BEFORE_S
    after_s: float = AFTER_S
    keep_bytes: int = KEEP_BYTES
    incidents: int = INCIDENTS
    interval_s: float = 1.0
    anonymize: bool = False
    report: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    """Folders that the process which writes a folder may read; it writes under `out` alone."""
    tell: Callable[[str], None]
    """Takes sentences for people."""
    language: str = "en"
    """Of those sentences; what goes into a folder is English."""
