"""Captures for benchmarks, made from nothing: web-like connections of which some end badly.

usage: python -m tests.bench.generate {web,small} CONNECTIONS OUT.pcap [--loss SHARE] [--seed N]

web    responses in full segments: 80 % closed by FIN, 10 % written to after the FIN, 10 % reset; 100,000 are 1 GB
small  chats of packets of 60 to 90 bytes: 100,000 connections are about 5 M packets
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
START = 1_700_000_000
CHUNK = 100_000  # packets written at once
SYN_OPTIONS = bytes.fromhex("020405b40402080a000000000000000001030307")
TIMESTAMP = bytes.fromhex("0101080a0000000100000001")

Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Packets:
    """One row a packet, in order of time."""

    connection: Array
    side: Array
    flags: Array
    payload: Array
    seq: Array
    ack: Array
    time: npt.NDArray[np.float64]


def script(kind: str, exchanges: int, ending: float, request: int) -> tuple[list[int], list[int], list[int]]:
    """Flags, sides and payload sizes of one connection."""
    flags, sides, sizes = [SYN, SYN | ACK, ACK], [0, 1, 0], [0, 0, 0]

    def add(flag: int, side: int, size: int = 0) -> None:
        flags.append(flag)
        sides.append(side)
        sizes.append(size)

    if kind == "web":
        add(PSH | ACK, 0, request)
        for number in range(exchanges):
            add(ACK, 1, 1448)
            if number % 2:
                add(ACK, 0)
    else:
        for number in range(exchanges):
            add(PSH | ACK, number % 2, 1 + request % 24)
            add(ACK, 1 - number % 2)
    if ending < 0.8:
        add(FIN | ACK, 1)
        add(FIN | ACK, 0)
        add(ACK, 1)
    elif ending < 0.9:
        add(FIN | ACK, 0)
        add(PSH | ACK, 1, 24)
        add(RST, 0)
    else:
        add(RST | ACK, 0)
    return flags, sides, sizes


def packets(kind: str, connections: int, loss: float, rng: np.random.Generator) -> Packets:
    """All packets of all connections. `loss` is the share of data packets sent twice."""
    exchanges = rng.integers(1, 12, connections) if kind == "web" else rng.integers(10, 38, connections)
    ending = rng.random(connections)
    columns: tuple[list[int], ...] = ([], [], [], [])
    for number in range(connections):
        flags, sides, sizes = script(kind, int(exchanges[number]), float(ending[number]), 200 + number % 300)
        columns[0].extend([number] * len(flags))
        for column, values in zip(columns[1:], (flags, sides, sizes), strict=True):
            column.extend(values)
    connection, flags_, side, payload = (np.array(column, np.int64) for column in columns)
    advance = payload + ((flags_ & SYN) > 0) + ((flags_ & FIN) > 0)
    isn = rng.integers(0, 1 << 32, (connections, 2))
    first = np.r_[True, connection[1:] != connection[:-1]]
    sent = []
    for of in (0, 1):
        total = np.cumsum(np.where(side == of, advance, 0))
        own = np.where(side == of, advance, 0)
        sent.append(total - np.repeat((total - own)[first], np.diff(np.r_[np.flatnonzero(first), len(connection)])))
    before = np.where(side == 0, sent[0], sent[1]) - advance
    seq = (isn[connection, side] + before) & 0xFFFFFFFF
    ack = (isn[connection, 1 - side] + np.where(side == 0, sent[1], sent[0])) & 0xFFFFFFFF
    step = np.arange(len(connection)) - np.repeat(
        np.flatnonzero(first), np.diff(np.r_[np.flatnonzero(first), len(connection)])
    )
    time = np.sort(rng.random(connections) * 600)[connection] + step * 0.003 + rng.random(len(connection)) * 0.001
    again = np.flatnonzero((payload > 0) & (rng.random(len(payload)) < loss))
    every = np.r_[np.arange(len(connection)), again]
    time = np.r_[time, time[again] + 0.25]
    order = every[np.argsort(time, kind="stable")]
    return Packets(connection[order], side[order], flags_[order], payload[order], seq[order], ack[order], np.sort(time))


def write(path: str, made: Packets, connections: int, rng: np.random.Generator) -> None:
    """Write the packets as an Ethernet pcap with microseconds."""
    client = 0x0A000000 + rng.integers(1, 60000, connections)
    client_port = rng.integers(1024, 65535, connections)
    server = 0x0A640000 + rng.integers(1, 20, connections)
    with open(path, "wb", buffering=0) as file:
        file.write(
            np.array([0xA1B2C3D4], "<u4").tobytes() + bytes.fromhex("020004000000000000000000") + b"\0\0\4\0\1\0\0\0"
        )
        for at in range(0, len(made.connection), CHUNK):
            file.write(_records(made, slice(at, at + CHUNK), client, client_port, server))


def _records(made: Packets, rows: slice, client: Array, client_port: Array, server: Array) -> memoryview:
    connection, side, flags, payload = (
        column[rows] for column in (made.connection, made.side, made.flags, made.payload)
    )
    options = np.where(flags & SYN, len(SYN_OPTIONS), np.where(flags == RST, 0, len(TIMESTAMP)))
    length = 14 + 20 + 20 + options + payload
    end = np.cumsum(length + 16)
    start = end - length - 16
    out = np.zeros(int(end[-1]), np.uint8)

    def put(at: int, width: int, values: Array, order: str = ">", where: npt.NDArray[np.bool_] | None = None) -> None:
        begin = (start if where is None else start[where]) + at
        raw = np.ascontiguousarray(values if where is None else values[where]).astype(f"{order}u{width}")
        out[begin[:, None] + np.arange(width)] = raw.view(np.uint8).reshape(-1, width)

    seconds = made.time[rows].astype(np.int64)
    everywhere = np.ones(len(start), np.int64)
    put(0, 4, START + seconds, "<")
    put(4, 4, ((made.time[rows] - seconds) * 1e6).astype(np.int64), "<")
    put(8, 4, length, "<")
    put(12, 4, length, "<")
    put(16 + 12, 2, everywhere * 0x0800)
    put(30, 1, everywhere * 0x45)
    put(32, 2, length - 14)
    put(36, 2, everywhere * 0x4000)
    put(38, 1, everywhere * 64)
    put(39, 1, everywhere * 6)
    forward = side == 0
    put(42, 4, np.where(forward, client[connection], server[connection]))
    put(46, 4, np.where(forward, server[connection], client[connection]))
    put(50, 2, np.where(forward, client_port[connection], 80))
    put(52, 2, np.where(forward, 80, client_port[connection]))
    put(54, 4, made.seq[rows])
    put(58, 4, np.where(flags & ACK, made.ack[rows], 0))
    put(62, 1, ((20 + options) // 4) << 4)
    put(63, 1, flags)
    put(64, 2, everywhere * 502)
    for text, mask in ((SYN_OPTIONS, (flags & SYN) > 0), (TIMESTAMP, ((flags & SYN) == 0) & (flags != RST))):
        at = start[mask] + 70
        out[at[:, None] + np.arange(len(text))] = np.frombuffer(text, np.uint8)
    return out.data


def main() -> None:
    """Make one capture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["web", "small"])
    parser.add_argument("connections", type=int)
    parser.add_argument("out")
    parser.add_argument("--loss", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    write(
        arguments.out, packets(arguments.kind, arguments.connections, arguments.loss, rng), arguments.connections, rng
    )


if __name__ == "__main__":
    main()
