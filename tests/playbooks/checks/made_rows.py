"""Facts of sockets, processes, rules and logs for test_made_golden: (check, what it is given, facts) by name."""

from __future__ import annotations

from typing import Any

import msgspec

from capture.model import Endpoint
from playbooks.facts.config_facts import FirewallRule
from playbooks.facts.facts import Facts
from playbooks.facts.socket_facts import Bound, Granted, Holder, Process, Processes, UnixListener
from tests.playbooks.checks.making import changed, host, kernel, listener, log, process, row, rows, sockets

Row = tuple[str, dict[str, Any], Facts]
OTHER, GO = Holder(900, "postgres", 4), Holder(70, "api", 3)


def near_limit(**more: Any) -> Facts:
    """A process that uses 950 of 1,000 descriptors, two of them connections."""
    full = Process(812, "java", 1000, open_files=950, soft_limit=1000, **{"hard_limit": 1000} | more)
    return changed(host(row(), row(number=1)), processes=Processes((full,), 0))


def awaits(awaiting: int, left: int, seconds: float = 3.0, **more: Any) -> Facts:
    """A process with connections whose clients left, and others to its database that wait."""
    gone = rows("CLOSE-WAIT", left)
    asked = [row("ESTAB", 500 + n, remote=Endpoint("10.0.0.9", 5432), awaiting_s=seconds + n) for n in range(awaiting)]
    return host(*gone, *asked, **more)


def to_rule(*rules: FirewallRule, **more: Any) -> Facts:
    lost = [row("SYN-SENT", n, timer="on", unanswered=4, remote=Endpoint("203.0.113.1", 443)) for n in range(3)]
    return changed(host(*lost, **more), firewall=rules)


def rule(text: str, packets: int | None = 0, handle: int = 7) -> FirewallRule:
    return FirewallRule("ip filter", "OUTPUT", handle, text, "drop", packets, "nft delete …", "nft add …")


ROWS: dict[str, Row] = {
    # files.py
    "descriptors: nothing more may be had": ("open-files-of-processes", {}, near_limit()),
    "descriptors: by kind": ("open-files-of-processes", {}, near_limit(kinds={"socket": 900, "file": 50})),
    "descriptors: of a unit": ("open-files-of-processes", {}, near_limit(unit="app.service", hard_limit=4096)),
    "descriptors: of an account": (
        "open-files-of-processes",
        {},
        near_limit(granted=Granted(1024, 4096, "app", "/etc/security/limits.conf:9")),
    ),
    "descriptors: granted, and not told how much": (
        "open-files-of-processes",
        {},
        near_limit(granted=Granted(None, None, "app")),
    ),
    "descriptors: half of it told": ("open-files-of-processes", {}, near_limit(granted=Granted(2048, None, "app"))),
    "descriptors: enough is granted": (
        "open-files-of-processes",
        {},
        near_limit(granted=Granted(4096, 1 << 20, "app")),
    ),
    "descriptors: not quite enough": ("open-files-of-processes", {}, near_limit(granted=Granted(4095, 1 << 20, "app"))),
    "descriptors: without a hard limit": ("open-files-of-processes", {}, near_limit(hard_limit=None)),
    "descriptors: nobody may raise a limit": (
        "open-files-of-processes",
        {},
        changed(
            near_limit(hard_limit=2000),
            processes=Processes(
                (Process(812, "java", 1000, open_files=950, soft_limit=1000, hard_limit=2000),), 3, may_raise=False
            ),
        ),
    ),
    "descriptors: nor root's own": (
        "open-files-of-processes",
        {},
        changed(
            near_limit(),
            processes=Processes(
                (Process(812, "java", 0, open_files=950, soft_limit=1000, hard_limit=2000),), 0, may_raise=False
            ),
        ),
    ),
    "descriptors: up to fs.nr_open": (
        "open-files-of-processes",
        {},
        changed(near_limit(hard_limit=4096), kernel={"fs.nr_open": "3000"}),
    ),
    "descriptors: one that is named and hidden": (
        "open-files-of-processes",
        {},
        changed(host(), processes=Processes((process(None),), 1), settings={"pid": "812"}),
    ),
    "descriptors of the system, 74 %": (
        "open-files-of-system",
        {},
        changed(host(), kernel={"fs.file-nr": "74 0 100", "fs.file-max": "100"}),
    ),
    "descriptors of the system, 75 %": (
        "open-files-of-system",
        {},
        changed(host(), kernel={"fs.file-nr": "75 0 100", "fs.file-max": "100"}),
    ),
    "descriptors of the system, 90 %": (
        "open-files-of-system",
        {},
        changed(host(), kernel={"fs.file-nr": "90 0 100", "fs.file-max": "100"}),
    ),
    "lost sockets, some out of sight": (
        "lost-sockets",
        {},
        changed(host(), processes=Processes((process(lost_sockets=0), msgspec.structs.replace(process(), pid=5)), 0)),
    ),
    # leaks.py
    "close-wait: of a hidden process": ("close-wait-pile", {}, host(*rows("CLOSE-WAIT", 12, owners=()))),
    "close-wait: hidden, toward one service": (
        "close-wait-pile",
        {},
        changed(
            host(),
            sockets=sockets(
                *[
                    row(
                        "CLOSE-WAIT",
                        n,
                        owners=(),
                        local=Endpoint("10.0.0.1", 41000 + n),
                        remote=Endpoint("10.0.0.9", 80),
                    )
                    for n in range(12)
                ],
                hidden_owners=12,
                hidden_why="hidepid=2",
            ),
        ),
    ),
    "close-wait: one is named, and hidden": (
        "close-wait-pile",
        {},
        changed(host(*rows("CLOSE-WAIT", 12, owners=())), settings={"pid": "812"}),
    ),
    "close-wait: one is named that holds nothing": ("close-wait-pile", {}, changed(host(row()), settings={"pid": "4"})),
    "close-wait: unread bytes": (
        "close-wait-pile",
        {},
        host(*rows("CLOSE-WAIT", 12, recv_q=11), row("CLOSE-WAIT", 40, recv_q=1)),
    ),
    "close-wait: quiet": ("close-wait-pile", {"quiet": True}, host(*rows("CLOSE-WAIT", 12))),
    "close-wait: a port of others": (
        "close-wait-pile",
        {},
        changed(host(*rows("CLOSE-WAIT", 12)), settings={"port": "9"}),
    ),
    "close-wait: three wait for their database": ("close-wait-pile", {}, awaits(5, 10)),
    "close-wait: fewer than half of them wait": ("close-wait-pile", {}, awaits(4, 10)),
    "close-wait: by two processes": (
        "close-wait-pile",
        {},
        host(*rows("CLOSE-WAIT", 11), *rows("CLOSE-WAIT", 12, owners=(OTHER,))),
    ),
    "close-wait descriptors of one process": (
        "close-wait-descriptors",
        {},
        changed(
            host(*rows("CLOSE-WAIT", 12), *rows("CLOSE-WAIT", 2, owners=(OTHER,))),
            processes=Processes((process(900),), 0),
            settings={"pid": "812"},
        ),
    ),
    "close-wait descriptors of another": (
        "close-wait-descriptors",
        {},
        changed(
            host(*rows("CLOSE-WAIT", 12), row(owners=(OTHER,))),
            processes=Processes((process(900),), 0),
            settings={"pid": "900"},
        ),
    ),
    "fin-wait-2: held on both sides here": (
        "fin-wait-2-pile",
        {},
        host(
            *[
                row("FIN-WAIT-2", n, local=Endpoint("127.0.0.1", 41000 + n), remote=Endpoint("127.0.0.1", 80))
                for n in range(12)
            ],
            *[
                row(
                    "CLOSE-WAIT",
                    n,
                    owners=(GO,),
                    remote=Endpoint("127.0.0.1", 41000 + n),
                    local=Endpoint("127.0.0.1", 80),
                )
                for n in range(12)
            ],
        ),
    ),
    "fin-wait-2: clients of this server": (
        "fin-wait-2-pile",
        {},
        changed(host(*rows("FIN-WAIT-2", 12, owners=(), inode=0)), kernel=kernel(tcp_fin_timeout="120")),
    ),
    "fin-wait-2: a time-out of eleven seconds": (
        "fin-wait-2-pile",
        {},
        changed(host(*rows("FIN-WAIT-2", 12, owners=(), inode=0)), kernel=kernel(tcp_fin_timeout="11")),
    ),
    "fin-wait-2: a time-out of ten": (
        "fin-wait-2-pile",
        {},
        changed(host(*rows("FIN-WAIT-2", 12, owners=(), inode=0)), kernel=kernel(tcp_fin_timeout="10")),
    ),
    "fin-wait-2: toward another host": (
        "fin-wait-2-pile",
        {},
        changed(host(*rows("FIN-WAIT-2", 12)), settings={"host": "10.0.0.8"}),
    ),
    "orphans, with TCP's memory": (
        "orphans",
        {},
        changed(
            host(*rows("FIN-WAIT-2", 9, owners=(), inode=0, owner_missing="orphan")),
            kernel=kernel(tcp_max_orphans="16") | {"net.ipv4.tcp_mem": "100 200 300"},
        ),
    ),
    # awaiting.py
    "waiting for: as many as left": ("waiting-for", {}, awaits(3, 3)),
    "waiting for: two only": ("waiting-for", {}, awaits(2, 3)),
    "waiting for: two left": ("waiting-for", {}, awaits(3, 2)),
    "waiting for: half a second": ("waiting-for", {}, awaits(3, 3, seconds=0.4)),
    "waiting for: a long time": ("waiting-for", {}, awaits(3, 6, seconds=40.0)),
    "waiting for: behind a full queue": (
        "waiting-for",
        {},
        changed(
            host(
                listener(waiting=128),
                *[
                    row(
                        "ESTAB",
                        500 + n,
                        remote=Endpoint("10.0.0.9", 5432),
                        local=Endpoint("10.0.0.1", 50000 + n),
                        awaiting_s=3.0,
                    )
                    for n in range(4)
                ],
                *rows("ESTAB", 5),
            ),
            processes=Processes((process(threads=8),), 0),
        ),
    ),
    "waiting for: of a hidden process": (
        "waiting-for",
        {},
        host(*rows("CLOSE-WAIT", 4, owners=(), owner_missing="hidden")),
    ),
    # queues.py
    "queue: who waits in it": (
        "accept-queue-full",
        {},
        host(
            listener(waiting=130, new_drops=2),
            *rows("ESTAB", 3, owners=(), owner_missing="not yet accepted"),
            *rows("CLOSE-WAIT", 5, owners=(), owner_missing="not yet accepted"),
        ),
    ),
    "queue: descriptors used up": (
        "accept-queue-full",
        {},
        changed(host(listener(waiting=130)), processes=Processes((process(973),), 0)),
    ),
    "queue: descriptors nearly used up": (
        "accept-queue-full",
        {},
        changed(host(listener(waiting=130)), processes=Processes((process(972),), 0)),
    ),
    "queue: as large as somaxconn": (
        "accept-queue-full",
        {},
        changed(host(listener(waiting=130)), kernel=kernel(somaxconn="128")),
    ),
    "queue: more than somaxconn is proposed": (
        "accept-queue-full",
        {},
        changed(host(listener(waiting=1100, most=1000)), kernel=kernel(somaxconn="4096")),
    ),
    "queue: nobody is seen to hold it": ("accept-queue-full", {}, host(listener(waiting=130, owners=()))),
    "queue: four of six": (
        "accept-queue-full",
        {},
        host(*[listener(port=8000 + n, waiting=130 + n) for n in range(6)]),
    ),
    "queue: unix, one too many": (
        "accept-queue-full",
        {},
        changed(
            host(listener()),
            sockets=sockets(
                listener(), unix=(UnixListener("/run/a", 11, 10, (GO,), 3.0), UnixListener("", 10, 10, ()))
            ),
        ),
    ),
    "queue: unix, just full": (
        "accept-queue-full",
        {},
        changed(
            host(listener()),
            sockets=sockets(
                listener(), unix=(UnixListener("/run/a", 10, 10, (GO,)), UnixListener("/run/b", 2, 10, ()))
            ),
        ),
    ),
    "overflows at another port": (
        "listen-counters",
        {},
        changed(host(listener(), moved={"ListenOverflows": 3}), settings={"port": "8080"}),
    ),
    "overflows at this port": (
        "listen-counters",
        {},
        changed(host(listener(new_drops=1), moved={"ListenOverflows": 3}), settings={"port": "8080"}),
    ),
    "drops, no overflow": ("listen-counters", {}, host(listener(), moved={"ListenDrops": 3})),
    "a backlog as small as somaxconn": (
        "backlog-settings",
        {},
        changed(host(listener(most=128)), kernel=kernel(somaxconn="128")),
    ),
    "a backlog smaller than somaxconn": (
        "backlog-settings",
        {},
        changed(host(listener(most=127)), kernel=kernel(somaxconn="128")),
    ),
    "a somaxconn of 1023": (
        "backlog-settings",
        {},
        changed(host(listener(most=1023)), kernel=kernel(somaxconn="1023")),
    ),
    "a somaxconn of 1024": (
        "backlog-settings",
        {},
        changed(host(listener(most=1024)), kernel=kernel(somaxconn="1024")),
    ),
    "overflows are reset": (
        "backlog-settings",
        {},
        changed(host(listener()), kernel=kernel(tcp_abort_on_overflow="1")),
    ),
    "a backlog that is not told": ("backlog-settings", {}, host(msgspec.structs.replace(listener(), backlog_max=None))),
    # ports.py
    "ports: who holds them": (
        "ports-toward-one-peer",
        {},
        changed(
            host(),
            sockets=sockets(
                *[
                    row("ESTAB", n, local=Endpoint("10.0.0.1", 32768 + n), remote=Endpoint("10.0.0.9", 80))
                    for n in range(60)
                ],
                listener(32800),
                ephemeral_ports=100,
                port_range=(32768, 32867),
            ),
        ),
    ),
    "ports: all reuse already": (
        "ports-toward-one-peer",
        {},
        changed(
            host(),
            kernel=kernel(tcp_tw_reuse="1") | {"net.ipv4.ip_local_reserved_ports": "40000"},
            sockets=sockets(
                *[
                    row(
                        "TIME-WAIT", n, local=Endpoint("10.0.0.1", 1024 + n), remote=Endpoint("10.0.0.9", 80), owners=()
                    )
                    for n in range(80)
                ],
                ephemeral_ports=100,
                port_range=(1024, 65535),
            ),
        ),
    ),
    "port held: by an outgoing connection": (
        "port-held",
        {},
        changed(host(row(local=Endpoint("10.0.0.1", 40000))), settings={"port": "40000"}),
    ),
    "port held: by a listener": ("port-held", {}, changed(host(listener()), settings={"port": "8080"})),
    "port held: by what lingers": (
        "port-held",
        {},
        changed(host(*rows("TIME-WAIT", 3, owners=(), inode=0)), settings={"port": "8080"}),
    ),
    "port held: by a connection of a server": ("port-held", {}, changed(host(row()), settings={"port": "8080"})),
    "port held: bound": (
        "port-held",
        {},
        changed(host(), sockets=sockets(bound=(Bound(Endpoint("10.0.0.1", 8080), 77),)), settings={"port": "8080"}),
    ),
    "port held: by nobody": (
        "port-held",
        {},
        changed(host(), sockets=sockets(listener(9), bound=()), settings={"port": "8080"}),
    ),
    "time-wait: recycled": (
        "time-wait-settings",
        {},
        changed(host(row()), kernel=kernel() | {"net.ipv4.tcp_tw_recycle": "1"}),
    ),
    "time-wait: reused without time stamps": (
        "time-wait-settings",
        {},
        changed(host(row()), kernel=kernel(tcp_tw_reuse="1", tcp_timestamps="0")),
    ),
    # stalls.py
    "a closed window, and who does not read": (
        "zero-window",
        {},
        host(
            row(
                "ESTAB",
                1,
                local=Endpoint("127.0.0.1", 80),
                remote=Endpoint("127.0.0.1", 41000),
                closed_window_s=9.0,
                timer="persist",
                send_q=500,
            ),
            row(
                "ESTAB",
                2,
                local=Endpoint("127.0.0.1", 41000),
                remote=Endpoint("127.0.0.1", 80),
                owners=(GO,),
                recv_q=7000,
            ),
        ),
    ),
    "a closed window of another host": (
        "zero-window",
        {},
        host(*[row("ESTAB", n, closed_window_s=2.0 + n, timer="persist", send_q=10) for n in range(3)]),
    ),
    "unanswered: a rule names the host": ("unanswered", {}, to_rule(rule("ip daddr 203.0.113.1 drop"))),
    "unanswered: a rule names the port": ("unanswered", {}, to_rule(rule("tcp dport 443 drop"))),
    "unanswered: a rule for all, used": ("unanswered", {}, to_rule(rule("counter drop", packets=4))),
    "unanswered: a rule for all, unused": ("unanswered", {}, to_rule(rule("counter drop"))),
    "unanswered: a rule of another host, used": (
        "unanswered",
        {},
        to_rule(rule("ip daddr 203.0.113.2 drop", packets=4)),
    ),
    "unanswered: a policy": ("unanswered", {}, to_rule(rule("tcp dport 443 drop", handle=0))),
    # aborts.py
    "log: of something else": (
        "log-symptoms",
        {"symptoms": ["reset"]},
        changed(host(), log=msgspec.structs.replace(log(), speaks=False)),
    ),
    "log: of requests": (
        "log-symptoms",
        {"symptoms": ["reset"]},
        changed(host(), log=msgspec.structs.replace(log(), requests=True)),
    ),
    "log: of other peers": (
        "log-symptoms",
        {"symptoms": ["reset"]},
        changed(host(), log=log(("reset", "10.0.0.9:81", 4), ("refused", "10.0.0.9:81", 2)), settings={"port": "80"}),
    ),
    "log: of this port": (
        "log-symptoms",
        {"symptoms": ["reset"]},
        changed(host(), log=log(("reset", "10.0.0.9:80", 4), ("reset", "", 9), ("refused", "10.0.0.9:81", 2))),
    ),
}
