"""All that the engine says of made connections: counts, history, measures and events, at both sides of its thresholds.

flows_golden.txt holds it; `python -m tests.capture.flows.test_flows_golden` writes it anew: what changed is read in the
diff. The notation is that of the verdicts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from capture.flows.connection_table import FlowTable
from capture.verdicts.events.event_codes import GAP_MASK, GAP_SHIFT, decoded
from tests.capture.verdicts.notation import STEP_NS, flow_table
from tests.golden_files import held, hold

TOLD = Path(__file__).with_name("flows_golden.txt")
HELLO = "cS sSA cA cPA20 sA"
SERVED = f"{HELLO} sPA50 cA"
AGAIN: dict[str, Any] = {"sources": [4000, 4000]}  # the same ends twice
HELD_TLS = "cS sSA cA cPA{}? sA sPA1307? cPA{}? sA sPA453? cA"  # a hello and a Finished that were not captured
TEXTS = [
    # one packet captured twice: the same IP identification, or elsewhere, or at once
    f"{SERVED} cPA20#7 <0.099>cPA20*#7 sA",
    f"{SERVED} cPA20#7 <0.099001>cPA20*#7 sA",
    f"{SERVED} cPA20^64#7 cPA20*^63#7 sA",
    f"{SERVED} cPA20^63#7 cPA20*^64#7 sA",
    f"{SERVED} cPA20^64#0 <0.019>cPA20*^63#0 sA",
    f"{SERVED} cPA20^64#0 <0.019001>cPA20*^63#0 sA",
    f"{SERVED} cPA20#0 <0.005>cPA20*#0 sA",
    f"{SERVED} cPA20#0 <0.005001>cPA20*#0 sA",
    f"{SERVED} cPA20^64#0 <0.005>cPA20*^65#0 sA",
    f"{SERVED} cPA20#0 cPA20*#0 cPA20*#0 sA sA#0 sA#0 sA#0",
    f"{SERVED} sFA#0 sFA*#0 cRAt#0 <-0.0005>cRAt*#0",
    f"{SERVED} cRAt^60#7 cRAt*^63#7",
    f"{SERVED} cPA20 cPA20x sA#0 sA#0 sA#0 cPA20#0 <0.004>cPA20*#0",
    # where the handshake's timing says that it was captured
    "cS <-0.0008>sSA <-0.00099>cA",
    "cS <-0.000801>sSA <-0.00099>cA",
    "cS <-0.00099>sSA <-0.0008>cA",
    "cS <-0.00099>sSA <-0.000801>cA",
    "cS sSA <-0.0008>cA",
    "cS sSA <-0.000800001>cA",
    "cS <-0.0008>sSA cA",
    "cS <-0.000800001>sSA cA",
    "cS <0.000001>sSA <-0.0008>cA",
    "cS sSA sSA* cA",
    "cS sSA cR",
    "sSA cA cPA20",
    "cPA20 sA cPA20",
    # SYN, SYN,ACK, and what completes a handshake
    "cS <1>cS* sSA cA",
    "cS sSA <1>sSA* cA",
    "cS sSA cAx cPA20 sA",
    "cS sSA cFA sA",
    "cS sSAx cA",
    "cS sA cS* sSA cA",
    "cS cS",
    "cR cS sSA cA",
    # repetitions: fast, spurious, out of order, plain; of data, SYN and FIN
    f"{SERVED} sPA900x sPA900 cA~ sPA900 cA~ sPA900 cA~ sPA900 cA~ <0.018>sPA900* cA",
    f"{SERVED} cPA900x cPA900 <-0.0009>cPA900 sA~ cPA900 sA~",
    f"{SERVED} cPA900 <0.001999>cPA900* sA",
    f"{SERVED} cPA900 <0.000999>cPA900* sA",
    "cPA90 sA cPA900 cPA90 <0.000999>cPA900*",
    f"{SERVED} cPA900 sA <1>cPA900* sA",
    f"{SERVED} cPA900 sA <0.002>cPA1 <1>cPA1* sA",
    f"{SERVED} cFPA9 <0.2>cFPA9* sA",
    f"{SERVED} cFA sA <0.2>cFA*",
    f"{SERVED} cAk sA cAk cPA20",
    # windows: full, closed, probed, opened again
    f"{SERVED} cA@100 sPA100 cA@0 <0.2>sPA1 cA@0 <0.4>sPA1* cA@500 sPA90",
    f"{SERVED} cA@100 sPA99 sPA1 cA@100",
    f"{SERVED} cA@100 sPA101",
    f"{SERVED} cAz sAk cAz sPA1 cA@1 sPA1",
    "cS@90 sSA@80 cA@90 sPA90 cPA80",
    "cS sSAz cA <0.2>cAk sAz <0.2>cAk sA",
    f"{SERVED} cA@400 cA@400 cA@300 cA@300 cA@0 cA@0",
    # RSTs: in the window or not, answering, alone, with another TTL, another line of identifications
    f"{SERVED} cPA20#1 sA#2 sPA9#3 cA sRAt#2051",
    f"{SERVED} cPA20 sA#2 sPA9#3 cA sRAt#2050",
    f"{SERVED} cPA20 sA#2 sPA9#66 cA sRAt#9000",
    f"{SERVED} cPA20 sA#2 sPA9#67 cA sRAt#9000",
    f"{SERVED} cPA20 sA#2 sPA9#3 cA sRAt#63491",
    f"{SERVED} cPA20 sA#2 sPA9#3 cA sRAt#63492",
    f"{SERVED} sR^60 sPA9",
    f"{SERVED} sPA9^60 sR^60",
    f"{SERVED} cRAt <0.298999>cA~",
    f"{SERVED} cRAt <0.299>cA~",
    f"{SERVED} cPA20~ sR <0.001999>cPA9~",
    f"{SERVED} cPA20~ sR <0.002>cPA9~",
    f"{SERVED} sR cFA~",
    "sR",
    "sR <5>sR",
    "cPA20 sR!",
    "cS sRA",
    "cS sR",
    # captured late: after what acknowledges it
    f"{SERVED} cPA20 <0.001999>sAw cPA9 sA",
    f"{SERVED} cPA20 sAw <0.001999>cPA9 sA",
    f"{SERVED} cPA20 sPA9 cFA sFAw cA",
    f"{SERVED} sFA cFAw sA",
    # ACKs that ask for nothing: strays, challenges
    f"{SERVED} cA <0.004>cA",
    f"{SERVED} cA <0.003999>cA",
    f"{SERVED} cA#9 <0.1>cA#9",
    f"{SERVED} cA <0.1>cA@499",
    # what was lost: marks by size, by the payload, and by what came after
    f"{SERVED} cPA999 <0.2>cPA999* <0.4>cPA999*",
    f"{SERVED} cPA1000 <0.2>cPA1000* <0.4>cPA1000*",
    f"{HELLO} cPA1000 sA cPA1000 <0.2>cPA1000*",
    f"{HELLO} cPA1000 sA cPA1001 <0.2>cPA1001*",
    f"{SERVED} cPA100? sR",
    f"{SERVED} cPA101? sR",
    f"{SERVED} cPA10 sR",
    f"{SERVED} cPA9 sR",
    f"{SERVED} cPA9d sR",
    f"{SERVED} cPA16? sA",
    f"{SERVED} cPA17? sA",
    f"{SERVED} cPA42d sA",
    f"{SERVED} cPA43d sA",
    "cS sSA cA cPA300 sA cPA138? sA cPA69? sR",
    "cS sSA cA cPA300 sA cPA140? sA cPA70? sR",
    "cS sSA cA cPA300 sA cPA141? sA cPA70? sR",
    f"{HELD_TLS.format(150, 64)} cPA24? cFA sFA",
    f"{HELD_TLS.format(149, 64)} cPA24? cFA sFA",
    f"{HELD_TLS.format(2000, 58)} cPA31? cFA sFA",
    f"{HELD_TLS.format(2001, 58)} cPA31? cFA sFA",
    f"{HELD_TLS.format(200, 74)} cPA23? sPA53? cFA",
    f"{HELD_TLS.format(200, 80)} cPA69? sPA25? cFA",
    f"{HELD_TLS.format(200, 93)} cPA42? cFA",
    f"{HELD_TLS.format(200, 126)} cPA43? cFA",
    f"{HELD_TLS.format(200, 65)} cPA24? cFA",
    # pauses that are told of
    f"{SERVED} <0.198999>cPA20 sRAt",
    f"{SERVED} <0.199>cPA20 sRAt",
    f"{SERVED} <1.998999>cPA20 sRAt",
    f"{SERVED} <1.999>cPA20 sRAt",
    f"{SERVED} <29.998999>cPA20 sRAt",
    f"{SERVED} <29.999>cPA20 sRAt",
    # long ones are folded
    " ".join(["cS sSA cA", *["cPA20 sPA50"] * 12, "cA sFA cFA"]),
    " ".join(["cS sSA cA", *["cPA20 cPA21 sA"] * 12, "cFA sFA"]),
    " ".join(["cPA20 sPA50"] * 12),
    " ".join(["cS sSA cA", *["<1>cAk sA"] * 9, "sRAt"]),
    " ".join(["cS sSA cA cPA20", *["<1>cPA20*"] * 9]),
    " ".join(["cS sSA cA cPA20", *["<1>cPA20*"] * 300]),
    # what nothing above told apart: found by small changes to the engine
    "cS sSA cA sA <-0.0008>cFA <120>cR",
    "cS cA~ sRA",
    "cS sSA sPA33",
    "cAk cPA20",
    "cR sSA sPA50* cR",
    "cS sSA sA sPA24 cFA@50 cFA*@1 sA cPA500 sRAt",
    "sFA cS cA cPA20 sFA~ cA sA",
    "sPA20h cSz",
    "sFA cFAw sA",
    f"{HELLO} sA1448 cAz <0.2>sAk cAz cAz <0.4>sAk <0.8>sAk cAz cRAt",
    "cS i3.1 sA cPA20",
    # one direction: what the ACKs tell of the other
    "cS sSAx cA cPA20 sAx sPA50x cA sFAx cA cFA",
    "cS sSAx cA cPA20 sPA1x cA sPA9x cA",
    "cSx sSA cPA20x sA sPA50 cFAx sA sFA",
]
FLOWS: dict[str, tuple[list[str], dict[str, Any]]] = {text: ([text], {}) for text in TEXTS} | {
    # the same ends once more
    "twice, the second after the first closed": (
        [f"{SERVED} cFA sFA cA", f"{SERVED} cFA sFA cA"], AGAIN | {"starts": [0, 3.0], "isns": [1, 5]}
    ),
    "twice, the first never closed": ([SERVED, SERVED], AGAIN | {"starts": [0, 3.0], "isns": [1, 5]}),
    "twice, with the same numbers": (
        [f"{SERVED} cFA sFA cA", f"{SERVED} cFA sFA cA"], AGAIN | {"starts": [0, 3.0], "isns": [1, 1]}
    ),
    "twice, refused": (["cS sRA", "cS sRA"], AGAIN | {"starts": [0, 1.0], "isns": [1, 1]}),
    "a RST, then a SYN, again": (["cR cS", "cR cS"], AGAIN | {"starts": [0, 3.0], "isns": [1, 1]}),
    "a SYN alone, long after": (["cS", "cS"], AGAIN | {"starts": [0, 70.0], "isns": [1, 1]}),
    "accepted after a RST, twice": (["cS sR sSA", "cS sR sSA"], AGAIN | {"starts": [0, 0.5], "isns": [1, 1]}),
    "refused, then accepted": (["cS sRA", "cS sSA cA"], AGAIN | {"starts": [0, 0.5], "isns": [1, 1]}),
    # whose port it is, where the capture began later
    "many peers tell the server": (["sPA50 cA cPA20 sA"] * 3, {"ports": [8080] * 3, "clients": [1, 2, 3]}),
    "two peers do not": (["sPA50 cA cPA20 sA"] * 2, {"ports": [50080] * 2, "clients": [1, 2]}),
    "who was seen to serve": (["cS sSA", "sPA50 cA cPA20 sA"], {"ports": [8080] * 2}),
    "a port of its own": (["sPA50 cA cPA20 sA"], {"ports": [1023]}),
    "a registered port": (["sPA50 cA cPA20 sA"], {"ports": [32767]}),
    "a port like any": (["sPA50 cA cPA20 sA"], {"ports": [32768]}),
    "both ports registered": (["sPA50 cA cPA20 sA"], {"ports": [8080], "sources": [1024]}),
    "both ports of servers": (["sPA50 cA cPA20 sA"], {"ports": [443], "sources": [80]}),
}  # fmt: skip


def told(name: str) -> list[str]:
    """What is told of each connection, in lines."""
    texts, more = FLOWS[name]
    table = flow_table(*texts, **more)
    return [line for i in range(len(table)) for line in of_connection(table, i)]


def of_connection(table: FlowTable, i: int) -> list[str]:
    """Its measures, what was counted, and its events: packet, side, kind, marks, class of the silence before, gap."""
    pairs = {
        "packets": table.packet_count,
        "bytes": table.bytes,
        "unique": table.unique_bytes,
        "missing": table.missing,
    }
    counted = {name: column for name, column in table.counts.items() if name not in ("syn", "fin", "rst")}
    both = [f"{name} {int(a[i, 0])}/{int(a[i, 1])}" for name, a in (pairs | counted).items() if a[i].any()]
    end, rst = int(table.first_fin[i]), int(table.first_rst[i])
    rest = (
        f"place {int(table.place[i])} rtt {int(table.rtt_ns[i])} gap {int(table.longest_gap_ns[i])} fin {end} rst {rst}"
    )
    opened = "whole" if table.complete_handshake[i] else "not whole"
    events = table.events
    rows = range(int(events.first[i]), int(events.first[i + 1]))
    return [
        f"{table.port[i, 0]} {table.conn_state[i]} {table.history[i]} {opened}; {rest}",
        ", ".join(both),
        "; ".join(_event(int(events.code[row]), int(events.number[row]), int(events.gap[row])) for row in rows),
    ]


def _event(code: int, number: int, gap: int) -> str:
    event = decoded(code & ~GAP_MASK)
    told = [f"{number}{'cs'[event.side]}", event.kind.name, f"{int(event.traits):x}" if event.traits else ""]
    told += [f"pause {code >> GAP_SHIFT & 3}" if code & GAP_MASK else "", "" if gap == STEP_NS else f"{gap / 1e6:g} ms"]
    return " ".join(filter(None, told))


HELD = held(TOLD)


@pytest.mark.parametrize("name", FLOWS)
def test_what_is_told(name: str) -> None:
    assert told(name) == HELD.get(name)


def test_nothing_else_is_held() -> None:
    assert list(HELD) == list(FLOWS)


if __name__ == "__main__":
    hold(TOLD, FLOWS, told)
