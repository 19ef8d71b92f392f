"""Connections that end, with their last record and tcp_info: the multicast that `ss -E` listens to."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection
from typing import Final

from capture.sockets.inet_diag_msg import HEADER_SIZE, RECORD_SIZE, local_address, number_at, remote_address
from capture.sockets.sources.netlink import NETLINK_SOCK_DIAG
from capture.sockets.sources.tcpinfo import tcp_info

GROUPS: Final = (1, 3)
"""SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY (linux/sock_diag.h)."""
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1
SO_RCVBUFFORCE: Final = 33
ROOM: Final = 8 << 20
"""Bytes for what comes between two readings: some 10,000 ends."""
LARGEST_MESSAGE: Final = 4096
PORTS_AT: Final = HEADER_SIZE + 4
"""Of a message: local and remote port."""


def open_ended() -> socket.socket:
    """A netlink socket that hears of each TCP socket that ends in the calling thread's network namespace. Raises
    OSError: it needs CAP_NET_ADMIN there."""
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
    try:
        with contextlib.suppress(PermissionError):
            made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        made.bind((0, 0))
        for group in GROUPS:
            made.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def finished(ended: socket.socket, wanted: Collection[bytes], most: int) -> set[bytes]:
    """Those of the wanted connections (local address and port, remote address and port; bytes) that were over but for
    their close: all that this side had sent was acknowledged, nothing lay unread, and the last word was its own."""
    found: set[bytes] = set()
    ports = {ends[half - 2 : half] + ends[-2:] for ends in wanted for half in (len(ends) // 2,)}
    for _ in range(most):
        try:
            message = ended.recv(LARGEST_MESSAGE)
        except (BlockingIOError, InterruptedError):
            break
        except OSError:
            continue  # the kernel had to drop some
        if message[PORTS_AT : PORTS_AT + 4] not in ports:
            continue  # most are, without a look at more of them
        raw = message[HEADER_SIZE : HEADER_SIZE + RECORD_SIZE]
        if len(raw) < RECORD_SIZE:
            continue
        ends = local_address(raw) + raw[4:6] + remote_address(raw) + raw[6:8]
        if ends in wanted and _was_finished(raw, message):
            found.add(ends)
    return found


def _was_finished(raw: bytes, message: bytes) -> bool:
    info = tcp_info(message)
    if info is None or not info.bytes_sent:
        return False
    unread, undelivered = number_at(raw, 56), number_at(raw, 60)
    return not unread and not undelivered and info.last_data_sent <= info.last_data_received
