"""Packets of connections, and packets in full, read again from their files: none are held.

A gigabyte takes about a third of a second.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from capture.engine.session import Engine
from capture.flows.connection_table import Packets
from capture.safe_text import printable
from capture.wire.capture_errors import CaptureUnreadable, PacketUnreadable
from capture.wire.files.open_capture import RecordedPackets, open_capture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.decode import DecodedCapture, FilePart
    from capture.engine.session import WholePacket
    from capture.wire.files.open_capture import CaptureReader

MOST = 20_000  # packets of one connection: beyond that the middle is left out
_STANDARD_INPUT = "standard input cannot be read twice: save the capture to a file"
_CHANGED = "the file has changed since it was read"


def packets_of(decoded: DecodedCapture, connection: int, most: int = MOST) -> Packets:
    """The packets of one connection, in the order in which they were read.

    Raises PacketUnreadable where the files cannot be read again, or have changed.
    """
    return _recalled(decoded.parts, int(decoded.flows.first_number[connection]), most)


@lru_cache(maxsize=8)
def _recalled(parts: tuple[FilePart, ...], first_number: int, most: int) -> Packets:
    engine = Engine()
    engine.watch(np.array([first_number], np.uint64), most)
    _read_again(parts, engine)
    rows, seen = engine.watched()
    if not len(rows):
        raise PacketUnreadable(_CHANGED)
    return _packets(rows, seen - len(rows))


def packets_of_all(decoded: DecodedCapture, connections: Sequence[int], most: int) -> dict[int, Packets]:
    """The packets of some connections, by connection, in one reading; `most` in all. As `packets_of`."""
    numbers = decoded.flows.first_number[np.asarray(connections, np.int64)]
    engine = Engine()
    engine.watch(numbers.astype(np.uint64), most)
    _read_again(decoded.parts, engine)
    rows, _ = engine.watched()
    of = dict(zip(numbers.tolist(), connections, strict=True))
    order = np.argsort(rows["connection"], kind="stable")
    rows = rows[order]
    cuts = np.flatnonzero(np.diff(rows["connection"].astype(np.int64))) + 1
    return {of[int(part["connection"][0])]: _packets(part, 0) for part in np.split(rows, cuts) if len(part)}


def _packets(rows: Any, left_out: int) -> Packets:
    signed = {name: rows[name].astype(np.int64) for name in ("number", "payload", "offset")}
    plain = {
        name: np.ascontiguousarray(rows[name])
        for name in ("time", "side", "seq", "ack", "flags", "window", "ttl", "ip_id", "marks", "tags")
    }
    return Packets(**signed, **plain, left_out=left_out)


def _read_again(parts: Sequence[FilePart], engine: Engine) -> None:
    if parts[0].merged:
        engine.collect()
    for part in parts:
        try:
            with _opened(part, engine) as reader:
                reader.run()
        except CaptureUnreadable as error:
            raise PacketUnreadable(str(error)) from None
    if parts[0].merged:
        engine.merge()


def whole_packets(part: FilePart, numbers: Sequence[int], most: int) -> dict[int, WholePacket] | None:
    """Packets of a file in full, at most `most` bytes of each, by number; None of a text.

    Raises PacketUnreadable where the file cannot be read again.
    """
    engine = Engine()
    last = max(numbers, default=0)
    try:
        with _opened(part, engine) as reader:
            recorded = reader.packets_in
            if not isinstance(recorded, RecordedPackets):
                return None
            recorded.want(np.array(numbers, np.uint64), most)
            while recorded.packets + part.first_number <= last and reader.step():
                pass
            return {packet.number: packet for packet in recorded.wanted()}
    except CaptureUnreadable as error:
        raise PacketUnreadable(str(error)) from None


def _opened(part: FilePart, engine: Engine) -> CaptureReader:
    path = part.stored or part.path
    if path == "-":
        raise PacketUnreadable(_STANDARD_INPUT)
    return open_capture(path, engine, part.first_number - 1, part.begins, apart=part.apart)


def changed(path: str) -> PacketUnreadable:
    """What is raised where a packet is not where it was."""
    return PacketUnreadable(f"{printable(path)} has changed since it was read")
