"""A capture's connections as rows of a table: order and filter are arrays, a row is formatted when it is seen."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from capture.model import Closer, Ending, Resetter
from tui.text.language import tr
from tui.text.quantities import duration, size

if TYPE_CHECKING:
    from capture.filters import Filter
    from capture.model import Connection
    from capture.triage import Triage
    from capture.wire.column_types import I64

_WHO = {"originator": "orig", "responder": "resp", "both": "both", "middlebox": "mbox", None: ""}


class ConnectionRows:
    """An order over the connections of all captures. A key is (capture, connection), given as one number."""

    def __init__(self, triages: Sequence[Triage], order: I64, starts: Sequence[int], whole: bool = True) -> None:
        self.triages = triages
        self.starts = starts  # of each capture in the numbering over all
        self.order = order
        self._whole = whole  # False: only a first part was read, and how its connections end is still to come
        self._places: dict[int, int] | None = None
        self._cells = lru_cache(maxsize=512)(self._format)

    def __len__(self) -> int:
        return len(self.order)

    @property
    def total(self) -> int:
        """Connections before the filter."""
        return self.starts[-1]

    def key(self, index: int) -> Hashable:
        """The connection's number over all captures."""
        return int(self.order[index])

    def place_of(self, key: Hashable) -> int | None:
        """Where a connection is now."""
        if self._places is None:
            self._places = {number: place for place, number in enumerate(self.order.tolist())}
        return self._places.get(key)  # type: ignore[call-overload,no-any-return]

    def find(self, key: Hashable) -> tuple[Triage, int]:
        """The capture and the connection's id in it."""
        number = int(key)  # type: ignore[call-overload]
        capture = int(np.searchsorted(np.asarray(self.starts), number, side="right")) - 1
        return self.triages[capture], number - self.starts[capture]

    by = ""
    """By what the rows are grouped."""

    @property
    def matching(self) -> int:
        """Connections that the filter keeps, in groups or not."""
        return len(self.order)

    def number(self, capture: int, connection: int) -> int:
        """The key of a connection of a capture."""
        return self.starts[capture] + connection

    def cells(self, index: int) -> Sequence[tuple[str, str]]:
        """In the order of connection_columns.COLUMNS."""
        return self._cells(int(self.order[index]))

    def _format(self, number: int) -> Sequence[tuple[str, str]]:
        triage, connection = self.find(number)
        one, bad = triage.connection(connection), int(triage.verdicts.badness[connection])
        return connection_cells(one, bad, triage.decoded.first_time or one.first_time, whole=self._whole)


def connection_cells(one: Connection, bad: int, base: int, *, whole: bool = True) -> tuple[tuple[str, str], ...]:
    """In the order of connection_columns.COLUMNS. `bad`: how bad its end is; `base`: when its capture begins, epoch ns;
    `whole` False: how it ends is still to come."""
    verdict = one.verdict
    sign, tone = mark(bad) if whole else ("", "")
    retransmitted = sum(side["retransmission"] for side in one.counts)
    return (
        (sign, tone),
        (str(one.originator), ""),
        (str(one.responder), ""),
        (ended(verdict.ended_by), tone) if whole else ("…", "dim"),
        (ended_by_whom(one), "") if whole else ("", ""),
        (verdict.cause, tone or "dim") if whole else (tr("still reading"), "dim"),
        (f"{(one.first_time - base) / 1e9:.2f}", "dim"),
        (duration((one.last_time - one.first_time) / 1e9), "dim"),
        (size(sum(one.packets)), "dim"),
        (size(sum(one.bytes)), "dim"),
        (one.conn_state, "dim"),
        (str(retransmitted), "warn" if retransmitted else "dim"),
        (verdict.certainty.value, "dim"),
        (one.history, "dim"),
        (str(one.id), "dim"),
    )


def mark(bad: int) -> tuple[str, str]:
    """The row's mark and tone, from the verdict's badness."""
    if bad >= BAD:
        return "!!", "bad"
    return ("!", "warn") if bad >= WORTH_A_LOOK else ("", "")


BAD, WORTH_A_LOOK = 200, 40  # badness is a cause's cost by 4: causes.toml


def ended(ending: Ending) -> str:
    """How it ended, in the field's letters."""
    return {Ending.FIN: "FIN", Ending.RST: "RST", Ending.TIMEOUT: "t/o", Ending.ICMP: "ICMP", Ending.OPEN: "open"}[
        ending
    ]


def ended_by_whom(one: Connection) -> str:
    """The side whose FIN or RST came first; the resetter where that is another one."""
    return by_whom(one.verdict.closed_first, one.verdict.ended_by, one.verdict.reset_by)


def by_whom(closed_first: Closer | None, ended_by: Ending, reset_by: Resetter | None) -> str:
    """The same from a verdict's codes."""
    who: Closer | Resetter | None = closed_first
    if ended_by is Ending.RST and reset_by is Resetter.MIDDLEBOX:
        who = reset_by
    return tr(_WHO[who.value if who is not None else None])


def connection_rows(
    triages: Sequence[Triage], wanted: Filter | None, sort: tuple[str, bool], *, whole: bool = True
) -> ConnectionRows:
    """The connections that a filter keeps, in order. For the worker."""
    starts = [0]
    for triage in triages:
        starts.append(starts[-1] + len(triage.decoded.flows))
    keep = np.arange(starts[-1])
    if wanted is not None:
        masks = [np.asarray(wanted.select(t.decoded.flows, t.verdicts), dtype=bool) for t in triages]
        keep = keep[np.concatenate(masks)] if masks else keep
    values = np.concatenate([values_of(triage, sort[0]) for triage in triages]) if triages else np.zeros(0)
    ranks = np.argsort(-values[keep] if sort[1] else values[keep], kind="stable")
    return ConnectionRows(triages, keep[ranks].astype(np.int64), starts, whole)


def values_of(triage: Triage, column: str) -> I64:
    """What a capture's connections are sorted by, shape (n,): times in ns, addresses as one number each."""
    flows = triage.decoded.flows
    values: I64
    if column == "mark":
        values = np.asarray(triage.verdicts.badness, dtype=np.int64)
    elif column in ("originator", "responder"):
        side = int(column == "responder")
        values = (flows.address[:, side] << 16) | flows.port[:, side].astype(np.int64)
    elif column == "bytes":
        values = flows.bytes.sum(axis=1)
    elif column == "packets":
        values = flows.packet_count.sum(axis=1)
    elif column == "retransmitted":
        values = flows.counts["retransmission"].sum(axis=1)
    else:
        values = flows.last_time - flows.first_time if column == "duration" else flows.first_time
    return values
