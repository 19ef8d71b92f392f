"""What checks know: plain, frozen, and written as JSON, so that each check runs in a test on recorded facts."""

from __future__ import annotations

from typing import Literal

import msgspec

from capture.model import Endpoint
from playbooks.scope import NOTHING, Scope, together


class Absence(msgspec.Struct, frozen=True):
    """Why a fact is missing. not_given: a person may name it (--set). not_here: this machine has none, so there is
    nothing to judge. elsewhere: a capture or log of another machine was named, beside which facts of this one have no
    place. unreadable: permission, a missing tool, a damaged file: the step is unknown."""

    kind: Literal["not_given", "not_here", "elsewhere", "unreadable"]
    why: str


class Holder(msgspec.Struct, frozen=True):
    """A process that holds a socket. `name` is the kernel's comm: hostile text."""

    pid: int
    name: str
    fd: int = -1


class Socket(msgspec.Struct, frozen=True):
    """One TCP socket, as in capture.sockets. `stayed`: seen in the same state in both looks.

    `closed_window_s`: seconds since a byte went out into a closed window; None where the window is open or unknown.
    `new_drops`: of a listener, between the two looks. `backlog_max`: of a listener, None where the source does not tell
    (`send_q` is 0 then); `v6_only`: whether an IPv6 listener turns IPv4 away, None where that is not known. `netns`:
    the network namespace that holds it, None for the program's own.
    """

    state: str
    local: Endpoint
    remote: Endpoint
    age_s: float
    age_is_minimum: bool
    recv_q: int
    send_q: int
    owners: tuple[Holder, ...]
    cookie: str
    owner_missing: str | None = None
    uid: int = 0
    inode: int = 0
    timer: str | None = None
    retransmits: int = 0
    unanswered: int = 0
    drops: int | None = None
    new_drops: int = 0
    stayed: bool = True
    closed_window_s: float | None = None
    awaiting_s: float | None = None
    """Seconds since this side sent data with none back since; None where it waits for nothing, or that is not told."""
    backlog_max: int | None = None
    v6_only: bool | None = None
    netns: str | None = None


class UnixListener(msgspec.Struct, frozen=True):
    """A listening unix socket: connections waiting to be accepted, and the most that may. `path` is hostile text, `@`
    before abstract names. `waited_s`: for how long the first of them was seen to wait. `owner_missing` as of a
    Socket."""

    path: str
    waiting: int
    most: int
    owners: tuple[Holder, ...]
    waited_s: float = 0.0
    owner_missing: str | None = None
    netns: str | None = None


class Elsewhere(msgspec.Struct, frozen=True):
    """A network namespace that was not looked into; `sockets` None where they could not even be counted."""

    name: str
    sockets: int | None


class Bound(msgspec.Struct, frozen=True):
    """A socket that bind() gave a port, and nothing more: the port is taken all the same."""

    local: Endpoint
    inode: int


class Sockets(msgspec.Struct, frozen=True):
    """Two looks at the live connections, `elapsed_s` apart; `rows` are those of the second. `counters` moved between
    them, `totals` count since the network namespace began.

    `netns` names the network namespace that was looked at, None for the program's own; `elsewhere` are those that hold
    sockets and were not. `unix` None: unix listeners could not be looked at. `hidden_owners` sockets are held by
    processes out of sight: `hidden_why` says why.
    """

    elapsed_s: float
    source: str
    hidden_owners: int
    limits: tuple[str, ...]
    rows: tuple[Socket, ...]
    counters: dict[str, int]
    totals: dict[str, int]
    ephemeral_ports: int = 28232
    port_range: tuple[int, int] = (32768, 60999)
    netns: str | None = None
    elsewhere: tuple[Elsewhere, ...] = ()
    unix: tuple[UnixListener, ...] | None = None
    hidden_why: str = ""
    bound: tuple[Bound, ...] | None = None
    """Sockets that are bound to a port, and neither listen nor connect; None where that is not told (Linux before 6.8,
    /proc)."""
    others: tuple[Sockets, ...] = ()
    """Those of the other network namespaces, where this is the machine's own one and they may be entered; none of
    theirs is among `rows`."""


class Granted(msgspec.Struct, frozen=True):
    """RLIMIT_NOFILE that a process's unit, or the log-ins of its user (`account`), get today; None where nothing tells.
    `by`: what says so (file:line, a unit), empty where it is only seen in other processes."""

    soft: int | None
    hard: int | None
    account: str
    by: str = ""


class Process(msgspec.Struct, frozen=True):
    """A process and its descriptors. None: may not be read. `kinds` counts descriptors by what they are (socket, file,
    pipe, …); `lost_sockets`: sockets that no protocol lists (lsof's "can't identify protocol")."""

    pid: int
    name: str
    uid: int
    parent: int | None = None
    unit: str = ""
    command: str = ""
    open_files: int | None = None
    soft_limit: int | None = None
    hard_limit: int | None = None
    kinds: dict[str, int] = {}
    lost_sockets: int | None = None
    children: int = 0
    granted: Granted | None = None
    """Of those nearest to their limits."""
    identity: tuple[str, ...] = ()
    """Words for its language and server ("python", "gunicorn"); empty where nothing tells."""
    container: str = ""
    threads: int | None = None


class Processes(msgspec.Struct, frozen=True):
    """All processes that may be seen; `hidden` of them did not tell how many descriptors they have."""

    rows: tuple[Process, ...]
    hidden: int
    own_pid: int = 0
    unseen: str = ""
    """Why processes of this machine may not even show (a pid namespace, hidepid); empty where all do."""
    contained: bool = False
    """Why is a pid namespace: those of a container all show, those around it do not."""
    may_raise: bool = True
    """Whether who runs this may raise a hard limit (CAP_SYS_RESOURCE): in a container often not even root."""


class Directive(msgspec.Struct, frozen=True):
    """One directive of nginx. `context` is the path of blocks around it: ("http", "server", "location /")."""

    name: str
    args: tuple[str, ...]
    file: str
    line: int
    context: tuple[str, ...]
    block: int = 0
    """A number that directives of the same innermost block share."""
    outer: tuple[int, ...] = ()
    """The numbers of all blocks around it, outermost first; ends with `block`."""

    @property
    def where(self) -> str:
        """File and line, as editors take it."""
        return f"{self.file}:{self.line}"


class Worker(msgspec.Struct, frozen=True):
    """An nginx worker process. `connections` counts its TCP sockets that are no listeners; None: owners are hidden."""

    pid: int
    started: float | None
    open_files: int | None
    soft_limit: int | None
    hard_limit: int | None


class NginxServer(msgspec.Struct, frozen=True):
    """One nginx configuration, running or not. `changed`: epoch seconds of the newest change of its files."""

    path: str
    files: tuple[str, ...]
    directives: tuple[Directive, ...]
    errors: tuple[str, ...]
    changed: float
    prefix: str = ""
    master: int | None = None
    workers: tuple[Worker, ...] = ()
    deleted_logs: tuple[str, ...] = ()
    cpus: int = 1
    version: tuple[int, ...] = ()
    """Of the program that runs it, or that is installed; empty where it is not told."""
    page: int = 4096
    """Bytes of a memory page: nginx's buffers are as large as one, or two, where nothing is set."""
    named: bool = False
    """A person named the file: it is what was asked about, running or not."""

    @property
    def since(self) -> float | None:
        """From when on what is at work now was at work: the oldest worker's start. None where none tells."""
        starts = [worker.started for worker in self.workers if worker.started is not None]
        return min(starts, default=None)

    @property
    def at_work(self) -> bool | None:
        """Whether the files are what the workers were started with. None where no worker tells: nothing runs, or it is
        hidden."""
        return None if self.since is None else self.changed <= self.since + CLOCK_S


CLOCK_S = 0.05
"""A start is told in hundredths of a second, and the clock is set a little now and then."""


class Nginx(msgspec.Struct, frozen=True):
    """Every nginx found here, or the one named with --set config."""

    servers: tuple[NginxServer, ...]


class ErrorLine(msgspec.Struct, frozen=True):
    """A kind of line in nginx's error log: how often, toward which upstreams, and the last one."""

    kind: str
    count: int
    upstreams: dict[str, int]
    last: str
    last_time: str


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


class ProxyWait(msgspec.Struct, frozen=True):
    """How long a proxy waits. `kind`: connect, server (for an answer), client, request (to be complete), queue, idle,
    tunnel; `seconds` None: without end, or not told; `written` as it stands in `file` at `line` (empty and 0: the
    program's default); `place` the section, route or cluster that it applies to."""

    kind: str
    seconds: float | None
    written: str
    file: str
    line: int
    place: str = ""


class ProxyConfig(msgspec.Struct, frozen=True):
    """The waits of haproxy, apache or envoy; `missing` those that should be there and have no default, in words."""

    program: str
    path: str
    waits: tuple[ProxyWait, ...]
    missing: tuple[str, ...] = ()


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


class CapturedConnection(msgspec.Struct, frozen=True):
    """One connection of a capture with its verdict."""

    id: int
    originator: Endpoint
    responder: Endpoint
    cause: str
    certainty: str
    closed_first: str | None
    ended_by: str
    reset_by: str | None
    sentence: str
    evidence: tuple[str, ...]
    longest_gap_ms: float | None
    bytes: tuple[int, int]


class Captured(msgspec.Struct, frozen=True):
    """A capture: how many connections of each cause, and samples of each. `here`: whether one end of most of them is
    this machine. `first_time`, `last_time`: of its packets, epoch seconds. `began_before`: connections whose first
    packets are not in it. `losses`: notices that packets are missing or could not be read."""

    path: str
    connections: int
    causes: dict[str, int]
    samples: tuple[CapturedConnection, ...]
    notices: tuple[str, ...] = ()
    here: bool = False
    first_time: float | None = None
    last_time: float | None = None
    began_before: int = 0
    losses: tuple[str, ...] = ()
    untold_responses: int = 0
    """Connections of which the captured bytes do not tell whether the response was cut short."""


class Ended(msgspec.Struct, frozen=True):
    """Connections to one service (`ip`, `port`: the responder) that ended alike, in a few seconds of packets."""

    cause: str
    ip: str
    port: int
    count: int
    of: int
    """Connections to the service in all."""
    clients: dict[str, int]
    carried: int
    """How many of them carried data: probes of load balancers do not."""
    resets: int = 0
    """How many of them met a RST."""
    cut_off: int = 0
    """How many met a RST and began before the window, so that why they were reset may lie before it too."""
    samples: tuple[CapturedConnection, ...] = ()
    callers: tuple[Holder, ...] = ()
    """Processes of this machine that were seen to hold connections toward the service."""


class Traffic(msgspec.Struct, frozen=True):
    """A few seconds of this machine's packets. `full`: cut at the most packets that are kept. `began_before`: of its
    connections, those whose first packets came before."""

    seconds: float
    packets: int
    connections: int
    full: bool
    groups: tuple[Ended, ...] = ()
    began_before: int = 0
    untold_responses: int = 0
    """As of a capture."""


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


class FirewallRule(msgspec.Struct, frozen=True):
    """A rule that drops or rejects, in nft's or iptables' words. `packets` None where it has no counter; `handle` 0
    where it is a policy. `delete` and `restore` are commands for a shell."""

    table: str
    chain: str
    handle: int
    text: str
    verdict: Literal["drop", "reject"]
    packets: int | None = None
    delete: str = ""
    restore: str = ""


class Ability(msgspec.Struct, frozen=True):
    """What whoever runs this could do here: effective capabilities (None: not told), tools that are installed, whether
    systemd runs, whether kernel settings may not be written (a container)."""

    capabilities: int | None
    tools: tuple[str, ...]
    systemd: bool
    sysctl_read_only: bool


class Facts(msgspec.Struct, frozen=True):
    """Everything that was collected for one run of a playbook. A part is None where it was not asked for or is absent;
    `absent` says why, by the part's name. `began` and `time` are epoch seconds, before and after the collecting;
    `netns` the inode of the network namespace that was looked at."""

    host: str
    time: float
    root: bool
    settings: dict[str, str]
    absent: dict[str, Absence] = {}
    sockets: Sockets | None = None
    processes: Processes | None = None
    kernel: dict[str, str] | None = None
    nginx: Nginx | None = None
    error_log: ErrorLog | None = None
    access_log: AccessLog | None = None
    proxy_log: ProxyLog | None = None
    proxy_config: ProxyConfig | None = None
    log: SymptomLog | None = None
    capture: Captured | None = None
    traffic: Traffic | None = None
    url: UrlTimes | None = None
    load: LoadRun | None = None
    probe: Probe | None = None
    idle_peers: tuple[IdlePeer, ...] | None = None
    firewall: tuple[FirewallRule, ...] | None = None
    began: float | None = None
    netns: str | None = None
    ability: Ability | None = None
    """None where the facts are of another machine."""

    def scope(self, *parts: str) -> Scope:
        """What these parts were read from, those of them that are there or should be; all that is there for none."""
        return together(self._scope(part) for part in parts or PARTS)

    def _scope(self, part: str) -> Scope:
        absence = self.absent.get(part)
        if getattr(self, part) is None and (absence is None or absence.kind != "unreadable"):
            return NOTHING
        named = self.settings.get("log")
        if part == "capture":
            seen = self.capture
            if seen is None:
                return Scope(capture=self.settings.get("capture"))
            return Scope(self.host if seen.here else None, None, seen.path, None, seen.first_time, seen.last_time)
        if part == "log":
            if self.log is None:
                return Scope(log=named)
            told = self.log
            return Scope(self.host if told.here else None, None, None, told.path, told.first_time, told.last_time)
        if part in ("error_log", "access_log"):
            read = self.error_log if part == "error_log" else self.access_log
            paths = ", ".join(read.paths) if read is not None else named
            return Scope(self.host if named is None else None, log=paths)
        if part == "proxy_config":
            return Scope(self.host if "config" not in self.settings else None, begin=self.began, end=self.time)
        inside = self.sockets.netns if self.sockets is not None else None
        return Scope(self.host, self.netns or inside, begin=self.began, end=self.time)

    def number(self, key: str) -> int | None:
        """A setting that is a number, such as pid or port; None where it was not given."""
        value = self.settings.get(key)
        return None if value is None else int(value)

    def sysctl(self, name: str) -> int | None:
        """The first number of a kernel setting, such as net.core.somaxconn; None where it cannot be read."""
        words = (self.kernel or {}).get(name, "").split()
        return int(words[0]) if words and words[0].lstrip("-").isdigit() else None


_ABOUT = ("host", "time", "root", "settings", "absent", "began", "netns", "ability")
PARTS = tuple(name for name in Facts.__struct_fields__ if name not in _ABOUT)
"""What a check may need, by name."""
