"""Where a capture was taken: at the clients, at the servers, or between. It decides what a capture can show.

Handshake timing tells it: the SYN,ACK follows the SYN at once at the server, the last ACK follows the SYN,ACK at once
at the client. TTLs tell it too: a packet captured where it was sent still has its initial TTL (64, 128, 255).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.verdicts import catalogue

if TYPE_CHECKING:
    from capture.flows.connection_table import FlowTable
    from capture.wire.column_types import I8, U8, Bool

MOST = 0.8  # share of the connections that must agree
INITIAL_TTLS = (64, 128, 255)
_IS_INITIAL = np.zeros(256, np.bool_)
_IS_INITIAL[list(INITIAL_TTLS)] = True


class Place(IntEnum):
    """Where one connection's packets were captured."""

    UNKNOWN = 0
    CLIENT = 1
    SERVER = 2
    MIDDLE = 3


class Vantage(Struct, frozen=True):
    """`place`: client, server, middle, both (a proxy: client of some, server of others), or unknown; `why` in words."""

    place: str
    why: str


def vantage_of(flows: FlowTable) -> Vantage:
    """Where most of a capture's connections were captured."""
    places = places_of(flows)
    counts = np.bincount(places, minlength=len(Place))
    known = int(counts[1:].sum())
    if not known:
        return Vantage("unknown", catalogue.vantage("unknown"))
    for place in (Place.CLIENT, Place.SERVER, Place.MIDDLE):
        if counts[place] >= MOST * known:
            name = place.name.lower()
            return Vantage(name, catalogue.vantage(name).format(count=int(counts[place]), known=known))
    name = "both" if counts[Place.CLIENT] and counts[Place.SERVER] and not counts[Place.MIDDLE] else "middle"
    return Vantage(name, catalogue.vantage(name).format(count=known, known=known))


def places_of(flows: FlowTable) -> I8:
    """The Place of each connection, shape (n,): by its handshake's timing (the engine's), else by TTLs."""
    return np.where(flows.place != Place.UNKNOWN, flows.place, _by_ttl(flows)).astype(np.int8)


def is_initial(ttl: U8) -> Bool:
    """Which of these TTLs are those that a sender begins with."""
    initial: Bool = _IS_INITIAL[ttl]
    return initial


def _by_ttl(flows: FlowTable) -> I8:
    opening = flows.opening
    seen, initial = np.zeros((2, len(flows)), np.bool_), np.zeros((2, len(flows)), np.bool_)  # by end
    for packet in (0, 1):
        ttl, side = opening.ttl[:, packet], opening.side[:, packet]
        for end in (0, 1):
            sent = (side == end) & (ttl > 0)
            seen[end] |= sent
            np.copyto(initial[end], is_initial(ttl), where=sent)
    both = seen[0] & seen[1]
    places = np.zeros(len(flows), np.int8)
    places[both & initial[0] & ~initial[1]] = Place.CLIENT
    places[both & initial[1] & ~initial[0]] = Place.SERVER
    places[both & ~initial[0] & ~initial[1]] = Place.MIDDLE
    return places
