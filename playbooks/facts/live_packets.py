"""A few seconds of this machine's TCP packets (headers and the first bytes), judged like any capture. Linux, root."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import socket
import struct
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Set
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeAlias

from capture.model import Endpoint, TcpState
from playbooks.facts.facts import Absence
from playbooks.facts.packet_facts import Ended, Traffic
from playbooks.facts.socket_facts import Holder
from playbooks.language import tr

if TYPE_CHECKING:
    from capture.kernel.event_source import KernelEvents
    from playbooks.facts.captured import JudgedCapture

Ends: TypeAlias = tuple[str, int, str, int]
"""A connection's ends, this machine's first: address, port, address, port."""

SECONDS = 3.0
MOST_PACKETS = 60_000
MOST_ROWS, BETWEEN_LOOKS_S = 5_000, 0.3
CHEAP_S = 0.05
SNAP = 400
"""Bytes kept of each packet: enough for a response's first line and its Content-Length."""
BUFFER = 8 << 20
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 26, 33, 35
_ETH_P_ALL, _OUTGOING, _OTHER_HOST, _LOOPBACK = 0x0003, 4, 3, 772
_LINKTYPE_RAW = 101
# ldh proto; IPv4: next header at 9; IPv6: at 6; TCP is kept, SNAP bytes of it (linux/filter.h, SKF_AD_PROTOCOL).
_FILTER = (
    (0x28, 0, 0, 0xFFFFF000),
    (0x15, 0, 2, 0x0800),
    (0x30, 0, 0, 9),
    (0x15, 3, 4, 6),
    (0x15, 0, 3, 0x86DD),
    (0x30, 0, 0, 6),
    (0x15, 0, 1, 6),
    (0x06, 0, 0, SNAP),
    (0x06, 0, 0, 0),
)


class Recording:
    """Packets being recorded by a thread of its own, while other facts are collected."""

    def __init__(self) -> None:
        self.absent: Absence | None = None
        self._packets: list[tuple[int, int, bytes]] = []
        self._places: dict[bytes, str] = {}
        self._thread: threading.Thread | None = None
        if not sys.platform.startswith("linux"):
            self.absent = Absence(
                "unreadable", tr("packets can be looked at live on Linux only: --set capture=FILE reads")
            )
            return
        try:
            self._socket = _packet_socket()
        except OSError as error:
            reason = error.strerror or str(error)
            self.absent = Absence(
                "unreadable",
                tr(
                    "this machine's packets: {reason}: run with sudo, or --set capture=FILE reads a capture",
                    reason=reason,
                ),
            )
            return
        import capture.sockets.socket_watch  # noqa: F401  (here, not in two threads at once)

        self._callers: defaultdict[tuple[str, int], set[Holder]] = defaultdict(set)
        self._left: set[Ends] = set()
        self._defect = ""
        self._thread = threading.Thread(target=self._guarded, args=(self._record,), daemon=True)
        self._watcher = threading.Thread(target=self._guarded, args=(self._watch,), daemon=True)
        self._thread.start()
        self._watcher.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        """A thread that dies must not leave "no packets" behind, which would read as quiet."""
        try:
            work()
        except Exception as error:
            self._defect = f"{type(error).__name__}: {error}"

    def _record(self) -> None:
        end = time.monotonic() + SECONDS
        with self._socket as sock:
            while len(self._packets) < MOST_PACKETS and (left := end - time.monotonic()) > 0:
                if not select.select([sock], [], [], left)[0]:
                    break
                try:
                    data, extra, _, (place, _, kind, hardware, _) = sock.recvmsg(SNAP, 64)
                except OSError:
                    continue  # a device went down
                if kind == _OTHER_HOST or (kind == _OUTGOING and hardware == _LOOPBACK):
                    continue  # not of this machine; seen once more as it comes in
                if self._places.setdefault(_direction(data), place) == place:
                    self._packets.append((_stamp(extra), _length(data), data))

    def _watch(self) -> None:
        """Who connects whereto: most connections that end badly are gone by the time that anyone asks. And whose peers
        have closed already: their FIN may have come before the first packet that is recorded."""
        from capture.sockets.socket_watch import Watcher
        from capture.sockets.sources.socket_errors import SourceUnavailable

        end = time.monotonic() + SECONDS
        with contextlib.suppress(SourceUnavailable), Watcher() as watcher, _kernel_events() as events:
            took = 0.0
            while time.monotonic() < end:
                self._note_calls(events)
                before = time.thread_time()  # on a busy machine a cheap look takes long
                # All descriptors anew, where that is cheap: what lives between two looks only is owned by nobody else.
                rows = watcher.look(thorough=took < CHEAP_S).rows
                took = time.thread_time() - before
                if len(rows) > MOST_ROWS:
                    break
                for row in rows:
                    if row.state is TcpState.CLOSE_WAIT:
                        self._left.add((row.local.ip, row.local.port, row.remote.ip, row.remote.port))
                    if row.owners and row.remote.port:
                        owner = row.owners[0]
                        self._callers[row.remote.ip, row.remote.port].add(Holder(owner.pid, owner.name))
                time.sleep(BETWEEN_LOOKS_S)
            if (left := end - time.monotonic()) > 0:
                time.sleep(left)
            self._note_calls(events)

    def _note_calls(self, events: KernelEvents | None) -> None:
        """What lives for a moment is in no look at all, but the kernel reported who called. It tells of every network
        namespace: an address of loopback is another machine in each, so that there looks alone count."""
        for remote, owners in (events.callers() if events is not None else {}).items():
            if not ip_address(remote.ip).is_loopback:
                self._callers[remote.ip, remote.port] |= {Holder(owner.pid, owner.name) for owner in owners}

    def judged(self, host: str | None, port: int | None) -> Traffic | Absence:
        """Waits for the end of the recording; its connections by cause and service."""
        if self._thread is None:
            return self.absent or Absence("unreadable", tr("no packets were recorded"))
        self._thread.join()
        self._watcher.join()
        if self._defect:
            return Absence("unreadable", tr("this machine's packets: {why}", why=self._defect))
        if not self._packets:
            return Traffic(SECONDS, 0, 0, False)
        # in memory: packets have no business on a disk, which may be full besides
        with os.fdopen(os.memfd_create("tcptriage-packets"), "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAP, _LINKTYPE_RAW))
            for when, length, data in self._packets:
                file.write(struct.pack("<IIII", when // 10**9, when % 10**9, len(data), max(length, len(data))))
                file.write(data)
            file.flush()
            path = f"/proc/self/fd/{file.fileno()}"
            return _summed(path, len(self._packets), host, port, self._callers, self._left)


@contextlib.contextmanager
def _kernel_events() -> Iterator[KernelEvents | None]:
    """None where there are none."""
    from capture.kernel.event_errors import EventsUnavailable
    from capture.kernel.event_source import KernelEvents

    try:
        events = KernelEvents()
    except EventsUnavailable:
        yield None
        return
    with events:
        yield events


def _packet_socket() -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    try:
        program = b"".join(struct.pack("HBBI", *step) for step in _FILTER)
        held = ctypes.create_string_buffer(program)
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", len(_FILTER), ctypes.addressof(held)))
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _direction(data: bytes) -> bytes:
    """Addresses and ports: a packet that crosses several devices of this machine is kept from the first only."""
    if data[0] >> 4 == 4:
        head = (data[0] & 15) * 4
        return data[12:20] + data[head : head + 4]
    return data[8:44]


def _length(data: bytes) -> int:
    return int.from_bytes(data[2:4], "big") if data[0] >> 4 == 4 else int.from_bytes(data[4:6], "big") + 40


def _stamp(extra: list[tuple[int, int, bytes]]) -> int:
    for _, kind, value in extra:
        if kind == _SO_TIMESTAMPNS and len(value) >= 16:
            seconds, rest = struct.unpack("qq", value[:16])
            return int(seconds * 10**9 + rest)
    return time.time_ns()


def _summed(
    path: str,
    packets: int,
    host: str | None,
    port: int | None,
    callers: Mapping[tuple[str, int], set[Holder]],
    left: Set[Ends],
) -> Traffic | Absence:
    from capture.filters import FilterError
    from capture.wire.capture_errors import CaptureUnreadable
    from playbooks.facts.captured import JudgedCapture

    try:
        read = JudgedCapture(path, host, port)
    except (CaptureUnreadable, FilterError, OSError) as error:
        return Absence("unreadable", tr("this machine's packets: {why}", why=error))
    services: Counter[tuple[str, int]] = Counter()
    ended: defaultdict[tuple[str, int, str], list[int]] = defaultdict(list)
    for number in read.chosen:
        service = _service(read, number)
        services[service.ip, service.port] += 1
        ended[service.ip, service.port, _cause(read, number, left)].append(number)
    groups = [
        Ended(
            cause=cause,
            ip=ip,
            port=where,
            count=len(numbers),
            of=services[ip, where],
            clients=dict(Counter(_client(read, n).ip for n in numbers).most_common(3)),
            carried=sum(1 for n in numbers if int(read.triage.decoded.flows.bytes[n].sum())),
            samples=tuple(read.sample(n) for n in numbers[:2]),
            resets=read.resets(numbers),
            cut_off=read.cut_off(numbers),
            callers=tuple(sorted(callers.get((ip, where), ()), key=lambda one: one.pid)[:5]),
        )
        for (ip, where, cause), numbers in ended.items()
    ]
    groups.sort(key=lambda one: -one.count)
    before = read.began_before(read.chosen)
    return Traffic(
        SECONDS, packets, len(read.chosen), packets >= MOST_PACKETS, tuple(groups[:500]), before, read.untold_responses
    )


def _service(read: JudgedCapture, number: int) -> Endpoint:
    """The responder; where no SYN tells who that is, the end with the lower port."""
    ends = [read.triage.endpoint(number, side) for side in (0, 1)]
    return min(ends, key=lambda end: end.port) if read.began_before((number,)) else ends[1]


def _client(read: JudgedCapture, number: int) -> Endpoint:
    ends = [read.triage.endpoint(number, side) for side in (0, 1)]
    return ends[0] if _service(read, number) == ends[1] else ends[1]


def _cause(read: JudgedCapture, number: int, left: Set[Ends]) -> str:
    """The verdict's cause; where the beginning is not in the packets and the kernel held the socket in CLOSE-WAIT, a
    reset means that this side wrote on after the peer had closed (RFC 9293 §3.10.7.4)."""
    if read.cut_off((number,)):
        one, other = (read.triage.endpoint(number, side) for side in (0, 1))
        if {(one.ip, one.port, other.ip, other.port), (other.ip, other.port, one.ip, one.port)} & left:
            return "write_after_peer_close"
    return read.cause(number)
