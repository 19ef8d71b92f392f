"""Findings of a comparison: what groups of connections share."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from capture.language import catalogue, count_of, per_language, tr
from capture.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from capture.points.compared import Both
    from capture.points.comparison import Comparison, Entry
    from capture.points.proxying import Chained

SAMPLE = 10
MOST_PLACES = 3
MOST_TOLD = 20_000  # connections with a difference that are looked at one by one


@per_language
def _texts() -> dict[str, dict[str, str]]:
    return catalogue(os.path.dirname(__file__), "findings")


def findings_of(comparison: Comparison) -> list[Finding]:
    """All of them, most severe first, larger groups first among equals."""
    found = [*_as_a_whole(comparison), *_of_groups(comparison)]
    return sorted(found, key=lambda finding: (finding.severity.rank, -finding.connections))


def _finding(code: str, connections: Sequence[Entry], **words: Any) -> Finding:
    entry = _texts()[code]
    n = len(connections)
    words["n"] = f"{n:,}"
    title = entry["one"] if n == 1 or "many" not in entry else entry["many"]
    return Finding(
        code=code,
        severity=Severity(entry["severity"]),
        title=title.format(**words),
        text=entry["text"].format(**words),
        connections=n,
        sample=tuple(a if a is not None else b for a, b in connections[:SAMPLE] if (a, b) != (None, None)),  # type: ignore[misc]
        playbook=entry.get("playbook"),
    )


def _as_a_whole(comparison: Comparison) -> Iterator[Finding]:
    a, b = comparison.points
    if comparison.matched.pairs.a.size:
        if comparison.is_one_capture:
            yield _finding("same_capture", [])
        elif comparison.near == "b":
            yield _finding("swapped", [])
        return
    counts = {point.name: len(point.triage.decoded.flows) for point in (a, b)}
    for here, there in ((a, b), (b, a)):
        if not len(there.rows):
            words = {"here": here.name.upper(), "there": there.name.upper()}
            seen = count_of(counts[here.name], "connection")
            finding = _finding("no_tcp", [], **words)
            text = _texts()["no_tcp"]["text"].format(n=seen, **words)
            yield Finding("no_tcp", finding.severity, finding.title, text, counts[here.name], (), None)
            return
    if comparison.chained.a:
        yield _proxied(comparison)
        return
    spans = [(point.triage.decoded.first_time or 0, point.triage.decoded.last_time or 0) for point in (a, b)]
    apart = spans[0][1] < spans[1][0] or spans[1][1] < spans[0][0]
    words = {name: count_of(count, "connection") for name, count in counts.items()}
    yield _finding("no_overlap" if apart else "no_common_connection", [], **words)


def _proxied(comparison: Comparison) -> Finding:
    chain = comparison.chained
    ahead = chain.a if chain.front == "a" else chain.b
    entries: list[Entry] = list({one: (a, b) for one, a, b in zip(ahead, chain.a, chain.b, strict=True)}.values())
    before, behind = ("A", "B") if chain.front == "a" else ("B", "A")
    return _finding("proxied", entries, before=before, behind=behind, clocks=clocks_by_proxy(chain))


def clocks_by_proxy(chain: Chained) -> str:
    """How the clocks stand to each other, by the requests that a proxy passed on."""
    if not chain.ahead_ns:
        return tr("the clocks were taken to agree")
    return tr("B's clock was taken to be {seconds} s ahead", seconds=f"{chain.ahead_ns / 1e9:,.1f}")


def _of_groups(comparison: Comparison) -> Iterator[Finding]:
    noteworthy = comparison.noteworthy()[:MOST_TOLD]
    comparison.prepare(noteworthy)
    shown = [comparison.connection(entry) for entry in noteworthy]
    resets = [c for c in shown if any("R" in p.flags for p in c.injected) and c.cause != "reset_ignored"]
    yield from _counted("reset_injected", resets, [len(c.injected) for c in resets])
    others = [c for c in shown if c.injected and c not in resets]
    yield from _counted("injected", others, [len(c.injected) for c in others])
    syns = [c for c in shown if c.cause == "syn_unanswered" and c.lost]
    yield from _counted("syn_lost", syns, [len(c.lost) for c in syns])
    known = {(c.a, c.b) for c in (*resets, *syns)}
    left = [c for c in shown if c.lost and (c.a, c.b) not in known]
    dead = [c for c in left if c.died]
    yield from _counted("path_died", dead, [len(c.lost) for c in dead])
    some = [c for c in left if c not in dead]
    sent = max(1, len(comparison.matched.same_a)) + sum(len(c.lost) for c in shown)
    lost = sum(len(c.lost) for c in some)
    yield from _counted("lost", some, [len(c.lost) for c in some], sent=f"{sent:,}", share=f"{100 * lost / sent:.2g} %")
    yield from _rewritten(comparison)
    yield from _modified(shown)
    for code in ("reordered", "duplicated"):
        group = [c for c in shown if getattr(c, code)]
        yield from _counted(code, group, [len(getattr(c, code)) for c in group])
    late = [c for c in shown if c.delayed]
    longest = max((moved.late_ms for c in late for moved in c.delayed), default=0.0)
    yield from _counted("delayed", late, [len(c.delayed) for c in late], longest=f"{longest:,.0f} ms")
    missed = [c for c in shown if c.missed]
    yield from _counted("not_captured", missed, [len(c.missed) for c in missed])
    undecided = [c for c in shown if c.undecided]
    yield from _counted("undecided", undecided, [len(c.undecided) for c in undecided])


def _counted(code: str, group: Sequence[Both], packets: Sequence[int], **words: Any) -> Iterator[Finding]:
    if group:
        total = sum(packets)
        count = count_of(total, "packet")
        yield _finding(code, [(c.a, c.b) for c in group], packets=count, where=_where(group), **words)


def _where(group: Sequence[Both]) -> str:
    places = Counter(str(c.responder) for c in group)
    if len(places) <= MOST_PLACES:
        return ", ".join(place for place, _ in places.most_common())
    return count_of(len(places), "place")


def _rewritten(comparison: Comparison) -> Iterator[Finding]:
    pairs = comparison.matched.pairs
    other = np.flatnonzero(comparison.readdressed.any(axis=1))
    if len(other):
        entries: list[Entry] = [(int(pairs.a[i]), int(pairs.b[i])) for i in other.tolist()]
        examples = Counter(_example(comparison.connection(entry)) for entry in entries[:200])
        yield _finding("readdressed", entries, examples="; ".join(text for text, _ in examples.most_common(3)))
    shifted = np.flatnonzero(comparison.matched.shift.any(axis=1))
    if len(shifted):
        yield _finding("renumbered", [(int(pairs.a[i]), int(pairs.b[i])) for i in shifted.tolist()])


def _example(both: Both) -> str:
    if both.readdressed_as is None:
        return ""
    changes = []
    for side, was, now in zip(
        ("originator", "responder"), (both.originator, both.responder), both.readdressed_as, strict=True
    ):
        if was.ip != now.ip:
            changes.append(
                tr(
                    "the originator {was} at A is {now} at B"
                    if side == "originator"
                    else "the responder {was} at A is {now} at B",
                    was=was.ip,
                    now=now.ip,
                )
            )
        elif was.port != now.port:
            changes.append(
                tr(
                    "the originator's port is another one at B"
                    if side == "originator"
                    else "the responder's port is another one at B"
                )
            )
    return ", ".join(changes)


def _modified(shown: Sequence[Both]) -> Iterator[Finding]:
    content = [c for c in shown if any(x.what == "payload" for m in c.modified for x in m.changed)]
    yield from _counted(
        "content_modified", content, [sum(x.what == "payload" for m in c.modified for x in m.changed) for c in content]
    )
    other = [c for c in shown if any(x.what != "payload" for m in c.modified for x in m.changed)]
    kinds = Counter(x.what for c in other for m in c.modified for x in m.changed if x.what != "payload")
    what = ", ".join(f"{name} {count:,}" for name, count in kinds.most_common())
    yield from _counted("modified", other, [len(c.modified) for c in other], what=what)
