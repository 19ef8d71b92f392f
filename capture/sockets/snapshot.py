"""What one look at the live connections yields. Frozen, but for the rows: those are kept from look to look."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from capture.model import Endpoint, Finding, TcpState
from capture.sockets import inet_diag_msg as diag
from capture.sockets.finding_lives import Life
from capture.sockets.row import Namespace, Owner, Process, SocketRow
from capture.sockets.sources.rst_tap import TappedResets
from capture.sockets.sources.settings import KernelSettings
from capture.sockets.sources.tcpinfo import TcpInfo
from capture.sockets.sources.unix_listeners import UnixListener


class Transition(NamedTuple):
    """A socket that appeared (`state_before` None), closed (`state_after` None) or changed state between two looks.

    `time` is epoch seconds of the look that saw it; `age_s` how long it had been in the state it left, None if it
    appeared. `raw` is its record (inet_diag_msg.py) and `owners` those of the time, for the row may be gone.
    """

    time: float
    state_before: int | None
    state_after: int | None
    raw: bytes
    owners: tuple[Owner, ...]
    age_s: float | None
    netns: Namespace | None

    @property
    def kind(self) -> str:
        """appeared, closed or changed."""
        if self.state_before is None:
            return "appeared"
        return "closed" if self.state_after is None else "changed"

    @property
    def before(self) -> TcpState | None:
        """The state it left; None if it appeared."""
        return None if self.state_before is None else diag.state_of(self.state_before)

    @property
    def after(self) -> TcpState | None:
        """The state it entered; None if it closed."""
        return None if self.state_after is None else diag.state_of(self.state_after)

    @property
    def cookie(self) -> str:
        """As a row's."""
        return diag.cookie_text(self.raw[44:52])

    @property
    def local(self) -> Endpoint:
        """This machine's end."""
        return diag.local_of(self.raw)

    @property
    def remote(self) -> Endpoint:
        """The peer's end."""
        return diag.remote_of(self.raw)


@dataclass(frozen=True, slots=True)
class Unseen:
    """A namespace that was not looked into. `sockets` None where nothing tells how many it holds; `permitted` whether
    it was only not asked for."""

    namespace: Namespace
    sockets: int | None
    permitted: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Sockets that share something. `kind` is process, listener, host, peer or state; `key` is unique in its kind and
    stays the same from look to look; `label` is for people (a process's name in it is hostile text)."""

    kind: str
    key: str
    label: str
    sockets: int
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Groups:
    """All groups of a look, each kind largest first; of hosts and peers only the LARGEST ones (aggregates.py)."""

    processes: tuple[Group, ...] = ()
    listeners: tuple[Group, ...] = ()
    hosts: tuple[Group, ...] = ()
    peers: tuple[Group, ...] = ()
    states: tuple[Group, ...] = ()


class NamespaceView(NamedTuple):
    """One network namespace: settings, counters (with those of links), records of sockets that are bound and nothing
    more, and the resets that a tap took since the look before."""

    netns: Namespace | None
    settings: KernelSettings
    counters: Mapping[str, int]
    bound: tuple[bytes, ...] = ()
    resets: TappedResets = TappedResets()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The live connections at one moment.

    `time` epoch seconds; `source` sock_diag, procfs or psutil; `limits` sentences on what could not be seen and why;
    `states` counts in ss's spelling; `counters` differences since the look before, under the kernel's names, only those
    that moved; `counter_totals` the counters themselves; `elapsed_s` seconds since that look, None at the first.
    """

    time: float
    host: str
    source: str
    limits: tuple[str, ...]
    states: Mapping[str, int]
    rows: Sequence[SocketRow]
    counters: Mapping[str, int]
    groups: Groups
    findings: tuple[Finding, ...]
    transitions: tuple[Transition, ...]
    processes: tuple[Process, ...]
    settings: KernelSettings = field(default_factory=KernelSettings)
    counter_totals: Mapping[str, int] = field(default_factory=dict)
    elapsed_s: float | None = None
    transitions_left_out: int = 0
    hidden_owners: int = 0
    details: Mapping[SocketRow, TcpInfo] = field(default_factory=dict)
    """tcp_info of the sockets that findings asked about in this look."""
    namespaces: tuple[NamespaceView, ...] = ()
    """Each network namespace, the program's own (None) first."""
    moment: float = 0.0
    """The time of the look on the clock of ages, seconds."""
    unix_listeners: tuple[UnixListener, ...] = ()
    lives: tuple[Life, ...] = ()
    """The findings of this look with their first time, then those that are over, the last one first."""
    sees_unix: bool = False
    """Whether the source knows of unix listeners at all."""
    hidden_why: str = ""
    """Why holders of `hidden_owners` sockets are out of sight."""
    unseen: tuple[Unseen, ...] = ()
    """Network namespaces that were not looked into; `limits` names them in words."""
    of_ports: Callable[[Set[bytes]], Iterable[SocketRow]] | None = field(default=None, compare=False)
    """Until the next look: its rows of these local and remote ports (four bytes in network order), and before them
    those that only the look before had. None where rows have to be searched."""

    touched: Collection[SocketRow] | None = field(default=None, compare=False)
    """Rows that are new, were read anew, or have other owners than in the look at `before`; None: any may have."""
    gone: Sequence[SocketRow] = field(default=(), compare=False)
    """Rows of the look at `before` that are here no more; where `touched` is None not all of them."""
    before: float | None = None
    """The time of the look before on the clock of ages, seconds; None at the first."""

    def row(self, cookie: str) -> SocketRow | None:
        """The socket of a cookie, as a finding's sample names it; None where it has gone."""
        return next((row for row in self.rows if row.cookie == cookie), None)
