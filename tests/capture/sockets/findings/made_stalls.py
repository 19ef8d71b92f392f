"""Looks at connections that do not move: both sides of each threshold, and what else a rule asks for."""

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
    info,
    later,
    look,
    many,
    one,
    place,
)

STALLED: dict[str, Any] = {"timer": "persist", "send": 900}


def shut(seconds: float, **of: Any) -> Any:
    return info(**({"send_window": 0, "last_data_sent": int(seconds * 1000)} | of))


def kept(seconds: float, **of: Any) -> Any:
    return info(**({"backoff": 2, "probes": 1, "last_ack_received": int(seconds * 1000)} | of))


STALLS: dict[str, Looks] = {
    "window closed: for 1.5 s": one(*many(1, **STALLED, info=shut(1.5))),
    "window closed: for less": one(*many(1, **STALLED, info=shut(1.499))),
    "window closed: for 30 s": one(*many(1, **STALLED, info=shut(30))),
    "window closed: for nearly 30 s": one(*many(1, **STALLED, info=shut(29.999))),
    "window closed: three for 4 s": one(*many(3, **STALLED, info=shut(4))),
    "window closed: three for nearly 4 s": one(*many(3, **STALLED, info=shut(3.999))),
    "window closed: three for 9 s, held up so before": one(
        *many(3, **STALLED, info=shut(9, window_limited_us=12_000_000))
    ),
    "window closed: three for 9 s, hardly held up before": one(
        *many(3, **STALLED, info=shut(9, window_limited_us=11_999_000))
    ),
    "window closed: three for 30 s, held up so before": one(
        *many(3, **STALLED, info=shut(30, window_limited_us=90_000_000))
    ),
    "window closed: two for 9 s, beside one that pauses": one(
        *many(2, **STALLED, info=shut(9)), *many(1, "ESTAB", 2, **STALLED, info=shut(9, window_limited_us=90_000_000))
    ),
    "window closed: three for 9 s, beside three that pause": one(
        *many(3, **STALLED, info=shut(9)), *many(3, "ESTAB", 3, **STALLED, info=shut(9, window_limited_us=90_000_000))
    ),
    "window closed: three for 9 s, beside four that pause": one(
        *many(3, **STALLED, info=shut(9)), *many(4, "ESTAB", 3, **STALLED, info=shut(9, window_limited_us=90_000_000))
    ),
    "window closed: one each of six hosts, for 9 s": one(*many(6, **STALLED, info=shut(9), **HOSTS)),
    "window closed: of six hosts, three of one, for 9 s": one(
        *many(6, **STALLED, info=shut(9), **HOSTS), *many(2, "ESTAB", 6, **STALLED, info=shut(9), remote="10.0.0.1")
    ),
    "window closed: two for 4 s": one(*many(2, **STALLED, info=shut(4))),
    "window closed: nothing waits": one(*many(1, timer="persist", info=shut(40))),
    "window closed: bytes are on the way": one(*many(1, **STALLED, info=shut(40, unacked=1))),
    "window closed: less than a segment": one(*many(1, **STALLED, info=shut(40, send_window=535))),
    "window closed: a segment": one(*many(1, **STALLED, info=shut(40, send_window=536))),
    "window closed: less than a small segment": one(*many(1, **STALLED, info=shut(40, send_window=87, mss=88))),
    "window closed: a small segment": one(*many(1, **STALLED, info=shut(40, send_window=88, mss=88))),
    "window closed: segment's size not known": one(*many(1, **STALLED, info=shut(40, send_window=0, mss=0))),
    "window closed: a byte, segment's size not known": one(*many(1, **STALLED, info=shut(40, send_window=1, mss=0))),
    "window not told: probes back off": one(
        *many(1, **STALLED, info=shut(40, send_window=None, backoff=3, probes=1))
    ),
    "window not told: twice backed off": one(*many(1, **STALLED, info=shut(40, send_window=None, backoff=2, probes=1))),
    "window not told: no probe": one(*many(1, **STALLED, info=shut(40, send_window=None, backoff=3))),
    "window closed: nothing told": one(*many(1, **STALLED)),
    "window closed: at a port of ours": one(LISTENS, *many(3, **STALLED, info=shut(9))),
    "window closed: of two processes": one(
        *many(5, **STALLED, info=shut(40), owners=lambda n: [(900 if n < 3 else 812, n)]), processes=OTHERS
    ),
    "window closed: of five hosts": one(*many(5, **STALLED, info=shut(40), **HOSTS)),
    "window closed: of six hosts": one(*many(6, **STALLED, info=shut(40), **HOSTS)),
    "window closed: of two hosts, for different times": one(
        *many(2, **STALLED, info=shut(40)),
        *many(2, "ESTAB", 2, **STALLED, info=shut(9), remote="10.0.0.8"),
    ),
    "window closed: both ends are here": one(
        *many(3, **STALLED, info=shut(40), place=1),
        *many(3, local="10.0.0.7", port=lambda n: 40_000 + n, remote="10.0.0.1", peer=8080, recv=900,
              cookie=lambda n: 500 + n),
        places=[place(), place(INSIDE)],
    ),
    "window closed: of more than are asked": one(*many(502, **STALLED, info=shut(40.1234567))),
    "not leaving: silent for 2 s": one(*many(1, **STALLED, info=kept(2))),
    "not leaving: for less": one(*many(1, **STALLED, info=kept(1.999))),
    "not leaving: no back-off": one(*many(1, **STALLED, info=kept(9, backoff=1))),
    "not leaving: no probe": one(*many(1, **STALLED, info=kept(9, probes=0))),
    "not leaving: bytes are on the way": one(*many(1, **STALLED, info=kept(9, unacked=1))),
    "not leaving: the window is a segment": one(*many(1, **STALLED, info=kept(9, send_window=536))),
    "not leaving: a byte, segment's size not known": one(*many(1, **STALLED, info=kept(9, send_window=1, mss=0))),
    "not leaving: the window is closed": one(*many(1, **STALLED, info=kept(9, send_window=535))),
    "not leaving: three": one(*many(2, **STALLED, info=kept(9)), *many(1, "ESTAB", 2, **STALLED, info=kept(12))),
    "unanswered: three times": one(*many(2, timer="on", again=3, send=900)),
    "unanswered: twice": one(*many(2, timer="on", again=2, send=900)),
    "unanswered: one, five times": one(*many(1, timer="on", again=5, send=900)),
    "unanswered: one, six times": one(*many(1, timer="on", again=6, send=900)),
    "unanswered: silent": one(
        *many(2, timer="on", again=lambda n: 3 + n, send=900, info=info(last_ack_received=7000)),
        *many(1, "ESTAB", 2, timer="on", again=3, send=900, info=info(last_ack_received=9000)),
    ),
    "unanswered: of twenty-one the first twenty are asked": one(
        *many(20, timer="on", again=3, send=900, info=info(last_ack_received=7000)),
        *many(1, "ESTAB", 20, timer="on", again=3, send=900, info=info(last_ack_received=9000)),
    ),
    "unanswered: of SYN-RECV": one(*many(2, "SYN-RECV", timer="on", again=3, age=0.1, **NO_HOLDER)),
    "unanswered: a link drops": later(
        1, *many(2, timer="on", again=3, send=900), counters={"link:eth0": 5, "link:eth1": 2}
    ),
    "unanswered: nobody's": one(*many(2, "FIN-WAIT-1", timer="on", again=3, send=900, **NO_HOLDER)),
    "unanswered: nobody's, at a port of ours": one(
        LISTENS, *many(2, "FIN-WAIT-1", timer="on", again=3, send=900, **NO_HOLDER)
    ),
    "keep-alive: three": one(*many(2, timer="keepalive", again=3, info=info(last_ack_received=90_000))),
    "keep-alive: two": one(*many(2, timer="keepalive", again=2, info=info(last_ack_received=90_000))),
    "keep-alive: one connection": one(*many(1, timer="keepalive", again=4)),
    "keep-alive: up to five": one(*many(2, timer="keepalive", again=lambda n: 4 + n)),
    "connect: three to one peer": one(*many(3, "SYN-SENT", timer="on", again=2, age=lambda n: 5.0 + n, **OUT)),
    "connect: two": one(*many(2, "SYN-SENT", timer="on", again=2, age=5.0, **OUT)),
    "connect: sent again once": one(*many(3, "SYN-SENT", timer="on", again=1, age=5.0, **OUT)),
    "connect: ten to many hosts": one(
        *many(10, "SYN-SENT", timer="on", again=2, age=5.0, peer=443, port=lambda n: 41_000 + n, **HOSTS)
    ),
    "connect: nine to many hosts": one(
        *many(9, "SYN-SENT", timer="on", again=2, age=5.0, peer=443, port=lambda n: 41_000 + n, **HOSTS)
    ),
    "connect: ten hidden ones to one port": one(
        *many(10, "SYN-SENT", timer="on", again=2, age=5.0, peer=443, port=lambda n: 41_000 + n, **HOSTS, **HIDDEN)
    ),
    "send queue: of more than are asked": later(15, *many(502, send=900, info=info(last_ack_received=15_000))),
    "send queue: unchanged for 15 s": later(15, *many(2, send=900, info=info(last_ack_received=15_000))),
    "send queue: for less": later(14.99, *many(2, send=900, info=info(last_ack_received=15_000))),
    "send queue: with an ACK": later(15, *many(2, send=900, info=info(last_ack_received=14_999))),
    "send queue: nothing told": later(15, *many(2, send=900)),
    "send queue: it changed": later(
        15, *many(2, send=901, info=info(last_ack_received=15_000)), before=many(2, send=900)
    ),
    "send queue: of SYN-SENT": later(15, *many(2, "SYN-SENT", send=1, info=info(last_ack_received=15_000))),
    "send queue: with the persist timer": later(15, *many(2, **STALLED, info=info(last_ack_received=15_000))),
    "send queue: sent again twice": later(
        15, *many(2, send=900, timer="on", again=2, info=info(last_ack_received=15_000))
    ),
    "send queue: sent again three times": later(
        15, *many(2, send=900, timer="on", again=3, info=info(last_ack_received=15_000))
    ),
}  # fmt: skip


def slow(read: int, count: int = 5, **of: int) -> Looks:
    """Two looks 4 s apart: so many bytes of full queues are read between them, and none come."""
    times = {"last_data_received": 10_000} | of
    return [
        look(at, *many(count, recv=100_000 - taken, info=info(bytes_received=500_000, **times)))
        for at, taken in ((0, 0), (4, read))
    ]


READERS: dict[str, Looks] = {
    "reader: five for 10 s": later(10, *many(5, recv=100)),
    "reader: four": later(10, *many(4, recv=100)),
    "reader: for less": later(9.99, *many(5, recv=100)),
    "reader: told at the first look": one(*many(5, recv=100, info=info(last_data_received=10_000))),
    "reader: told at the first look, for less": one(*many(5, recv=100, info=info(last_data_received=9_999))),
    "reader: not told at the first look": one(*many(5, recv=100)),
    "reader: at a later look": [
        look(0, *many(5)),
        look(4, *many(5, recv=100, info=info(last_data_received=12_000))),
    ],
    "reader: one, full, for a minute": later(60, *many(1, recv=32_768)),
    "reader: one, not full": later(60, *many(1, recv=32_767)),
    "reader: one, full, for less": later(59.99, *many(1, recv=32_768)),
    "reader: two, the fuller one counts": later(60, *many(1, recv=32_768), *many(1, "ESTAB", 1, recv=9)),
    "reader: five, slow": slow(8_000),
    "reader: five, slow, not for long": slow(8_000, last_data_received=9_999),
    "reader: five, behind, but quick": slow(14_000),
    "reader: four, slow": slow(8_000, count=4),
    "reader: two of one port on both sides": later(
        60.1234567, *many(2, recv=40_000, peer=4000, remote=lambda n: f"10.0.0.{n + 3}")
    ),
    "reader: of more than are asked": one(*many(302, recv=100, info=info(last_data_received=12_000))),
    "reader: not accepted": later(10, *many(5, recv=100, **NO_HOLDER)),
    "reader: closed, nothing unread": later(10, *many(5, "CLOSE-WAIT", recv=1, age=1)),
    "reader: ten of eleven closed, bytes unread": later(
        10, *many(10, "CLOSE-WAIT", recv=9, age=1), *many(1, "ESTAB", 10, recv=9)
    ),
    "reader: nine of nine closed, bytes unread": later(10, *many(9, "CLOSE-WAIT", recv=9, age=1)),
    "reader: ten of twelve closed, bytes unread": later(
        10, *many(10, "CLOSE-WAIT", recv=9, age=1), *many(2, "ESTAB", 10, recv=9)
    ),
    "reader: closed, a byte unread": later(10, *many(5, "CLOSE-WAIT", recv=2, age=1)),
    "reader: windows closed": later(10, *many(5, recv=100), counters={"TCPToZeroWindowAdv": 3}),
    "reader: hidden, at a port of ours": later(10, LISTENS, *many(5, recv=100, **HIDDEN)),
    "reader: of two processes": later(
        10, *many(9, recv=100, owners=lambda n: [(900 if n < 5 else 812, n)]), processes=OTHERS
    ),
    "reader: of many hosts": later(10, LISTENS, *many(6, recv=100, **HOSTS)),
    "reader: its senders get no answer": [
        look(
            at, *many(5, recv=100, place=1),
            *many(5, local="10.0.0.7", port=lambda n: 40_000 + n, remote="10.0.0.1", peer=8080, send=900,
                  timer="on", again=3, cookie=lambda n: 500 + n),
            places=[place(), place(INSIDE)],
        ) for at in (0, 10)
    ],
    "reader: its senders were sent again twice": [
        look(
            at, *many(5, recv=100, place=1),
            *many(5, local="10.0.0.7", port=lambda n: 40_000 + n, remote="10.0.0.1", peer=8080, send=900,
                  timer="on", again=2, cookie=lambda n: 500 + n),
            places=[place(), place(INSIDE)],
        ) for at in (0, 10)
    ],
}  # fmt: skip

ALL = STALLS | READERS
