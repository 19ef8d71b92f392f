"""Looks at listeners, resets and descriptors: both sides of each threshold, and what else a rule asks for."""

from __future__ import annotations

from typing import Any

from tests.capture.sockets.findings.made_looks import (
    HIDDEN,
    HOSTS,
    INSIDE,
    LISTENS,
    NO_HOLDER,
    OTHERS,
    Looks,
    later,
    listener,
    look,
    many,
    one,
    place,
    process,
    unix,
)

LISTENERS: dict[str, Looks] = {
    "accept queue: over its maximum": one(listener(waiting=5, most=4, owners=[(812, 5)])),
    "accept queue: at its maximum": one(listener(waiting=4, most=4, owners=[(812, 5)])),
    "accept queue: of a hidden process": one(listener(waiting=5, most=4, **HIDDEN)),
    "accept queue: maximum not told": one(listener(waiting=500, most=0xFFFFFFFF, owners=[(812, 5)])),
    "accept queue: over it, with half-open ones": one(
        listener(waiting=5, most=4, owners=[(812, 5)]), *many(9, "SYN-RECV", age=2.0, **NO_HOLDER),
        *many(3, "NEW-SYN-RECV", 9, age=2.0, **NO_HOLDER),
    ),
    "accept queue: over it, for a while": one(
        listener(waiting=5, most=4, owners=[(812, 5)]), *many(5, age=lambda n: 12.0 - n, **NO_HOLDER)
    ),
    "accept queue: dropped, and overflowed": later(
        1, listener(waiting=3, most=4, owners=[(812, 5)], drops=7), counters={"ListenOverflows": 7},
        before=[listener(owners=[(812, 5)])],
    ),
    "accept queue: dropped one": later(
        1, listener(waiting=3, most=4, owners=[(812, 5)], drops=1), counters={"ListenOverflows": 1},
        before=[listener(owners=[(812, 5)])],
    ),
    "accept queue: dropped, without an overflow": later(
        1, listener(waiting=3, most=4, owners=[(812, 5)], drops=7), counters={"ListenDrops": 7},
        before=[listener(owners=[(812, 5)])],
    ),
    "accept queue: over it, and dropped": later(
        1, listener(waiting=5, most=4, owners=[(812, 5)], drops=7), counters={"ListenOverflows": 7},
        before=[listener(owners=[(812, 5)])],
    ),
    "accept queue: one waits for 3 s": one(listener(waiting=1, owners=[(812, 5)]), *many(1, age=3.0, **NO_HOLDER)),
    "accept queue: one waits for less": one(listener(waiting=1, owners=[(812, 5)]), *many(1, age=2.99, **NO_HOLDER)),
    "accept queue: two wait": one(
        listener(waiting=2, owners=[(812, 5)]), *many(2, age=lambda n: 4.0 + n, **NO_HOLDER)
    ),
    "accept queue: nine wait": one(listener(waiting=9, owners=[(812, 5)]), *many(9, age=5.0, **NO_HOLDER)),
    "accept queue: ten wait": one(listener(waiting=10, owners=[(812, 5)]), *many(10, age=5.0, **NO_HOLDER)),
    "accept queue: two wait for half a minute": one(
        listener(waiting=2, owners=[(812, 5)]), *many(2, age=lambda n: 30.0 - n, **NO_HOLDER)
    ),
    "accept queue: two wait for nearly half a minute": one(
        listener(waiting=2, owners=[(812, 5)]), *many(2, age=29.99, **NO_HOLDER)
    ),
    "accept queue: one waits for half a minute": one(
        listener(waiting=1, owners=[(812, 5)]), *many(1, age=40.0, **NO_HOLDER)
    ),
    "accept queue: two wait, one left": one(
        listener(waiting=2, owners=[(812, 5)]), *many(1, age=4.0, **NO_HOLDER),
        *many(1, "CLOSE-WAIT", 1, age=5.0, **NO_HOLDER),
    ),
    "accept queue: two wait, at its address": one(
        listener(waiting=2, local="10.0.0.1", owners=[(812, 5)]), *many(2, age=4.0, **NO_HOLDER)
    ),
    "accept queue: two wait, over IPv6": one(
        listener(waiting=2, local="::", owners=[(812, 5)]),
        *many(2, age=lambda n: 4.1234567 + n, local="fd00::1", remote="fd00::7", **NO_HOLDER),
    ),
    "accept queue: two wait, at its address of IPv6": one(
        listener(waiting=2, local="fd00::1", owners=[(812, 5)]),
        *many(2, age=4.0, local="fd00::1", remote="fd00::7", **NO_HOLDER),
    ),
    "accept queue: two wait, at another address": one(
        listener(waiting=2, local="10.0.0.2", owners=[(812, 5)]), *many(2, age=4.0, **NO_HOLDER)
    ),
    "accept queue: two wait, at another port": one(
        listener(8081, waiting=2, owners=[(812, 5)]), *many(2, age=4.0, **NO_HOLDER)
    ),
    "accept queue: two wait at one of two listeners": one(
        listener(waiting=2, owners=[(812, 5)]), listener(8081, owners=[(812, 6)]), *many(2, age=4.0, **NO_HOLDER)
    ),
    "accept queue: two wait, descriptors used up": one(
        listener(waiting=2, owners=[(812, 5)]), *many(2, age=4.0, **NO_HOLDER), processes=[process(used=1024)]
    ),
    "accept queue: two wait, one descriptor left": one(
        listener(waiting=2, owners=[(812, 5)]), *many(2, age=4.0, **NO_HOLDER), processes=[process(used=1023)]
    ),
    "accept queue: two wait, descriptors not told": one(
        listener(waiting=2, owners=[(812, 5)]), *many(2, age=4.0, **NO_HOLDER), processes=[process(used=None)]
    ),
    "accept queue: two wait, no limit": one(
        listener(waiting=2, owners=[(812, 5)]), *many(2, age=4.0, **NO_HOLDER), processes=[process(soft=None)]
    ),
    "accept queue: two wait, nobody listens": one(listener(waiting=2, **HIDDEN), *many(2, age=4.0, **NO_HOLDER)),
    "accept queue: two wait, its maximum not told": one(
        listener(waiting=2, most=0xFFFFFFFF, owners=[(812, 5)]), *many(2, age=4.0, **NO_HOLDER)
    ),
    "accept queue: those that wait are held elsewhere": one(
        listener(waiting=2, owners=[(812, 5)]), *many(2, age=4.0, **HIDDEN)
    ),
    "unix: over its maximum": one(unix=[unix(6, 5)]),
    "unix: at its maximum": one(unix=[unix(5, 5)]),
    "unix: over its maximum, for long": one(unix=[unix(6, 5, since=4.0)]),
    "unix: one waits for 3 s": one(unix=[unix(1, since=3.0)]),
    "unix: one waits for less": one(unix=[unix(1, since=2.99)]),
    "unix: two wait, nobody's, without a name": one(unix=[unix(2, since=5.0, owners=[], path="")]),
    "half open: sixteen for half a second": one(*many(16, "SYN-RECV", age=0.5, **NO_HOLDER)),
    "half open: fifteen": one(*many(15, "SYN-RECV", age=0.5, **NO_HOLDER)),
    "half open: one of sixteen for less": one(
        *many(15, "SYN-RECV", age=0.5, **NO_HOLDER), *many(1, "SYN-RECV", 15, age=0.49, **NO_HOLDER)
    ),
    "half open: seventeen, one of them a moment ago": one(
        LISTENS, *many(16, "SYN-RECV", age=lambda n: 2.0 + n, **NO_HOLDER),
        *many(1, "SYN-RECV", 16, age=0.1, **NO_HOLDER),
    ),
    "half open: three quarters of a small queue": one(
        listener(most=12, owners=[(812, 5)]), *many(9, "SYN-RECV", age=2.0, **NO_HOLDER)
    ),
    "half open: less of it": one(
        listener(most=12, owners=[(812, 5)]), *many(8, "SYN-RECV", age=2.0, **NO_HOLDER)
    ),
    "half open: eight of a tiny queue": one(
        listener(most=4, owners=[(812, 5)]), *many(8, "SYN-RECV", age=2.0, **NO_HOLDER)
    ),
    "half open: seven of a tiny queue": one(
        listener(most=4, owners=[(812, 5)]), *many(7, "SYN-RECV", age=2.0, **NO_HOLDER)
    ),
    "half open: sixteen of a large queue": one(
        listener(most=4096, owners=[(812, 5)]), *many(16, "SYN-RECV", age=2.0, **NO_HOLDER),
        settings={"tcp_syncookies": 0, "tcp_max_syn_backlog": 256},
    ),
    "half open: two listeners, the smaller queue counts": one(
        listener(most=64, owners=[(812, 5)]), listener(most=12, local="10.0.0.1", cookie=9, owners=[(812, 6)]),
        *many(9, "SYN-RECV", 20, age=2.0, **NO_HOLDER),
    ),
    "half open: maximum not told": one(
        listener(most=0xFFFFFFFF, owners=[(812, 5)]), *many(9, "SYN-RECV", age=2.0, **NO_HOLDER)
    ),
    "half open: over ports": one(
        *[listener(8080 + n, owners=[(812 if n < 3 else 900, 5)]) for n in range(4)],
        *many(16, "SYN-RECV", port=lambda n: 8080 + n % 4, age=2.0, **NO_HOLDER, **HOSTS), processes=OTHERS,
    ),
    "half open: over three ports of nobody": one(
        *many(18, "SYN-RECV", port=lambda n: 8080 + n % 3, age=2.0, **NO_HOLDER)
    ),
    "half open: over ports, fifteen": one(
        *many(15, "SYN-RECV", port=lambda n: 8080 + n % 4, age=2.0, **NO_HOLDER)
    ),
    "half open: answered, the listener waits for their data": one(
        LISTENS, *many(20, "SYN-RECV", age=1.3, again=0, **NO_HOLDER)
    ),
    "half open: sent again just now, none tells of a listener that waits": one(
        LISTENS, *many(20, "SYN-RECV", age=1.2, again=0, **NO_HOLDER)
    ),
    "half open: one answered, those too young to tell like it": one(
        LISTENS, *many(1, "SYN-RECV", age=9.0, again=0, **NO_HOLDER),
        *many(20, "SYN-RECV", 1, age=0.7, again=0, **NO_HOLDER),
    ),
    "half open: one answered, a flood beside it": one(
        LISTENS, *many(1, "SYN-RECV", age=9.0, again=0, **NO_HOLDER), *many(16, "SYN-RECV", 1, age=2.0, **NO_HOLDER),
    ),
    "half open: one answered, a flood at another port": one(
        LISTENS, *many(1, "SYN-RECV", age=9.0, again=0, **NO_HOLDER),
        *many(16, "SYN-RECV", 1, port=81, age=0.7, again=0, **NO_HOLDER),
    ),
    "SYN queue: fifty": later(
        1, LISTENS, *many(5, "SYN-RECV", **NO_HOLDER, age=0.1), *many(3, "SYN-RECV", 5, port=81, **NO_HOLDER, age=0.1),
        counters={"TCPReqQFullDoCookies": 30, "TCPReqQFullDrop": 20},
    ),
    "SYN queue: forty-nine": later(1, counters={"TCPReqQFullDoCookies": 29, "TCPReqQFullDrop": 20}),
    "SYN queue: fifty cookies": later(1, counters={"TCPReqQFullDoCookies": 50}),
    "SYN queue: fifty drops": later(1, counters={"TCPReqQFullDrop": 50}),
}  # fmt: skip


def port(number: int) -> bytes:
    return number.to_bytes(2, "big")


def tapped(count: int, sent: bool, kind: str, here: int = 8080, there: int = 40_000, host: int = 7) -> Any:
    """So many resets of one kind between this machine and 10.0.0.7."""
    return count, sent, bytes((10, 0, 0, 1)), port(here), bytes((10, 0, 0, host)), port(there), kind


CLOSING = tapped(40, True, "aborted", here=41_000, there=80)
MANY = {"OutRsts": 40, "ActiveOpens": 9}


def reset(count: int, seconds: float = 4.0, missed: int = 0, **of: Any) -> Looks:
    """Two looks 4 s apart; in the second so many resets sent at port 8080, aborted by the socket."""
    some = of.pop("tapped", [tapped(count, True, "aborted")])
    return later(4, LISTENS, *of.pop("rows", []), counters=of.pop("counters", MANY), resets=(seconds, missed, some),
                 **of)  # fmt: skip


RESETS: dict[str, Looks] = {
    "resets: twenty in 4 s": reset(20),
    "resets: nineteen in 4 s": reset(19),
    "resets: counted alone": later(4, LISTENS, counters=MANY),
    "resets: counted, ten in a second": later(1, counters={"OutRsts": 10}),
    "resets: counted, nine in a second": later(1, counters={"OutRsts": 9}),
    "resets: counted, in less than a second": later(0.5, counters={"OutRsts": 10}),
    "resets: counted, twenty in 4 s": later(4, counters={"EstabResets": 20}),
    "resets: counted, nineteen in 4 s": later(4, counters={"EstabResets": 19}),
    "resets: counted, a tenth of the connections": later(
        4, counters={"OutRsts": 40, "ActiveOpens": 400}
    ),
    "resets: counted, less than a tenth": later(
        4, counters={"OutRsts": 40, "ActiveOpens": 300, "PassiveOpens": 101}
    ),
    "resets: counted, with reasons": later(
        4, counters={"OutRsts": 40, "AttemptFails": 4, "TCPAbortOnData": 30, "TCPAbortOnClose": 2}
    ),
    "resets: a caller closes so": later(
        4, counters={"OutRsts": 40, "TCPAbortOnData": 36}, resets=(4.0, 0, [CLOSING])
    ),
    "resets: a caller closes so, some with unread data": later(
        4, counters={"OutRsts": 40, "TCPAbortOnData": 35}, resets=(4.0, 0, [CLOSING])
    ),
    "resets: a burst while the tap was open": reset(20, 0.3),
    "conntrack: ten dropped": later(1, counters={"conntrack:dropped": 10}),
    "conntrack: nine dropped": later(1, counters={"conntrack:dropped": 9}),
    "resets: counted again": [
        look(0, counters={"OutRsts": 1}), look(4, counters={"OutRsts": 41}), look(8, counters={"OutRsts": 81}),
    ],
    "resets: counted again, a minute later": [
        look(0, counters={"OutRsts": 1}), look(4, counters={"OutRsts": 41}), look(64, counters={"OutRsts": 441}),
    ],
    "resets: counted again, more than a minute later": [
        look(0, counters={"OutRsts": 1}), look(4, counters={"OutRsts": 41}), look(64.1, counters={"OutRsts": 441}),
    ],
    "resets: some were missed": reset(10, missed=10),
    "resets: fewer were missed": reset(10, missed=9),
    "resets: of two services": reset(0, tapped=[tapped(30, True, "aborted"), tapped(25, False, "stray", there=443)]),
    "resets: of two services, one small": reset(
        0, tapped=[tapped(30, True, "aborted"), tapped(5, False, "stray", there=443)]
    ),
    "resets: none of many services": reset(
        0, tapped=[tapped(8, False, "aborted", there=440 + n, host=n) for n in range(4)]
    ),
    "resets: unused ones, of many services": reset(
        0, tapped=[tapped(8, False, "unused", there=440 + n, host=n) for n in range(4)]
    ),
    "resets: unused": reset(0, tapped=[tapped(40, True, "unused")]),
    "resets: finished": reset(0, tapped=[tapped(40, False, "finished")]),
    "resets: finished, of a caller's": reset(0, tapped=[tapped(40, False, "finished", here=41_000, there=80)]),
    "resets: finished, by a caller on this machine": reset(
        0, tapped=[tapped(40, True, "finished", here=41_000, there=8080)]
    ),
    "resets: of finished ones many, of others a small share": reset(
        0, tapped=[tapped(400, False, "finished"), tapped(39, False, "stray")],
        counters={"EstabResets": 440, "PassiveOpens": 391}
    ),
    "resets: of finished ones many, of others a tenth": reset(
        0, tapped=[tapped(400, False, "finished"), tapped(40, False, "aborted")],
        counters={"EstabResets": 440, "PassiveOpens": 400}
    ),
    "resets: refused at ten ports": reset(0, tapped=[tapped(4, True, "refused", here=1000 + n) for n in range(10)]),
    "resets: refused at nine ports": reset(0, tapped=[tapped(4, True, "refused", here=1000 + n) for n in range(9)]),
    "resets: refused at ten ports, a few": reset(
        0, tapped=[tapped(1, True, "refused", here=1000 + n) for n in range(10)]
    ),
    "resets: refused at ten ports, and at one that had a service": reset(
        0, tapped=[tapped(30, True, "refused", here=900),
                   *(tapped(4, True, "refused", here=1000 + n, host=n) for n in range(10))]
    ),
    "resets: received by a service of ours": reset(0, tapped=[tapped(40, False, "aborted")]),
    "resets: received by a service of ours, of many clients": reset(
        0, tapped=[tapped(10, False, "aborted", host=n) for n in range(1, 6)]
    ),
    "resets: sent to a service": reset(0, tapped=[tapped(40, True, "aborted", here=41_000, there=443)]),
    "resets: received of a service": reset(
        0, tapped=[tapped(40, False, "aborted", here=41_000, there=443)],
        rows=[*many(2, port=lambda n: 41_000 + n, peer=443), *many(3, "ESTAB", 2, port=lambda n: 41_000 + n, peer=443,
              owners=[(900, 3)]), *many(4, "ESTAB", 9, port=lambda n: 41_000 + n, peer=444)],
        processes=OTHERS,
    ),
    "resets: stray, once": reset(0, tapped=[tapped(40, True, "stray")]),
    "resets: stray, and some aborted": reset(0, tapped=[tapped(40, True, "stray"), tapped(2, True, "aborted")]),
    "resets: stray, again": [
        look(0, LISTENS, counters={"OutRsts": 1}),
        look(4, LISTENS, counters={"OutRsts": 41}, resets=(4.0, 0, [tapped(40, True, "stray")])),
        look(8, LISTENS, counters={"OutRsts": 81}, resets=(4.0, 0, [tapped(40, True, "stray")])),
    ],
    "resets: refused here": reset(0, tapped=[tapped(40, True, "refused", here=9999)]),
    "resets: refused at a service of ours": reset(0, tapped=[tapped(40, True, "refused")]),
    "resets: refused there": reset(0, tapped=[tapped(40, False, "refused", here=41_000, there=5432)]),
    "resets: of a hidden process": later(
        4, listener(**HIDDEN), counters=MANY, resets=(4.0, 0, [tapped(40, True, "aborted")])
    ),
    "resets: in a namespace, from a service here": [
        look(
            at, listener(443, local="10.0.0.7", owners=[(812, 5)]),
            places=[place(), place(INSIDE, counters={"EstabResets": 1 + 10 * at}, resets=(
                4.0, 0, [tapped(10 * at, False, "aborted", here=41_000, there=443)] if at else []
            ))],
        ) for at in (0, 4)
    ],
    "resets: in a namespace, from a service elsewhere": [
        look(
            at, listener(443, local="10.0.0.8", owners=[(812, 5)]),
            places=[place(), place(INSIDE, counters={"EstabResets": 1 + 10 * at}, resets=(
                4.0, 0, [tapped(10 * at, False, "aborted", here=41_000, there=443)] if at else []
            ))],
        ) for at in (0, 4)
    ],
    "resets: from a service in a namespace": [
        look(
            at, listener(443, local="10.0.0.7", owners=[(812, 5)], place=1),
            places=[place(counters={"EstabResets": 1 + 10 * at}, resets=(
                4.0, 0, [tapped(10 * at, False, "aborted", here=41_000, there=443)] if at else []
            )), place(INSIDE)],
        ) for at in (0, 4)
    ],
    "resets: refused in a namespace, by a service here": [
        look(
            at, listener(443, local="10.0.0.7", owners=[(812, 5)]),
            places=[place(), place(INSIDE, counters={"EstabResets": 1 + 10 * at}, resets=(
                4.0, 0, [tapped(10 * at, False, "refused", here=41_000, there=443)] if at else []
            ))],
        ) for at in (0, 4)
    ],
    "resets: of the callers seventeen, the newest sixteen count": reset(
        0, tapped=[tapped(40, False, "aborted", here=41_000, there=443)],
        rows=[*many(9, port=lambda n: 41_000 + n, peer=443),
              *many(8, "ESTAB", 9, port=lambda n: 41_000 + n, peer=443, owners=[(900, 3)])],
        processes=OTHERS,
    ),
    "softnet: a hundred": later(2, counters={"softnet:dropped": 100}),
    "softnet: a hundred thousand": later(2.1234567, counters={"softnet:dropped": 100_000}),
    "softnet: one less": later(2, counters={"softnet:dropped": 99_999}),
    "resets: the tap took none": reset(0, tapped=[]),
    "resets: the tap was not open long": reset(40, seconds=0.0),
    "softnet: ninety-nine": later(2, counters={"softnet:dropped": 99}),
}  # fmt: skip

DESCRIPTORS: dict[str, Looks] = {
    "descriptors: 80 %": one(*many(3), processes=[process(used=80, soft=100)]),
    "descriptors: 79 %": one(*many(3), processes=[process(used=79, soft=100)]),
    "descriptors: 95 %": one(*many(3), processes=[process(used=95, soft=100)]),
    "descriptors: 94 %": one(*many(3), processes=[process(used=94, soft=100)]),
    "descriptors: all": one(*many(3), processes=[process(used=100, soft=100)]),
    "descriptors: more than may be opened": one(*many(3), processes=[process(used=120, soft=100, hard=None)]),
    "descriptors: of sixteen": one(processes=[process(used=16, soft=16)]),
    "descriptors: of fifteen": one(processes=[process(used=15, soft=15)]),
    "descriptors: hidden": one(*many(3), processes=[process(used=95, soft=100, readable=False)]),
    "descriptors: no limit": one(processes=[process(used=95, soft=None)]),
    "descriptors: growing": [
        look(0, processes=[process(used=800, soft=1000)]), look(10, processes=[process(used=820, soft=1000)]),
    ],
    "descriptors: growing slowly": [
        look(0, processes=[process(used=80_000, soft=100_000)]),
        look(100, processes=[process(used=80_001, soft=100_000)]),
    ],
    "descriptors: a day is left": [
        look(at, processes=[process(used=8559 + at // 60, soft=10_000)]) for at in (0, 60)
    ],
    "descriptors: more than a day is left": [
        look(at, processes=[process(used=8558 + at // 60, soft=10_000)]) for at in (0, 60)
    ],
    "descriptors: two processes": one(processes=[process(used=85, soft=100), process(900, "web", used=96, soft=100)]),
}  # fmt: skip

ALL = LISTENERS | RESETS | DESCRIPTORS
