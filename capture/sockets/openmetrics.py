"""A look for those who scrape: `sockets --format openmetrics`, OpenMetrics 1.0 text (its ABNF and escaping rules)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from capture import __version__
from capture.model import Severity, TcpState
from capture.safe_text import printable
from capture.sockets.inet_diag_msg import LISTEN
from capture.sockets.row import Namespace
from capture.sockets.snapshot import Snapshot
from capture.sockets.sources.link_counters import LINK

PREFIX = "tcptriage"
Labels = tuple[tuple[str, str], ...]
Samples = Mapping[Labels, float]


def exposition(snapshot: Snapshot) -> str:
    """The whole document, with its `# EOF` line. Sockets that share an address (SO_REUSEPORT) are one sample."""
    return "".join(f"{line}\n" for line in _lines(snapshot))


def _lines(snapshot: Snapshot) -> Iterator[str]:
    yield from _family("build", "info", "The program's version.", {(("version", __version__),): 1})
    times: dict[Labels, float] = {(): round(snapshot.time, 3)}
    yield from _family("look_timestamp_seconds", "gauge", "When this look was taken.", times, unit="seconds")
    states = dict.fromkeys(map(str, TcpState), 0) | dict(snapshot.states)
    states.pop(TcpState.CLOSED.value, None)  # never in a table of connections
    yield from _family(
        "sockets", "gauge", "TCP sockets by state.", {(("state", name),): states[name] for name in states}
    )
    help_text = (
        "What this look could not see: sentences of `limits`. Where it is 0, no finding means that nothing is wrong."
    )
    yield from _family("not_seen", "gauge", help_text, {(): len(snapshot.limits)})
    yield from _findings(snapshot)
    yield from _listeners(snapshot)
    counters = {_counter(name): value for name, value in snapshot.counter_totals.items()}
    yield from _family("kernel", "counter", "The kernel's own counters, by its names.", counters)
    yield "# EOF"


def _findings(snapshot: Snapshot) -> Iterator[str]:
    severities: Counter[Labels] = Counter({(("severity", str(one)),): 0 for one in Severity})
    connections: Counter[Labels] = Counter()
    for finding in snapshot.findings:
        severity = ("severity", finding.severity.value)
        severities[(severity,)] += 1
        connections[(("code", finding.code), severity, ("playbook", finding.playbook or ""))] += finding.connections
    yield from _family("findings", "gauge", "Live findings by severity.", severities)
    yield from _family("finding_connections", "gauge", "Connections that a finding speaks of.", connections)


def _listeners(snapshot: Snapshot) -> Iterator[str]:
    waiting: Counter[Labels] = Counter()
    most: Counter[Labels] = Counter()
    dropped: Counter[Labels] = Counter()
    for row in snapshot.rows:
        if row.raw[1] != LISTEN:
            continue
        labels = _labels(str(row.local), row.netns)
        waiting[labels] += row.backlog or 0
        most[labels] += row.backlog_max or 0
        dropped[labels] += row.drops or 0
    for listener in snapshot.unix_listeners:
        labels = _labels(listener.path, listener.netns)
        waiting[labels] += listener.waiting
        most[labels] += listener.most
    limits = {labels: value for labels, value in most.items() if value}  # 0: the source does not tell it
    yield from _family("listener_queue", "gauge", "Connections that wait to be accepted.", waiting)
    yield from _family("listener_queue_limit", "gauge", "The accept queue's maximum.", limits)
    yield from _family("listener_drops", "counter", "Connection requests that a listener dropped.", dropped)


def _labels(local: str, netns: Namespace | None) -> Labels:
    return (("local", local), ("netns", "" if netns is None else str(netns.inode)))


def _counter(name: str) -> Labels:
    """TCP's counters have no colon; what this machine's links and receive backlog dropped has."""
    if name.startswith(LINK):
        return (("counter", "link_drops"), ("link", name.removeprefix(LINK)))
    return (("counter", name),)


def _family(name: str, kind: str, help_text: str, samples: Samples, unit: str = "") -> Iterator[str]:
    yield f"# TYPE {PREFIX}_{name} {kind}"
    if unit:
        yield f"# UNIT {PREFIX}_{name} {unit}"
    yield f"# HELP {PREFIX}_{name} {help_text}"
    suffix = {"counter": "_total", "info": "_info"}.get(kind, "")
    for labels, value in samples.items():
        label_text = ",".join(f'{key}="{escaped(text)}"' for key, text in labels)
        yield f"{PREFIX}_{name}{suffix}{f'{{{label_text}}}' if label_text else ''} {value}"


def escaped(text: str) -> str:
    """A label's value: controls made visible, then backslashes, quotes and line ends escaped as the standard asks."""
    return printable(text).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
