"""Make another point's capture of a recorded one: packets taken out or put in, addresses, numbers and times changed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

ETHERNET, IPV4 = 14, 20
_HEADER = struct.Struct("<IIII")


class Frame(Struct, frozen=True):
    """A packet of a pcap file with µs: its time in µs, and its bytes (Ethernet, IPv4 without options, TCP)."""

    time: int
    data: bytes
    original: int

    @property
    def is_tcp(self) -> bool:
        """Whether it holds TCP over IPv4."""
        return self.data[12:14] == b"\x08\x00" and self.data[23] == 6

    @property
    def source(self) -> tuple[bytes, int]:
        """Address and port that it comes from."""
        return self.data[26:30], int.from_bytes(self.data[34:36], "big")

    @property
    def flags(self) -> int:
        """TCP flags."""
        return self.data[47]

    def with_bytes(self, at: int, new: bytes) -> Frame:
        """The same with other bytes."""
        return replace(self, data=self.data[:at] + new + self.data[at + len(new) :])

    def number(self, at: int) -> int:
        """Four bytes of it."""
        return int.from_bytes(self.data[at : at + 4], "big")


SEQ, ACK, TTL, ID, SOURCE, TARGET, SPORT, DPORT, WINDOW, PAYLOAD = 38, 42, 22, 18, 26, 30, 34, 36, 48, 66


def frames(path: Path) -> list[Frame]:
    """All packets of a pcap file."""
    raw = path.read_bytes()
    assert raw[:4] == b"\xd4\xc3\xb2\xa1", "little-endian, µs"
    found, at = [], 24
    while at < len(raw):
        seconds, micro, captured, original = _HEADER.unpack_from(raw, at)
        at += _HEADER.size
        found.append(Frame(seconds * 1_000_000 + micro, raw[at : at + captured], original))
        at += captured
    return found


def write(path: Path, packets: Iterable[Frame], like: Path) -> Path:
    """A pcap file of them, with another one's header."""
    with path.open("wb") as out:
        out.write(like.read_bytes()[:24])
        for frame in packets:
            out.write(_HEADER.pack(frame.time // 1_000_000, frame.time % 1_000_000, len(frame.data), frame.original))
            out.write(frame.data)
    return path


def each_tcp(packets: Iterable[Frame], change: Callable[[Frame], Frame]) -> list[Frame]:
    """All of them, the TCP ones changed."""
    return [change(frame) if frame.is_tcp else frame for frame in packets]


def clock(packets: list[Frame], seconds: float, ppm: float) -> list[Frame]:
    """By another clock: so many seconds ahead at the first packet, and so many millionths faster."""
    begin = packets[0].time
    return [
        replace(frame, time=frame.time + round(seconds * 1e6 + (frame.time - begin) * ppm / 1e6)) for frame in packets
    ]


def hop(packets: list[Frame], away: tuple[bytes, int], delay: int) -> list[Frame]:
    """Seen a router further from `away`, `delay` µs later what it sent, and earlier what was sent to it."""

    def seen(frame: Frame) -> Frame:
        sent = frame.source == away
        moved = frame.with_bytes(TTL, bytes([frame.data[TTL] - 1 if sent else frame.data[TTL] + 1]))
        return replace(moved, time=frame.time + (delay if sent else -delay))

    moved = each_tcp(packets, seen)
    return sorted(moved, key=lambda frame: frame.time)
