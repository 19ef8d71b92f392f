"""What a source of sockets is: one per network namespace, all of the same shape, whatever they read from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from capture.sockets.row import Namespace, Owner
from capture.sockets.sources import counters, settings
from capture.sockets.sources.dump_diff import Chunk
from capture.sockets.sources.interface_names import interface_names
from capture.sockets.sources.netlink import BOUND, CONNECTIONS, LISTENERS, WITH_INFO, WITH_MEMORY, DiagSocket
from capture.sockets.sources.rst_tap import RstTap, TappedResets
from capture.sockets.sources.tcpinfo import TcpInfo, tcp_info


class Source(Protocol):
    """Delivers records of one network namespace (inet_diag_msg.py). Every call may raise SourceUnavailable."""

    name: str
    netns: Namespace | None

    def connections(self) -> Iterable[Chunk]:
        """All sockets but listeners."""

    def detailed(self) -> Iterable[bytes]:
        """The same in receive buffers, with tcp_info behind each record where the source has it."""

    def listeners(self) -> Iterable[bytes]:
        """All listeners in receive buffers, with their drops behind each record where the source has them."""

    def exact(self, raw: bytes) -> TcpInfo | None:
        """tcp_info of one socket; None where it is gone or the source has none."""

    def counters(self) -> dict[str, int]:
        """TcpExt and Tcp counters."""

    def settings(self) -> settings.KernelSettings:
        """Sysctls."""

    def limits(self) -> list[str]:
        """Codes of limits.toml: what this source cannot tell."""

    def close(self) -> None:
        """Gives descriptors back."""


@runtime_checkable
class KnowsOwners(Protocol):
    """A source that tells who holds a socket, or why nobody does: by the eight bytes of its cookie."""

    owners: dict[bytes, tuple[Owner, ...]]
    hidden: dict[bytes, str]


@runtime_checkable
class Remembers(Protocol):
    """A recording: knows since when, on its own clock, and whether that is a minimum; and (round trip, retransmissions,
    drops), which another source has to be asked for."""

    ages: dict[bytes, tuple[float, bool]]
    extras: dict[bytes, tuple[int | None, int | None, int | None]]
    tapped: TappedResets


@runtime_checkable
class SeesUnixListeners(Protocol):
    """A source that tells of listening unix sockets too."""

    def unix_listeners(self) -> bytes:
        """Messages of unix_diag (unix_listeners.py). Raises SourceUnavailable."""


@runtime_checkable
class NamesInterfaces(Protocol):
    """A source that knows what the interfaces of its namespace are called."""

    def interfaces(self) -> dict[int, str]:
        """{index: name}. Raises OSError."""


@runtime_checkable
class SeesResets(Protocol):
    """A source in whose network RST segments can be tapped."""

    def tap_resets(self) -> RstTap:
        """A tap that takes RSTs from now on. Raises OSError where that is not permitted."""


@runtime_checkable
class SeesBound(Protocol):
    """A source that tells of sockets that are bound to a port, and neither listen nor connect."""

    def bound(self) -> Iterable[bytes]:
        """Their records, in receive buffers; none on kernels that do not tell. Raises SourceUnavailable."""


class SockDiagSource:
    """The kernel's own answer: everything ss knows. `netns` None is the namespace it was made in."""

    name = "sock_diag"

    def __init__(self, netns: Namespace | None = None) -> None:
        self.netns = netns
        self._diag = DiagSocket()

    def connections(self) -> Iterable[Chunk]:
        """See Source."""
        return self._diag.views(CONNECTIONS)

    def detailed(self) -> Iterable[bytes]:
        """See Source."""
        return self._diag.chunks(CONNECTIONS, WITH_INFO)

    def listeners(self) -> Iterable[bytes]:
        """See Source."""
        return [self._diag.dump(LISTENERS, WITH_MEMORY)]

    def interfaces(self) -> dict[int, str]:
        """See NamesInterfaces."""
        return interface_names()

    def bound(self) -> Iterable[bytes]:
        """See SeesBound."""
        return self._diag.chunks(BOUND)

    def tap_resets(self) -> RstTap:
        """See SeesResets."""
        return RstTap()

    def unix_listeners(self) -> bytes:
        """See SeesUnixListeners."""
        return self._diag.unix_listeners()

    def exact(self, raw: bytes) -> TcpInfo | None:
        """See Source."""
        message = self._diag.one(raw)
        return None if message is None else tcp_info(message)

    def counters(self) -> dict[str, int]:
        """See Source."""
        return counters.read_counters()

    def settings(self) -> settings.KernelSettings:
        """See Source."""
        return settings.read_settings()

    def limits(self) -> list[str]:
        """See Source."""
        return []

    def close(self) -> None:
        """See Source."""
        self._diag.close()
