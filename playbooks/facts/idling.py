"""How long an upstream keeps an idle connection: asked directly, with one HEAD request each, for a few seconds."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

from playbooks.facts.model import Absence, IdlePeer, Nginx
from playbooks.facts.timing import error_code
from playbooks.facts.upstreams import upstream_servers

WAIT_S = 8.0
"""Longer than the 5 s of Node and of gunicorn's threads (2 s) or uvicorn (5 s); the rest is for a person to look up."""
MOST_SERVERS = 4


def collect_idle_peers(nginx: Nginx | Absence | None) -> tuple[IdlePeer, ...] | Absence:
    """Each upstream that nginx keeps connections to. Absent where nginx keeps none."""
    if isinstance(nginx, Absence):
        return nginx
    if nginx is None or not any(
        one.name == "keepalive" and one.context and one.context[-1].startswith("upstream ")
        for server in nginx.servers
        for one in server.directives
    ):
        return Absence("not_here", "nginx keeps no connections to its upstreams (no keepalive in an upstream block)")
    servers = upstream_servers(nginx)[:MOST_SERVERS]
    if not servers:
        return Absence("not_here", "no upstream has an address that can be asked")
    with ThreadPoolExecutor(MOST_SERVERS) as pool:
        return tuple(pool.map(lambda server: _measured(*server), servers))


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
