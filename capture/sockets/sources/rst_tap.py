"""Whose resets: the kernel counts them, and a tap on RST segments alone tells which connections they end.

Open only while the counters move: the filter runs in the kernel (BPF), 96 bytes of each RST are kept, nothing
of any other packet. Needs CAP_NET_RAW in the network namespace.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from contextlib import suppress
from ctypes import addressof, create_string_buffer
from dataclasses import dataclass, field
from typing import NamedTuple

ETH_P_ALL, SO_ATTACH_FILTER, SO_RCVBUFFORCE = 3, 26, 33
BUFFER_BYTES = 4 << 20
SOL_PACKET, PACKET_STATISTICS = 263, 6
PACKET_HOST, PACKET_OUTGOING = 0, 4
MOST = 5000
"""RSTs read in one look; more are counted by the kernel's own statistics, and said to be more."""
_SNAP = 96
_BPF = struct.Struct("=HBBI")
_ACK, _RST = 0x10, 0x04


class Reset(NamedTuple):
    """One RST. `sent` by this machine; ends are address bytes and port in network order. `kind`: refused (in answer to
    a SYN), aborted (sent by a socket), stray (in answer to a segment that no socket wanted)."""

    sent: bool
    local: bytes
    local_port: bytes
    remote: bytes
    remote_port: bytes
    kind: str


@dataclass(slots=True)
class TappedResets:
    """RSTs of `seconds` before a look; `missed` more were not kept. `refusal` says why there is no tap."""

    seconds: float = 0.0
    resets: Counter[Reset] = field(default_factory=Counter)
    missed: int = 0
    refusal: str | None = None


class RstTap:
    """A packet socket of the calling thread's network namespace that takes RST segments alone. Raises OSError."""

    def __init__(self) -> None:
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
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

    def take(self) -> tuple[Counter[Reset], int]:
        """The RSTs since the last time, equal ones counted, and how many more were not kept."""
        found: Counter[Reset] = Counter()
        for _ in range(MOST):
            try:
                packet, where = self._socket.recvfrom(_SNAP)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue  # a link went down
            reset = parse_reset(packet, where[2], where[0])
            if reset is not None:
                found[reset] += 1
        _, dropped = struct.unpack("=II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        return found, dropped

    def close(self) -> None:
        """Gives the descriptor back."""
        self._socket.close()


def parse_reset(packet: bytes, direction: int, link: str) -> Reset | None:
    """The RST of an IP packet; None for what is none, is cut, or is a second copy (loopback shows each twice)."""
    if direction not in (PACKET_HOST, PACKET_OUTGOING) or (link == "lo" and direction == PACKET_OUTGOING):
        return None
    if not packet:
        return None
    four = packet[0] >> 4 == 4
    at, protocol = (4 * (packet[0] & 15), 9) if four else (40, 6)
    # What came before the filter was in place is looked at too.
    if len(packet) < at + 14 or packet[protocol] != socket.IPPROTO_TCP or not packet[at + 13] & _RST:
        return None
    ends = (packet[12:16], packet[16:20]) if four else (packet[8:24], packet[24:40])
    source, target = ends
    source_port, target_port = packet[at : at + 2], packet[at + 2 : at + 4]
    acks, zero = packet[at + 13] & _ACK, packet[at + 4 : at + 8] == b"\0\0\0\0"
    kind = ("refused" if zero else "aborted") if acks else "stray"
    sent = direction == PACKET_OUTGOING or link == "lo"
    if sent:
        return Reset(True, source, source_port, target, target_port, kind)
    return Reset(False, target, target_port, source, source_port, kind)


_LDB, _LDH, _RSH, _JEQ, _JSET, _JA, _LDX, _LDB_X, _RET = 0x30, 0x28, 0x74, 0x15, 0x45, 0x05, 0xB1, 0x50, 0x06
_FILTER = (  # operation, steps over where true, where false, operand
    (_LDB, 0, 0, 0),  # 0: version and length
    (_RSH, 0, 0, 4),  # 1
    (_JEQ, 0, 7, 4),  # 2: IPv4, else 10
    (_LDB, 0, 0, 9),  # 3: the protocol
    (_JEQ, 0, 10, 6),  # 4: TCP, else 15
    (_LDH, 0, 0, 6),  # 5: the fragment's offset
    (_JSET, 8, 0, 0x1FFF),  # 6: 15 for a later fragment
    (_LDX, 0, 0, 0),  # 7: the header's length
    (_LDB_X, 0, 0, 13),  # 8: the flags
    (_JA, 0, 0, 4),  # 9: to 14
    (_JEQ, 0, 4, 6),  # 10: IPv6, else 15
    (_LDB, 0, 0, 6),  # 11: the next header
    (_JEQ, 0, 2, 6),  # 12: TCP, else 15
    (_LDB, 0, 0, 53),  # 13: the flags
    (_JSET, 1, 0, _RST),  # 14: 16 for a RST, else 15
    (_RET, 0, 0, 0),  # 15
    (_RET, 0, 0, _SNAP),  # 16
)
