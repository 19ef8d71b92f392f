"""Traffic that no kernel would make: generated connections with packets lost, doubled, moved and altered."""

from __future__ import annotations

import random
import struct

from tests.capture.flows.traffic import Wire, random_traffic

_TCP = 14 + 20  # Ethernet and IPv4 without options
_FLAGS = (0x10, 0x18, 0x11, 0x29)
_BARE_FLAGS = (0x02, 0x12, 0x14, 0x04, 0x05)  # of segments without data only


def mutated_traffic(seed: int, connections: int, share: float) -> Wire:
    """Generated traffic of which about `share` of the packets were harmed. The same seed makes the same."""
    chance = random.Random(seed)
    wire = random_traffic(seed, connections, 0.2)
    frames: list[tuple[int, bytes]] = []
    for time, frame in sorted(wire.frames, key=lambda pair: pair[0]):
        if chance.random() >= share:
            frames.append((time, frame))
            continue
        fate = chance.randrange(8)
        if fate == 0:
            continue
        if fate == 1:
            frames.append((time + chance.choice((0, 500, 30_000, 6_000_000)), _renumbered(frame, chance)))
        elif fate == 2:
            time += chance.choice((-50_000, 400, 250_000, 7_000_000))
        elif fate == 3:
            empty = len(frame) <= _TCP + 4 * (frame[_TCP + 12] >> 4)
            frame = _altered(frame, 13, bytes([chance.choice(_FLAGS + _BARE_FLAGS if empty else _FLAGS)]))
        elif fate == 4:
            frame = _shifted(frame, 4, chance.choice((-1, 1, 1000, -1448, 1 << 21)))
        elif fate == 5:
            frame = _shifted(frame, 8, chance.choice((-1, 1, 1000, -1448, 1 << 21)))
        elif fate == 6:
            frame = _altered(frame, 14, chance.choice((b"\0\0", b"\x02\x00", b"\xff\xff")))
        else:
            frame = _altered(frame, 0, frame[_TCP + 2 : _TCP + 4] + frame[_TCP : _TCP + 2])
        frames.append((max(time, 0), frame))
    wire.frames = frames
    return wire


def _altered(frame: bytes, at: int, value: bytes) -> bytes:
    at += _TCP
    return frame[:at] + value + frame[at + len(value) :]


def _shifted(frame: bytes, at: int, by: int) -> bytes:
    (number,) = struct.unpack(">I", frame[_TCP + at : _TCP + at + 4])
    return _altered(frame, at, struct.pack(">I", (number + by) % 2**32))


def _renumbered(frame: bytes, chance: random.Random) -> bytes:
    """The same segment in a packet of its own: another IP identification."""
    return frame[:18] + struct.pack(">H", chance.randrange(1, 65536)) + frame[20:]
