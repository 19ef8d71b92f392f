"""What the ends of a group are alike in: the silence before them, their moment, the bytes before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.verdicts import catalogue
from capture.verdicts.events.context import INITIAL_WINDOW
from capture.verdicts.groups.group import ALIKE, LEAST, cluster, count, say
from capture.verdicts.words.sentence_numbers import duration
from capture.verdicts.words.sentences import was_waiting

if TYPE_CHECKING:
    from capture.verdicts.groups.group import Group
    from capture.wire.column_types import I64

SILENT = (
    "stale_keepalive", "idle_drop", "no_socket", "middlebox_reset", "aborted", "silent_drop", "closed_unanswered",
    "reset_when_idle",
)  # fmt: skip
IDLE_CAUSES = ("stale_keepalive", "idle_drop", "no_socket", "middlebox_reset", "silent_drop", "reset_when_idle")
SHORTEST_LIMIT_NS = 2_000_000_000  # a limit on idle connections
AT_ONCE_NS = 10_000_000  # a program that looks at a request takes longer, or answers
MOMENT_NS = 1_000_000_000
RESTART = ("stale_keepalive", "closed_unanswered", "write_after_peer_close", "no_socket", "aborted", "reset_when_idle")
LEAST_OFFSET = 512  # bytes: below it every short answer has the same length


def silences(group: Group, facts: dict[str, object]) -> str | None:
    """The same silence before each end; or a limit: all that were idle longer died, none that was not."""
    if group.cause not in SILENT:
        return None
    waits = group.each(lambda numbers: numbers.longest_wait)
    alike = cluster(waits, 1_000_000_000)
    if alike is None:
        return _limit(group, waits, facts)
    silence, inside = alike
    facts["silence_s"] = round(silence / 1e9, 3)
    names = catalogue.timeout_names(silence / 1e9, http=group.http, waiting=_waited(group))
    suffix = say("silence_names", names=names) if names else ""
    return say("silence", silence=duration(silence), inside=count(inside), n=count(len(group.members)), names=suffix)


def _waited(group: Group) -> bool | None:
    """Whether an answer was owed in all of these silences, or in none."""
    codes = {group.verdicts.template(int(i)).diagnosis.sentence for i in group.members[:1000]}
    each = {was_waiting(code) for code in codes}
    return each.pop() if len(each) == 1 else None


def _limit(group: Group, waits: I64, facts: dict[str, object]) -> str | None:
    others = group.others
    if group.cause not in IDLE_CAUSES or len(waits) < LEAST or len(others) < LEAST:
        return None
    died, lived = int(waits.min()), int(group.flows.longest_gap_ns[others].max())
    if died < SHORTEST_LIMIT_NS or lived >= died:
        return None
    facts["idle_from_s"], facts["idle_to_s"] = round(lived / 1e9, 3), round(died / 1e9, 3)
    names = catalogue.timeouts_between(lived / 1e9, died / 1e9, http=group.http)
    suffix = say("limit_names", names="; ".join(names)) if names else ""
    return say(
        "limit",
        n=count(len(waits)),
        died=duration(died),
        others=count(len(others)),
        lived=duration(lived),
        names=suffix,
    )


def at_once(group: Group, facts: dict[str, object]) -> str | None:
    """Every request was cut off within milliseconds: nothing looked at it."""
    if group.cause not in ("aborted", "closed_unanswered") or group.actor != 1 or len(group.members) < group.total:
        return None
    codes = {group.verdicts.template(int(i)).diagnosis.sentence for i in group.members[:1000]}
    if not codes <= {"abort_unanswered", "closed_unanswered"}:
        return None
    if int(group.flows.bytes[group.members, 0].max()) > INITIAL_WINDOW:
        return None  # more than one window: somebody took of it
    waits = group.each(lambda numbers: numbers.gap)
    if np.count_nonzero(waits <= AT_ONCE_NS) < ALIKE * len(waits):
        return None
    facts["at_once"] = True
    return say("at_once")


def one_moment(group: Group, facts: dict[str, object]) -> str | None:
    """The server ended them together, whatever their age: it stopped, or was restarted."""
    if group.cause not in RESTART or len(group.members) < LEAST or "silence_s" in facts or "at_once" in facts:
        return None
    ends = group.each(lambda numbers: numbers.server_left)
    ends = ends[ends > 0]
    begins = group.flows.first_time[group.members]
    if len(ends) < LEAST or len(ends) < ALIKE * len(group.members):
        return None
    middle = int(np.median(ends))
    inside = int((np.abs(ends - middle) <= MOMENT_NS // 2).sum())
    if inside < ALIKE * len(ends) or int(begins.max()) - int(begins.min()) < 2 * MOMENT_NS:
        return None
    facts["one_moment"] = middle
    return say("one_moment", inside=count(inside), n=count(len(group.members)))


def same_offset(group: Group, facts: dict[str, object]) -> str | None:
    """The same number of bytes before each end, where the other connections there show that sizes differ."""
    if len(group.members) < 5:
        return None
    for side in (1, 0):
        values, counts = np.unique(group.flows.bytes[group.members, side], return_counts=True)
        top = int(np.argmax(counts))
        offset, inside = int(values[top]), int(counts[top])
        if offset < LEAST_OFFSET or inside < ALIKE * len(group.members):
            continue
        usual = group.flows.bytes[group.others, side]
        usual = usual[usual > 0]
        differ = len(usual) >= LEAST and int(usual.min()) != int(usual.max()) and float((usual == offset).mean()) < 0.5
        if differ:
            facts["offset_bytes"] = offset
            side_word = catalogue.side_word(side)
            return say("offset", bytes=count(offset), side=side_word, inside=count(inside), n=count(len(group.members)))
    return None
