"""Packets captured one place late, from another queue: the cause does not hang on the capture's order."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from capture.triage import triage
from capture.verdicts.judge import judge
from tests.capture.flows.traffic import ACK, PSH, RST, SYN, Wire
from tests.capture.verdicts.notation import TOKEN, flow_table
from tests.capture.verdicts.test_judge import CASES
from tests.capture.verdicts.test_thresholds import TABLE

TEXTS = sorted({case[0] for case in CASES} | {case[0] for case in TABLE})
EDGE = ("<0.198>", "<1.998>", "<29.998>")  # right below a threshold: a millisecond more, and it is another case
OTHERWISE = {  # where the order is all that there is
    "sPA500 cRAtw", "sPA1448 cRAtw",  # a response that came before the client's RST, or after it
    "cPA20~ sRw",  # a RST that stands before what it answers, which acknowledges something else
    "cS sAw", "sA cRw",  # of an older connection
    "<0.4>cPA20* sAw",  # the second repetition, or one after the ACK
    "<0.002>cFA sAw",  # a FIN right after data, or after the ACK of both
    "cAz sAkw", "<0.2>sA1448* cAz~w",  # whether a probe was answered
}  # fmt: skip


def late(text: str) -> list[str]:
    """The text with each packet in turn captured before the one of the other side that it followed."""
    tokens, found = text.split(), []
    for at in range(1, len(tokens)):
        this, before = TOKEN.match(tokens[at]), TOKEN.match(tokens[at - 1])
        if this is None or before is None or this[1] or this[2] == before[2]:
            continue
        swapped = [*tokens]
        swapped[at] = re.sub(r"(\^|#|$)", r"w\1", tokens[at], count=1)
        if not {f"{tokens[at - 1]} {swapped[at]}"} & OTHERWISE:
            found.append(" ".join(swapped))
    return found


@pytest.mark.parametrize("text", [text for text in TEXTS if not any(edge in text for edge in EDGE)])
def test_the_same_cause(text: str) -> None:
    cause = judge(flow_table(text)).of(0).cause
    assert {swapped: judge(flow_table(swapped)).of(0).cause for swapped in late(text)} == dict.fromkeys(
        late(text), cause
    )


@pytest.mark.parametrize(
    ("text", "originator"),
    [
        ("cS sSA cAw sPA36 cA sFA cPA35 sRw", ("ok", "EOF", "EPIPE")),
        ("cS sSAw cA sPA36 cA sFA cPA35 sR", ("ok", "EOF", "EPIPE")),
        ("cS sSAw cA sR", ("ok", "ECONNRESET", "ECONNRESET")),
    ],
)
def test_the_same_errors(text: str, originator: tuple[str, str, str]) -> None:
    calls = judge(flow_table(text)).of(0).errors["originator"]
    assert (calls.connect, calls.read, calls.write) == originator


def by_interface(pcap: bytes) -> bytes:
    """The same packets as `tcpdump -i any` keeps them (LINKTYPE_LINUX_SLL2), each TTL's on an interface of its own."""
    out, at = [pcap[:20], struct.pack("<I", 276)], 24
    while at < len(pcap):
        seconds, micros, size, _ = struct.unpack_from("<4I", pcap, at)
        packet = pcap[at + 30 : at + 16 + size]
        head = struct.pack(">HHIHBB8x", 0x0800, 0, packet[8], 1, 0, 6)
        out += [struct.pack("<4I", seconds, micros, *(len(head + packet),) * 2), head, packet]
        at += 16 + size
    return b"".join(out)


def test_a_reset_seen_first_behind_the_router(tmp_path: Path) -> None:
    wire, (client, server) = Wire(), (("10.0.0.1", 40000), ("10.0.0.2", 80))
    sent = (
        (0, client, server, SYN, 0, 0, 0),
        (1, server, client, SYN | ACK, 0, 1, 0),
        (2, client, server, ACK, 1, 1, 0),
        (3, client, server, PSH | ACK, 1, 1, 20),
        (4, server, client, ACK, 1, 21, 0),
        (5, server, client, RST | ACK, 1, 21, 0),
    )
    for number, (at, source, target, flags, seq, ack, payload) in enumerate(sent):
        told = {"seq": 1000 + seq, "ack": 1000 + ack, "payload": payload, "identification": 100 + number}
        ttls = (63, 64) if flags & RST else (64, 63)
        for after, ttl in enumerate(ttls):
            wire.send(at * 1000 + after, source, target, flags, ttl=ttl, **told)
    wire.write(path := tmp_path / "router.pcap")
    path.write_bytes(by_interface(path.read_bytes()))
    verdict = triage([str(path)])[0].connection(0).verdict
    assert (verdict.cause, verdict.reset_by) == ("aborted", "responder")
