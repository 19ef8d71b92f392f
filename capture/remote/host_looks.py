"""Looks at other hosts: each host's newest frame through the same tables, ages and findings as this machine's."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from capture.language import count_of
from capture.remote.both_ends import BothEnds
from capture.remote.host import Host
from capture.remote.host_source import RemoteSource
from capture.sockets.finding_lives import Lives
from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.findings.trends import Trends
from capture.sockets.limits import limit_text
from capture.sockets.owners import NoIndex
from capture.sockets.row import NO_PERMISSION, Moment, Namespace
from capture.sockets.snapshot import Snapshot
from capture.sockets.snapshot_assembly import Look, assemble
from capture.sockets.socket_groups import group_namespaces
from capture.sockets.sources.socket_errors import SourceUnavailable
from capture.sockets.watched_namespace import WatchedNamespace

if TYPE_CHECKING:
    from capture.kernel.looks_with_events import LookEvents
    from capture.remote.host_events import HostEvents

FIRST_S: Final = 10.0
"""How long the first frame of a host is waited for."""
SILENT: Final = "no answer yet"


class HostLooks:
    """The looks at one host. `netns` names its sockets where they are beside other hosts'."""

    def __init__(self, host: Host, thresholds: Thresholds | None = None, netns: Namespace | None = None) -> None:
        self.host = host
        self.thresholds = thresholds or Thresholds()
        self.netns = netns
        self._moment = Moment(time.monotonic())
        self.namespace: WatchedNamespace | None = None
        self._last: float | None = None
        self._trends, self._lives = Trends(), Lives()
        self._source: RemoteSource | None = None
        self._events: HostEvents | None = None

    @property
    def answered(self) -> bool:
        """Whether there is a frame at all."""
        return self.host.frame is not None

    def look(self) -> Snapshot | None:
        """The look that the newest frame is; None where none has come yet."""
        frame = self.host.frame
        if frame is None:
            return None
        self._moment.now = self.host.arrived
        if self._source is None or self.namespace is None:
            self._source = RemoteSource(self.netns, frame)
            self.namespace = WatchedNamespace(self._source, self._moment, NoIndex())
        else:
            self._source.take(frame)
        news = {self.namespace: self.namespace.look(frame.head.time, details=True)}
        hidden = sum(row.owner_missing == NO_PERMISSION for row in self.namespace.rows())
        look = Look(
            time=frame.head.time,
            now=self._moment.now,
            elapsed_s=None if self._last is None else self._moment.now - self._last,
            host=frame.head.host,
            source=frame.head.source,
            limits=self._limits(hidden, frame.head.source),
            hidden_owners=hidden,
            processes=self._source.processes,
        )
        self._last = self._moment.now
        return assemble(look, news, self.thresholds, self._trends, self._lives)

    def events(self, look: Snapshot) -> LookEvents:
        """The kernel's events of that host since the last call."""
        from capture.remote.host_events import HostEvents

        self._events = self._events or HostEvents()
        return self._events.read(self.host.take_events(), look)

    def _limits(self, hidden: int, source: str) -> tuple[str, ...]:
        limits = [limit_text("host_own_namespace", host=self.host.name)]
        if source == "procfs":
            limits.append(limit_text("host_without_python", host=self.host.name))
        if hidden:
            advice = limit_text("host_not_root")
            limits.append(limit_text("owners_hidden", sockets=count_of(hidden, "socket"), advice=advice))
        if self.host.trouble:
            limits.append(limit_text("host_gone", host=self.host.name, why=self.host.trouble))
        return tuple(limits)


class ManyHosts:
    """Looks at several hosts at once, and what both ends of a connection say together."""

    def __init__(self, hosts: Sequence[Host], thresholds: Thresholds | None = None) -> None:
        self.looks = [HostLooks(host, thresholds) for host in hosts]
        self._ends = BothEnds()

    def wait(self, frames: int, interval: float) -> None:
        """Waits for the next frame of each host; the first may take longer. A host that is slow delays no other."""
        until = time.monotonic() + (FIRST_S + interval if frames == 1 else interval + 1.0)
        for one in self.looks:
            one.host.wait(frames, until)

    def look(self) -> list[tuple[HostLooks, Snapshot | None]]:
        """The newest look of each host, those that did not answer with None; findings of both ends are among them."""
        return self._ends.joined([(one, one.look()) for one in self.looks])

    def close(self) -> None:
        """Ends all collectors."""
        for one in self.looks:
            one.host.close()


class HostsTogether:
    """Several hosts as one look: a Looker of the screen. Each host's sockets carry its name where others' carry their
    network namespace. Raises SourceUnavailable where no host answers."""

    all_namespaces = False

    def __init__(self, hosts: Sequence[Host], thresholds: Thresholds | None = None) -> None:
        self._many = ManyHosts(hosts)
        for one in self._many.looks:
            one.netns = Namespace(None, one.host.name)
        self.thresholds = thresholds or Thresholds()
        self._lives = Lives()
        self._frames = 0

    def look(self) -> Snapshot:
        """The newest look of each host, together."""
        self._frames += 1
        if self._frames == 1:
            self._many.wait(1, 0.0)
        for one in self._many.looks:
            one.thresholds = self.thresholds
        taken = self._many.look()
        shown = [(one, snapshot) for one, snapshot in taken if snapshot is not None]
        silent = [one.host for one, snapshot in taken if snapshot is None]
        if not shown:
            raise SourceUnavailable("; ".join(f"{host.name}: {host.trouble or SILENT}" for host in silent))
        return self._together(
            shown, tuple(limit_text("host_gone", host=h.name, why=h.trouble or SILENT) for h in silent)
        )

    def close(self) -> None:
        """Ends all collectors."""
        self._many.close()

    def _together(self, shown: Sequence[tuple[HostLooks, Snapshot]], silent: tuple[str, ...]) -> Snapshot:
        looks = [snapshot for _, snapshot in shown]
        findings = sorted((f for look in looks for f in look.findings), key=lambda f: f.severity.rank)
        newest = max(looks, key=lambda look: look.time)
        return replace(
            newest,
            host=", ".join(one.host.name for one, _ in shown),
            limits=tuple(dict.fromkeys([*silent, *(limit for look in looks for limit in look.limits)])),
            states=_summed(look.states for look in looks),
            rows=[row for look in looks for row in look.rows],
            counters=_summed(look.counters for look in looks),
            counter_totals=_summed(look.counter_totals for look in looks),
            groups=group_namespaces([one.namespace for one, _ in shown if one.namespace is not None]),
            findings=tuple(findings),
            lives=self._lives.take(findings, newest.time),
            transitions=tuple(change for look in looks for change in look.transitions),
            processes=tuple(process for look in looks for process in look.processes),
            details={row: info for look in looks for row, info in look.details.items()},
            hidden_owners=sum(look.hidden_owners for look in looks),
            namespaces=tuple(namespace for look in looks for namespace in look.namespaces),
        )


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)
