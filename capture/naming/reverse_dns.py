"""Names of addresses by reverse DNS. It sends the addresses to this machine's name servers: only when asked for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue

MOST = 256
"""Addresses that are asked for at once."""
ASKERS = 8
PATIENCE_S = 15.0
"""After which what has not been answered stays without a name: the resolver itself waits for longer."""


def _ask(ip: str) -> str:
    """What the resolver says; "" where it has no name. A name that is the address again is none."""
    try:
        name = socket.getnameinfo((ip, 0), socket.NI_NAMEREQD)[0]
    except (OSError, UnicodeError):
        return ""
    return "" if name == ip else name


def reverse_names(
    addresses: Sequence[str],
    ask: Callable[[str], str] = _ask,
    patience_s: float = PATIENCE_S,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[str, str]]:
    """(address, name) of each address as its answer comes, "" for one that has none; of at most MOST addresses.

    Ends when all were answered, or after `patience_s`. The askers are daemons: one that waits keeps nobody here.
    """
    asked: SimpleQueue[str] = SimpleQueue()
    answers: SimpleQueue[tuple[str, str]] = SimpleQueue()
    wanted = list(dict.fromkeys(addresses))[:MOST]
    for ip in wanted:
        asked.put(ip)
    given_up = threading.Event()

    def work() -> None:
        while not given_up.is_set():
            try:
                ip = asked.get_nowait()
            except Empty:
                return
            answers.put((ip, ask(ip)))

    for _ in range(min(ASKERS, len(wanted))):
        threading.Thread(target=work, daemon=True, name="reverse-dns").start()
    until = time.monotonic() + patience_s
    left = len(wanted)
    try:
        while left and not stopped() and (now := time.monotonic()) < until:
            try:
                answer = answers.get(timeout=min(0.2, until - now))
            except Empty:
                continue
            left -= 1
            yield answer
    finally:
        given_up.set()
