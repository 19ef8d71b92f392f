"""The same packets under another link layer, for the ones that no device here has (802.1Q, BSD loopback)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.lab.harness.signature import records

_IPV6 = 0x86DD
_NAMES = {0: "NULL", 1: "EN10MB", 101: "RAW"}


def _null(frame: bytes) -> bytes:
    """BSD loopback: the address family, in the order of the machine that recorded."""
    return struct.pack("<I", 30 if int.from_bytes(frame[12:14]) == _IPV6 else 2) + frame[14:]


def _vlan(frame: bytes) -> bytes:
    return frame[:12] + bytes.fromhex("81000064") + frame[12:]


def _qinq(frame: bytes) -> bytes:
    return frame[:12] + bytes.fromhex("88a8000a81000064") + frame[12:]


def _raw(frame: bytes) -> bytes:
    return frame[14:]


_LAYERS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "null": (0, _null),
    "vlan": (1, _vlan),
    "qinq": (1, _qinq),
    "raw": (101, _raw),
}
LAYERS = tuple(_LAYERS)


def relink(layer: str) -> Callable[[Path], str]:
    """A rewriter of an Ethernet pcap to `layer`, in place; it answers with the new link type's name."""
    return partial(_rewrite, *_LAYERS[layer])


def _rewrite(number: int, change: Callable[[bytes], bytes], path: Path) -> str:
    head = path.read_bytes()[:20] + struct.pack("<I", number)
    body = []
    for at, _, frame, original in records(path):
        if frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
            kept = change(frame)
            seconds, micros = divmod(round(at * 1e6), 10**6)
            body.append(struct.pack("<4I", seconds, micros, len(kept), original + len(kept) - len(frame)) + kept)
    path.write_bytes(head + b"".join(body))
    return _NAMES[number]
