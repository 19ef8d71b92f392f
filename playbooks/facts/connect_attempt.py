"""One attempt to connect to the host and port that a person named."""

from __future__ import annotations

import socket
import time

from playbooks.facts.facts import Absence
from playbooks.facts.measured_facts import Probe
from playbooks.facts.request_times import error_code
from playbooks.language import tr

SECONDS = 4.0


def collect_probe(host: str | None, port: int | None) -> Probe | Absence:
    """What connect() says; the connection is closed at once. Absent without --set port (host: this machine)."""
    if port is None:
        return Absence("not_given", tr("no port was named: --set host=HOST --set port=PORT tries one"))
    host = host or "127.0.0.1"
    began = time.monotonic()
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        return Probe(host, "", port, "DNS", time.monotonic() - began, local=False)
    address = str(target[0])
    began = time.monotonic()
    try:
        with socket.socket(family, kind, protocol) as sock:
            sock.settimeout(SECONDS)
            sock.connect(target)
        result = "ok"
    except OSError as error:
        result = error_code(error)
    return Probe(host, address, port, result, time.monotonic() - began, local=_is_local(family, address))


def _is_local(family: int, address: str) -> bool:
    """Whether a socket of this machine can be bound to the address."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True
