"""Looks at sockets that pile up: both sides of each threshold, and what else a rule asks for."""

from __future__ import annotations

from typing import Any

from tests.capture.sockets.findings.made_looks import (
    HIDDEN,
    HOSTS,
    INSIDE,
    LISTENS,
    NO_HOLDER,
    OTHERS,
    OUT,
    Looks,
    Row,
    info,
    listener,
    look,
    many,
    one,
    place,
    process,
)

LEAKS: dict[str, Looks] = {
    "close-wait: ten for 4 s": one(*many(10, "CLOSE-WAIT", age=4.0)),
    "close-wait: nine": one(*many(9, "CLOSE-WAIT", age=4.0)),
    "close-wait: under 4 s": one(*many(10, "CLOSE-WAIT", age=3.99)),
    "close-wait: for a minute": one(*many(10, "CLOSE-WAIT", age=60.0)),
    "close-wait: nearly a minute": one(*many(10, "CLOSE-WAIT", age=59.99)),
    "close-wait: a service of ours": one(LISTENS, *many(12, "CLOSE-WAIT", age=9.0)),
    "close-wait: of twelve workers, one each toward a service": one(
        *many(12, "CLOSE-WAIT", age=90.0, owners=lambda n: [(800 + n, 3)], **OUT),
        processes=[process(800 + n, "worker") for n in range(12)],
    ),
    "close-wait: of twelve workers, one each toward a service, hidden": one(
        *many(12, "CLOSE-WAIT", age=90.0, **HIDDEN, **OUT)
    ),
    "close-wait: of twelve children at a port that nobody listens on any more": one(
        *many(12, "CLOSE-WAIT", age=90.0, owners=lambda n: [(800 + n, 3)]),
        processes=[process(800 + n, "relay") for n in range(12)],
    ),
    "close-wait: of twelve workers, toward two services": one(
        *many(9, "CLOSE-WAIT", age=90.0, owners=lambda n: [(800 + n, 3)], **OUT),
        *many(3, "CLOSE-WAIT", 9, age=90.0, owners=lambda n: [(800 + n, 3)], **(OUT | {"peer": 5433})),
        processes=[process(800 + n, "worker") for n in range(12)],
    ),
    "close-wait: of clients of ours, a moment ago": one(*many(12, "CLOSE-WAIT", age=9.99, **OUT)),
    "close-wait: of clients of ours, 10 s ago": one(*many(12, "CLOSE-WAIT", age=10.0, **OUT)),
    "close-wait: of clients of ours, within 2 s": one(
        *many(11, "CLOSE-WAIT", age=9.0, **OUT), *many(1, "CLOSE-WAIT", 11, age=7.01, **OUT)
    ),
    "close-wait: of clients of ours, one 2 s later": one(
        *many(11, "CLOSE-WAIT", age=9.0, **OUT), *many(1, "CLOSE-WAIT", 11, age=7.0, **OUT)
    ),
    "close-wait: a pool that grows": [
        look(0, *many(12, "CLOSE-WAIT", age=6.0, **OUT)),
        look(3, *many(12, "CLOSE-WAIT", age=9.0, **OUT), *many(2, "CLOSE-WAIT", 12, age=8.0, **OUT)),
    ],
    "close-wait: a pool that stays as it is": [
        look(at, *many(12, "CLOSE-WAIT", age=6.0 + at, **OUT)) for at in (0, 3)
    ],
    "close-wait: of 128 every second": one(
        *many(128, "CLOSE-WAIT", age=60.0, info=lambda n: info(last_data_sent=9 if n % 2 else 60_000))
    ),
    "close-wait: growing": [
        look(0, *many(12, "CLOSE-WAIT", age=6.0)),
        look(6, *many(12, "CLOSE-WAIT", age=12.0), *many(6, "CLOSE-WAIT", 12, age=5.0)),
    ],
    "close-wait: more than descriptors are left for": one(
        *many(12, "CLOSE-WAIT", age=9.0), processes=[process(used=1022)]
    ),
    "close-wait: a quarter of the pile is left": one(*many(12, "CLOSE-WAIT", age=9.0), processes=[process(used=1021)]),
    "close-wait: no descriptor is left": one(*many(12, "CLOSE-WAIT", age=9.0), processes=[process(used=1100)]),
    "close-wait: descriptors not told": one(*many(12, "CLOSE-WAIT", age=9.0), processes=[process(used=None)]),
    "close-wait: without a limit": one(*many(12, "CLOSE-WAIT", age=9.0), processes=[process(soft=None)]),
    "close-wait: not accepted": one(*many(12, "CLOSE-WAIT", age=9.0, **NO_HOLDER)),
    "close-wait: with bytes to send": one(*many(12, "CLOSE-WAIT", age=9.0, send=1)),
    "close-wait: of hidden processes": one(*many(12, "CLOSE-WAIT", age=9.0, **HIDDEN)),
    "close-wait: of hidden processes of two users": one(
        *many(12, "CLOSE-WAIT", age=9.0, uid=lambda n: 1000 + n % 2, **HIDDEN)
    ),
    "close-wait: over workers of one port": one(
        LISTENS, *many(12, "CLOSE-WAIT", age=9.0, owners=lambda n: [(900 if n < 5 else 812, n)]), processes=OTHERS
    ),
    "close-wait: over two workers, as many each": one(
        LISTENS, *many(12, "CLOSE-WAIT", age=9.0, owners=lambda n: [(900 if n < 6 else 812, n)]), processes=OTHERS
    ),
    "close-wait: shared after a fork": one(
        *many(12, "CLOSE-WAIT", age=9.0, owners=[(900, 3), (812, 3)]), processes=OTHERS
    ),
    "close-wait: over two processes that listen nowhere": one(
        *many(12, "CLOSE-WAIT", age=9.0, owners=lambda n: [(900 if n < 6 else 812, n)]), processes=OTHERS
    ),
    "close-wait: at least so long": one(*many(12, "CLOSE-WAIT", age=9.0, least=True)),
    "close-wait: peers at one port, many": one(
        *many(12, "CLOSE-WAIT", age=19.0, peer=443, port=lambda n: 41_000 + n, **HOSTS)
    ),
    "close-wait: three peers": one(
        *many(12, "CLOSE-WAIT", age=19.0, remote=lambda n: f"10.0.0.{n % 3}", peer=443, port=lambda n: 41_000 + n)
    ),
    "close-wait: no port in common": one(
        *many(12, "CLOSE-WAIT", age=19.0, peer=lambda n: 443 + n, port=lambda n: 41_000 + n)
    ),
    "close-wait: data flows": one(*many(12, "CLOSE-WAIT", age=60.0, info=info(last_data_sent=29_999))),
    "close-wait: data flowed half a minute ago": one(
        *many(12, "CLOSE-WAIT", age=60.0, info=info(last_data_sent=30_000))
    ),
    "close-wait: the last data came before the close": one(
        *many(12, "CLOSE-WAIT", age=9.0, info=info(last_data_sent=8_500))
    ),
    "close-wait: the last data came after the close": one(
        *many(12, "CLOSE-WAIT", age=9.0, info=info(last_data_sent=8_499))
    ),
    "close-wait: over half of them data flows": one(
        *many(10, "CLOSE-WAIT", age=60.0), *many(10, "CLOSE-WAIT", 10, age=60.0, info=info(last_data_sent=9))
    ),
    "close-wait: over more than half of them data flows": one(
        *many(10, "CLOSE-WAIT", age=60.0), *many(11, "CLOSE-WAIT", 10, age=60.0, info=info(last_data_sent=9))
    ),
    "close-wait: those over which nothing flows are too few": one(
        *many(9, "CLOSE-WAIT", age=60.0), *many(2, "CLOSE-WAIT", 9, age=60.0, info=info(last_data_sent=9))
    ),
    "close-wait: others took 4 s to close": [
        look(0, LISTENS, *many(1, "CLOSE-WAIT", age=4.0), *many(12, "CLOSE-WAIT", 1, age=4.0)),
        look(1, LISTENS, *many(1, "ESTAB", age=0.0), *many(12, "CLOSE-WAIT", 1, age=6.99)),
    ],
    "close-wait: others took 4 s to close, and it lasts": [
        look(0, LISTENS, *many(1, "CLOSE-WAIT", age=4.0), *many(12, "CLOSE-WAIT", 1, age=4.0)),
        look(1, LISTENS, *many(1, "ESTAB", age=0.0), *many(12, "CLOSE-WAIT", 1, age=7.0)),
    ],
    "close-wait: as many as before": [
        look(at, *many(12, "CLOSE-WAIT", age=6.1234567 + at)) for at in (0, 10)
    ],
    "close-wait: one more a minute": [
        look(0, *many(12, "CLOSE-WAIT", age=6.0)),
        look(60, *many(12, "CLOSE-WAIT", age=66.0), *many(1, "CLOSE-WAIT", 12, age=5.0)),
    ],
    "close-wait: less than one more a minute": [
        look(0, *many(12, "CLOSE-WAIT", age=6.0)),
        look(60.5, *many(12, "CLOSE-WAIT", age=66.5), *many(1, "CLOSE-WAIT", 12, age=5.0)),
    ],
    "close-wait: four peers": one(
        *many(12, "CLOSE-WAIT", age=19.0, remote=lambda n: f"10.0.0.{n % 4}", peer=443, port=lambda n: 41_000 + n)
    ),
    "close-wait: of many some are asked": one(
        *many(200, "CLOSE-WAIT", age=60.0, info=lambda n: info(last_data_sent=9 if n % 9 == 0 else 60_000))
    ),
    "close-wait: of 127 all are asked": one(
        *many(127, "CLOSE-WAIT", age=60.0, info=lambda n: info(last_data_sent=9 if n % 6 == 0 else 60_000))
    ),
    "close-wait: of many half of those that are asked": one(
        *many(130, "CLOSE-WAIT", age=60.0, info=lambda n: info(last_data_sent=9 if n % 4 == 2 else 60_000))
    ),
    "close-wait: over IPv6": one(*many(12, "CLOSE-WAIT", age=9.0, local="fe80::1", remote="fe80::2")),
    "close-wait: in a namespace": one(
        *many(12, "CLOSE-WAIT", age=9.0, place=1), places=[place(), place(INSIDE)], processes=OTHERS
    ),
    "fin-wait-2: ten for 4 s": one(*many(10, "FIN-WAIT-2", age=4.0)),
    "fin-wait-2: nine": one(*many(9, "FIN-WAIT-2", age=4.0)),
    "fin-wait-2: under 4 s": one(*many(10, "FIN-WAIT-2", age=3.99)),
    "fin-wait-2: with bytes to send": one(*many(10, "FIN-WAIT-2", age=9.0, send=1)),
    "fin-wait-2: nobody's, at a port of ours": one(LISTENS, *many(10, "FIN-WAIT-2", age=9.0, **NO_HOLDER)),
    "fin-wait-2: half nobody's": one(
        LISTENS, *many(5, "FIN-WAIT-2", age=9.0, **NO_HOLDER), *many(5, "FIN-WAIT-2", 5, age=8.0)
    ),
    "fin-wait-2: nobody's": one(*many(10, "FIN-WAIT-2", age=9.0, **NO_HOLDER), settings={"tcp_fin_timeout": 30}),
    "fin-wait-2: hidden": one(*many(10, "FIN-WAIT-2", age=9.0, **HIDDEN)),
    "fin-wait-2: held, toward many": one(*many(10, "FIN-WAIT-2", age=9.0, **HOSTS)),
    "fin-wait-2: held, toward many, nine": one(*many(9, "FIN-WAIT-2", age=9.0, **HOSTS)),
    "fin-wait-2: held, toward many, at a port of ours": one(LISTENS, *many(10, "FIN-WAIT-2", age=9.0, **HOSTS)),
    "fin-wait-2: fifty of a port, toward many, for 15 s": one(
        LISTENS, *many(50, "FIN-WAIT-2", age=15.0, **HOSTS, **NO_HOLDER)
    ),
    "fin-wait-2: forty-nine": one(LISTENS, *many(49, "FIN-WAIT-2", age=15.0, **HOSTS, **NO_HOLDER)),
    "fin-wait-2: fifty for less than 15 s": one(
        LISTENS, *many(50, "FIN-WAIT-2", age=14.99, **HOSTS, **NO_HOLDER)
    ),
    "fin-wait-2: fifty of no port of ours": one(*many(50, "FIN-WAIT-2", age=15.0, **HOSTS, **NO_HOLDER)),
    "fin-wait-2: fifty beside a hundred that closed": one(
        LISTENS,
        *many(50, "FIN-WAIT-2", age=15.0, **HOSTS, **NO_HOLDER),
        *many(100, "TIME-WAIT", 50, **HOSTS, **NO_HOLDER),
    ),
    "fin-wait-2: fifty beside a hundred and one that closed": one(
        LISTENS,
        *many(50, "FIN-WAIT-2", age=15.0, **HOSTS, **NO_HOLDER),
        *many(101, "TIME-WAIT", 50, **HOSTS, **NO_HOLDER),
    ),
    "fin-wait-2: data comes yet": one(*many(12, "FIN-WAIT-2", age=60.0, info=info(last_data_received=9))),
    "fin-wait-2: data came before": one(
        *many(12, "FIN-WAIT-2", age=60.0, info=info(last_data_received=30_000, last_data_sent=9))
    ),
    "fin-wait-2: the oldest hidden, the others nobody's": one(
        LISTENS, *many(1, "FIN-WAIT-2", age=10.0, **HIDDEN), *many(10, "FIN-WAIT-2", 1, age=9.0, **NO_HOLDER)
    ),
    "fin-wait-2: the oldest nobody's, the others hidden": one(
        LISTENS, *many(1, "FIN-WAIT-2", age=10.0, **NO_HOLDER), *many(10, "FIN-WAIT-2", 1, age=9.0, **HIDDEN)
    ),
    "fin-wait-2: the other ends are inside": one(
        *many(10, "FIN-WAIT-2", age=9.0),
        *many(10, "CLOSE-WAIT", age=9.0, local="10.0.0.7", port=lambda n: 40_000 + n, remote="10.0.0.1", peer=8080,
              cookie=lambda n: 500 + n, place=1),
        places=[place(), place(INSIDE)],
    ),
    "fin-wait-2: both ends are here, over IPv6": one(
        *many(10, "FIN-WAIT-2", age=9.0, place=1, local="fd00::1", remote="fd00::7"),
        *many(10, "CLOSE-WAIT", age=9.0, local="fd00::7", port=lambda n: 40_000 + n, remote="fd00::1", peer=8080,
              cookie=lambda n: 500 + n),
        places=[place(), place(INSIDE)],
    ),
    "fin-wait-2: both ends are here": one(
        *many(10, "FIN-WAIT-2", age=9.0, place=1),
        *many(10, "CLOSE-WAIT", age=9.0, local="10.0.0.7", port=lambda n: 40_000 + n, remote="10.0.0.1", peer=8080,
              cookie=lambda n: 500 + n),
        places=[place(), place(INSIDE)],
    ),
    "fin-wait-2: half of the other ends are here": one(
        *many(10, "FIN-WAIT-2", age=9.0, place=1),
        *many(5, "CLOSE-WAIT", age=9.0, local="10.0.0.7", port=lambda n: 40_000 + n, remote="10.0.0.1", peer=8080,
              cookie=lambda n: 500 + n),
        places=[place(), place(INSIDE)],
    ),
}  # fmt: skip

FEW = {"settings": {"ip_local_port_range": (40_000, 40_099), "tcp_tw_reuse": 0}}


def to_service(count: int, state: str = "ESTAB", first: int = 0, **of: Any) -> list[Row]:
    """From ephemeral ports of 10.0.0.1 to 10.0.0.9:5432."""
    values = {"remote": "10.0.0.9", "peer": 5432, "port": lambda n: 40_000 + n}
    return many(count, state, first, **(values | of))


def bound(count: int, first: int = 0, **of: Any) -> list[Row]:
    return many(count, "CLOSE", first, **({"remote": "0.0.0.0", "peer": 0, "port": lambda n: 40_000 + n} | of))


def spread(count: int, **of: Any) -> list[Row]:
    """From ephemeral ports, each to another host."""
    return many(count, "ESTAB", port=lambda n: 40_000 + n, peer=443, **(HOSTS | of))


PORTS: dict[str, Looks] = {
    "ports: seventy of a hundred": one(*to_service(70), **FEW),
    "ports: sixty-nine": one(*to_service(69), **FEW),
    "ports: ninety-five": one(*to_service(95), **FEW),
    "ports: ninety-four": one(*to_service(94), **FEW),
    "ports: all": one(*to_service(100), **FEW),
    "ports: ten are listened on": one(
        *[listener(40_090 + n, cookie=9000 + n) for n in range(10)], *to_service(63), **FEW
    ),
    "ports: the first and the last are listened on": one(
        listener(40_000), listener(40_099), *to_service(69, first=1), **FEW
    ),
    "ports: beside the range is listened on": one(listener(39_999), listener(40_100), *to_service(70), **FEW),
    "ports: most in TIME-WAIT": one(
        *to_service(10), *to_service(60, "TIME-WAIT", 10, **NO_HOLDER), **FEW
    ),
    "ports: most in TIME-WAIT, and give way": one(
        *to_service(10), *to_service(60, "TIME-WAIT", 10, **NO_HOLDER),
        settings={"ip_local_port_range": (40_000, 40_099), "tcp_tw_reuse": 1},
    ),
    "ports: all in TIME-WAIT, and give way": one(
        *to_service(40), *to_service(60, "TIME-WAIT", 40, **NO_HOLDER),
        settings={"ip_local_port_range": (40_000, 40_099), "tcp_tw_reuse": 1},
    ),
    "ports: ninety-five in TIME-WAIT, and give way": one(
        *to_service(95, "TIME-WAIT", **NO_HOLDER),
        settings={"ip_local_port_range": (40_000, 40_099), "tcp_tw_reuse": 1},
    ),
    "ports: ninety-five held, where TIME-WAIT gives way": one(
        *to_service(95), *to_service(5, "TIME-WAIT", 95, **NO_HOLDER),
        settings={"ip_local_port_range": (40_000, 40_099), "tcp_tw_reuse": 1},
    ),
    "ports: on loopback": one(
        *to_service(96, local="127.0.0.1", remote="127.1.0.1"), settings={"ip_local_port_range": (40_000, 40_099)}
    ),
    "ports: on loopback, seventy": one(
        *to_service(70, local="127.0.0.1", remote="127.1.0.1"), settings={"ip_local_port_range": (40_000, 40_099)}
    ),
    "ports: on IPv6's loopback, seventy": one(
        *to_service(70, local="::1", remote="::1"), settings={"ip_local_port_range": (40_000, 40_099)}
    ),
    "ports: toward IPv6, seventy": one(
        *to_service(70, local="fe80::7f", remote="fe80::1"), settings={"ip_local_port_range": (40_000, 40_099)}
    ),
    "ports: to loopback from an address": one(
        *to_service(70, remote="127.0.0.1"), settings={"ip_local_port_range": (40_000, 40_099)}
    ),
    "ports: from loopback to an address": one(
        *to_service(70, local="127.0.0.1"), settings={"ip_local_port_range": (40_000, 40_099)}
    ),
    "ports: two of two": one(*to_service(2), settings={"ip_local_port_range": (40_000, 40_001), "tcp_tw_reuse": 0}),
    "ports: one of one": one(*to_service(1), settings={"ip_local_port_range": (40_000, 40_000), "tcp_tw_reuse": 0}),
    "ports: none to have": one(
        listener(40_000), *to_service(2, port=lambda n: 41_000 + n), settings={"ip_local_port_range": (40_000, 40_000)}
    ),
    "ports: growing": [look(0, *to_service(60), **FEW), look(10, *to_service(80), **FEW)],
    "ports: over two services": one(
        *to_service(50), *to_service(50, first=50, peer=5433), **FEW
    ),
    "ports: of two processes": one(
        *to_service(80, owners=lambda n: [(900 if n < 50 else 812, n)]), processes=OTHERS, **FEW
    ),
    "ports: half of them held": one(
        *to_service(60, "TIME-WAIT", **NO_HOLDER), *to_service(20, first=60), **FEW
    ),
    "bound: two of two": one(*spread(2), settings={"ip_local_port_range": (40_000, 40_001)}),
    "bound: one of one": one(*spread(1), settings={"ip_local_port_range": (40_000, 40_000)}),
    "bound: over IPv6": one(
        *spread(80, local="fd00::1", remote=lambda n: f"fd00::{n + 2:x}"), bound=bound(5, 80, local="::"), **FEW
    ),
    "bound: eighty of a hundred": one(*spread(80), **FEW),
    "bound: seventy-nine": one(*spread(79), **FEW),
    "bound: ninety-five": one(*spread(95), **FEW),
    "bound: ninety-four": one(*spread(94), **FEW),
    "bound: all": one(*spread(100), **FEW),
    "bound: without connections": one(bound=bound(80), **FEW),
    "bound: without connections, seventy-nine": one(bound=bound(79), **FEW),
    "bound: with and without connections": one(*spread(50), bound=bound(40, 50), **FEW),
    "bound: to any address": one(*spread(50), bound=bound(40, 50, local="0.0.0.0"), **FEW),
    "bound: to any address of IPv6": one(*spread(50), bound=bound(40, 50, local="::"), **FEW),
    "bound: to another address": one(*spread(50), bound=bound(40, 50, local="10.0.0.2"), **FEW),
    "bound: with and without connections, some shared": one(
        *spread(50), *many(5, first=50, port=lambda n: 39_950 + n, **HOSTS), bound=bound(40, 50), **FEW
    ),
    "bound: outside the range": one(*spread(79), bound=bound(5, 100), **FEW),
    "bound: at the ends of the range": one(
        *many(78, port=lambda n: 40_001 + n, peer=443, **HOSTS), bound=[*bound(1), *bound(1, 99)], **FEW
    ),
    "bound: some are shared": one(*spread(80), *many(4, first=80, port=lambda n: 39_920 + n, **HOSTS), **FEW),
    "bound: more are shared": one(*spread(80), *many(5, first=80, port=lambda n: 39_920 + n, **HOSTS), **FEW),
    "bound: some ports of a server beside them": one(
        *spread(80), *many(9, first=200, port=8080, **HOSTS), **FEW
    ),
    "bound: scarce toward one already": one(*to_service(80), **FEW),
    "bound: of one process": one(*spread(85, owners=[(900, 3)]), processes=OTHERS, **FEW),
    "bound: nobody's": one(*spread(85, **NO_HOLDER), **FEW),
    "bound: growing": [
        look(0, *spread(80), **FEW), look(10, *spread(90), **FEW),
    ],
}  # fmt: skip

ALL = LEAKS | PORTS
