"""Where a capture was taken: at the clients, at the servers, or between. It decides what a capture can show.

Handshake timing tells it: the SYN,ACK follows the SYN at once at the server, the last ACK follows the SYN,ACK at once
at the client. TTLs tell it too: a packet captured where it was sent still has its initial TTL (64, 128, 255).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.model import TcpFlags
from capture.verdicts import catalogue

if TYPE_CHECKING:
    from capture.flows.table import FlowTable
    from capture.wire.columns import I8, I64, Bool

TOLD_NS = 200_000  # a round trip that can be told from a kernel's own delay
RATIO = 5  # how much longer one half of the handshake must take than the other
MOST = 0.8  # share of the connections that must agree
INITIAL_TTLS = (64, 128, 255)

_SYN, _ACK = int(TcpFlags.SYN), int(TcpFlags.ACK)


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
    """The Place of each connection, shape (n,)."""
    places = _by_ttl(flows)
    timed = _by_timing(flows)
    return np.where(timed != Place.UNKNOWN, timed, places).astype(np.int8)


def _by_timing(flows: FlowTable) -> I8:
    places = np.zeros(len(flows), np.int8)
    p, first = flows.packets, flows.first[:-1]
    whole = np.flatnonzero(np.diff(flows.first) >= 3)
    a = first[whole]
    handshake = (
        ((p.flags[a] & (_SYN | _ACK)) == _SYN)
        & ((p.flags[a + 1] & (_SYN | _ACK)) == _SYN | _ACK)
        & ((p.flags[a + 2] & (_SYN | _ACK)) == _ACK)
        & (p.side[a] == 0)
        & (p.side[a + 1] == 1)
        & (p.side[a + 2] == 0)
    )
    whole, a = whole[handshake], a[handshake]
    beyond, before = p.time[a + 1] - p.time[a], p.time[a + 2] - p.time[a + 1]
    told = np.maximum(beyond, before) >= TOLD_NS
    places[whole[told]] = Place.MIDDLE
    places[whole[told & (before * RATIO < beyond)]] = Place.CLIENT
    places[whole[told & (beyond * RATIO < before)]] = Place.SERVER
    return places


def _by_ttl(flows: FlowTable) -> I8:
    initial = np.zeros((len(flows), 2), np.bool_)
    seen = np.zeros((len(flows), 2), np.bool_)
    for rows in _ends(flows):
        conn, side = np.arange(len(flows)), flows.packets.side[rows]
        seen[conn, side] |= flows.packets.ttl[rows] != 0  # 0: a printed packet that does not say it
        initial[conn, side] = np.isin(flows.packets.ttl[rows], INITIAL_TTLS)
    both: Bool = np.asarray(seen.all(axis=1), np.bool_)
    places = np.zeros(len(flows), np.int8)
    places[both & initial[:, 0] & ~initial[:, 1]] = Place.CLIENT
    places[both & initial[:, 1] & ~initial[:, 0]] = Place.SERVER
    places[both & ~initial.any(axis=1)] = Place.MIDDLE
    return places


def _ends(flows: FlowTable) -> tuple[I64, I64]:
    """The first two packets of each connection: nearly always one of each side."""
    first = flows.first[:-1]
    return first, np.minimum(first + 1, flows.first[1:] - 1)
