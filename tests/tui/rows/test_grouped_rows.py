"""Rows in groups: lines for groups, members where a group is open, the same keys whatever the order."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from capture.filters import parse
from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.socket_watch import Watcher
from capture.triage import triage
from tui.rows.arrangement import Arrangement
from tui.rows.connection_groups import GroupedConnections, filter_of, grouped
from tui.rows.connection_rows import connection_rows
from tui.rows.grouped_rows import Group, GroupedRows, GroupKey
from tui.rows.list_rows import Cell, ListRows
from tui.rows.socket_findings import members, severities
from tui.rows.socket_groups import GroupedSockets, grouped_sockets
from tui.rows.socket_groups import filter_of as filter_of_sockets
from tui.rows.socket_rows import mark, mark_of, socket_rows

INCIDENT = Path(__file__).parents[3] / "tui" / "examples" / "incident.pcap"
A, B, LONE = GroupKey("k", "a"), GroupKey("k", "b"), GroupKey("k", "lone")


def view(*opened: GroupKey) -> GroupedRows:
    rows = ListRows([(n, (("", ""), (f"row {n}", ""))) for n in range(6)])
    groups = [Group(B, [4, 5]), Group(LONE, [3]), Group(A, [0, 1, 2])]

    def summary(group: Group, is_open: bool) -> Sequence[Cell]:
        return (("", ""), (f"{len(group.places)} {'open' if is_open else 'closed'}", ""))

    return GroupedRows(rows, groups, frozenset(opened), summary)


def texts(rows: GroupedRows) -> list[str]:
    return [rows.cells(n)[1][0] for n in range(len(rows))]


def test_members_stand_beneath_an_open_group_and_a_lone_row_alone() -> None:
    assert texts(view()) == ["2 closed", "row 3", "3 closed"]
    rows = view(A)
    assert texts(rows) == ["2 closed", "row 3", "3 open", " row 0", " row 1", " row 2"]
    assert [rows.key(n) for n in range(6)] == [B, 3, A, 0, 1, 2]
    assert [rows.place_of(key) for key in (A, 1, 4)] == [2, 4, None]
    assert (rows.group_over(1), rows.group_over(3), rows.group_over(A)) == (A, None, None)
    group = rows.group(A)
    assert group is not None
    assert list(group.places) == [0, 1, 2]
    assert rows.group(0) is None


def test_alike_connections_are_one_line_the_worst_and_the_largest_first() -> None:
    (one,) = triage([str(INCIDENT)])
    rows = connection_rows([one], None, ("mark", True))
    found = grouped(rows, Arrangement(by=None, screenful=12))
    assert isinstance(found, GroupedConnections)
    assert (len(found), found.matching, found.by) == (4, 128, "alike")
    lines = [[text for text, _ in found.cells(n)] for n in range(4)]
    assert [line[:3] for line in lines[:2]] == [
        ["!!", "▸ 20 from 10.1.1.1", "10.1.1.2:80"],
        ["!!", "▸ 20 from 10.1.2.1", "10.1.2.2:8000"],
    ]
    assert [line[5] for line in lines] == ["client_gave_up"] * 2 + ["normal_close"] * 2
    for n in range(4):  # what a line counts is what its filter keeps
        key = found.key(n)
        assert isinstance(key, GroupKey)
        kept = parse(filter_of(key)).select(one.decoded.flows, one.verdicts)
        group = found.group(key)
        assert group is not None
        assert sorted(rows.key(int(place)) for place in group.places) == np.flatnonzero(kept).tolist()  # type: ignore[type-var]
    assert found.find(found.key(0)) == rows.find(rows.key(int(found.group(found.key(0)).places[0])))  # type: ignore[union-attr]


def test_a_screenful_of_different_ones_stays_as_it_is() -> None:
    (one,) = triage([str(INCIDENT)])
    rows = connection_rows([one], None, ("mark", True))
    assert grouped(rows, Arrangement(by=None, screenful=44)) is rows
    assert grouped(rows, Arrangement(by="")) is rows
    alike = connection_rows([one], parse("cause:client-gave-up port:80"), ("mark", True))
    assert grouped(alike, Arrangement(by="alike")) is alike  # one group of all says nothing


def test_groups_follow_the_order_both_ways() -> None:
    (one,) = triage([str(INCIDENT)])

    def firsts(column: str, descending: bool) -> list[str]:
        arrangement = Arrangement(column, descending, by="cause")
        found = grouped(connection_rows([one], None, arrangement.sort), arrangement)
        return [found.cells(n)[5][0] for n in range(len(found))]

    assert firsts("bytes", True) == ["normal_close", "client_gave_up"]
    assert firsts("bytes", False) == ["client_gave_up", "normal_close"]
    assert firsts("start", False) == ["normal_close", "client_gave_up"]
    assert firsts("mark", False) == ["normal_close", "client_gave_up"]


def test_open_groups_hold_their_connections() -> None:
    (one,) = triage([str(INCIDENT)])
    rows = connection_rows([one], None, ("mark", True))
    closed = grouped(rows, Arrangement(by="alike"))
    arrangement = Arrangement(by="alike").folded(closed.key(0))
    found = grouped(rows, arrangement)
    assert len(found) == 4 + 20
    assert found.cells(0)[1][0].startswith("▾ 20")
    assert found.cells(1)[5][0] == "client_gave_up"
    assert len(grouped(rows, arrangement.folded(closed.key(0)))) == 4


def test_sockets_are_grouped_by_each_of_their_ways_and_carry_their_findings_mark() -> None:
    with half_closed(30) as (port, watcher):
        snapshot = watcher.look()
        marks = severities(snapshot.findings, snapshot.rows)
        rows = socket_rows(snapshot.rows, parse(f"port:{port} -state:listen"), ("mark", True), marks)
        of_pile = [row for row in rows.sockets if row.state == "FIN-WAIT-2"]
        assert len(of_pile) == 30  # more than a finding names
        assert {mark_of(row, marks) for row in of_pile} == {("! ", "warn")}
        assert {mark(row) for row in of_pile} != {("! ", "warn")}  # by themselves they are nothing
        (finding,) = (one for one in snapshot.findings if one.code == "fin_wait_2_pile" and str(port) in one.title)
        assert {row.cookie for row in members(finding, snapshot.rows)} == {row.cookie for row in of_pile}
        listeners = grouped_sockets(
            socket_rows(snapshot.rows, parse("state:listen"), ("mark", True)), Arrangement(by="alike"), snapshot.rows
        )
        assert len(listeners) == listeners.matching  # each has a queue of its own
        opened = grouped_sockets(rows, Arrangement(by="state"), snapshot.rows)
        opened = grouped_sockets(rows, Arrangement(by="state").folded(opened.key(0)), snapshot.rows)
        assert opened.cells(1)[1] == rows.cells(int(opened.group(opened.key(0)).places[0]))[1]  # type: ignore[union-attr]
        assert opened.cells(1)[2][0].startswith(" 127.0.0.1")
        for by, lines in (("state", 2), ("peer", 1), ("alike", 2), ("listener", 2), ("process", 2)):
            found = grouped_sockets(rows, Arrangement(by=by), snapshot.rows)
            assert isinstance(found, GroupedSockets)
            assert (by, len(found), found.matching) == (by, lines, 60)
            for n in range(lines):
                key = found.key(n)
                group, first = found.group(key), found.row(key)
                assert group is not None
                assert first is not None
                wanted = parse(filter_of_sockets(group.key, first))
                assert len(group.places) == sum(wanted.matches_socket(row) for row in rows.sockets), by


@contextmanager
def half_closed(number: int) -> Iterator[tuple[int, Watcher]]:
    """Connections whose client has closed and whose server has not, long enough to be findings."""
    watcher = Watcher(thresholds=Thresholds(close_wait_s=0.5, fin_wait_2_s=0.5))
    with ExitStack() as held, socket.create_server(("127.0.0.1", 0), backlog=number) as server:
        for _ in range(number):
            with socket.create_connection(server.getsockname()):
                held.enter_context(server.accept()[0])
        watcher.look()
        time.sleep(0.7)
        yield server.getsockname()[1], watcher
