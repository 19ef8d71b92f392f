"""Connections that share a cause, an acting side and a place, and what is needed to say what they have in common."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.verdicts import catalogue
from capture.verdicts.words.sentence_numbers import Numbers
from capture.wire.numpy_sets import distinct

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.flows.connection_table import FlowTable
    from capture.verdicts.judge import Verdicts
    from capture.wire.column_types import I64

ALIKE = 0.8  # share of a group that makes a pattern
LEAST = 3  # connections that make a pattern


class Group(Struct, frozen=True, dict=True):
    """Connections with one cause and one acting side (None: neither). `total`: of their listeners in the capture."""

    flows: FlowTable
    verdicts: Verdicts
    cause: str
    actor: int | None
    members: I64
    total: int

    def each(self, number: Callable[[Numbers], I64]) -> I64:
        """A number of every member, in nanoseconds."""
        out = np.zeros(len(self.members), np.int64)
        kinds = self.verdicts.template_of[self.members]
        for kind in distinct(kinds).tolist():
            where = np.flatnonzero(kinds == kind)
            numbers = Numbers(self.flows, self.verdicts.signed, self.verdicts.templates[kind], self.members[where])
            out[where] = number(numbers)
        return out

    @property
    def http(self) -> bool:
        """Whether its listeners may speak HTTP: their ports are not those of other protocols."""
        return not np.isin(self.flows.port[self.members, 1], catalogue.other_protocols()).all()

    @cached_property
    def others(self) -> I64:
        """The other connections of the group's listeners."""
        here = np.isin(self.verdicts.listeners, distinct(self.verdicts.listeners[self.members]))
        here[self.members] = False
        return np.flatnonzero(here)


def say(code: str, **values: object) -> str:
    """A clause of findings.toml."""
    return catalogue.clause(code).format(**values)


def count(number: int) -> str:
    """A number as people read it."""
    return f"{number:,}"


def cluster(values: I64, least_ns: int) -> tuple[int, int] | None:
    """The value that most are close to (2 % or 60 ms), and how many; None where they are scattered or tiny."""
    if len(values) < LEAST:
        return None
    middle = int(np.median(values))
    if middle < least_ns:
        return None
    inside = int((np.abs(values - middle) <= max(60_000_000, middle // 50)).sum())
    return (middle, inside) if inside >= ALIKE * len(values) else None
