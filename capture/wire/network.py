"""IPv4 and IPv6 headers of many packets at once (RFC 791, RFC 8200)."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from capture.wire.addresses import v6_keys
from capture.wire.columns import U8, AddressTable, Mark
from capture.wire.front import Bytes, Front, Network

IPV4 = np.dtype(
    {
        "names": ["version", "total", "id", "fragment", "ttl", "protocol", "src", "dst"],
        "formats": ["u1", ">u2", ">u2", ">u2", "u1", "u1", ">u4", ">u4"],
        "offsets": [0, 2, 4, 6, 8, 9, 12, 16],
        "itemsize": 20,
    }
)
IPV6 = np.dtype(
    {
        "names": ["version", "length", "next", "hops", "src", "dst"],
        "formats": ["u1", ">u2", "u1", "u1", "V16", "V16"],
        "offsets": [0, 4, 6, 7, 8, 24],
        "itemsize": 40,
    }
)
EXTENSIONS = (0, 43, 60, 51, 135, 139, 140)  # AH (51) counts its length in words of 4, the others of 8
FRAGMENT_HEADER = 44


def decode_ipv4(raw: Bytes, front: Front) -> tuple[Front, U8, Front]:
    """Whole packets past the header, their protocol, and the fragments (at their IP header)."""
    front = front.having(20)
    cut = raw.header(front, IPV4)
    size = (cut["version"] & 15).astype(np.int64) * 4
    total = cut["total"].astype(np.int64)
    sound = (cut["version"] >> 4 == 4) & (size >= 20) & ((total >= size) | (total == 0))
    if not sound.all():
        front, cut, size, total = front.where(sound), cut[sound], size[sound], total[sound]
    # Length 0 is a segment that the card was left to cut (TSO): then the frame says how long it is.
    limit = np.where(total > 0, np.minimum(front.at + total, front.limit), front.limit)
    network = Network(
        cut["src"].astype(np.int64),
        cut["dst"].astype(np.int64),
        cut["ttl"].astype(np.uint8),
        cut["id"].astype(np.uint16),
        np.zeros(len(front), dtype=np.uint8),
    )
    front = replace(front, limit=limit, captured=np.minimum(front.captured, limit), network=network)
    whole = (cut["fragment"].astype(np.uint16) & 0x3FFF) == 0
    protocol = cut["protocol"].astype(np.uint8)
    if whole.all():
        return front.moved(size), protocol, front.where(~whole)
    return front.moved(size).where(whole), protocol[whole], front.where(~whole)


def decode_ipv6(raw: Bytes, front: Front, table: AddressTable) -> tuple[Front, U8, Front]:
    """Whole packets past all extension headers, their protocol, and the fragments (at their fragment header)."""
    front = front.having(40)
    cut = raw.header(front, IPV6)
    sound = cut["version"] >> 4 == 6
    if not sound.all():
        front, cut = front.where(sound), cut[sound]
    length = cut["length"].astype(np.int64)
    limit = np.where(length > 0, np.minimum(front.at + 40 + length, front.limit), front.limit)
    network = Network(
        v6_keys(table, np.ascontiguousarray(cut["src"])),
        v6_keys(table, np.ascontiguousarray(cut["dst"])),
        cut["hops"].astype(np.uint8),
        np.zeros(len(front), dtype=np.uint16),
        np.full(len(front), Mark.IPV6, dtype=np.uint8),
    )
    front = replace(front, limit=limit, captured=np.minimum(front.captured, limit), network=network)
    return _past_extensions(raw, front.moved(40), cut["next"].astype(np.uint8))


def _past_extensions(raw: Bytes, front: Front, protocol: U8) -> tuple[Front, U8, Front]:
    at = front.at.copy()
    for _ in range(16):
        extension = np.isin(protocol, EXTENSIONS) & (at + 8 <= front.captured)
        if not extension.any():
            break
        here = at[extension]
        words = raw.u8(here + 1).astype(np.int64)
        at[extension] = here + np.where(protocol[extension] == 51, (words + 2) * 4, (words + 1) * 8)
        protocol[extension] = raw.u8(here)
    front = replace(front, at=at)
    whole = protocol != FRAGMENT_HEADER
    if whole.all():
        return front, protocol, front.where(~whole)
    return front.where(whole), protocol[whole], front.where(~whole)
