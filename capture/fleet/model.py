"""What a fleet is made of: files, captures, what was left out, and what reading a capture gave. Plain data: it crosses
processes and hosts as JSON, and stays beside the result, so that a run that was interrupted goes on."""

from __future__ import annotations

from msgspec import Struct

SCHEMA = "tcptriage.fleet/1"


class LeftOut(Struct, frozen=True):
    """A path that is not in the result, and why; one line each."""

    path: str
    why: str


class Surveyed(Struct, frozen=True):
    """A file, as far as it is known before its packets are read. Times are epoch nanoseconds, None without a packet.

    `stamp` changes where the file's bytes may have (size and time of change, or what a store tells of it).
    """

    path: str
    size: int | None
    stamp: str
    format: str
    link_types: tuple[str, ...]
    first_time: int | None
    last_time: int | None
    begun: tuple[str, ...] = ()
    """Ends of connections that began before the file, as `ip:port ip:port`: the first of them."""
    open: tuple[str, ...] = ()
    """Ends of connections that had not ended at its end: the last of them."""


class Planned(Struct, frozen=True):
    """One capture: its files in order of time, how it is called, and why these files belong together."""

    name: str
    files: tuple[Surveyed, ...]
    why: str

    @property
    def paths(self) -> tuple[str, ...]:
        """Its files, in order."""
        return tuple(file.path for file in self.files)


class FindingPart(Struct, frozen=True):
    """What one capture gives to a finding of the whole fleet: connections of one cause, acting side and listener.

    `key` tells what may be put together besides these (a client, of short connections); `facts` are those of
    capture.model.Finding; times are epoch nanoseconds.
    """

    code: str
    actor: int | None
    key: str
    ip: str
    port: int | None
    connections: int
    total: int  # at this listener, in this capture
    sample: tuple[int, ...]
    severity: str
    title: str
    text: str
    playbook: str | None
    clients: dict[str, int]  # the busiest, with how many each
    clients_seen: int
    facts: dict[str, object]


class ReadCapture(Struct, frozen=True):
    """A capture that was read: what the manifest says of it, and its part of the findings."""

    name: str
    key: str  # of what was read (reading.key_of)
    why: str
    files: tuple[str, ...]
    parts: tuple[str, ...]  # files of rows under DIR/connections, in order of id; none where it holds no connection
    format: str
    link_types: tuple[str, ...]
    packets: int
    tcp_packets: int
    connections: int
    first_time: int | None
    last_time: int | None
    notices: tuple[tuple[str, int | None, str], ...]
    findings: tuple[FindingPart, ...]


class Reading(Struct, frozen=True):
    """What came of one task: the captures that its files hold, and those of its files that could not be read."""

    captures: tuple[ReadCapture, ...]
    left_out: tuple[LeftOut, ...]
