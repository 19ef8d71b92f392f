"""Holds what the product says of a capture to the oracle."""

from __future__ import annotations

from capture.decode import DecodedCapture, decode
from capture.flows.connection_table import FlowTable, Packets, Tag
from capture.model import COUNT_NAMES
from capture.reread import packets_of_all
from capture.wire.column_types import PacketMark
from tests.oracle.engine import Connection, connections_of

NAMES_OF_TAGS = {tag: tag.name.lower() for tag in Tag if tag is not Tag.RST_UNACCEPTABLE and tag.name}


class NotForTheOracle(Exception):  # noqa: N818 - a fact
    """This capture holds what the oracle does not read."""


def differences(path: str) -> tuple[int, list[str]]:
    """How many connections were compared, and in what they differ. Raises NotForTheOracle."""
    (decoded,) = decode([path])
    again = second_copies(decoded)
    try:
        wanted = {each.packets[0].number: each for each in connections_of(path, again)}
    except Exception as error:  # it is plain: whatever it stumbles on is not for it
        raise NotForTheOracle(str(error)) from error
    return held(decoded, wanted)


def second_copies(decoded: DecodedCapture) -> set[int]:
    """Numbers of the packets that the product calls captured a second time: the oracle takes its word."""
    return {
        number
        for packets in _recalled(decoded).values()
        for number in packets.number[(packets.tags & Tag.SECOND_COPY) != 0].tolist()
    }


def held(decoded: DecodedCapture, wanted: dict[int, Connection]) -> tuple[int, list[str]]:
    """Compare connection by connection; those in tunnels or of fragments are left out."""
    flows, found, compared = decoded.flows, [], 0
    recalled = _recalled(decoded)
    for i in range(len(flows)):
        packets = recalled[i]
        in_tunnel = flows.scopes.scopes[int(flows.scope[i])].tunnel is not None
        if in_tunnel or (packets.marks & int(PacketMark.FRAGMENT)).any():
            continue
        compared += 1
        numbers = packets.number.tolist()
        want = wanted.get(numbers[0])
        if want is None or [packet.number for packet in want.packets] != numbers:
            other = [packet.number for packet in want.packets] if want else None
            found.append(f"connection {i}: packets {numbers[:8]}… of {len(numbers)}, oracle {other and other[:8]}")
            continue
        got, told = _of_product(flows, i, packets), _of_oracle(want)
        found += [
            f"connection {i}: {name} {got[name]!r}, oracle {told[name]!r}" for name in told if got[name] != told[name]
        ]
    return compared, found


def _recalled(decoded: DecodedCapture) -> dict[int, Packets]:
    return packets_of_all(decoded, range(len(decoded.flows)), 1 << 20)


def _of_product(flows: FlowTable, i: int, packets: Packets) -> dict[str, object]:
    tags = packets.tags.tolist()
    numbers = packets.number.tolist()
    rtt, gap = int(flows.rtt_ns[i]), int(flows.longest_gap_ns[i])
    return {
        "ends": [(flows.addresses.text(int(flows.address[i, s])), int(flows.port[i, s])) for s in (0, 1)],
        "packet_count": tuple(flows.packet_count[i].tolist()),
        "bytes": tuple(flows.bytes[i].tolist()),
        "unique_bytes": tuple(flows.unique_bytes[i].tolist()),
        "missing": tuple(flows.missing[i].tolist()),
        **{name: tuple(flows.counts[name][i].tolist()) for name in COUNT_NAMES},
        "conn_state": flows.conn_state[i],
        "history": flows.history[i],
        "complete_handshake": bool(flows.complete_handshake[i]),
        "rtt": rtt if rtt >= 0 else None,
        "longest_gap": gap if gap >= 0 else None,
        "refused": {n for n, tag in zip(numbers, tags, strict=True) if tag & Tag.RST_UNACCEPTABLE},
    }


def _of_oracle(want: Connection) -> dict[str, object]:
    return {
        "ends": list(want.ends),
        "packet_count": want.packet_count,
        "bytes": want.bytes,
        "unique_bytes": want.unique_bytes,
        "missing": want.missing,
        **{name: (want.counts[0][name], want.counts[1][name]) for name in COUNT_NAMES},
        "conn_state": want.conn_state,
        "history": want.history,
        "complete_handshake": want.complete_handshake,
        "rtt": want.rtt,
        "longest_gap": want.longest_gap,
        "refused": want.refused,
    }
