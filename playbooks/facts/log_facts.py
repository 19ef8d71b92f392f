"""The facts of logs: of nginx, of other proxies, of any program."""

from __future__ import annotations

import msgspec

from playbooks.facts.moments import Moment

MOST_GROUPS = 5000
"""Of a log; with more, lines of other peers are counted together."""


class ErrorLine(msgspec.Struct, frozen=True):
    """A kind of line in nginx's error log: how often, toward which upstreams and when, and the last one."""

    kind: str
    count: int
    upstreams: dict[str, int]
    last: str
    last_time: str
    moments: dict[str, tuple[Moment, ...]] = {}
    """When, by upstream."""


class ErrorLog(msgspec.Struct, frozen=True):
    """What nginx's error logs said since its workers of now are at work. `lines` read as nginx's; `older` ones were
    before that, `older_kinds` counts what they said. `since` None: the whole log was counted."""

    paths: tuple[str, ...]
    lines: int
    older: int
    kinds: dict[str, ErrorLine]
    cut: bool = False
    older_kinds: dict[str, int] = {}
    since: float | None = None
    first: float | None = None
    last: float | None = None
    own: bool = False
    """Written by an nginx whose configuration is among the facts."""


class Times(msgspec.Struct, frozen=True):
    """Seconds: how many were measured, and their percentiles."""

    count: int
    p50: float
    p90: float
    p99: float
    most: float
    p10: float | None = None


class Route(msgspec.Struct, frozen=True):
    """Requests of one path: how many, how many 499 and 504."""

    path: str
    requests: int
    closed: int
    timed_out: int


class AccessLog(msgspec.Struct, frozen=True):
    """nginx's access logs: the last minutes. Times are None where the log's format has none of them."""

    paths: tuple[str, ...]
    lines: int
    unread: int
    older: int
    status: dict[str, int]
    routes: tuple[Route, ...]
    request: Times | None = None
    upstream: Times | None = None
    closed_request: Times | None = None
    closed_upstream: Times | None = None
    first: str = ""
    last: str = ""
    sample: tuple[str, ...] = ()
    older_status: dict[str, int] = {}
    since: float | None = None
    own: bool = False
    """Written by an nginx whose configuration is among the facts."""


class ProxyEnd(msgspec.Struct, frozen=True):
    """Requests through a proxy that ended alike. `code` is the proxy's: HAProxy's two letters, Envoy's flag, Apache's
    AH number; `symptom` what playbooks.symptoms makes of it, empty for none. `times`: seconds of the whole request."""

    code: str
    symptom: str
    count: int
    servers: dict[str, int]
    status: dict[str, int]
    times: Times | None
    sample: str


class ProxyLog(msgspec.Struct, frozen=True):
    """A log of haproxy, envoy or apache. `lines` could be read, `unread` could not; `served`: those that ended in
    order. `cut`: only the end of the file was read."""

    program: str
    path: str
    lines: int
    unread: int
    ended: tuple[ProxyEnd, ...]
    served: Times | None = None
    cut: bool = False


class LogGroup(msgspec.Struct, frozen=True):
    """Error lines of one symptom toward one peer."""

    symptom: str
    peer: str
    count: int
    first: str
    last: str
    sample: str
    line: int
    sources: dict[str, int] = {}
    """How many of the lines each program wrote, as far as they tell."""
    playbooks: tuple[str, ...] = ()
    """Where its lines lead."""
    moments: tuple[Moment, ...] = ()
    """When its lines were written, those that tell."""


class SymptomLog(msgspec.Struct, frozen=True):
    """What an application's log says, by symptom and peer (playbooks.symptoms). `here`: whether the local addresses in
    it are this machine's; None where it names none. `requests`: it is an access log, which tells no failed call.
    `speaks`: it may be of a program that holds connections. `first_time`, `last_time` of its lines, epoch seconds."""

    path: str
    lines: int
    groups: tuple[LogGroup, ...]
    here: bool | None = None
    requests: bool = False
    first_time: float | None = None
    last_time: float | None = None
    speaks: bool = True
