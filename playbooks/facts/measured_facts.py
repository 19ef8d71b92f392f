"""The facts of what was tried: requests, connects, idle connections."""

from __future__ import annotations

import msgspec

from playbooks.facts.log_facts import Times


class Timing(msgspec.Struct, frozen=True):
    """One request, as curl -w tells it. Seconds since the start; `error` is a code of request_times.py."""

    namelookup: float | None
    connect: float | None
    tls: float | None
    first_byte: float | None
    total: float
    status: int | None
    error: str = ""


class UrlTimes(msgspec.Struct, frozen=True):
    """Repeated requests to one URL, one after another, and the peer's address."""

    url: str
    address: str
    runs: tuple[Timing, ...]


class LoadRun(msgspec.Struct, frozen=True):
    """A bounded load: requests by `workers` at a time for `seconds`, and what it left behind."""

    url: str
    workers: int
    seconds: float
    requests: int
    errors: dict[str, int]
    status: dict[str, int]
    total: Times | None
    close_wait_before: int
    close_wait_after: int
    counters: dict[str, int]


class Probe(msgspec.Struct, frozen=True):
    """One attempt to connect. `result`: ok, or an errno's name, or APP_TIMEOUT after `seconds`."""

    host: str
    address: str
    port: int
    result: str
    seconds: float
    local: bool
    """Whether the address is one of this machine's own."""


class IdlePeer(msgspec.Struct, frozen=True):
    """How long an upstream kept an idle connection: `closed_after` seconds, None if still open after `waited`."""

    server: str
    closed_after: float | None
    waited: float
    keeps_alive: bool
    error: str = ""
