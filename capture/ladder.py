"""The ladder of one connection: its packets as arrows between two lifelines, with both sides' states.

One row a packet, or one a run of packets that say the same thing (a long transfer), so that the end is always in sight.
Sequence and acknowledgement numbers are relative to each side's first, as Wireshark shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from capture.flows.connection_table import Tag
from capture.language import tr
from capture.model import TcpFlags, TcpState
from capture.reread import packets_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.flows.connection_table import Packets
    from capture.triage import Triage
    from capture.wire.column_types import U32

GAP_NS = 1_000_000_000  # a silence this long is drawn as one
FOLD_LEAST = 5  # packets in a stretch worth folding

FLAG_LETTERS = (
    (TcpFlags.SYN, "SYN"),
    (TcpFlags.FIN, "FIN"),
    (TcpFlags.RST, "RST"),
    (TcpFlags.PSH, "PSH"),
    (TcpFlags.ACK, "ACK"),
    (TcpFlags.URG, "URG"),
)

TAG_WORDS = (
    (Tag.SPURIOUS_RETRANSMISSION, "spurious retransmission"),
    (Tag.FAST_RETRANSMISSION, "fast retransmission"),
    (Tag.RETRANSMISSION, "retransmission"),
    (Tag.OUT_OF_ORDER, "out of order"),
    (Tag.LOST_SEGMENT, "after a gap in the capture"),
    (Tag.DUPLICATE_ACK, "duplicate ACK"),
    (Tag.ZERO_WINDOW_PROBE, "window probe"),
    (Tag.KEEP_ALIVE, "keep-alive"),
    (Tag.KEEP_ALIVE_ACK, "keep-alive answer"),
    (Tag.ZERO_WINDOW, "window 0"),
    (Tag.WINDOW_FULL, "window full"),
    (Tag.RST_UNACCEPTABLE, "RST out of window: ignored"),
    (Tag.SECOND_COPY, "same packet seen again"),
)

PROBLEMS = (
    Tag.RETRANSMISSION
    | Tag.FAST_RETRANSMISSION
    | Tag.SPURIOUS_RETRANSMISSION
    | Tag.OUT_OF_ORDER
    | Tag.LOST_SEGMENT
    | Tag.ZERO_WINDOW
    | Tag.WINDOW_FULL
    | Tag.RST_UNACCEPTABLE
)


@dataclass(frozen=True, slots=True)
class LadderRow:
    """One arrow. `side` 0 points right (sent by the originator), 1 left.

    `count` > 1: a folded run, `payload` its sum, `number` its first packet, `last_number` its last.
    """

    number: int
    last_number: int
    count: int
    time: int  # epoch nanoseconds
    since_start: int  # nanoseconds since the connection's first packet
    gap: int  # nanoseconds of silence before
    side: int
    flags: str  # "SYN,ACK"
    seq: int
    ack: int | None  # None without ACK
    payload: int
    window: int
    notes: tuple[str, ...]  # what analysis says, in words
    originator_state: TcpState
    responder_state: TcpState
    evidence: str | None  # what this packet proves, where the verdict rests on it
    problem: bool

    @property
    def is_gap(self) -> bool:
        """A silence long enough to be drawn."""
        return self.gap >= GAP_NS


def flags_text(flags: int) -> str:
    """TCP flags in words: "SYN,ACK"; "none" where no flag is set."""
    return ",".join(word for flag, word in FLAG_LETTERS if flags & flag) or "none"


def ladder_rows(triage: Triage, connection: int, *, fold: bool = True) -> list[LadderRow]:
    """The rows of one connection, in file order; runs of plain data and ACKs folded on request.

    Raises PacketUnreadable where its file cannot be read again.
    """
    packets = packets_of(triage.decoded, connection)
    evidence = {e.packet: e.text for e in triage.verdicts.of(connection).evidence if e.packet is not None}
    states = triage.verdicts.states(connection, packets.number.tolist())
    base = _bases(packets)
    gaps = np.diff(packets.time, prepend=packets.time[:1])
    if packets.left_out:
        gaps[len(packets) // 2] = 0  # before it lie those that are left out
    rows: list[LadderRow] = []
    start = int(triage.decoded.flows.first_time[connection])
    for row in range(len(packets)):
        side, flags, tags = int(packets.side[row]), int(packets.flags[row]), int(packets.tags[row])
        number, time = int(packets.number[row]), int(packets.time[row])
        originator_state, responder_state = states[row]
        rows.append(
            LadderRow(
                number=number,
                last_number=number,
                count=1,
                time=time,
                since_start=time - start,
                gap=max(0, int(gaps[row])),
                side=side,
                flags=flags_text(flags),
                seq=_relative(packets.seq, row, base[side]),
                ack=_relative(packets.ack, row, base[1 - side]) if flags & TcpFlags.ACK else None,
                payload=int(packets.payload[row]),
                window=int(packets.window[row]),
                notes=tuple(tr(word) for tag, word in TAG_WORDS if tags & tag),
                originator_state=originator_state,
                responder_state=responder_state,
                evidence=evidence.get(number),
                problem=bool(tags & PROBLEMS or flags & TcpFlags.RST),
            )
        )
    return folded(rows) if fold else rows


def folded(rows: Iterable[LadderRow]) -> list[LadderRow]:
    """Stretches in which one side sends plain data and the other only acknowledges, each as one row."""
    out: list[LadderRow] = []
    stretch: list[LadderRow] = []
    sender: int | None = None
    for row in rows:
        speaks = row.side if row.payload else None
        if not _plain(row) or (speaks is not None and sender is not None and speaks != sender):
            out += _folded_stretch(stretch)
            stretch, sender = [], None
        if not _plain(row):
            out.append(row)
            continue
        stretch.append(row)
        sender = speaks if sender is None else sender
    return out + _folded_stretch(stretch)


def _folded_stretch(stretch: list[LadderRow]) -> list[LadderRow]:
    data = [row for row in stretch if row.payload]
    if len(stretch) < FOLD_LEAST or len(data) < 2:
        return stretch
    begin, last = stretch.index(data[0]), stretch[-1]
    run = replace(
        data[0],
        last_number=last.number,
        count=len(stretch) - begin,
        payload=sum(row.payload for row in data),
        ack=data[-1].ack,
        originator_state=last.originator_state,
        responder_state=last.responder_state,
    )
    return [*stretch[:begin], run]


def _plain(row: LadderRow) -> bool:
    return (
        row.flags in ("ACK", "PSH,ACK")
        and not row.notes
        and row.evidence is None
        and not row.problem
        and not row.is_gap
    )


def _bases(packets: Packets) -> tuple[int | None, int | None]:
    """Each side's first sequence number; the peer's first ACK where a side sent nothing."""
    found: list[int | None] = []
    for side in (0, 1):
        own = np.flatnonzero(packets.side == side)
        if len(own):
            found.append(int(packets.seq[own[0]]))
            continue
        acks = np.flatnonzero((packets.flags & TcpFlags.ACK) != 0)
        found.append((int(packets.ack[acks[0]]) - 1) & 0xFFFFFFFF if len(acks) else None)
    return found[0], found[1]


def _relative(column: U32, row: int, base: int | None) -> int:
    value = int(column[row])
    if base is None:
        return value
    relative = (value - base) & 0xFFFFFFFF
    return relative - (1 << 32) if relative >= 1 << 31 else relative
