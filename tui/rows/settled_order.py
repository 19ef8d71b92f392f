"""Rows by their number, that keep their places while numbers sway: what moves under the eye is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from tui.rows.list_rows import Rows

One = TypeVar("One")
SWAY = 1.25
"""A row passes the one above it when its number is so many times that one's, and more than one larger."""
SETTLED = 40
"""Rows from the top that are kept in place: no screen shows more of such a list."""


def settled(
    ordered: Sequence[One], before: Mapping[Hashable, int], key: Callable[[One], Hashable], number: Callable[[One], int]
) -> list[One]:
    """`ordered` greatest first; `before`: key → place in the list as it was shown last."""
    top, rest = list(ordered[:SETTLED]), ordered[SETTLED:]
    if before:
        top.sort(key=lambda one: before.get(key(one), len(before)))
        for end in range(1, len(top)):
            at = end
            while at and _passes(number(top[at]), number(top[at - 1])):
                top[at - 1], top[at] = top[at], top[at - 1]
                at -= 1
    return [*top, *rest]


def _passes(below: int, above: int) -> bool:
    return below > above * SWAY and below > above + 1


def places_in(rows: Rows) -> dict[Hashable, int]:
    """Key → place of what is shown, as far as it is kept in place."""
    return {rows.key(place): place for place in range(min(len(rows), SETTLED))}
