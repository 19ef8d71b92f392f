from __future__ import annotations

import socket
from pathlib import Path

from capture.sockets.socket_watch import Watcher
from capture.sockets.sources import counters
from tests.capture.sockets.network import in_own_network

TEXT = """TcpExt: ListenOverflows TCPTimeouts
TcpExt: 3 4
IpExt: InOctets
IpExt: 99
Tcp: RtoMin CurrEstab RetransSegs MaxConn
Tcp: 200 7 5 -1
"""


def test_names_above_values() -> None:
    assert counters.parse_counters(TEXT) == {"ListenOverflows": 3, "TCPTimeouts": 4, "RetransSegs": 5}


def test_damaged_text_is_passed_over() -> None:
    assert counters.parse_counters("") == {}
    assert counters.parse_counters("TcpExt: a b\nTcp: 1 2\n") == {}
    assert counters.parse_counters("TcpExt: a b c\nTcpExt: 1 x\n") == {"a": 1}


def test_only_growth_is_told() -> None:
    assert counters.moved({"a": 1, "b": 5, "c": 2}, {"a": 4, "b": 5, "c": 1, "d": 9}) == {"a": 3}


def test_every_counter_of_the_catalogue_has_a_line() -> None:
    names = counters._catalogue()
    assert len(names) > 60
    for name in names:
        said = counters.meaning(name)
        assert said
        assert said.endswith(".")
        assert "\n" not in said
    assert counters.meaning("NoSuchCounter") is None


def test_the_catalogue_names_counters_that_this_kernel_has() -> None:
    if not Path("/proc/net/netstat").exists():
        return
    known = counters.read_counters()
    assert known.keys() >= {"ListenOverflows", "TCPAbortOnClose", "RetransSegs", "EmbryonicRsts"}
    assert len([name for name in counters._catalogue() if name in known]) > 50


def test_what_cannot_be_read_is_empty(tmp_path: Path) -> None:
    assert counters.read_counters(str(tmp_path)) == {}


@in_own_network
def test_counters_are_differences_from_the_second_look_on() -> None:
    watcher = Watcher()
    assert watcher.look().counters == {}
    listener = socket.create_server(("127.0.0.1", 0))
    clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
    moved = watcher.look().counters
    assert moved["ActiveOpens"] == moved["PassiveOpens"] == 3
    assert watcher.look().counters == {}
    assert clients
