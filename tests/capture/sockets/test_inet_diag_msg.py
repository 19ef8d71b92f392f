"""Numbers of a record are in the machine's byte order, whichever that is; ports and addresses never are."""

from __future__ import annotations

import struct

import pytest

from capture.sockets import inet_diag_msg as diag
from capture.sockets.row import Moment, SocketRow


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_record_of_either_byte_order(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diag, "NUMBER", struct.Struct(f"{order}I"))
    address = bytes([127, 0, 0, 1]) + bytes(12)
    head = struct.pack(f"{order}BBBB2s2s16s16sI", 2, 1, 2, 0, b"\x1f\x90", b"\0\x50", address, address, 4)
    raw = head + struct.pack(f"{order}7I", 0xABCD, 1, 2500, 10, 20, 1000, 70000)
    row = SocketRow(raw, Moment(0.0), None)
    assert (row.interface, row.recv_q, row.send_q, row.uid, row.inode) == (4, 10, 20, 1000, 70000)
    assert (row.cookie, row.timer_s, str(row.local), str(row.remote)) == (
        "10000abcd",
        2.5,
        "127.0.0.1:8080",
        "127.0.0.1:80",
    )
    assert diag.cookie_bytes(row.cookie) == raw[44:52]
