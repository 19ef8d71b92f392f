"""Findings over the whole fleet: what each capture gives, put together by cause, acting side and place.

As in one capture, up to eight listeners with one problem are named each, else their hosts, else how many there are.
Counts are exact: how many connections a listener has is counted in the rows, also where nothing is wrong with them.
A pattern (the same wait, silence or age) holds for the fleet where it holds for most of the connections.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import tomli
from msgspec import Struct

from capture.model import Severity
from capture.verdicts import catalogue
from capture.verdicts.groups.group import ALIKE, count
from capture.verdicts.groups.group_findings import MOST_PLACES, severity_of
from capture.verdicts.words.sentence_numbers import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from capture.fleet.model import FindingPart, ReadCapture

MOST_FINDINGS = 200
SAMPLE = 10
CLOSE = 0.02  # patterns of two captures are the same within so much
Listener = tuple[str, int | None]


class FleetFinding(Struct, frozen=True):
    """One problem of a group of connections, in however many captures. `sample`: (capture, id); times epoch ns."""

    code: str
    severity: Severity
    title: str
    text: str
    connections: int
    captures: int
    sample: tuple[tuple[str, int], ...]
    playbook: str | None
    first_time: int | None
    last_time: int | None


class _Group(Struct, frozen=True):
    """Parts that are one finding, each with the capture that it is of; `total`: connections of their listeners."""

    parts: Sequence[tuple[str, FindingPart]]
    total: int

    @property
    def connections(self) -> int:
        return sum(part.connections for _, part in self.parts)

    @property
    def listeners(self) -> set[Listener]:
        return {(part.ip, part.port) for _, part in self.parts}


def fleet_findings(captures: Iterable[ReadCapture], totals: Mapping[Listener, int]) -> list[FleetFinding]:
    """All findings, most severe first, larger groups first. `totals`: connections of each listener with a problem."""
    kinds: dict[tuple[str, int | None, str, object], list[tuple[str, FindingPart]]] = {}
    for capture in captures:
        for part in capture.findings:
            place = (part.ip, part.port) if part.key else None
            kinds.setdefault((part.code, part.actor, part.key, place), []).append((capture.name, part))
    found = [_finding(group) for parts in kinds.values() for group in _groups(parts, totals)]
    found.sort(key=lambda finding: (finding.severity.rank, -finding.connections))
    return found[:MOST_FINDINGS]


def listeners_of(captures: Iterable[ReadCapture]) -> set[Listener]:
    """The listeners of all parts."""
    return {(part.ip, part.port) for capture in captures for part in capture.findings}


def _groups(parts: list[tuple[str, FindingPart]], totals: Mapping[Listener, int]) -> Iterator[_Group]:
    places: tuple[Callable[[FindingPart], object], ...] = (
        lambda part: (part.ip, part.port),
        lambda part: part.ip,
        lambda _: None,
    )
    for place in places:
        groups: dict[object, list[tuple[str, FindingPart]]] = {}
        for name, part in parts:
            groups.setdefault(place(part), []).append((name, part))
        if len(groups) <= MOST_PLACES:
            break
    for group in groups.values():
        here = {(part.ip, part.port) for _, part in group}
        yield _Group(group, sum(totals.get(listener, 0) for listener in here))


def _finding(group: _Group) -> FleetFinding:
    _, first = group.parts[0]
    n = group.connections
    captures = Counter[str]()
    for name, part in group.parts:
        captures[name] += part.connections
    plain = first.actor is None and first.total == 0  # of no listener's share
    severity = min((Severity(part.severity) for _, part in group.parts), key=lambda severity: severity.rank)
    if not plain:
        severity = severity_of(first.code, first.actor, n, group.total)
    title, text = first.title, first.text
    if len(group.parts) > 1 or not text or (not plain and group.total != first.total):
        title, text = _title(group), _text(group, captures)
    times = [part.facts for _, part in group.parts]
    return FleetFinding(
        code=first.code,
        severity=severity,
        title=title,
        text=text,
        connections=n,
        captures=len(captures),
        sample=tuple((name, number) for name, part in group.parts for number in part.sample)[:SAMPLE],
        playbook=first.playbook,
        first_time=min((int(str(facts["first_time"])) for facts in times if "first_time" in facts), default=None),
        last_time=max((int(str(facts["last_time"])) for facts in times if "last_time" in facts), default=None),
    )


def _title(group: _Group) -> str:
    _, first = group.parts[0]
    who = catalogue.side_word(first.actor if first.actor is not None else 1)
    n = group.connections
    return catalogue.finding_title(first.code, n).format(n=count(n), where=_where(group), who=who)


def _where(group: _Group) -> str:
    hosts = {ip for ip, _ in group.listeners}
    if len(hosts) > 1:
        return catalogue.place("hosts").format(hosts=count(len(hosts)))
    ip = hosts.pop()
    ports = {port for _, port in group.listeners}
    if len(ports) > 1:
        return catalogue.place("ports").format(ip=ip, ports=count(len(ports)))
    return f"[{ip}]:{ports.pop()}" if ":" in ip else f"{ip}:{ports.pop()}"


def _text(group: _Group, captures: Counter[str]) -> str:
    _, first = group.parts[0]
    info = catalogue.info_of(first.code)
    largest = max(group.parts, key=lambda part: part[1].connections)[1]
    if info is None:
        clauses = [_say("largest", text=largest.text)] if len(group.parts) > 1 else [largest.text]
    else:
        meaning = info.meaning[0].upper() + info.meaning[1:]
        clauses = [catalogue.clause("meaning").format(meaning=meaning), _share(group), _clients(group)]
        clauses += _patterns(group)
    if len(captures) > 1:
        name, top = captures.most_common(1)[0]
        clauses.append(_say("captures", captures=count(len(captures)), top=count(top), capture=name))
    clauses.append(_between(group))
    if info is not None and info.decide_by:
        decide = catalogue.clause("decide").format(decide=info.decide_by)
        clauses.append(decide + ("" if info.decide_by.endswith("?") else "."))
    return " ".join(clause for clause in clauses if clause)


def _share(group: _Group) -> str:
    n, total = group.connections, group.total
    if total <= 1:
        return ""
    if n >= total:
        return _say("all_of_listener", total=count(total))
    share = n / total
    shown = f"{share:.1%}" if share >= 0.001 else f"{count(n)} in {count(total)}"
    return _say("share", share=shown, total=count(total))


def _clients(group: _Group) -> str:
    clients = Counter[str]()
    for _, part in group.parts:
        clients.update(part.clients)
    if not clients:
        return ""
    whole = all(part.clients_seen == len(part.clients) for _, part in group.parts)
    seen = count(len(clients)) if whole else f"{count(max(len(clients), 257))} or more"
    name, top = clients.most_common(1)[0]
    if len(clients) == 1 and whole:
        return catalogue.clause("one_client").format(client=name)
    if top == 1:
        return catalogue.clause("clients_once").format(clients=seen)
    return catalogue.clause("clients").format(clients=seen, top=count(top), client=name)


def _patterns(group: _Group) -> list[str]:
    """The same wait, silence or age, where the captures that show one show the same, for most connections."""
    n = group.connections
    for code, fact in (("wait", "wait_s"), ("silence", "silence_s"), ("age", "age_s")):
        measured = [(float(str(part.facts[fact])), part.connections) for _, part in group.parts if fact in part.facts]
        if not measured:
            continue
        middle = max(measured, key=lambda pair: pair[1])[0]
        inside = sum(connections for value, connections in measured if abs(value - middle) <= CLOSE * middle)
        if inside < ALIKE * n:
            continue
        names = catalogue.timeout_names(middle) if code == "silence" else None
        suffix = catalogue.clause("silence_names").format(names=names) if names else ""
        shown = duration(round(middle * 1e9))
        return [_say(code, **{code: shown, "inside": count(inside), "n": count(n), "names": suffix})]
    return []


def _between(group: _Group) -> str:
    first = [int(str(part.facts["first_time"])) for _, part in group.parts if "first_time" in part.facts]
    last = [int(str(part.facts["last_time"])) for _, part in group.parts if "last_time" in part.facts]
    if not first or not last:
        return ""
    try:
        return _say("between", first=_moment(min(first)), last=_moment(max(last)))
    except (OverflowError, ValueError, OSError):  # a damaged clock
        return ""


def _moment(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _say(code: str, **values: object) -> str:
    return str(_clauses()[code]).format(**values)


@cache
def _clauses() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "findings.toml"), "rb") as stream:
        clauses: dict[str, Any] = tomli.load(stream)["clauses"]
        return clauses
