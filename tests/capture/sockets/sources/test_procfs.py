from __future__ import annotations

import socket

from hypothesis import given
from hypothesis import strategies as st

from capture.sockets.row import Moment, SocketRow
from capture.sockets.socket_watch import Watcher
from capture.sockets.sources.procfs import parse_table
from tests.capture.sockets.making import maker, ss
from tests.capture.sockets.network import in_own_network

V4 = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 1544 1 0000 100 0 0 10 0
   1: 0100007F:BF2C 0100007F:0050 01 00000010:00000020 04:0000000A 00000002  1000        0 77 2 0000 20 4 0 10 -1
   2: 0100007F:BF2D 0100007F:0050 06 00000000:00000000 03:00001000 00000000     0        0 0 3 0000
"""
V6 = """  sl  local_address                         remote_address                   st tx_queue rx_queue tr tm->when
   0: 0000000000000000FFFF00000100007F:0050 0000000000000000FFFF00000100007F:BF2C 08 0:1 00:0 0  33        0 99 1
   1: 00000000000000000000000001000000:0050 00000000000000000000000001000000:BF2C 01 0:0 02:0 0  33        0 98 1
"""


def rows(text: str, family: int) -> list[SocketRow]:
    return [SocketRow(raw, Moment(0.0), None) for raw in parse_table(text, family)]


def test_lines_become_rows() -> None:
    listener, connection, waiting = rows(V4, socket.AF_INET)
    assert (str(listener.local), listener.recv_q, listener.send_q, listener.backlog_max) == ("0.0.0.0:2024", 3, 0, None)
    assert (str(connection.local), str(connection.remote)) == ("127.0.0.1:48940", "127.0.0.1:80")
    assert (connection.send_q, connection.recv_q, connection.timer, connection.retransmits) == (16, 32, "persist", 2)
    assert (connection.uid, connection.inode) == (1000, 77)
    assert (waiting.state.value, waiting.timer, waiting.owner_missing) == ("TIME-WAIT", "timewait", "time-wait")
    mapped, six = rows(V6, socket.AF_INET6)
    assert (str(mapped.local), mapped.state.value) == ("127.0.0.1:80", "CLOSE-WAIT")
    assert str(six.remote) == "[::1]:48940"
    assert len({row.cookie for row in (listener, connection, waiting, mapped, six)}) == 5


@given(st.text(max_size=300))
def test_damaged_lines_are_left_out_and_cost_no_other(text: str) -> None:
    whole = list(parse_table(V4, socket.AF_INET))
    head, *lines = V4.splitlines()
    found = parse_table("\n".join((head, lines[0], text, *lines[1:])), socket.AF_INET)
    assert [raw for raw in found if raw in whole] == whole
    cut = V4[: len(text)]
    uncut = max(0, cut.count("\n") - 1)
    assert list(parse_table(cut, socket.AF_INET))[:uncut] == whole[:uncut]


@in_own_network
def test_the_same_sockets_as_ss() -> None:
    with maker(200) as made:
        made.tell("half-close 50")
        made.tell("cycle 20")
        snapshot = Watcher("procfs").look()
        mine = sorted(
            (str(row.local), str(row.remote), row.state.value, frozenset((o.pid, o.fd) for o in row.owners))
            for row in snapshot.rows
            if row.state != "LISTEN"
        )
        theirs = sorted(
            (one.local, one.remote, one.state, one.owners) for one in ss().values() if one.state != "LISTEN"
        )
        assert [one[:3] for one in mine] == [one[:3] for one in theirs]
        assert mine == theirs
        assert snapshot.source == "procfs"
        assert snapshot.limits
