"""Connections and sockets to ask filters of: a flow table made by hand, and the same connections one by one."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

import numpy as np

from capture.flows.connection_table import Events, FlowTable, Numbering, Opening
from capture.model import (
    COUNT_NAMES,
    Certainty,
    Closer,
    Connection,
    Ending,
    Endpoint,
    NextCalls,
    Resetter,
    Side,
    TcpState,
    Verdict,
)
from capture.wire.column_types import AddressTable, Scope, ScopeTable

EVENTS = ((0, np.uint16), (0, np.int64), (0, np.int64), (0, np.int64), (0, np.uint8))  # none of them
NUMBERS = (np.uint32, np.uint32, np.bool_, np.bool_, np.int64, np.int64)
LOCAL, REMOTE, PLAIN = Endpoint("10.0.0.5", 8080), Endpoint("192.0.2.7", 41000), Scope()


@dataclass(frozen=True)
class Owner:
    pid: int
    name: str
    fd: int = 3


@dataclass(frozen=True)
class Row:
    local: Endpoint = LOCAL
    remote: Endpoint = REMOTE
    state: TcpState = TcpState.ESTABLISHED
    age_s: float = 12.0
    recv_q: int = 0
    send_q: int = 0
    owners: tuple[Owner, ...] = (Owner(2105, "nginx"),)
    uid: int = 33
    netns: object = None
    timer: str | None = None
    rtt_ms: float | None = 1.5
    retransmits: int = 0
    cookie: str = "1f"


def verdict(
    cause: str = "normal_close",
    ended_by: Ending = Ending.FIN,
    closed_first: Closer | None = Closer.ORIGINATOR,
    reset_by: Resetter | None = None,
    certainty: Certainty = Certainty.CERTAIN,
    read: str | None = "EOF",
    playbook: str | None = None,
) -> Verdict:
    errors = {Side.ORIGINATOR: NextCalls(read=read), Side.RESPONDER: NextCalls()}
    return Verdict(closed_first, ended_by, reset_by, cause, certainty, (), None, "", (), errors, playbook)


@dataclass
class Captured:
    """One connection to put in the table; durations in seconds."""

    originator: Endpoint
    responder: Endpoint
    verdict: Verdict
    bytes: tuple[int, int] = (100, 1000)
    packets: tuple[int, int] = (3, 4)
    conn_state: str = "SF"
    history: str = "ShADadFf"
    seconds: float = 1.0
    rtt_ms: float | None = 2.0
    gap_ms: float | None = 500.0
    retransmissions: tuple[int, int] = (0, 0)
    handshake: bool = True
    scope: Scope = PLAIN


CAPTURED = [
    Captured(Endpoint("192.0.2.7", 41000), Endpoint("10.0.0.5", 8080), verdict()),
    Captured(
        Endpoint("192.0.2.8", 41001),
        Endpoint("10.0.0.5", 8080),
        verdict(
            "aborted", Ending.RST, Closer.RESPONDER, Resetter.RESPONDER, read="ECONNRESET", playbook="connection-reset"
        ),
        bytes=(40, 0),
        conn_state="RSTR",
        history="ShADadr",
        seconds=45.5,
        retransmissions=(1, 1),
    ),
    Captured(
        Endpoint("2001:db8::1", 443),
        Endpoint("2001:db8:1::2", 5432),
        verdict("refused_by_firewall", Ending.ICMP, None, None, Certainty.LIKELY, read=None),
        conn_state="S0",
        rtt_ms=None,
        gap_ms=None,
        seconds=0.0,
        handshake=False,
        scope=Scope(vlan="10,20"),
    ),
    Captured(
        Endpoint("10.0.0.50", 50000),
        Endpoint("172.16.9.1", 80),
        verdict("middlebox_reset", Ending.RST, Closer.RESPONDER, Resetter.MIDDLEBOX, Certainty.POSSIBLE),
        bytes=(2_000_000, 3),
        retransmissions=(4, 0),
        scope=Scope(tunnel="vxlan:7"),
        conn_state="RSTO",
    ),
    Captured(Endpoint("10.0.0.6", 50001), Endpoint("10.0.0.5", 443), verdict("refused", Ending.RST, Closer.RESPONDER)),
]


class Verdicts:
    def of(self, connection: int) -> Verdict:
        return CAPTURED[connection].verdict


def connections() -> list[Connection]:
    return [
        Connection(
            id=i,
            capture=0,
            originator=c.originator,
            responder=c.responder,
            vlan=c.scope.vlan,
            tunnel=c.scope.tunnel,
            first_time=10**18,
            last_time=10**18 + int(c.seconds * 1e9),
            packets=c.packets,
            bytes=c.bytes,
            unique_bytes=c.bytes,
            conn_state=c.conn_state,
            history=c.history,
            complete_handshake=c.handshake,
            first_fin=None,
            first_rst=None,
            counts=tuple(  # type: ignore[arg-type]
                dict.fromkeys(COUNT_NAMES, 0) | {"retransmission": c.retransmissions[side]} for side in (0, 1)
            ),
            rtt_ms=c.rtt_ms,
            longest_gap_ms=c.gap_ms,
            verdict=c.verdict,
        )
        for i, c in enumerate(CAPTURED)
    ]


def flow_table() -> FlowTable:
    """The same connections as columns; each has a first and a last packet."""
    n = len(CAPTURED)
    addresses, scopes = AddressTable(), ScopeTable()
    keys = [[addresses.key(ip_address(e.ip).packed) for e in (c.originator, c.responder)] for c in CAPTURED]
    first, last = np.full(n, 10**18, np.int64), np.array([10**18 + int(c.seconds * 1e9) for c in CAPTURED], np.int64)
    counts = {name: np.zeros((n, 2), np.int64) for name in COUNT_NAMES}
    counts["retransmission"] = np.array([c.retransmissions for c in CAPTURED], np.int64)

    def nanoseconds(ms: list[float | None]) -> np.ndarray:
        return np.array([-1 if v is None else int(v * 1e6) for v in ms], np.int64)

    return FlowTable(
        addresses=addresses,
        scopes=scopes,
        address=np.array(keys, np.int64),
        port=np.array([[c.originator.port, c.responder.port] for c in CAPTURED], np.uint16),
        scope=np.array([scopes.index(c.scope) for c in CAPTURED], np.int32),
        packet_count=np.array([c.packets for c in CAPTURED], np.int64),
        bytes=np.array([c.bytes for c in CAPTURED], np.int64),
        unique_bytes=np.array([c.bytes for c in CAPTURED], np.int64),
        counts=counts,
        conn_state=[c.conn_state for c in CAPTURED],
        history=[c.history for c in CAPTURED],
        complete_handshake=np.array([c.handshake for c in CAPTURED]),
        wscale=np.full((n, 2), -1, np.int8),
        rtt_ns=nanoseconds([c.rtt_ms for c in CAPTURED]),
        longest_gap_ns=nanoseconds([c.gap_ms for c in CAPTURED]),
        missing=np.zeros((n, 2), np.bool_),
        copies=0,
        first_number=np.arange(1, n + 1),
        first_time=first,
        last_time=last,
        lowest_time=first,
        highest_time=last,
        first_fin=np.zeros(n, np.int64),
        first_rst=np.zeros(n, np.int64),
        answer=np.zeros(n, np.uint8),
        seen_twice=0,
        place=np.zeros(n, np.int8),
        opening=Opening(*(np.zeros((n, 2), kind) for kind in (np.uint16, np.uint8, np.uint8, np.uint8))),
        numbers=Numbering(*(np.zeros((n, 2), kind) for kind in NUMBERS), first_ack=np.zeros(n, np.uint32)),
        events=Events(*(np.zeros(size, kind) for size, kind in EVENTS), first=np.zeros(n + 1, np.int64)),
        quoted={},
    )
