"""Requests timed as curl -w tells it: namelookup, connect, TLS, first byte, total; repeated, for percentiles."""

from __future__ import annotations

import errno
import socket
import ssl
import time
from urllib.parse import SplitResult, urlsplit

from playbooks.facts.facts import Absence
from playbooks.facts.measured_facts import Timing, UrlTimes
from playbooks.language import tr

RUNS = 10
SECONDS = 12.0
"""For all runs together; the first is always finished or timed out."""
ONE_RUN_S = 10.0
LARGEST_BODY = 32 << 20
APP_TIMEOUT = "APP_TIMEOUT"


def collect_timing(url: str | None) -> UrlTimes | Absence:
    """RUNS requests to the URL, one after another. Nobody else is asked."""
    if url is None:
        return Absence("not_given", tr("no URL was named: --set url=http://… measures one"))
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    except ValueError as error:
        return Absence("unreadable", f"{url}: {error}")
    if not parts.hostname:
        return Absence("unreadable", tr("{url}: has no host", url=url))
    runs: list[Timing] = []
    address = ""
    began = time.monotonic()
    while len(runs) < RUNS and (not runs or time.monotonic() - began < SECONDS):
        one, address = timed(parts, parts.hostname, port)
        runs.append(one)
    return UrlTimes(url, address, tuple(runs))


def timed(parts: SplitResult, host: str, port: int, longest: float = ONE_RUN_S) -> tuple[Timing, str]:
    """One GET of a URL's path at host:port on a new connection, and the address that was taken."""
    start = time.monotonic()
    marks: dict[str, float] = {}
    address = ""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        marks["namelookup"] = time.monotonic() - start
        family, kind, protocol, _, target = found[0]
        address = str(target[0])
        with socket.socket(family, kind, protocol) as plain:
            plain.settimeout(longest)
            plain.connect(target)
            marks["connect"] = time.monotonic() - start
            sock = plain
            if parts.scheme.lower() == "https":
                sock = ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
                marks["tls"] = time.monotonic() - start
            status = _exchange(sock, parts, start, longest, marks)
        return _timing(marks, start, status, ""), address
    except (OSError, ValueError) as error:
        return _timing(marks, start, None, error_code(error)), address


def _exchange(sock: socket.socket, parts: SplitResult, start: float, longest: float, marks: dict[str, float]) -> int:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nUser-Agent: tcptriage\r\n\r\n"
    sock.sendall(request.encode("ascii", "strict"))
    head = b""
    size = 0
    while True:
        sock.settimeout(max(0.01, longest - (time.monotonic() - start)))
        data = sock.recv(65536)
        if "first_byte" not in marks and data:
            marks["first_byte"] = time.monotonic() - start
        if not data:
            break
        size += len(data)
        head = head if len(head) > 65536 else head + data
        if size > LARGEST_BODY or _complete(head, size):
            break
    words = head[:200].split(b" ", 2)
    if not head:
        raise ConnectionError(0, "EOF")
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1][:3].isdigit():
        raise ValueError("not_http")
    return int(words[1][:3])


def _complete(head: bytes, size: int) -> bool:
    """Whether a response with Content-Length has come whole: a server may keep the connection open all the same."""
    top, gap, _ = head.partition(b"\r\n\r\n")
    if not gap:
        return False
    for line in top.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return size >= len(top) + 4 + int(value)
    return False


def error_code(error: BaseException) -> str:
    """An errno's name, APP_TIMEOUT, EOF, DNS, TLS or not_http."""
    if isinstance(error, socket.gaierror):
        return "DNS"
    if isinstance(error, ssl.SSLError):
        return "TLS"
    if isinstance(error, TimeoutError) and error.errno is None:
        return APP_TIMEOUT
    if isinstance(error, OSError) and error.errno:
        return errno.errorcode.get(error.errno, str(error.errno))
    return "EOF" if isinstance(error, ConnectionError) else "not_http"


def _timing(marks: dict[str, float], start: float, status: int | None, error: str) -> Timing:
    total = time.monotonic() - start
    return Timing(
        marks.get("namelookup"), marks.get("connect"), marks.get("tls"), marks.get("first_byte"), total, status, error
    )
