"""Whose resets: the kernel counts them, and a tap on RST and SYN-ACK segments tells which connections they end, and
whether a byte had passed in these.

Open only while the counters move: the filter runs in the kernel (BPF), 96 bytes of each such segment are kept,
nothing of any other packet. Needs CAP_NET_RAW in the network namespace. With CAP_NET_ADMIN the last words of sockets
that were reset are taken too: whether the reset broke something off.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from contextlib import suppress
from ctypes import addressof, create_string_buffer
from dataclasses import dataclass, field
from typing import NamedTuple

from capture.sockets.sources.ended import finished, open_ended
from capture.sockets.sources.packet_sockets import (
    AND,
    JA,
    JEQ,
    JSET,
    LD,
    LDB,
    LDB_X,
    LDH,
    LDX_MSH,
    LOOPBACK,
    PACKET_HOST,
    PACKET_OUTGOING,
    RET,
    RSH,
    SKF_AD_HATYPE,
    SKF_AD_PKTTYPE,
)  # fmt: skip

ETH_P_ALL, SO_ATTACH_FILTER, SO_RCVBUFFORCE = 3, 26, 33
BUFFER_BYTES = 4 << 20
SOL_PACKET, PACKET_STATISTICS = 263, 6
MOST = 5000
"""Segments read in one look; more are counted by the kernel's own statistics, and said to be more."""
OPENED_KEPT = 20_000
"""Connections that were answered last: those that are reset without a byte mostly are so within a round trip."""
_SNAP = 96
_BPF = struct.Struct("=HBBI")
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_WRAP = 0xFFFFFFFF


class Reset(NamedTuple):
    """One RST. `sent` by this machine; ends are address bytes and port in network order. `kind`: refused (in answer to
    a SYN), unused (by who had opened the connection, and no byte had passed: a health check, a port scan), finished
    (its receiver had said the last word, and all of it had arrived: to a service, an idle connection given up),
    aborted (sent by a socket), stray (in answer to a segment that no socket wanted)."""

    sent: bool
    local: bytes
    local_port: bytes
    remote: bytes
    remote_port: bytes
    kind: str


@dataclass(slots=True)
class TappedResets:
    """RSTs of `seconds` before a look; `missed` more were not kept. `lasting`: there were many before already, which
    opened the tap. `refusal` says why there is none."""

    seconds: float = 0.0
    resets: Counter[Reset] = field(default_factory=Counter)
    missed: int = 0
    lasting: bool = False
    refusal: str | None = None


class RstTap:
    """A packet socket of the calling thread's network namespace that takes RST segments alone. Raises OSError."""

    def __init__(self) -> None:
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
        self._opened = Opened()
        self._socket = socket.socket(socket.AF_PACKET, kind, socket.htons(ETH_P_ALL))
        try:
            program = create_string_buffer(b"".join(_BPF.pack(*step) for step in _FILTER))
            fprog = struct.pack("HL", len(_FILTER), addressof(program))
            self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
            with suppress(OSError):  # root only; without it some hundred RSTs a look are kept, and the rest counted
                self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
            self._socket.setblocking(False)
        except OSError:
            self._socket.close()
            raise
        self._ended: socket.socket | None = None
        with suppress(OSError):
            self._ended = open_ended()

    def take(self) -> tuple[Counter[Reset], int]:
        """The RSTs since the last time, equal ones counted, and how many more were not kept (the share of RSTs in what
        was read says how many of those were RSTs)."""
        found: Counter[Reset] = Counter()
        others = 0
        for _ in range(MOST):
            try:
                packet, where = self._socket.recvfrom(_SNAP)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue  # a link went down
            reset = parse_reset(packet, where[2], where[0])
            if reset is not None:
                found[self._opened.judged(packet, reset)] += 1
            else:
                others += self._opened.note(packet)
        _, dropped = struct.unpack("=II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        resets = found.total()
        if self._ended is not None:
            found = _told_apart(found, self._ended)
        return found, round(dropped * resets / (resets + others)) if resets else dropped

    def close(self) -> None:
        """Gives the descriptor back."""
        self._socket.close()
        if self._ended is not None:
            self._ended.close()


def _told_apart(found: Counter[Reset], ended: socket.socket) -> Counter[Reset]:
    """Calls those finished whose receiving socket was so when it ended, right after the RST."""
    received = {reset: _ends_of_receiver(reset) for reset in found if reset.kind == "aborted"}
    over = finished(ended, set(received.values()), 2 * MOST)
    counted: Counter[Reset] = Counter()
    for reset, count in found.items():
        counted[reset._replace(kind="finished") if received.get(reset) in over else reset] += count
    return counted


def _ends_of_receiver(reset: Reset) -> bytes:
    """Of one that was sent, where that is on this machine too."""
    local, remote = reset.local + reset.local_port, reset.remote + reset.remote_port
    return remote + local if reset.sent else local + remote


class Opened:
    """Connections whose SYN was answered, with the numbers that the next segment of their originator has where no byte
    has passed."""

    def __init__(self) -> None:
        self._expected: dict[bytes, tuple[int, int]] = {}

    def note(self, packet: bytes) -> bool:
        """Keeps a SYN-ACK; False for what is none."""
        at = _tcp_at(packet)
        if not at or packet[at + 13] & (_SYN | _ACK) != _SYN | _ACK:
            return False
        sequence, acknowledged = struct.unpack_from("!II", packet, at + 4)
        self._expected[_ends(packet, at, turned=True)] = (acknowledged, (sequence + 1) & _WRAP)
        if len(self._expected) > OPENED_KEPT:
            del self._expected[next(iter(self._expected))]
        return True

    def judged(self, packet: bytes, reset: Reset) -> Reset:
        """The reset, called unused where it is the first that its originator sends but for the handshake's ACK."""
        at = _tcp_at(packet)
        expected = self._expected.pop(_ends(packet, at), None)
        if expected is None or reset.kind == "refused":
            return reset
        numbers = struct.unpack_from("!II", packet, at + 4)
        bare = not packet[at + 13] & _ACK  # then it acknowledges nothing
        unused = numbers[0] == expected[0] and (bare or numbers[1] == expected[1])
        return reset._replace(kind="unused") if unused else reset


def _tcp_at(packet: bytes) -> int:
    """Where the TCP header begins; 0 where there is no whole one."""
    if not packet:
        return 0
    at, protocol = (4 * (packet[0] & 15), 9) if packet[0] >> 4 == 4 else (40, 6)
    # What came before the filter was in place is looked at too.
    return at if len(packet) >= at + 14 and packet[protocol] == socket.IPPROTO_TCP else 0


def _ends(packet: bytes, at: int, turned: bool = False) -> bytes:
    """Source and target of a segment, address and port; `turned`: the other way round."""
    size = 4 if packet[0] >> 4 == 4 else 16
    begin = 12 if size == 4 else 8
    source = packet[begin : begin + size] + packet[at : at + 2]
    target = packet[begin + size : begin + 2 * size] + packet[at + 2 : at + 4]
    return target + source if turned else source + target


def parse_reset(packet: bytes, direction: int, link: str) -> Reset | None:
    """The RST of an IP packet; None for what is none, is cut, or is a second sight (loopback shows each twice)."""
    if direction not in (PACKET_HOST, PACKET_OUTGOING) or (link == "lo" and direction == PACKET_OUTGOING):
        return None
    at = _tcp_at(packet)
    if not at or not packet[at + 13] & _RST:
        return None
    ends = _ends(packet, at)
    half = len(ends) // 2
    source, source_port, target, target_port = ends[: half - 2], ends[half - 2 : half], ends[half:-2], ends[-2:]
    acks, zero = packet[at + 13] & _ACK, packet[at + 4 : at + 8] == b"\0\0\0\0"
    kind = ("refused" if zero else "aborted") if acks else "stray"
    sent = direction == PACKET_OUTGOING or link == "lo"
    if link == "lo" and kind == "refused" and source != target and not _is_loopback(source):
        sent = False  # in the name of another host: a rule in OUTPUT rejected the SYN (nf_send_reset)
    if sent:
        return Reset(True, source, source_port, target, target_port, kind)
    return Reset(False, target, target_port, source, source_port, kind)


def _is_loopback(address: bytes) -> bool:
    return address == bytes(15) + b"\1" or (len(address) == 4 and address[0] == 127)


_FIRST_SIGHT = (  # loopback shows each packet twice: what comes in is taken
    (LD, 0, 0, SKF_AD_PKTTYPE),
    (JEQ, 0, 3, PACKET_OUTGOING),
    (LD, 0, 0, SKF_AD_HATYPE),
    (JEQ, 0, 1, LOOPBACK),
    (RET, 0, 0, 0),
)
_FILTER = (  # operation, steps over where true, where false, operand
    *_FIRST_SIGHT,
    (LDB, 0, 0, 0),  # 0: version and length
    (RSH, 0, 0, 4),  # 1
    (JEQ, 0, 7, 4),  # 2: IPv4, else 10
    (LDB, 0, 0, 9),  # 3: the protocol
    (JEQ, 0, 12, 6),  # 4: TCP, else 17
    (LDH, 0, 0, 6),  # 5: the fragment's offset
    (JSET, 10, 0, 0x1FFF),  # 6: 17 for a later fragment
    (LDX_MSH, 0, 0, 0),  # 7: the header's length
    (LDB_X, 0, 0, 13),  # 8: the flags
    (JA, 0, 0, 4),  # 9: to 14
    (JEQ, 0, 6, 6),  # 10: IPv6, else 17
    (LDB, 0, 0, 6),  # 11: the next header
    (JEQ, 0, 4, 6),  # 12: TCP, else 17
    (LDB, 0, 0, 53),  # 13: the flags
    (JSET, 3, 0, _RST),  # 14: 18 for a RST
    (AND, 0, 0, _SYN | _ACK),  # 15
    (JEQ, 1, 0, _SYN | _ACK),  # 16: 18 for a SYN-ACK
    (RET, 0, 0, 0),  # 17
    (RET, 0, 0, _SNAP),  # 18
)
