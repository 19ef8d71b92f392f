"""What tests of findings make faults with: processes of this network, connections, thresholds that are soon reached."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

from capture.model import Finding
from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.snapshot import Snapshot

QUICK = Thresholds(close_wait_s=1.0, fin_wait_2_s=1.0, accept_wait_s=1.0, reader_s=1.0, zero_window_many_s=1.0)


def of(snapshot: Snapshot, code: str) -> list[Finding]:
    """Findings of a code about this network: descriptors are the whole machine's."""
    for finding in snapshot.findings:
        assert "{" not in finding.title + finding.text, finding
    return [finding for finding in snapshot.findings if finding.code == code]


def child(task: Callable[[], object]) -> int:
    """A process that does something and then waits to be killed."""
    pid = os.fork()
    if pid == 0:
        try:
            task()
            signal.pause()
        finally:
            os._exit(1)
    return pid


def name(text: str) -> None:
    with open("/proc/self/comm", "w") as comm:
        comm.write(text)


def dial(port: int, count: int, address: str = "127.0.0.1") -> list[socket.socket]:
    return [socket.create_connection((address, port)) for _ in range(count)]
