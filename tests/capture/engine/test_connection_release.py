"""What is forgotten leaves nothing behind, and changes nothing of what stays."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from capture.engine.session import Engine, Reader
from capture.flows.connection_table import FlowTable
from capture.flows.from_engine import flow_table
from capture.report import followed_lines
from capture.report.followed_lines import EndedConnections
from capture.wire.files.growing_file import Followed
from tests.capture.wire import building as make

CONNECTIONS = 2000  # more than are kept unpacked
ACK, FIN, SYN = make.ACK, make.FIN, make.SYN


def frame(number: int, side: int, ip_id: int, **fields: object) -> bytes:
    """A packet of a connection: every second one is IPv6, each with a client of its own."""
    ports = (20_000 + number % 40_000, 443)
    segment = make.tcp(sport=ports[side], dport=ports[1 - side], **fields)  # type: ignore[arg-type]
    if number % 2:
        ends = (f"2001:db8::{number:x}", "2001:db8::ffff:1")
        return make.ethernet(make.ipv6(segment, src=ends[side], dst=ends[1 - side]), 0x86DD)
    ends = (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", "192.0.2.1")
    return make.ethernet(make.ipv4(segment, src=ends[side], dst=ends[1 - side], ip_id=ip_id))


def beginning(number: int) -> list[bytes]:
    """A handshake and a request."""
    return [
        frame(number, 0, 1, seq=100, ack=0, flags=SYN),
        frame(number, 1, 1, seq=500, ack=101, flags=SYN | ACK),
        frame(number, 0, 2, seq=101, ack=501, payload=b"?" * (1 + number % 9)),
    ]


def end(number: int) -> list[bytes]:
    """The request again, an answer, and both FINs."""
    size = 1 + number % 9
    return [
        frame(number, 0, 3, seq=101, ack=501, payload=b"?" * size),
        frame(number, 1, 2, seq=501, ack=101 + size, payload=b"!" * 30),
        frame(number, 1, 3, seq=531, ack=101 + size, flags=FIN | ACK),
        frame(number, 0, 4, seq=101 + size, ack=532, flags=FIN | ACK),
        frame(number, 1, 4, seq=532, ack=102 + size),
    ]


def all_of(rounds: list[list[bytes]], start: int) -> bytes:
    return make.pcap([packet for packets in rounds for packet in packets], start=start)


def rows(flows: FlowTable) -> dict[int, tuple[object, ...]]:
    """What is known of each connection, by its first packet."""
    columns = [flows.packet_count, flows.bytes, flows.unique_bytes, flows.port, flows.counts["retransmission"]]
    return {
        int(number): (
            *(flows.addresses.text(int(key)) for key in flows.address[row]),
            flows.history[row],
            flows.conn_state[row],
            int(flows.rtt_ns[row]),
            *(column[row].tolist() for column in columns),
        )
        for row, number in enumerate(flows.first_number)
    }


def test_the_others_stay_as_they_are() -> None:
    first = all_of([beginning(number) for number in range(CONNECTIONS)], 1_700_000_000)
    second = all_of([end(n) for n in range(CONNECTIONS) if n % 3], 1_700_000_060)[24:]
    third = all_of([beginning(number) for number in range(CONNECTIONS, CONNECTIONS + 300)], 1_700_000_090)[24:]
    tables = []
    for forgets in (False, True):
        engine = Engine()
        reader = Reader(engine, 0)
        reader.feed(first)
        if forgets:
            engine.forget(engine.table().columns["first_number"].astype(np.int64)[::3])
        reader.feed(second + third)
        tables.append(rows(flow_table(engine, {})))
    whole, rest = tables
    assert len(whole) == CONNECTIONS + 300
    gone = set(whole) - set(rest)
    assert gone == {1 + 3 * number for number in range(0, CONNECTIONS, 3)}
    assert rest == {number: row for number, row in whole.items() if number not in gone}


def test_later_packets_of_forgotten_ones_begin_another() -> None:
    engine = Engine()
    reader = Reader(engine, 0)
    reader.feed(all_of([beginning(number) for number in range(10)], 1_700_000_000))
    engine.forget(np.array([1 + 3 * 4, 1 + 3 * 5]))
    assert engine.table().connections == 8
    reader.feed(all_of([end(4), end(5), end(6)], 1_700_000_060)[24:])
    flows = flow_table(engine, {})
    assert len(flows) == 10
    assert flows.first_number.tolist()[-2:] == [31, 36]
    assert [flows.addresses.text(int(key)) for key in flows.address[-1]] == ["2001:db8::5", "2001:db8::ffff:1"]


def test_addresses_go_too() -> None:
    engine = Engine()
    Reader(engine, 0).feed(all_of([beginning(number) for number in range(CONNECTIONS)], 1_700_000_000))
    assert len(engine.table().v6) == CONNECTIONS // 2 + 1
    engine.forget(engine.table().columns["first_number"][:-10].astype(np.int64))
    assert len(engine.table().v6) == 5 + 1


def test_following_for_days_keeps_little_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pcap"
    written: list[bytes] = []
    most = []
    for worth in (10**9, 100):
        monkeypatch.setattr(followed_lines, "WORTH", worth)
        path.write_bytes(make.pcap([]))
        engine, stream, most_now = Engine(), io.BytesIO(), 0
        followed = Followed(str(path), engine)
        ended = EndedConnections(followed, engine, stream)
        for hour in range(30):
            numbers = range(hour * 200, hour * 200 + 200)
            with path.open("ab") as file:
                file.write(all_of([beginning(n) + end(n) for n in numbers], 1_700_000_000 + 3600 * hour)[24:])
            while followed.poll():
                pass
            ended.write()
            most_now = max(most_now, engine.table().connections)
        followed.end()
        ended.write(all_=True)
        written.append(stream.getvalue())
        most.append(most_now)
    assert written[0] == written[1]
    assert sorted(json.loads(line)["id"] for line in written[1].splitlines()) == list(range(6000))
    assert most[0] == 6000
    assert most[1] <= 800
