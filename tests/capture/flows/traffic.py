"""Generated traffic: connections with losses, repetitions, reordering and reuse, as pcap files.

Every packet gets an IP identification of its own, so that a repetition is one and no second copy.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field
from pathlib import Path

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MASK = 0xFFFFFFFF


@dataclass
class Wire:
    """Packets on their way into a capture: (microseconds, frame)."""

    frames: list[tuple[int, bytes]] = field(default_factory=list)
    identification: int = 1

    def send(
        self,
        at: int,
        source: tuple[str, int],
        target: tuple[str, int],
        flags: int,
        *,
        seq: int = 0,
        ack: int = 0,
        payload: int = 0,
        window: int = 512,
        wscale: int | None = None,
        ttl: int = 64,
        identification: int | None = None,
        vlan: int | None = None,
        begin: bytes = b"",
    ) -> None:
        """Put one segment on the wire, `at` microseconds after the start. `begin`: of its payload."""
        self.identification = self.identification % 65535 + 1
        number = self.identification if identification is None else identification
        options = b"" if wscale is None else bytes((3, 3, wscale, 1))
        header = 20 + len(options)
        tcp = struct.pack(
            ">HHIIBBHHH", source[1], target[1], seq & MASK, ack & MASK, header // 4 << 4, flags, window, 0, 0
        )
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + header + payload, number, 0x4000, ttl, 6, 0)
        addresses = bytes(map(int, source[0].split("."))) + bytes(map(int, target[0].split(".")))
        tag = b"" if vlan is None else b"\x81\x00" + struct.pack(">H", vlan)
        ethernet = b"\x02" * 12 + tag + b"\x08\x00"
        self.frames.append((at, ethernet + ip + addresses + tcp + options + begin.ljust(payload, b"x")))

    def write(self, path: Path) -> str:
        """The capture, in order of time. Returns its path."""
        parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
        for at, frame in sorted(self.frames, key=lambda pair: pair[0]):
            parts.append(struct.pack("<IIII", 1_700_000_000 + at // 1_000_000, at % 1_000_000, len(frame), len(frame)))
            parts.append(frame)
        path.write_bytes(b"".join(parts))
        return str(path)


@dataclass
class Talk:
    """A connection being generated; `seq` are the next numbers of (client, server)."""

    wire: Wire
    client: tuple[str, int]
    server: tuple[str, int]
    seq: list[int]
    at: int
    window: list[int] = field(default_factory=lambda: [512, 512])

    def say(
        self,
        side: int,
        flags: int,
        payload: int = 0,
        *,
        at: int | None = None,
        seq: int | None = None,
        begin: bytes = b"",
    ) -> None:
        """Send the next segment of a side, or one again with `seq`. `begin`: of its payload."""
        ends = (self.client, self.server)
        where = self.seq[side] if seq is None else seq
        self.wire.send(
            self.at if at is None else at,
            ends[side],
            ends[1 - side],
            flags,
            seq=where,
            ack=self.seq[1 - side] if flags & ACK else 0,
            payload=payload,
            window=self.window[side],
            wscale=7 if flags & SYN else None,
            begin=begin,
        )
        if seq is None:
            self.seq[side] = (where + payload + bool(flags & (SYN | FIN))) & MASK

    def open(self, trip: int) -> None:
        """The three-way handshake."""
        self.say(0, SYN)
        self.at += trip
        self.say(1, SYN | ACK)
        self.at += 20
        self.say(0, ACK)


def random_traffic(seed: int, connections: int, trouble: float) -> Wire:
    """Connections with random troubles, `trouble` the chance for each segment. The same seed makes the same."""
    chance = random.Random(seed)
    wire = Wire()
    for number in range(connections):
        client = (f"10.0.{number % 7}.{number % 11 + 1}", 20000 + number % 23)
        talk = Talk(
            wire,
            client,
            ("10.9.0.1", chance.choice((80, 443))),
            [
                chance.getrandbits(32) if chance.random() < 0.8 else MASK - chance.randrange(4000),
                chance.getrandbits(32),
            ],
            at=number * 40_000_000 + chance.randrange(1_000_000),
        )
        if chance.random() < 0.85:
            talk.open(chance.choice((100, 900, 30_000)))
        _transfer(chance, talk, trouble)
        _close(chance, talk)
    return wire


def long_connection(seed: int, rounds: int) -> Wire:
    """One connection with losses, repetitions and reordering now and then, over the wrap."""
    chance = random.Random(seed)
    wire = Wire()
    talk = Talk(wire, ("10.0.0.1", 40000), ("10.0.0.2", 80), [5, MASK - 600_000], 0)
    talk.open(9_000)
    for _ in range(rounds):
        talk.at += chance.choice((20, 60, 400, 12_000))
        start, fate = talk.seq[1], chance.random()
        talk.say(1, ACK, 1448)
        if fate < 0.01:
            talk.say(1, ACK, 1448, at=talk.at + chance.choice((15, 9_500)), seq=start)
        elif fate < 0.02:
            talk.seq[1] = (talk.seq[1] + 1448) & MASK  # not captured
        elif fate < 0.03:
            late = (start - 40 * 1448) & MASK
            talk.say(1, ACK, 1448, at=talk.at + 10, seq=late)
        elif fate < 0.5:
            talk.say(0, ACK, at=talk.at + 5)
            if fate < 0.05:
                for again in range(3):
                    talk.say(0, ACK, at=talk.at + 6 + again)
    talk.say(1, FIN | ACK)
    return wire


def _transfer(chance: random.Random, talk: Talk, trouble: float) -> None:
    for _ in range(chance.randrange(1, 25)):
        side = chance.choice((0, 1, 1))
        talk.at += chance.choice((30, 200, 1500, 25_000, 250_000))
        start, size = talk.seq[side], chance.choice((1, 2, 100, 1448))
        fate = chance.random() / trouble if trouble else 9.0
        if fate < 0.2:  # not captured, but received
            talk.seq[side] = (start + size) & MASK
        elif fate < 0.45:  # sent again, sooner or later
            talk.say(side, ACK | PSH, size)
            talk.say(side, ACK | PSH, size, at=talk.at + chance.choice((40, 2_000, 210_000)), seq=start)
        elif fate < 0.6:  # overtaken by the next one
            talk.seq[side] = (start + size) & MASK
            talk.say(side, ACK | PSH, 300)
            talk.say(side, ACK | PSH, size, at=talk.at + chance.choice((10, 5_000)), seq=start)
        elif fate < 0.7:  # keep-alive and its answer
            talk.say(side, ACK, chance.choice((0, 1)), seq=(start - 1) & MASK)
            talk.at += 100
            talk.say(1 - side, ACK)
        elif fate < 0.8:  # the window closes, is probed and opens
            talk.window[1 - side] = 0
            talk.say(1 - side, ACK)
            talk.say(side, ACK, 1, at=talk.at + 200_000, seq=start)
            talk.at += 400_000
            talk.say(1 - side, ACK)
            talk.window[1 - side] = 512
            talk.say(1 - side, ACK, at=talk.at + 10)
        elif fate < 1.0:  # duplicate acknowledgements, then what they asked for
            asked = talk.seq[side]
            talk.say(side, ACK, size)
            for _ in range(chance.randrange(1, 5)):
                talk.at += 50
                talk.wire.send(
                    talk.at,
                    (talk.client, talk.server)[1 - side],
                    (talk.client, talk.server)[side],
                    ACK,
                    seq=talk.seq[1 - side],
                    ack=asked,
                )
            talk.say(side, ACK, size, at=talk.at + chance.choice((60, 40_000)), seq=asked)
        else:
            talk.say(side, ACK | PSH, size)
            if chance.random() < 0.7:
                talk.at += 20
                talk.say(1 - side, ACK)


def _close(chance: random.Random, talk: Talk) -> None:
    talk.at += 500_000
    ending = chance.random()
    if ending < 0.6:
        first = chance.choice((0, 1))
        talk.say(first, FIN | ACK)
        talk.at += 300
        talk.say(1 - first, FIN | ACK)
        talk.at += 20
        talk.say(first, ACK)
    elif ending < 0.8:
        talk.say(chance.choice((0, 1)), RST | ACK)
    elif ending < 0.9:
        talk.say(0, FIN | ACK)
        talk.at += 300
        talk.say(1, ACK | PSH, 500)
        talk.at += 40
        talk.say(0, RST)
