"""A box between two kernels that does to packets what it is told, and writes what both its sides saw, and the truth.

Client and server are namespaces with a tun device each; the box carries packets between them, some milliseconds late,
one TTL less. A script says of each packet what becomes of it. Point A is the client's side, point B the server's.
"""

from __future__ import annotations

import heapq
import itertools
import os
import select
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.harness.namespaces import Namespace
from tests.lab.harness.segment_edit import ACK, FIN, RST, SYN, WRAP, Segment, parsed, tsval
from tests.lab.harness.wire import Wire

CLIENT, SERVER = "10.77.1.1", "10.77.1.2"
MTU = 1500


@dataclass
class Out:
    """A packet that the box sends on: how late, and in the direction of the sender (False) or onwards."""

    segment: Segment
    late: float = 0.0
    back: bool = False
    tag: str = "same"  # same, modified, copy, injected


Script = Callable[[bool, Segment, int], Iterable[Out]]
"""Whether the client sent it, the packet, and its number in that direction: what is sent on. Nothing: it is lost."""


@dataclass
class Seen:
    """A packet at a point: when (epoch s), what, whether the client sent it (or seems to have), and who it is."""

    at: float
    segment: Segment
    from_client: bool
    uids: tuple[int, ...]
    tag: str = "same"


@dataclass
class Truth:
    """What passed both points, in order."""

    a: list[Seen] = field(default_factory=list)
    b: list[Seen] = field(default_factory=list)


class Box:
    """Carries packets until it is closed."""

    def __init__(self, script: Script, delay: float = 0.01, hop: int = 1) -> None:
        self.script, self.delay, self.hop = script, delay, hop
        self.truth = Truth()
        self.client, self.server = Namespace("client"), Namespace("server")
        self._fds = (
            Wire._device(self.client, f"{CLIENT}/24", True),
            Wire._device(self.server, f"{SERVER}/24", True),
        )
        self._stop, self._stopped = os.pipe()
        self._order = itertools.count()
        self._uid = itertools.count()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def close(self) -> Truth:
        """Stop, remove the hosts, and say what passed."""
        os.write(self._stopped, b".")
        self._thread.join(timeout=5)
        for fd in (*self._fds, self._stop, self._stopped):
            os.close(fd)
        for host in (self.client, self.server):
            host.remove()
        return self.truth

    def _carry(self) -> None:
        waiting: list[tuple[float, int, bool, Seen]] = []
        counts = [0, 0]
        while True:
            wait = max(0.0, waiting[0][0] - time.time()) if waiting else None
            ready, _, _ = select.select([*self._fds, self._stop], [], [], wait)
            if self._stop in ready:
                return
            for own, fd in ((True, self._fds[0]), (False, self._fds[1])):
                if fd in ready:
                    segment = parsed(os.read(fd, 65536))
                    if segment is not None:
                        counts[own] += 1
                        self._take(own, segment, counts[own], waiting)
            while waiting and waiting[0][0] <= time.time():
                _, _, to_server, seen = heapq.heappop(waiting)
                os.write(self._fds[1 if to_server else 0], seen.segment.packed())
                seen.at = time.time()
                (self.truth.b if to_server else self.truth.a).append(seen)

    def _take(self, own: bool, segment: Segment, number: int, waiting: list[tuple[float, int, bool, Seen]]) -> None:
        now, uid = time.time(), next(self._uid)
        (self.truth.a if own else self.truth.b).append(Seen(now, segment, own, (uid,)))
        for out in self.script(own, segment, number):
            sent = out.segment if out.tag == "injected" else out.segment.changed(ttl=out.segment.ttl - self.hop)
            to_server = own != out.back
            who = next(self._uid) if out.tag == "injected" else uid
            seen = Seen(0.0, sent, to_server, (who,), out.tag)
            late = 0.0 if out.back else self.delay + out.late
            heapq.heappush(waiting, (now + late, next(self._order), to_server, seen))


def joined(seen: Iterable[Seen], whose: bool, most: int = 45_000, within: float = 0.003) -> list[Seen]:
    """As a card joins segments (GRO), or a kernel hands them to a card that cuts them (TSO): those of one sender
    (`whose`: the client) that go on with each other's numbers become one record of up to `most` bytes.
    """
    made: list[Seen] = []
    last: dict[tuple[bytes, int, bytes, int], int] = {}
    for one in seen:
        segment = one.segment
        way = (segment.source, segment.sport, segment.target, segment.dport)
        plain = one.from_client == whose and segment.payload and not segment.flags & (SYN | FIN | RST)
        at = last.get(way)
        if plain and at is not None and _goes_on(made[at], one, most, within):
            before = made[at]
            whole = before.segment.changed(
                payload=before.segment.payload + segment.payload, flags=before.segment.flags | segment.flags
            )
            made[at] = Seen(before.at, whole, one.from_client, before.uids + one.uids, before.tag)
        else:
            made.append(one)
            last.pop(way, None)
            if plain:
                last[way] = len(made) - 1
    return made


def _goes_on(before: Seen, after: Seen, most: int, within: float) -> bool:
    one, other = before.segment, after.segment
    return (
        one.end == other.seq
        and one.ack == other.ack
        and tsval(one.options) == tsval(other.options)
        and len(one.payload) + len(other.payload) <= most
        and after.at - before.at < within
        and before.tag == after.tag == "same"
    )


def write(path: Path, seen: Iterable[Seen], clock: Callable[[float], float] = float, snaplen: int = 65535) -> Path:
    """A pcap of link type RAW with nanoseconds."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)]
    for one in seen:
        data, at = one.segment.packed(), clock(one.at)
        out.append(struct.pack("<IIII", int(at), int(at % 1 * 1e9), min(len(data), snaplen), len(data)))
        out.append(data[:snaplen])
    path.write_bytes(b"".join(out))
    return path


def renumbered(client: int, server: int) -> Callable[[bool, Segment], Segment]:
    """What a firewall does that adds to each side's numbers: also to those in SACK blocks. For use in a script."""
    from tests.lab.harness.segment_edit import with_option

    def change(own: bool, segment: Segment) -> Segment:
        seq, ack = (client, -server) if own else (server, -client)

        def sack(body: bytes) -> bytes:
            edges = struct.unpack(f">{len(body) // 4}I", body)
            return struct.pack(f">{len(edges)}I", *((edge + ack) % WRAP for edge in edges))

        acked = (segment.ack + ack) % WRAP if segment.flags & ACK else segment.ack
        return segment.changed(seq=(segment.seq + seq) % WRAP, ack=acked, options=with_option(segment.options, 5, sack))

    return change


def with_client_as(address: str) -> Callable[[bool, Segment], Segment]:
    """What a masquerade does: the client has another address and other ports at the server. For use in a script."""
    ports: dict[int, int] = {}
    other, own = (bytes(map(int, text.split("."))) for text in (address, CLIENT))

    def change(from_client: bool, segment: Segment) -> Segment:
        if from_client:
            new = ports.setdefault(segment.sport, 50_000 + 3 * len(ports))
            ports[-new] = segment.sport
            return segment.changed(source=other, sport=new)
        return segment.changed(target=own, dport=ports.get(-segment.dport, segment.dport))

    return change
