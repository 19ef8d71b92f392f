from __future__ import annotations

import json
import struct
import zlib

import pytest

from capture.remote import frames
from capture.remote.frames import LARGEST_FRAME, FrameReader
from capture.remote.host_errors import HostUnreachable

HEAD = {
    "version": 2,
    "time": 1.5,
    "host": "far",
    "uid": 0,
    "listeners": 4,
    "connections": 2,
    "holders": {"7": ["nginx", 12, ["1024", "4096"], [[99, 3]]]},
    "hidden": 0,
    "texts": {"snmp": None},
    "settings": {"core/somaxconn": "128\n"},
}


def frame(head: object = HEAD, sockets: bytes = b"LLLLCC", cut: int = 0) -> bytes:
    packed = json.dumps(head).encode()
    look = zlib.compress(struct.pack(">I", len(packed)) + packed + sockets)
    look = look[: len(look) - cut]
    return struct.pack(">I", len(look)) + look


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_frames_come_whole_in_any_cut(piece: int) -> None:
    reader, data, found = FrameReader(), frame() + frame(), []
    for at in range(0, len(data), piece):
        found += reader.feed(data[at : at + piece])
    assert [(one.head.host, one.listeners, one.connections) for one in found] == [("far", b"LLLL", b"CC")] * 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"Welcome to far, have a nice day\n", "banner"),
        (struct.pack(">I", LARGEST_FRAME + 1), "banner"),
        (struct.pack(">I", 4) + b"junk", "damaged"),
        (frame(cut=5), "damaged|cut"),
        (frame(HEAD | {"version": 1}), "version 1"),
        (frame(HEAD | {"connections": 3}), "damaged"),
        (frame(HEAD | {"pages": -1}), "damaged"),
        (frame(HEAD | {"order": "middle"}), "byte order"),
        (frame(HEAD | {"listeners": 7}), "damaged"),
        (frame(HEAD | {"listeners": -1}), "damaged"),
        (frame(HEAD | {"holders": "none"}), "damaged"),
        (frame([]), "damaged"),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(HostUnreachable, match=why):
        FrameReader().feed(data)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LARGEST_LOOK", 1 << 20)
    bomb = zlib.compress(bytes((1 << 20) + 1))
    with pytest.raises(HostUnreachable, match="larger than any"):
        FrameReader().feed(struct.pack(">I", len(bomb)) + bomb)
