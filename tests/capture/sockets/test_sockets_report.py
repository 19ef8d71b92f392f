from __future__ import annotations

import ctypes
import io
import json
import socket

import pytest

from capture.model import Finding, Severity
from capture.sockets.inet_diag_msg import LISTEN, NO_MAXIMUM, RECORD
from capture.sockets.row import Moment, Namespace, SocketRow
from capture.sockets.snapshot import Groups, Snapshot
from capture.sockets.socket_watch import Watcher
from capture.sockets.sockets_report import document, text, write_json
from tests.capture.sockets.making import maker
from tests.capture.sockets.network import in_own_network

FIELDS = {
    "local",
    "remote",
    "state",
    "age_s",
    "age_is_minimum",
    "recv_q",
    "send_q",
    "owners",
    "owner_missing",
    "uid",
    "netns",
    "timer",
    "rtt_ms",
    "retransmits",
    "cookie",
}
PR_SET_NAME = 15


@in_own_network
def test_the_document_has_what_others_rely_on() -> None:
    with maker(20) as made:
        snapshot = Watcher().look()
        told = document(snapshot)
        stream = io.StringIO()
        write_json(snapshot, stream)
        assert json.loads(stream.getvalue()) == json.loads(json.dumps(told))
        assert told["schema"] == "tcptriage.sockets/1"
        assert told["source"] == "sock_diag"
        assert told["states"] == {"ESTAB": 40, "LISTEN": 1}
        assert {"time", "host", "limits", "counters", "findings", "sockets"} <= told.keys()
        for entry in told["sockets"]:
            listening = entry["state"] == "LISTEN"
            assert set(entry) == FIELDS | ({"backlog", "backlog_max", "drops", "v6_only"} if listening else set())
            assert entry["owners"][0].keys() == {"pid", "name", "fd"}
            assert entry["owners"][0]["pid"] == made.pid
            assert entry["netns"] is None
            assert int(entry["cookie"], 16)
        listener = next(entry for entry in told["sockets"] if entry["state"] == "LISTEN")
        assert (listener["backlog"], listener["backlog_max"], listener["drops"]) == (0, 1024, 0)
        few = document(snapshot, keep=lambda row: row.state == "LISTEN")
        assert len(few["sockets"]) == 1
        assert few["states"] == told["states"]


@in_own_network
def test_a_hostile_name_is_shown_and_not_obeyed() -> None:
    assert ctypes.CDLL(None).prctl(PR_SET_NAME, b"\x1b[2J[red]\xff\xe2\x80\xae", 0, 0, 0) == 0
    listener = socket.create_server(("127.0.0.1", 0))
    snapshot = Watcher().look()
    (row,) = snapshot.rows
    assert row.owners[0].name.startswith("\x1b[2J[red]\\xff")
    said = text(snapshot)
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "[red]" in said
    stream = io.StringIO()
    write_json(snapshot, stream)
    assert json.loads(stream.getvalue())["sockets"][0]["owners"][0]["name"] == row.owners[0].name
    assert listener


def test_the_text_names_findings_with_their_playbook() -> None:
    finding = Finding("close_wait_pile", Severity.WARNING, "a leaks", "Much of it.", 3, ("1",), "close-wait")
    empty = Snapshot(0.0, "host", "sock_diag", ("owners hidden: 2 sockets",), {}, [], {}, Groups(), (finding,), (), ())
    said = text(empty)
    assert "owners hidden: 2 sockets" in said
    assert "warning   a leaks" in said
    assert "tcptriage playbook close-wait" in said
    assert "states    none" in said


@pytest.mark.parametrize(("most", "shown"), [(0, 0), (128, 128), (NO_MAXIMUM, None)])
def test_a_listener_s_maximum_may_be_none_or_unknown(most: int, shown: int | None) -> None:
    ends = (b"\0\1", b"\0\0", bytes(16), bytes(16))
    raw = RECORD.pack(2, LISTEN, 0, 0, *ends, 0, bytes(8), 0, 1, most, 0, 5)
    row = SocketRow(raw, Moment(0.0), Namespace(7, "x"))
    empty = Snapshot(0.0, "host", "procfs", (), {"LISTEN": 1}, [row], {}, Groups(), (), (), ())
    (entry,) = document(empty)["sockets"]
    assert (entry["backlog_max"], entry["send_q"], entry["netns"]) == (shown, most if shown is not None else 0, "7 x")
