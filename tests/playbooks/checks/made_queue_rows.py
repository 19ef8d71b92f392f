"""Facts of processes and queues at the edges for test_made_golden: one more than is shown, just long enough."""

from __future__ import annotations

from typing import Any

import msgspec

from capture.model import Endpoint
from playbooks.facts.config_facts import ServiceSetting
from playbooks.facts.facts import Absence, Facts
from playbooks.facts.socket_facts import Holder, Process, Processes, UnixListener
from tests.playbooks.checks.made_rows import GO, OTHER, Row, awaits, near_limit
from tests.playbooks.checks.making import (
    changed,
    host,
    kernel,
    listener,
    process,
    row,
    rows,
    sockets,
)  # fmt: skip


def pile_at(count: int, **more: Any) -> list[Any]:
    return rows("CLOSE-WAIT", count, **more)


def unread(*bytes_: int) -> Facts:
    return host(*[row("CLOSE-WAIT", n, recv_q=size) for n, size in enumerate(bytes_)], *pile_at(12))


def unowned(count: int, **more: Any) -> list[Any]:
    return rows("FIN-WAIT-2", count, owners=(), inode=0, **more)


def toward_one(left: int, awaited: int) -> list[Any]:
    """A client's connections to one server: closed there and not here, and waited for."""
    server = Endpoint("10.0.0.9", 5432)
    closed = [
        row("CLOSE-WAIT", 700 + n, local=Endpoint("10.0.0.1", 42_000 + n), remote=server, age_s=60.0)
        for n in range(left)
    ]
    return [
        *closed,
        *[
            row("ESTAB", 800 + n, local=Endpoint("10.0.0.1", 43_000 + n), remote=server, awaiting_s=4.0)
            for n in range(awaited)
        ],
    ]


def awaiting(seconds: float) -> Facts:
    upstream = [row("ESTAB", 500 + n, remote=Endpoint("10.0.0.9", 5432), awaiting_s=seconds) for n in range(3)]
    return host(*pile_at(3), *upstream)


FPM = Holder(90, "php-fpm8.2", 7)


def pool(name: str, listen: str, children: str) -> tuple[ServiceSetting, ...]:
    """A pool of PHP-FPM by its file."""
    told = {"listen": listen, "pm.max_children": children}
    return tuple(
        ServiceSetting("php-fpm", key, value, f"/etc/php/{name}.conf", 3 + n, name, 90)
        for n, (key, value) in enumerate(told.items())
    )


ROWS: dict[str, Row] = {
    # awaiting.py
    "waiting for: a second": ("waiting-for", {}, awaits(1, 3, seconds=1.0)),
    "waiting for: three, a second": (
        "waiting-for", {},
        awaiting(1.0),
    ),
    "waiting for: three, less": (
        "waiting-for", {},
        awaiting(0.99),
    ),
    "waiting for: a server that left some and answers none": (
        "waiting-for", {}, host(*toward_one(6, 4)),
    ),
    "waiting for: a server that left some, and clients left, too": (
        "waiting-for", {}, host(*toward_one(6, 4), *pile_at(3)),
    ),
    "close-wait: toward a server that answers none": ("close-wait-pile", {}, host(*toward_one(14, 9))),
    "waiting for: eleven seconds": ("waiting-for", {}, awaits(3, 3, seconds=11.0)),
    "waiting for: of two upstreams the larger": (
        "waiting-for", {},
        host(
            *pile_at(6),
            *[row("ESTAB", 500 + n, remote=Endpoint("10.0.0.9", 5432), awaiting_s=2.0) for n in range(3)],
            *[row("ESTAB", 600 + n, remote=Endpoint("10.0.0.8", 6379), awaiting_s=2.0 + n) for n in range(4)],
        ),
    ),
    "waiting for: one's own clients do not count": (
        "waiting-for", {},
        host(listener(), *pile_at(6), *[row("ESTAB", 500 + n, awaiting_s=2.0) for n in range(3)]),
    ),
    "waiting for: nobody's, out of sight": (
        "waiting-for", {}, host(*pile_at(4, owners=(), owner_missing="no permission")),
    ),
    "waiting for: by a port": (
        "waiting-for", {}, changed(awaits(3, 3), settings={"port": "8080"}),
    ),
    "waiting for: by another port": ("waiting-for", {}, changed(awaits(3, 3), settings={"port": "81"})),
    "waiting for: by its process": ("waiting-for", {}, changed(awaits(3, 3), settings={"pid": "812"})),
    "waiting for: by another process": ("waiting-for", {}, changed(awaits(3, 3), settings={"pid": "813"})),
    "waiting for: a queue that is not full": (
        "waiting-for", {},
        host(
            listener(waiting=127),
            *[row("ESTAB", 500 + n, local=Endpoint("10.0.0.1", 50_000 + n), remote=Endpoint("10.0.0.9", 5432),
                  awaiting_s=3.0) for n in range(4)],
        ),
    ),
    "waiting for: a full queue of an unknown maximum": (
        "waiting-for", {},
        host(
            msgspec.structs.replace(listener(waiting=1), backlog_max=None),
            *[row("ESTAB", 500 + n, local=Endpoint("10.0.0.1", 50_000 + n), remote=Endpoint("10.0.0.9", 5432),
                  awaiting_s=3.0) for n in range(4)],
        ),
    ),
    # files.py
    "descriptors: three processes": (
        "open-files-of-processes", {},
        changed(host(), processes=Processes(tuple(
            Process(800 + n, f"p{n}", 1000, open_files=10 + n, soft_limit=1000, hard_limit=2000)
            for n in range(3)), 0)),
    ),
    "descriptors: five near their limit": (
        "open-files-of-processes", {},
        changed(host(), processes=Processes(tuple(
            Process(800 + n, f"p{n}", 1000, open_files=800 + n, soft_limit=1000, hard_limit=2000)
            for n in range(5)), 2)),
    ),
    "descriptors: of sixteen": (
        "open-files-of-processes", {},
        changed(host(), processes=Processes((process(14, 16), msgspec.structs.replace(process(), pid=9)), 0)),
    ),
    "descriptors: of fifteen": (
        "open-files-of-processes", {},
        changed(host(), processes=Processes((process(14, 15), msgspec.structs.replace(process(), pid=9)), 0)),
    ),
    "descriptors: of fifteen, named": (
        "open-files-of-processes", {},
        changed(host(), processes=Processes((process(14, 15),), 0), settings={"pid": "812"}),
    ),
    "descriptors: none to be seen": ("open-files-of-processes", {}, changed(host(), processes=Processes((), 0))),
    "descriptors: none to be seen, some hidden": (
        "open-files-of-processes", {}, changed(host(), processes=Processes((process(None),), 3, unseen="a container")),
    ),
    "descriptors: tiny limits only": (
        "open-files-of-processes", {}, changed(host(), processes=Processes((process(3, 8),), 0)),
    ),
    "descriptors: ninety percent": (
        "open-files-of-processes", {}, changed(host(), processes=Processes((process(900, 1000),), 0)),
    ),
    "descriptors: less": (
        "open-files-of-processes", {}, changed(host(), processes=Processes((process(899, 1000),), 0)),
    ),
    "descriptors: a quarter of a power of two": (
        "open-files-of-processes", {}, changed(host(), processes=Processes((process(2048, 2200),), 0)),
    ),
    "descriptors: one more": (
        "open-files-of-processes", {}, changed(host(), processes=Processes((process(2049, 2200),), 0)),
    ),
    "descriptors: of root, who may not raise": (
        "open-files-of-processes", {},
        changed(near_limit(), processes=Processes(
            (Process(812, "java", 0, open_files=950, soft_limit=1000, hard_limit=1000),), 0, may_raise=False)),
    ),
    "descriptors: of nobody known, who may not raise": (
        "open-files-of-processes", {},
        changed(near_limit(), processes=Processes(
            (Process(812, "java", -1, open_files=950, soft_limit=1000, hard_limit=2000),), 0, may_raise=False)),
    ),
    "descriptors: a large hard limit": ("open-files-of-processes", {}, near_limit(hard_limit=65_536)),
    "lost sockets: fifty, a quarter": (
        "lost-sockets", {},
        changed(host(), processes=Processes((process(200, lost_sockets=50),), 0)),
    ),
    "lost sockets: fifty, less than a quarter": (
        "lost-sockets", {},
        changed(host(), processes=Processes((process(201, lost_sockets=50),), 0)),
    ),
    "lost sockets: forty-nine": (
        "lost-sockets", {},
        changed(host(), processes=Processes((process(60, lost_sockets=49),), 0)),
    ),
    "lost sockets: descriptors not told": (
        "lost-sockets", {},
        changed(host(), processes=Processes((process(None, lost_sockets=50),), 0)),
    ),
    "lost sockets: of one that is named": (
        "lost-sockets", {},
        changed(host(), processes=Processes((process(),), 0), settings={"pid": "812"}),
    ),
    # half_open.py
    "half open: of two ports, the larger first": (
        "syn-recv-pile", {},
        host(listener(), listener(81, owners=(OTHER,)), *rows("SYN-RECV", 16, owners=(), inode=0, age_s=2.0),
             *[row("SYN-RECV", 50 + n, local=Endpoint("10.0.0.1", 81), owners=(), inode=0, age_s=3.0)
               for n in range(18)]),
    ),
    "half open: one port of two behind a full queue": (
        "syn-recv-pile", {},
        host(listener(waiting=129), listener(81, owners=(OTHER,)),
             *rows("SYN-RECV", 19, owners=(), inode=0, age_s=2.0),
             *[row("SYN-RECV", 50 + n, local=Endpoint("10.0.0.1", 81), owners=(), inode=0, age_s=3.0)
               for n in range(18)]),
    ),
    "half open: eight of nine": ("syn-recv-pile", {}, host(listener(most=9), *rows(
        "SYN-RECV", 8, owners=(), inode=0, age_s=2.0))),
    "half open: seven of eight": ("syn-recv-pile", {}, host(listener(most=8), *rows(
        "SYN-RECV", 7, owners=(), inode=0, age_s=2.0))),
    "half open: a thousand": ("syn-recv-pile", {}, host(listener(), *rows(
        "SYN-RECV", 1025, owners=(), inode=0, age_s=2.0))),
    "half open: a thousand and twenty-four": ("syn-recv-pile", {}, host(listener(), *rows(
        "SYN-RECV", 1024, owners=(), inode=0, age_s=2.0))),
    "half open: a larger backlog, nothing told": (
        "syn-recv-pile", {},
        changed(host(listener(), *rows("SYN-RECV", 20, owners=(), inode=0, age_s=0.2)),
                kernel={"net.ipv4.tcp_max_syn_backlog": "8192"}),
    ),
    "half open: nothing told": (
        "syn-recv-pile", {}, changed(host(*rows("SYN-RECV", 20, owners=(), inode=0, age_s=0.2)), kernel={}),
    ),
    # leaks.py
    "close-wait: one byte is the FIN": ("close-wait-pile", {}, unread(1, 1)),
    "close-wait: two bytes": ("close-wait-pile", {}, unread(2, 9)),
    "close-wait: a process of no limit": (
        "close-wait-pile", {}, changed(host(*pile_at(12)), processes=Processes((process(soft=0),), 0)),
    ),
    "close-wait: of a unit": (
        "close-wait-pile", {},
        changed(host(*pile_at(12)), processes=Processes((process(unit="app.service"),), 0)),
    ),
    "close-wait: six processes": (
        "close-wait-pile", {},
        host(*[row("CLOSE-WAIT", 20 * n + k, owners=(Holder(800 + n, f"p{n}"),)) for n in range(6)
               for k in range(10 + n)]),
    ),
    "close-wait: which processes exist is not told": (
        "close-wait-pile", {},
        changed(host(*pile_at(12)), settings={"pid": "812"}, absent={"processes": Absence("unreadable", "hidden")}),
    ),
    "close-wait: three of three processes, old": (
        "close-wait-pile", {},
        host(*[row("CLOSE-WAIT", n, owners=(Holder(800 + n, "p"),), age_s=60.0) for n in range(3)]),
    ),
    "close-wait: shared after a fork": ("close-wait-pile", {}, host(*pile_at(12, owners=(OTHER, GO)))),
    "close-wait descriptors: the first has no limit": (
        "close-wait-descriptors", {},
        changed(host(*pile_at(12), *pile_at(11, owners=(OTHER,))),
                processes=Processes((process(soft=0), msgspec.structs.replace(process(950, 1000), pid=900)), 0)),
    ),
    "close-wait descriptors: six processes": (
        "close-wait-descriptors", {},
        changed(
            host(*[row("CLOSE-WAIT", 20 * n + k, owners=(Holder(800 + n, f"p{n}"),)) for n in range(6)
                   for k in range(10 - n)]),
            processes=Processes(tuple(
                msgspec.structs.replace(process(500 + n, 1000), pid=800 + n, name=f"p{n}") for n in range(6)), 0),
        ),
    ),
    "close-wait descriptors: ten of one near its limit": (
        "close-wait-descriptors", {},
        changed(host(*pile_at(10)), processes=Processes((process(800, 1000),), 0)),
    ),
    "fin-wait-2: time-outs not told": ("fin-wait-2-pile", {}, changed(host(*unowned(12)), kernel={})),
    "fin-wait-2: two peers, the larger first": (
        "fin-wait-2-pile", {},
        host(*unowned(11), *[row("FIN-WAIT-2", 50 + n, remote=Endpoint("10.0.0.8", 443),
                                 local=Endpoint("10.0.0.1", 41_000 + n)) for n in range(12)]),
    ),
    "fin-wait-2: six peers": (
        "fin-wait-2-pile", {},
        host(*[row("FIN-WAIT-2", 20 * n + k, remote=Endpoint(f"10.0.1.{n}", 443), age_s=9.0 + n,
                   local=Endpoint("10.0.0.1", 41_000 + 20 * n + k)) for n in range(6) for k in range(10 + n)]),
    ),
    "fin-wait-2: a time-out of two minutes": (
        "fin-wait-2-pile", {}, changed(host(*unowned(12)), kernel=kernel(tcp_fin_timeout="120"))),
    "fin-wait-2: as many ports on both sides": (
        "fin-wait-2-pile", {},
        host(*[row("FIN-WAIT-2", n, remote=Endpoint("10.0.0.9", 443), local=Endpoint("10.0.0.1", 80))
               for n in range(12)]),
    ),
    "orphans: fifteen of thirty": (
        "orphans", {},
        changed(host(*[row("CLOSING", n, owners=(), inode=0) for n in range(15)]), kernel=kernel(tcp_max_orphans="30")),
    ),
    "orphans: none, no limit is shown": ("orphans", {}, changed(host(row()), kernel=kernel(tcp_max_orphans=""))),
    # queues.py
    "queue: no listener at all": ("accept-queue-full", {}, host(row())),
    "queue: no listener at all, unix told": (
        "accept-queue-full", {}, changed(host(), sockets=sockets(row(), unix=(UnixListener("/run/a", 1, 9, (GO,)),)))),
    "queue: no listener at all, no unix either": ("accept-queue-full", {}, changed(host(), sockets=sockets(
        row(), unix=()))),
    "queue: unix is not told": ("accept-queue-full", {}, changed(host(), sockets=sockets(listener(), unix=None))),
    "queue: of /proc": (
        "accept-queue-full", {}, changed(host(), sockets=sockets(listener(), source="procfs", unix=()))),
    "queue: as much as somaxconn": (
        "accept-queue-full", {}, changed(host(listener(waiting=513, most=512)), kernel=kernel(somaxconn="512"))),
    "queue: less than somaxconn": (
        "accept-queue-full", {}, changed(host(listener(waiting=130, most=127)), kernel=kernel(somaxconn="1024"))),
    "queue: 256 wait": ("accept-queue-full", {}, host(listener(waiting=256))),
    "queue: 257 wait": ("accept-queue-full", {}, host(listener(waiting=257))),
    "queue: very many wait": ("accept-queue-full", {}, host(listener(waiting=40_000))),
    "queue: settings not told": ("accept-queue-full", {}, changed(host(listener(waiting=130)), kernel={})),
    "queue: six busy": (
        "accept-queue-full", {}, host(*[listener(port=8000 + n, waiting=70 + n) for n in range(6)])),
    "queue: dropped, and another overflowed": (
        "accept-queue-full", {}, host(listener(new_drops=2), listener(81), moved={"ListenOverflows": 2})),
    "queue: dropped, none overflowed": ("accept-queue-full", {}, host(listener(new_drops=2), listener(81))),
    "queue: five full beside a unix one": (
        "accept-queue-full", {},
        changed(host(), sockets=sockets(*[listener(port=8000 + n, waiting=200) for n in range(5)],
                                        unix=(UnixListener("/run/a", 11, 10, (GO,)),))),
    ),
    "queue: unix, half full": (
        "accept-queue-full", {},
        changed(host(), sockets=sockets(
            listener(), unix=(UnixListener("/run/a", 5, 10, (GO,)), UnixListener("/run/b", 4, 10, ())))),
    ),
    "queue: unix, one waits of one": (
        "accept-queue-full", {},
        changed(host(), sockets=sockets(listener(), unix=(UnixListener("/run/a", 1, 1, ()),))),
    ),
    "queue: unix, PHP-FPM's pool": (
        "accept-queue-full", {},
        changed(host(), service_settings=(*pool("www", "/run/php.sock", "5"), *pool("api", "/run/api.sock", "9")),
                sockets=sockets(listener(), unix=(UnixListener("/run/api.sock", 600, 511, (FPM,)),)))),
    "queue: TCP, PHP-FPM's pool": (
        "accept-queue-full", {},
        changed(host(listener(9000, waiting=600, most=511, owners=(FPM,))),
                service_settings=(*pool("www", "127.0.0.1:9000", "5"), *pool("api", "9001", "9")))),
    "queue: another's port, as PHP-FPM's pool": (
        "accept-queue-full", {},
        changed(host(listener(9000, waiting=600, most=511)), service_settings=pool("www", "127.0.0.1:9000", "5"))),
    "queue: no limit of descriptors": (
        "accept-queue-full", {},
        changed(host(listener(waiting=130)), processes=Processes((process(40, 0),), 0)),
    ),
    "backlogs: four small ones": (
        "backlog-settings", {}, host(*[listener(port=8000 + n, most=16, waiting=9) for n in range(4)])),
    "backlogs: half of an odd one": ("backlog-settings", {}, host(listener(most=63, waiting=31))),
    "backlogs: half of an even one": ("backlog-settings", {}, host(listener(most=62, waiting=31))),
    "backlogs: four capped ones": (
        "backlog-settings", {},
        changed(host(*[listener(port=8000 + n, most=128) for n in range(4)]), kernel=kernel(somaxconn="128"))),
    "backlogs: settings not told": ("backlog-settings", {}, changed(host(listener()), kernel={})),
    "half open: more of them stale at the smaller": (
        "syn-recv-pile", {},
        host(listener(), listener(81, owners=(OTHER,)), *rows("SYN-RECV", 16, owners=(), inode=0, age_s=2.0),
             *[row("SYN-RECV", 20 + n, owners=(), inode=0, age_s=0.2, stayed=False) for n in range(4)],
             *[row("SYN-RECV", 50 + n, local=Endpoint("10.0.0.1", 81), owners=(), inode=0, age_s=3.0)
               for n in range(18)]),
    ),
    "half open: at four ports": (
        "syn-recv-pile", {},
        host(*[row("SYN-RECV", 20 * k + n, local=Endpoint("10.0.0.1", 81 + k), owners=(), inode=0, age_s=3.0)
               for k in range(4) for n in range(16 + k)]),
    ),
    "close-wait: hidden, both ports the same": (
        "close-wait-pile", {},
        host(*[row("CLOSE-WAIT", n, owners=(), remote=Endpoint(f"10.0.1.{n}", 443)) for n in range(12)]),
    ),
    "close-wait: hidden, beside others": (
        "close-wait-pile", {},
        host(*pile_at(12, owners=()), *[row("ESTAB", 90 + n, remote=Endpoint("10.0.0.9", 5432), awaiting_s=3.0)
                                        for n in range(9)]),
    ),
    "fin-wait-2: most of one peer's ports are one": (
        "fin-wait-2-pile", {},
        host(*[row("FIN-WAIT-2", n, remote=Endpoint("10.0.0.9", 443 if n < 8 else 40_000 + n)) for n in range(12)]),
    ),
    "queue: a backlog of none, one waits": ("accept-queue-full", {}, host(listener(most=0, waiting=1))),
    "queue: a backlog of four, two wait": ("accept-queue-full", {}, host(listener(most=4, waiting=2))),
    "queue: one overflowed": ("accept-queue-full", {}, host(listener(new_drops=1), moved={"ListenOverflows": 1})),
    "queue: dropped, as large as somaxconn": (
        "accept-queue-full", {}, host(listener(most=4096, new_drops=2), moved={"ListenOverflows": 2}),
    ),
    "queue: dropped, not as large as somaxconn": (
        "accept-queue-full", {}, host(listener(most=4095, new_drops=2), moved={"ListenOverflows": 2}),
    ),
    "lost sockets: some out of sight, none named": (
        "lost-sockets", {},
        changed(host(), processes=Processes((process(lost_sockets=1),), 0, unseen="a container", contained=False)),
    ),
    "lost sockets: some out of sight, one named": (
        "lost-sockets", {},
        changed(host(), processes=Processes((process(lost_sockets=1),), 0, unseen="a container"),
                settings={"pid": "812"}),
    ),
    "lost sockets: of a container": (
        "lost-sockets", {},
        changed(host(), processes=Processes((process(lost_sockets=1),), 0, unseen="a container", contained=True)),
    ),
    "lost sockets: of a container, its network another's": (
        "lost-sockets", {},
        changed(host(), processes=Processes((process(lost_sockets=1),), 0, unseen="a container", contained=True),
                sockets=sockets(row(), hidden_owners=3)),
    ),
    "descriptors: of a container": (
        "open-files-of-processes", {},
        changed(host(), processes=Processes((process(), msgspec.structs.replace(process(), pid=9)), 0,
                                            unseen="a container", contained=True)),
    ),
    "descriptors: of a container, one named": (
        "open-files-of-processes", {},
        changed(host(), processes=Processes((process(),), 0, unseen="a container", contained=True),
                settings={"pid": "812"}),
    ),
    "descriptors: around it some are out of sight": (
        "open-files-of-processes", {}, changed(host(), processes=Processes((process(),), 0, unseen="a container")),
    ),
    "descriptors: in six states": (
        "open-files-of-processes", {},
        changed(host(*[row(state, 10 * n + k) for n, state in enumerate(
            ("ESTAB", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2", "SYN-SENT", "LAST-ACK")) for k in range(1 + n)]),
                processes=Processes((process(950, 1000),), 0)),
    ),
    "descriptors: twice the limit is more": (
        "open-files-of-processes", {}, changed(host(), processes=Processes((process(1600, 2100),), 0)),
    ),
    "descriptors of the system: no maximum": (
        "open-files-of-system", {}, changed(host(), kernel={"fs.file-nr": "90 0 100"})),
    "descriptors of the system: half told": (
        "open-files-of-system", {}, changed(host(), kernel={"fs.file-nr": "90 0", "fs.file-max": "100"})),
}  # fmt: skip
