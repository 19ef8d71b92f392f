"""What the rules of findings look at: one look, and the course of counts before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from capture.model import Finding
from capture.sockets import inet_diag_msg as diag
from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.findings.trends import Trends
from capture.sockets.row import Process, SocketRow
from capture.sockets.watched_namespace import News, WatchedNamespace


def ends_of(raw: bytes, turned: bool = False) -> bytes:
    """Both ends of a record, as its peer's record has them where `turned`."""
    local = diag.local_address(raw) + diag.local_port(raw)
    remote = diag.remote_address(raw) + diag.remote_port(raw)
    return remote + local if turned else local + remote


@dataclass(frozen=True)
class Looks:
    """`now` is on the clock of ages, `time` epoch seconds, `elapsed_s` since the look before (None at the first)."""

    namespaces: Sequence[WatchedNamespace]
    news: Mapping[WatchedNamespace, News]
    processes: Sequence[Process]
    thresholds: Thresholds
    trends: Trends
    now: float
    time: float = 0.0
    elapsed_s: float | None = None

    @cached_property
    def _listeners(self) -> dict[tuple[WatchedNamespace, bytes], SocketRow]:
        return {
            (namespace, diag.local_port(row.raw)): row
            for namespace in self.namespaces
            for row in namespace.listeners.rows.values()
        }

    def mirrored(
        self,
        namespace: WatchedNamespace,
        rows: Sequence[SocketRow],
        others: Callable[[WatchedNamespace], Iterable[SocketRow]],
    ) -> bool:
        """Whether most of the rows of another namespace have their other ends on this machine too, among `others` of
        its namespaces: then both are one fault, which that end tells better."""
        if namespace.netns is None or len(self.namespaces) < 2:
            return False
        ends = {ends_of(row.raw) for there in self.namespaces if there is not namespace for row in others(there)}
        return 2 * sum(ends_of(row.raw, turned=True) in ends for row in rows) > len(rows)

    def listener_on(self, namespace: WatchedNamespace, port: bytes) -> SocketRow | None:
        """A listener on a local port (network order), whatever its address."""
        return self._listeners.get((namespace, port))


NamespaceRule = Callable[[Looks, WatchedNamespace], Iterator[Finding]]
"""Findings of one network namespace; a file of rules lists its own as `NAMESPACE_RULES`."""
MachineRule = Callable[[Looks], Iterator[Finding]]
"""Findings of the whole machine; `MACHINE_RULES`."""
