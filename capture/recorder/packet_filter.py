"""The filter that the kernel runs on each packet: TCP of some ports, and the ICMP errors that end connections."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from capture.sockets.sources.packet_sockets import (
    JEQ,
    LD,
    LDB,
    LDH,
    LDH_X,
    LDX_MSH,
    LOOPBACK,
    PACKET_OTHERHOST,
    PACKET_OUTGOING,
    RET,
    SKF_AD_HATYPE,
    SKF_AD_PKTTYPE,
    SKF_AD_PROTOCOL,
)  # fmt: skip

IPV4, IPV6 = 0x0800, 0x86DD
TCP, ICMP, ICMPV6 = 6, 1, 58
LONGEST_JUMP: Final = 255
MOST_PORTS: Final = 60
"""Four jumps a port must stay within what a jump can reach."""

OWN_STEPS: Final = 5
"""Ports whose jumps take as much as those of the connection that is left out."""

Step = tuple[int, int | str, int | str, int]


def packet_filter(ports: Sequence[int], snap: int, without: int | None = None) -> bytes:
    """A program (struct sock_filter, one after another) for packets that begin with the IP header.

    It keeps `snap` bytes of TCP to or from `ports` (all TCP without any) and of ICMP and ICMPv6. Of IPv6 only packets
    whose TCP header follows at once are looked into; others are kept if no port is asked for. `without`: no TCP of
    this port. Loopback shows each packet twice: what comes in is kept; nothing that is another host's. Raises
    ValueError.
    """
    first = ("own4", "own6") if without is not None else ("ports4", "ports6") if ports else ("keep", "keep")
    most = MOST_PORTS if without is None else MOST_PORTS - OWN_STEPS
    if len(ports) > most:
        raise ValueError(f"at most {most} ports")
    steps: list[tuple[str, Step]] = []

    def add(label: str, code: int, yes: int | str, no: int | str, value: int) -> None:
        steps.append((label, (code, yes, no, value)))

    add("", LD, 0, 0, SKF_AD_PKTTYPE)
    add("", JEQ, "again", 0, PACKET_OTHERHOST)
    add("", JEQ, 0, "kept", PACKET_OUTGOING)
    add("", LD, 0, 0, SKF_AD_HATYPE)
    add("", JEQ, "again", "kept", LOOPBACK)
    add("again", RET, 0, 0, 0)
    add("kept", LDH, 0, 0, SKF_AD_PROTOCOL)
    add("", JEQ, "four", 0, IPV4)
    add("", JEQ, "six", "drop", IPV6)
    add("four", LDB, 0, 0, 9)
    add("", JEQ, "keep", 0, ICMP)
    add("", JEQ, first[0], "drop", TCP)
    add("six", LDB, 0, 0, 6)
    add("", JEQ, "keep", 0, ICMPV6)
    add("", JEQ, first[1], "drop" if ports else "keep", TCP)
    for label, load, ports_of in (("own4", LDH_X, "ports4"), ("own6", LDH, "ports6")) if without is not None else ():
        after, at = (ports_of if ports else "keep"), 0 if load == LDH_X else 40
        add(label, LDX_MSH, 0, 0, 0)
        add("", load, 0, 0, at)
        add("", JEQ, "drop", 0, without or 0)
        add("", load, 0, 0, at + 2)
        add("", JEQ, "drop", after, without or 0)
    if ports:
        add("ports4", LDX_MSH, 0, 0, 0)
        for at in (0, 2):
            add("", LDH_X, 0, 0, at)
            for port in ports:
                add("", JEQ, "keep", 0, port)
        add("", JEQ, "drop", "drop", 0)
        add("ports6", LDH, 0, 0, 40)
        for port in ports:
            add("", JEQ, "keep", 0, port)
        add("", LDH, 0, 0, 42)
        for port in ports:
            add("", JEQ, "keep", 0, port)
    add("drop", RET, 0, 0, 0)
    add("keep", RET, 0, 0, snap)
    return _assembled(steps)


def _assembled(steps: list[tuple[str, Step]]) -> bytes:
    places = {label: at for at, (label, _) in enumerate(steps) if label}
    program = b""
    for at, (_, (code, yes, no, value)) in enumerate(steps):
        jumps = [places[one] - at - 1 if isinstance(one, str) else one for one in (yes, no)]
        if max(jumps) > LONGEST_JUMP:
            raise ValueError("a jump is too long")
        program += struct.pack("=HBBI", code, *jumps, value)
    return program
