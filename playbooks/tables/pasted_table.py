"""What a pasted table tells of a socket, and of a whole machine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.model import Finding


@dataclass(frozen=True, slots=True)
class TableEnd:
    """An end as the table writes it. `host` may be a name, or `*`; `port` None where it is a wildcard or unknown."""

    host: str
    port: int | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TableSocket:
    """One row. `state` is in ss's spelling; queues are None where such a table has none; `backlog_max` only of ss.

    `timer` and `retransmits` are of `ss -o`. How long a socket is in its state no such table tells.
    """

    line: int
    state: str
    local: TableEnd
    remote: TableEnd
    recv_q: int | None = None
    send_q: int | None = None
    pid: int | None = None
    process: str | None = None
    timer: str | None = None
    retransmits: int | None = None
    backlog_max: int | None = None


@dataclass(frozen=True, slots=True)
class PastedTable:
    """All rows and counters of one text. `counters` are under the kernel's names; since when they count is unknown."""

    sockets: Sequence[TableSocket] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    findings: Sequence[Finding] = ()

    def __bool__(self) -> bool:
        return bool(self.sockets or self.counters)

    @property
    def states(self) -> dict[str, int]:
        """{STATE: count}, the most first."""
        return dict(Counter(one.state for one in self.sockets).most_common())
