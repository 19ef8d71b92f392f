"""HTTP/1 responses that ended too early, which TCP alone cannot tell from a normal close (RFC 9112 §8)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capture.flows.connection_table import Packets
    from capture.triage import Triage

CUT, UNANSWERED = "response_cut_short", "closed_unanswered"
"""The first is a cause of its own, beside those of capture.verdicts."""
CLOSED = frozenset(("normal_close", "short_connection", "half_close", "simultaneous_close", "aborted"))
LARGEST_FILE = 512 << 20
MOST_CONNECTIONS = 20_000
MOST_PACKETS = 500_000
SNAP = 1 << 16  # bytes of a packet
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


def cut_responses(one: Triage, path: str, chosen: Iterable[int]) -> tuple[dict[int, CutResponse], int]:
    """The connections whose responder closed first, with FIN, before its response was complete, or without one; and of
    how many that cannot be told, because the captured bytes end within the response's head.

    Only the first response of a connection is looked at, so what is found is certain and not all is found.
    """
    closed = [c for c in list(chosen)[:MOST_CONNECTIONS] if _closed_by_responder(one, c)]
    found: dict[int, CutResponse] = {}
    asked: list[_Asked] = []
    untold = 0
    for connection, packets in _packets(one, closed).items():
        candidate = _candidate(one, connection, packets)
        if isinstance(candidate, _Asked):
            asked.append(candidate)
        elif candidate is not None:
            found[connection] = candidate
    if asked and os.path.getsize(path) <= LARGEST_FILE:
        heads = _records(one, {number for each in asked for number in (each.request, each.first, each.last)})
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


def _closed_by_responder(one: Triage, connection: int) -> bool:
    """Whether a whole connection ended by its responder's FIN."""
    verdict = one.verdicts.of(connection)
    closed = verdict.closed_first is not None and verdict.closed_first.value == "responder"
    closed &= verdict.ended_by.value == "fin"
    return closed and verdict.cause in CLOSED and bool(one.decoded.flows.complete_handshake[connection])


def _packets(one: Triage, connections: list[int]) -> dict[int, Packets]:
    from capture.reread import packets_of_all

    return packets_of_all(one.decoded, connections, MOST_PACKETS) if connections else {}


def _candidate(one: Triage, connection: int, packets: Packets) -> _Asked | CutResponse | None:
    """Where the request and the response of a whole connection lie; the finding itself where there was no response."""
    loaded = packets.payload > 0
    requests, answers = (packets.number[loaded & (packets.side == side)] for side in (0, 1))
    if not len(requests):
        return None
    if not len(answers):
        return CutResponse(UNANSWERED, 0, None, int(requests[0]))
    got = int(one.decoded.flows.unique_bytes[connection, 1])
    return _Asked(connection, got, int(requests[0]), int(answers[0]), int(answers[-1]))


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
        return CutResponse(CUT, one.got, announced, one.first) if one.got < announced else None
    last, whole = records.get(one.last, (b"", False))
    if _CHUNKED.search(top) and whole and not last.rstrip(b"\0").endswith(b"\r\n\r\n"):
        return CutResponse(CUT, one.got, None, one.first)
    return None


def _records(one: Triage, numbers: set[int]) -> dict[int, tuple[bytes, bool]]:
    """The bytes of these packets, and whether each was captured whole."""
    from capture.reread import whole_packets

    found = whole_packets(one.decoded.parts[0], sorted(numbers), SNAP) or {}
    return {number: (packet.data, len(packet.data) >= packet.original) for number, packet in found.items()}
