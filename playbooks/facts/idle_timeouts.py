"""How long an upstream that a person named keeps an idle connection: one HEAD request, then seconds of waiting."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

from playbooks.facts.facts import Absence
from playbooks.facts.measured_facts import IdlePeer
from playbooks.facts.request_times import error_code
from playbooks.language import tr

WAIT_S = 8.0
"""Longer than the 5 s of Node and of gunicorn's threads (2 s) or uvicorn (5 s); the rest is for a person to look up."""


def collect_idle_peers(url: str | None) -> tuple[IdlePeer, ...] | Absence:
    """The server of a URL. Absent where none is named: nobody is asked unasked, though nginx's configuration tells of
    some."""
    if url is None:
        return Absence(
            "not_given", tr("no server is asked unless you name it: --set url=http://HOST:PORT/ of the upstream")
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 80
    except ValueError as error:
        return Absence("unreadable", f"{url}: {error}")
    return (_measured(host, port),) if host else Absence("unreadable", tr("{url}: has no host", url=url))


def _measured(host: str, port: int) -> IdlePeer:
    name = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=3) as sock:
            request = f"HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive\r\nUser-Agent: tcptriage\r\n\r\n"
            sock.sendall(request.encode("ascii"))
            head = b""
            while b"\r\n\r\n" not in head and len(head) < 65536:
                data = sock.recv(65536)
                if not data:
                    return IdlePeer(name, 0.0, 0.0, keeps_alive=False)
                head += data
            began = time.monotonic()
            closes = b"connection: close" in head.lower() or head.startswith(b"HTTP/1.0")
            sock.settimeout(WAIT_S)
            try:
                while sock.recv(65536):
                    sock.settimeout(max(0.01, WAIT_S - (time.monotonic() - began)))
            except TimeoutError:
                return IdlePeer(name, None, time.monotonic() - began, keeps_alive=not closes)
            idle = time.monotonic() - began
            return IdlePeer(name, idle, idle, keeps_alive=not closes and idle > 0.05)
    except (OSError, ValueError) as error:
        return IdlePeer(name, None, 0.0, keeps_alive=False, error=error_code(error))
