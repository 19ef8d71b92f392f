"""Signatures: the context and the events of a connection as a short byte string; few are distinct."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.engine.library import distinct_keys
from capture.verdicts.events.event_codes import ICMP_SHIFT, SIDE_BIT, IcmpClass, Kind
from capture.verdicts.rules.verdict_template import Template, make

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.flows.connection_table import Events, FlowTable
    from capture.wire.column_types import I32, U16, U32, QuotedTcp

CONTEXT_BITS = 21
MOST_EVENTS = 96  # of one signature: beyond that the middle is left out, its beginning and end decide

ICMP_V4 = {
    0: IcmpClass.NET, 1: IcmpClass.HOST, 2: IcmpClass.PORT, 3: IcmpClass.PORT, 5: IcmpClass.NET, 6: IcmpClass.NET,
    7: IcmpClass.HOST, 8: IcmpClass.HOST, 9: IcmpClass.PROHIBITED, 10: IcmpClass.PROHIBITED, 11: IcmpClass.NET,
    12: IcmpClass.HOST, 13: IcmpClass.PROHIBITED, 14: IcmpClass.HOST, 15: IcmpClass.HOST,
}  # fmt: skip
ICMP_V6 = {
    0: IcmpClass.NET, 1: IcmpClass.PROHIBITED_V6, 2: IcmpClass.HOST, 3: IcmpClass.HOST, 4: IcmpClass.PORT,
    5: IcmpClass.PROHIBITED_V6, 6: IcmpClass.PROHIBITED_V6,
}  # fmt: skip


class Signatures(Struct, frozen=True):
    """Which template each connection has, and the rows behind each event."""

    templates: list[Template]
    of: I32  # (n,) index into templates
    events: Events
    merged: dict[
        int, list[int]
    ]  # connections with ICMP errors or a cut middle: row (or -1 - index of the error) of each event
    elsewhere: dict[int, int] = {}  # connections that another host answered: the connection of that host

    def rows(self, connection: int) -> list[int]:
        """The row of each event of a connection; -1 - k for its k-th ICMP error."""
        merged = self.merged.get(connection)
        first = self.events.first
        return merged if merged is not None else list(range(int(first[connection]), int(first[connection + 1])))


def sign(flows: FlowTable, events: Events, context: U32) -> Signatures:
    """Give each connection its template; the state machine runs once for each distinct signature."""
    special, merged = _special(flows, events)
    histories = events.histories
    history = histories.of.astype(np.int64)
    codes: dict[bytes, int] = {}
    for i, code in special.items():
        history[i] = len(histories.first) - 1 + codes.setdefault(code.tobytes(), len(codes))
    of, speakers = distinct_keys(history << CONTEXT_BITS | context)
    templates = []
    for speaker in speakers.tolist():
        low, high = histories.first[histories.of[speaker] : histories.of[speaker] + 2].tolist()
        code = special.get(speaker, histories.code[low:high])
        templates.append(make([int(context[speaker]), *code.tolist()]))
    return Signatures(templates, of, events, merged)


def _special(flows: FlowTable, events: Events) -> tuple[dict[int, U16], dict[int, list[int]]]:
    """Codes and rows of the connections whose events are not simply those of the table."""
    codes: dict[int, U16] = {}
    rows: dict[int, list[int]] = {}
    first = events.first
    for i, errors in flows.quoted.items():
        begin, end = int(first[i]), int(first[i + 1])
        merged = _with_errors(flows, i, events.code[begin:end].tolist(), range(begin, end), errors)
        rows[i] = [row for row, _ in merged]
        codes[i] = np.array([code for _, code in merged], np.uint16)
    for i in np.flatnonzero(np.diff(first) > MOST_EVENTS).tolist():
        begin, end = int(first[i]), int(first[i + 1])
        code = codes.get(i, events.code[begin:end])
        row = rows.get(i, list(range(begin, end)))
        codes[i] = np.concatenate([code[: MOST_EVENTS // 3], code[-2 * MOST_EVENTS // 3 :]])
        rows[i] = row[: MOST_EVENTS // 3] + row[-2 * MOST_EVENTS // 3 :]
    return codes, rows


def _with_errors(
    flows: FlowTable, connection: int, codes: list[int], rows: Sequence[int], errors: list[QuotedTcp]
) -> list[tuple[int, int]]:
    """Rows and codes with the ICMP errors put in at their times; of a run of the same error, the ends."""
    time = flows.events.time
    # a run that was folded without the errors between tells less than the errors do: the ends of both are kept
    out = [(int(time[row]), row, code) for row, code in zip(rows, codes, strict=True)]
    seen: dict[int, list[tuple[int, int, int]]] = {}
    for k, error in enumerate(errors):
        code = _icmp_code(flows, connection, error)
        if code is not None:
            seen.setdefault(code, []).append((error.time, -1 - k, code))
    for run in seen.values():
        out += run if len(run) < 3 else [run[0], run[-1]]
    out.sort(key=lambda item: item[0])
    return [(row, code) for _, row, code in out]


def _icmp_code(flows: FlowTable, connection: int, error: QuotedTcp) -> int | None:
    table = ICMP_V6 if error.ipv6 else ICMP_V4
    unreachable = error.icmp_type == (1 if error.ipv6 else 3)
    meaning = table.get(error.icmp_code) if unreachable else None
    if (error.icmp_type, error.icmp_code) == ((2, 0) if error.ipv6 else (3, 4)):
        meaning = IcmpClass.MTU
    if meaning is None:
        return None
    side = 0 if (error.src, error.sport) == (int(flows.address[connection, 0]), int(flows.port[connection, 0])) else 1
    return Kind.ICMP | (int(meaning) << ICMP_SHIFT) | (SIDE_BIT if side else 0)
