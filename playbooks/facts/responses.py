"""HTTP/1 responses that ended too early, which TCP alone cannot tell from a normal close (RFC 9112 §8)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from capture.triage import Triage

CUT, UNANSWERED = "response_cut_short", "closed_unanswered"
"""The first is a cause of its own, beside those of capture.verdicts."""
CLOSED = frozenset(("normal_close", "short_connection", "half_close", "simultaneous_close"))
LARGEST_FILE = 512 << 20
MOST_CONNECTIONS = 20_000
_STATUS = re.compile(rb"HTTP/1\.[01] (\d\d\d)")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.I)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.I)
_BODILESS = (b"1", b"204", b"304")


@dataclass(frozen=True, slots=True)
class CutResponse:
    """What came of a response: `got` bytes of `announced` (header and body), None where chunks announce no length."""

    cause: str
    got: int
    announced: int | None
    packet: int
    """Number of the response's first packet in the file, or of the request where there was no response."""


@dataclass(frozen=True, slots=True)
class _Asked:
    connection: int
    got: int
    request: int
    first: int
    last: int
    number: int


def cut_responses(one: Triage, path: str, chosen: Iterable[int]) -> tuple[dict[int, CutResponse], int]:
    """The connections whose responder closed first, with FIN, before its response was complete, or without one; and of
    how many that cannot be told, because the captured bytes end within the response's head.

    Only the first response of a connection is looked at, so what is found is certain and not all is found.
    """
    found: dict[int, CutResponse] = {}
    asked: list[_Asked] = []
    untold = 0
    for connection in list(chosen)[:MOST_CONNECTIONS]:
        verdict = one.verdicts.of(connection)
        if verdict.cause not in CLOSED or verdict.closed_first is None or verdict.closed_first.value != "responder":
            continue
        candidate = _candidate(one, connection)
        if isinstance(candidate, _Asked):
            asked.append(candidate)
        elif candidate is not None:
            found[connection] = candidate
    if asked and os.path.getsize(path) <= LARGEST_FILE:
        heads = _records(path, {offset for each in asked for offset in (each.request, each.first, each.last)})
        for each in asked:
            cut = _compared(each, heads)
            if cut is not None:
                found[each.connection] = cut
            elif _ends_in_head(heads.get(each.first)):
                untold += 1
    else:
        untold = len(asked)
    return found, untold


def _ends_in_head(record: tuple[bytes, bool] | None) -> bool:
    """Whether a response begins here, and its head does not end in the bytes that were captured."""
    head, whole = record or (b"", False)
    status = _STATUS.search(head)
    return not whole and status is not None and b"\r\n\r\n" not in head[status.start() :]


def _candidate(one: Triage, connection: int) -> _Asked | CutResponse | None:
    """Where the request and the response of a whole connection lie; the finding itself where there was no response."""
    flows = one.decoded.flows
    if not flows.complete_handshake[connection]:
        return None
    rows = np.arange(int(flows.first[connection]), int(flows.first[connection + 1]))
    packets = flows.packets
    loaded = packets.payload[rows] > 0
    requests, answers = (rows[loaded & (packets.side[rows] == side)] for side in (0, 1))
    if not len(requests):
        return None
    if not len(answers):
        return CutResponse(UNANSWERED, 0, None, int(packets.number[requests[0]]))
    return _Asked(
        connection,
        int(flows.unique_bytes[connection, 1]),
        int(packets.offset[requests[0]]),
        int(packets.offset[answers[0]]),
        int(packets.offset[answers[-1]]),
        int(packets.number[answers[0]]),
    )


def _compared(one: _Asked, records: Mapping[int, tuple[bytes, bool]]) -> CutResponse | None:
    head, _ = records.get(one.first, (b"", False))
    request, _ = records.get(one.request, (b"", False))
    status = _STATUS.search(head)
    if status is None or status[1].startswith(_BODILESS) or b"HEAD /" in request:
        return None
    begin, end = status.start(), head.find(b"\r\n\r\n", status.start())
    if end < 0:
        return None
    top = head[begin : end + 4]
    length = _LENGTH.search(top)
    if length is not None:
        announced = len(top) + int(length[1])
        return CutResponse(CUT, one.got, announced, one.number) if one.got < announced else None
    last, whole = records.get(one.last, (b"", False))
    if _CHUNKED.search(top) and whole and not last.rstrip(b"\0").endswith(b"\r\n\r\n"):
        return CutResponse(CUT, one.got, None, one.number)
    return None


def _records(path: str, offsets: set[int]) -> dict[int, tuple[bytes, bool]]:
    """The bytes of the records that begin at these offsets, and whether each was captured whole."""
    from capture.wire.reading import open_capture

    wanted = np.array(sorted(offsets), dtype=np.int64)
    found: dict[int, tuple[bytes, bool]] = {}
    with open_capture(path) as reader:
        for records in reader.records():
            if isinstance(records, str):
                return {}
            if not len(records):
                continue
            for index in np.flatnonzero(np.isin(records.offset, wanted)):
                begin, size = int(records.begin[index]), int(records.captured[index])
                data = bytes(records.buffer[begin : begin + size])
                found[int(records.offset[index])] = (data, size >= int(records.original[index]))
    return found
