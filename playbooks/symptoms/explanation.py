"""What is said of an error line. Named tuples: a log makes millions of them, and frozen dataclasses are slow."""

from __future__ import annotations

from typing import NamedTuple


class End(NamedTuple):
    """One end of a connection as a line names it. `port` None where the line gives an address only."""

    ip: str
    port: int | None

    def __str__(self) -> str:
        if self.port is None:
            return self.ip
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Explained(NamedTuple):
    """A line that was recognised.

    `errno` only where the line states it. `local` and `remote` are the ends of the failed connection, as seen by who
    wrote the line. `time` is ISO 8601 where the line tells the year, else as written. `side` says whose connection it
    was: client, upstream, local (a listener), or None.
    """

    symptom: str
    errno: str | None
    source: str | None
    local: End | None
    remote: End | None
    time: str | None
    side: str | None
    playbook: str
    meaning: str
