"""The log of transitions as rows: when, what changed, between whom, and whose it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.rows.ends_filter import keeps
from tui.rows.list_rows import ListRows
from tui.text.column_layout import Column
from tui.text.quantities import clock, duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.filters import Filter
    from capture.sockets.snapshot import Transition

COLUMNS = (
    Column("time", "Time", 8, rank=0),
    Column("change", "Change", 24, most=24, rank=0, least=20),
    Column("local", "Local", 21, most=28, rank=0, least=12, tail=True),
    Column("remote", "Remote", 21, most=28, rank=0, least=15, tail=True),
    Column("process", "Process", 13, most=24, rank=1),
    Column("after", "After", 6, right=True, rank=3),
)


def change(one: Transition) -> str:
    """What happened, in ss's words for the states."""
    if one.before is None:
        return f"+ {one.after}" if one.after is not None else "+"
    return f"- {one.before}" if one.after is None else f"{one.before} > {one.after}"


def cells(one: Transition) -> tuple[tuple[str, str], ...]:
    """In the order of COLUMNS."""
    who = f"{one.owners[0].pid} {printable(one.owners[0].name, 24)}" if one.owners else ""
    return (
        (clock(one.time), "dim"),
        (change(one), "dim" if one.after is None else ""),
        (str(one.local), ""),
        (str(one.remote), ""),
        (who, ""),
        (duration(one.age_s) if one.age_s is not None else "", "dim"),
    )


def line(one: Transition) -> str:
    """One transition as text, for the clipboard."""
    return "  ".join(text for text, _ in cells(one) if text)


def matches(one: Transition, wanted: Filter | None, now: float | None = None) -> bool:
    """Whether a filter of sockets keeps it; its state is the one it entered, or the last of a closed one."""
    return keeps(
        wanted,
        local=one.local,
        remote=one.remote,
        owners=one.owners,
        netns=one.netns,
        cookie=one.cookie,
        state=one.after or one.before,
        at=one.time,
        now=now,
    )


def transition_rows(
    numbered: Iterable[tuple[int, Transition]], wanted: Filter | None, now: float | None = None
) -> ListRows:
    """Newest first; each keeps its number, so that the cursor stays on it. `now`: when the last look was."""
    kept = [(number, cells(one)) for number, one in numbered if matches(one, wanted, now)]
    return ListRows(kept[::-1])
