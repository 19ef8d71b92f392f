"""The machine that is recorded: this one, or another that tells what it sees (capture.remote)."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from capture.kernel.event import Reading
from capture.kernel.event_source import KernelEvents
from capture.recorder.packet_ring import Block, PacketRing
from capture.sockets.snapshot import Snapshot
from capture.sockets.socket_watch import Watcher
from capture.sockets.sources.interface_names import interface_names


class Machine(Struct, frozen=True):
    """What a folder says of the machine; `interfaces` by the kernel's index."""

    host: str
    kernel: str
    interfaces: Mapping[int, str]


class PacketSource(Protocol):
    """Blocks of packets as the kernel's ring has them (PacketRing). `fileno` is -1 where none is waited for."""

    seen: int
    dropped: int

    def fileno(self) -> int:
        """For poll."""

    def take(self) -> Iterable[Block]:
        """The blocks since the last call."""

    def count(self) -> None:
        """Brings `seen` and `dropped` up to date."""

    def close(self) -> None:
        """Gives it back."""


class EventSource(Protocol):
    """See KernelEvents."""

    @property
    def limits(self) -> tuple[str, ...]:
        """What there is not."""

    def read(self) -> Reading:
        """What happened since the last call."""

    def close(self) -> None:
        """Gives it back."""


class LookSource(Protocol):
    """See Watcher."""

    def look(self) -> Snapshot:
        """A look. Raises SourceUnavailable."""

    def close(self) -> None:
        """Gives it back."""


class Origin(Protocol):
    """Opens what may be seen of a machine; each raises what its part of Rings expects."""

    @property
    def gone(self) -> str:
        """Why nothing comes from it any more; empty while it is there."""

    @property
    def clock_ahead(self) -> float:
        """Seconds that its clock shows more than this machine's."""

    def machine(self) -> Machine:
        """What it is."""

    def packets(self, ports: Sequence[int]) -> PacketSource:
        """Its packets. Raises RecorderUnavailable."""

    def events(self) -> EventSource:
        """Its kernel's events. Raises EventsUnavailable."""

    def looks(self) -> LookSource:
        """Looks at its sockets. Raises SourceUnavailable."""


class ThisMachine:
    """The one that this runs on."""

    gone = ""
    clock_ahead = 0.0

    def machine(self) -> Machine:
        """See Origin."""
        names: dict[int, str] = {}
        with contextlib.suppress(OSError):
            names = interface_names()
        return Machine(socket.gethostname(), os.uname().release, names)

    def packets(self, ports: Sequence[int]) -> PacketSource:
        """See Origin."""
        return PacketRing(ports)

    def events(self) -> EventSource:
        """See Origin."""
        return KernelEvents(outlived=True)

    def looks(self) -> LookSource:
        """See Origin."""
        return Watcher()
