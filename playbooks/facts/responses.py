"""HTTP/1 responses that ended too early, which TCP alone cannot tell from a normal close (RFC 9112 §8).

Whether a response was whole is the engine's to say (engine/http_messages.c); here are the lengths, and what it could
not say because its header was not captured.
"""

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
_STATUS = re.compile(rb"HTTP/1\.[01] \d\d\d")


@dataclass(frozen=True, slots=True)
class CutResponse:
    """What came of a response: `got` bytes of `announced` (header and body), None where its header names no length,
    or another response came before it."""

    cause: str
    got: int
    announced: int | None
    packet: int
    """Number of the response's first packet in the file, or of the request where there was no response."""


@dataclass(frozen=True, slots=True)
class _Response:
    connection: int
    cut: bool  # else nothing is known of its end
    got: int
    packet: int
    size: int  # of that packet's payload


def cut_responses(one: Triage, path: str, chosen: Iterable[int]) -> tuple[dict[int, CutResponse], int]:
    """The connections whose responder closed first, with FIN, before its response was complete, or without one; and of
    how many that are unknown, because the captured bytes end within the response's head."""
    from capture.flows.connection_table import Answer

    flows = one.decoded.flows
    closed = [c for c in list(chosen)[:MOST_CONNECTIONS] if _closed_by_responder(one, c)]
    found: dict[int, CutResponse] = {}
    responses: list[_Response] = []
    for connection, packets in _packets(one, [c for c in closed if flows.answer[c] != Answer.WHOLE]).items():
        candidate = _candidate(one, connection, packets)
        if isinstance(candidate, _Response):
            responses.append(candidate)
        elif candidate is not None:
            found[connection] = candidate
    small = os.path.getsize(path) <= LARGEST_FILE
    heads = _records(one, {each.packet for each in responses}) if responses and small else {}
    untold = 0
    for each in responses:
        head, whole = heads.get(each.packet, (b"", False))
        if each.cut:
            found[each.connection] = CutResponse(CUT, each.got, _announced(head, each), each.packet)
        else:
            untold += not small or (not whole and _ends_in_head(head))
    return found, untold


def _closed_by_responder(one: Triage, connection: int) -> bool:
    """Whether a whole connection ended by its responder's FIN."""
    verdict = one.verdicts.of(connection)
    closed = verdict.closed_first is not None and verdict.closed_first.value == "responder"
    closed &= verdict.ended_by.value == "fin"
    return closed and verdict.cause in CLOSED and bool(one.decoded.flows.complete_handshake[connection])


def _packets(one: Triage, connections: list[int]) -> dict[int, Packets]:
    from capture.reread import packets_of_all

    return packets_of_all(one.decoded, connections, MOST_PACKETS) if connections else {}


def _candidate(one: Triage, connection: int, packets: Packets) -> _Response | CutResponse | None:
    """Where the first response of a whole connection lies; the finding itself where there was none to a request."""
    from capture.flows.connection_table import Answer

    loaded = packets.payload > 0
    requests, responses = ((loaded & (packets.side == side)).nonzero()[0] for side in (0, 1))
    if not len(requests):
        return None
    if not len(responses):
        return CutResponse(UNANSWERED, 0, None, int(packets.number[requests[0]]))
    flows, first = one.decoded.flows, responses[0]
    cut = bool(flows.answer[connection] == Answer.CUT_SHORT)
    got = int(flows.unique_bytes[connection, 1])
    return _Response(connection, cut, got, int(packets.number[first]), int(packets.payload[first]))


def _announced(head: bytes, one: _Response) -> int | None:
    from capture.engine.library import library

    status = _STATUS.search(head)
    if status is None:
        return None
    payload = head[status.start() :]
    end = int(library().call.http_answer_end(payload, len(payload), one.size))
    return end if end > one.got else None


def _ends_in_head(head: bytes) -> bool:
    status = _STATUS.search(head)
    return status is not None and b"\r\n\r\n" not in head[status.start() :]


def _records(one: Triage, numbers: set[int]) -> Mapping[int, tuple[bytes, bool]]:
    """The bytes of these packets, and whether each was captured whole."""
    from capture.reread import whole_packets

    found = whole_packets(one.decoded.parts[0], sorted(numbers), SNAP) or {}
    return {number: (packet.data, len(packet.data) >= packet.original) for number, packet in found.items()}
