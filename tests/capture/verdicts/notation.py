"""Flow tables from a shorthand, so that a test reads like a ladder.

`cS sSA cA cPA11 sA <0.4>sFA cA cPA11 sR`: sender (c, s), flags (S F R P A), payload. `<0.4>` is a silence in seconds
before a packet, beside the 1 ms between any two (`<-0.0009>`: 0.1 ms in all), `*` a repeat, `z` window 0, `k` a
keep-alive or window probe, `~` sent before the peer's last packet arrived (it does not acknowledge it), `!` a RST that
does not fit, `^61` another TTL, `#9` another IP-ID, `@9` a window, `t` a RST with a timestamp.
Of a payload: `g` a goodbye, `m` the reason for a close, `h` a TLS handshake, `d` TLS data,
`?` not captured; of an HTTP answer, `e` all of it, `c` half of what its header said.
`x`: sent, but the packet is not in the capture; `w`: captured before the packet that it followed.
`o`: it acknowledges what an older connection of the same ports had sent.
`i3.1` is an ICMP error that quotes the last packet, `i3.4:1400` with an MTU. Everything is acknowledged by whoever
sends next, unless said so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from capture.engine.library import library
from capture.engine.session import Engine
from capture.flows.connection_table import FlowTable
from capture.flows.from_engine import flow_table as built
from capture.model import TcpFlags
from capture.wire.column_types import PacketMark, QuotedTcp
from capture.wire.headers.payload_kinds import Content

TOKEN = re.compile(r"(?:<(-?[\d.]+)>)?([cs])([SFRPA]+)(\d*)([*zk~!tghmd?oxwec]*)(?:\^(\d+))?(?:#(\d+))?(?:@(\d+))?$")
ICMP = re.compile(r"(?:<([\d.]+)>)?i(\d+)\.(\d+)(?::(\d+))?$")
CONTENTS = {
    "g": Content.GOODBYE,
    "m": Content.PARTING,
    "h": Content.HANDSHAKE,
    "d": Content.TLS_DATA,
    "?": Content.UNKNOWN,
}
OLDER = 5000  # by so much an older connection of the same ports was ahead
LETTERS = {"S": TcpFlags.SYN, "F": TcpFlags.FIN, "R": TcpFlags.RST, "P": TcpFlags.PSH, "A": TcpFlags.ACK}
STEP_NS = 1_000_000
TOLD = (
    "number", "time", "sport", "dport", "seq", "ack", "flags", "window", "payload", "ttl", "ip_id", "marks", "content",
    "http", "http_end",
)  # fmt: skip
NOWHERE = 1 << 24  # sequence numbers off: no receiver would take it
START_NS = 1_700_000_000_000_000_000


@dataclass
class _Side:
    isn: int
    next: int = 0  # relative to the ISN
    sent: list[tuple[int, int]] = field(default_factory=list)  # (begin, end) of what took sequence space

    def __post_init__(self) -> None:
        self.next = 0


@dataclass
class _Writer:
    client: int
    server: int
    port: int
    server_port: int
    ipv6: bool
    start: int
    isn: int = 0  # what its initial sequence numbers have over those of the first
    rows: list[tuple[int, ...]] = field(default_factory=list)
    quoted: list[QuotedTcp] = field(default_factory=list)

    def write(self, text: str) -> None:
        sides = (_Side(1000 + self.isn), _Side(2_000_000_000 + self.isn))
        time, number = self.start, len(self.rows)
        last_by = [0, 0]  # next sequence of each side before its last packet: what "~" still acknowledges
        for token in text.split():
            if icmp := ICMP.match(token):
                time += int(float(icmp[1] or 0) * 1e9) + STEP_NS
                self.quoted.append(
                    QuotedTcp(
                        900 + len(self.quoted), time, "10.9.9.9", int(icmp[2]), int(icmp[3]), self.ipv6,
                        self.client, self.server, self.port, self.server_port, None, int(icmp[4] or 0),
                    )
                )  # fmt: skip
                continue
            match = TOKEN.match(token)
            assert match, token
            gap, who, letters, size, marks, ttl, ip_id, told_window = match.groups()
            time += int(float(gap or 0) * 1e9) + STEP_NS
            side = 0 if who == "c" else 1
            me, peer = sides[side], sides[1 - side]
            flags = 0
            for letter in letters:
                flags |= int(LETTERS[letter])
            payload = int(size or 0)
            length = payload + bool(flags & TcpFlags.SYN) + bool(flags & TcpFlags.FIN)
            packet_marks = PacketMark.TIMESTAMP if not flags & TcpFlags.RST else PacketMark(0)
            if "*" in marks:
                begin, end = me.sent[-1] if me.sent else (me.next, me.next + length)
            elif "k" in marks:
                begin, end = me.next - 1, me.next - 1
            else:
                begin, end = me.next, me.next + length
                last_by[side] = me.next
                if length:
                    me.sent.append((begin, end))
                me.next = max(me.next, end)
            if "!" in marks:
                begin += NOWHERE
            if "t" in marks:
                packet_marks |= PacketMark.TIMESTAMP
            acked = last_by[1 - side] if "~" in marks else peer.next + (OLDER if "o" in marks else 0)
            told = [CONTENTS[mark] for mark in marks if mark in CONTENTS]
            content = told[0] if told else Content.PLAIN if payload else Content.UNKNOWN
            window = 0 if "z" in marks or (flags & TcpFlags.RST and "t" not in marks) else 500
            window = int(told_window or window)
            number += 1
            if "x" in marks:
                continue
            self.rows.append(
                (
                    number, time, side, (me.isn + begin) % 2**32,
                    (peer.isn + acked) % 2**32 if flags & TcpFlags.ACK else 0,
                    flags, window, payload, int(ttl or 64), int(ip_id or number), int(packet_marks), int(content),
                    int("e" in marks or "c" in marks), payload * (2 if "c" in marks else 1),
                )
            )  # fmt: skip
            if "w" in marks:
                late, soon = self.rows[-2:]
                self.rows[-2:] = [(*late[:2], *soon[2:]), (*soon[:2], *late[2:])]


def flow_table(
    *texts: str,
    clients: list[int] | None = None,
    servers: list[int] | None = None,
    ports: list[int] | None = None,
    starts: list[float] | None = None,
    isns: list[int] | None = None,
    sources: list[int] | None = None,
) -> FlowTable:
    """Connections in the shorthand: by default 10.0.0.1 to 10.0.0.2:80, all at the same time. `sources`: the clients'
    ports."""
    writers = []
    for i, text in enumerate(texts):
        writer = _Writer(
            clients[i] if clients else 0x0A000001,
            servers[i] if servers else 0x0A000002,
            sources[i] if sources else 40_000 + i,
            ports[i] if ports else 80,
            False,
            START_NS + int((starts[i] if starts else 0) * 1e9),
            (isns[i] if isns else i) * 100_003,
        )
        writer.write(text)
        writers.append(writer)
    return _table(writers)


def _table(writers: list[_Writer]) -> FlowTable:
    engine, layout = Engine(), library().structs
    number = 0
    for writer in writers:
        segments = np.zeros(len(writer.rows), layout["segment"])
        for at, row in enumerate(writer.rows):
            number += 1
            _, time, side, seq, ack, flags, window, payload, ttl, ip_id, marks, content, http, end = row
            ends = (writer.client, writer.port), (writer.server, writer.server_port)
            (src, sport), (dst, dport) = ends if side == 0 else ends[::-1]
            told = (number, time, sport, dport, seq, ack, flags, window, payload, ttl, ip_id, marks, content, http, end)
            for name, value in zip(TOLD, told, strict=True):
                segments[at][name] = value
            segments[at]["family"], segments[at]["wscale"], segments[at]["interface"] = 4, -1, 0xFFFFFFFF
            segments[at]["src"][:4], segments[at]["dst"][:4] = _packed(src), _packed(dst)
        engine.segments(segments)
        quotes = np.zeros(len(writer.quoted), layout["quoted"])
        for at, quote in enumerate(writer.quoted):
            quotes[at]["number"], quotes[at]["time"] = quote.number, quote.time
            quotes[at]["type"], quotes[at]["code"], quotes[at]["family"] = quote.icmp_type, quote.icmp_code, 4
            quotes[at]["reporter"][:4] = (10, 9, 9, 9)
            quotes[at]["mtu"] = quote.mtu or 0
            quotes[at]["src"][:4], quotes[at]["dst"][:4] = _packed(quote.src), _packed(quote.dst)
            quotes[at]["sport"], quotes[at]["dport"] = quote.sport, quote.dport
        engine.quotes(quotes)
    return built(engine)


def _packed(address: int) -> tuple[int, ...]:
    return tuple(address.to_bytes(4, "big"))


def numbers(table: FlowTable, connection: int = 0) -> range:
    """The numbers of a connection's packets: in this notation they follow one another."""
    first = int(table.first_number[connection])
    return range(first, first + int(table.packet_count[connection].sum()))


NORMAL = "cS sSA cA cPA20 sA sPA50 cA cFA sFA cA"
