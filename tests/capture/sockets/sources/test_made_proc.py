"""What sources read in a /proc that is made here: both sides of each limit, and files that are not there."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

import pytest

from capture.sockets.inet_diag_msg import NO_MAXIMUM, cookie_text
from capture.sockets.process_limits import process_details, read_parent, renew_limits
from capture.sockets.row import Moment, Process, SocketRow
from capture.sockets.sources.namespaces import (
    KTHREADD,
    count_sockets,
    counted,
    find_namespaces,
    in_host_network,
    namespace_of,
)
from capture.sockets.sources.procfs import ProcfsSource, parse_table
from capture.sockets.sources.socket_errors import SourceUnavailable
from capture.sockets.sources.unix_listeners import UnixTable, parse

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ID = "3f" * 32


def made(root: Path, pid: int | str, files: dict[str, str], net: Path | None = None) -> None:
    """A process with these files; `net`: whose network namespace it is in."""
    for name, text in files.items():
        path = root / str(pid) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if net is not None:
        path = root / str(pid) / "ns" / "net"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(net, path)  # the same inode


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Processes 1 and 5 in the own namespace, 6, 7 and 8 in another, 9 in one whose inode may not be read."""
    root = tmp_path / "proc"
    for name in ("own", "other", "blue"):
        (tmp_path / name).write_text("")
    own, other = tmp_path / "own", tmp_path / "other"
    made(root, "thread-self", {"net/tcp": HEAD}, own)
    made(root, 1, {"comm": "init\n"}, own)
    made(root, 5, {"comm": "here\n"}, own)
    made(root, 8, {"comm": "third\n"}, other)
    made(root, 7, {"comm": "second\n", "cgroup": f"0::/system.slice/docker-{ID}.scope\n"}, other)
    made(root, 6, {"comm": "first one\n", "net/sockstat": "sockets: used 9\nTCP: inuse 3 orphan 0 tw 2 alloc 4\n",
                   "net/sockstat6": "TCP6: inuse 5\n"}, other)  # fmt: skip
    made(root, 9, {"net/tcp": HEAD})
    made(root, "sys", {"x": ""})
    return root


def inode(path: Path) -> int:
    return os.stat(path).st_ino


def mount(root: Path, number: int, path: str) -> str:
    return f"41 22 0:4 net:[{number}] {path} rw shared:3 - nsfs nsfs rw\n"


def test_which_namespaces_show(proc: Path) -> None:
    found = find_namespaces(str(proc))
    other, hidden = ("net", inode(proc.parent / "other")), ("proc", inode(proc / "9" / "net" / "tcp"))
    assert set(found) == {other, hidden}
    one, two = found[other], found[hidden]
    assert (str(one.namespace), one.pid, one.contained) == (f"{other[1]} first one[6]", 6, False)
    assert one.handle == f"{proc}/6/ns/net"
    assert (str(two.namespace), two.pid, two.handle) == ("?[9]", 9, None)
    assert namespace_of(5, str(proc)) is None
    assert namespace_of(77, str(proc)) is None
    contained = namespace_of(7, str(proc))
    assert contained is not None
    assert (contained.namespace.name, contained.contained, contained.key) == (f"docker {ID[:12]}", True, other)


def test_namespaces_that_are_mounted(proc: Path) -> None:
    own, other, blue = (inode(proc.parent / name) for name in ("own", "other", "blue"))
    lines = mount(proc, own, "/run/netns/mine") + mount(proc, other, "/run/docker/netns/x")
    lines += mount(proc, blue, "/run/netns/blue\\040sky") + "22 27 0:21 / /proc rw - proc proc rw\n"
    made(proc, "self", {"mountinfo": lines})
    found = find_namespaces(str(proc))
    assert found["net", other].namespace.name == "first one[6]"  # an engine's mount tells less than who is inside
    named = found["net", blue]
    assert (named.namespace.name, named.handle, named.pid) == ("netns blue sky", "/run/netns/blue sky", None)
    assert len(found) == 3
    made(proc, "self", {"mountinfo": mount(proc, other, "/run/netns/green") + mount(proc, other, "/run/netns/late")})
    found = find_namespaces(str(proc))
    assert (found["net", other].namespace.name, found["net", other].pid) == ("netns green", 6)
    made(proc, 6, {"cgroup": f"0::/system.slice/docker-{ID}.scope\n"})
    found = find_namespaces(str(proc))
    assert (found["net", other].namespace.name, found["net", other].contained) == (f"docker {ID[:12]}", True)


def test_the_hosts_own_namespace(proc: Path, tmp_path: Path) -> None:
    assert in_host_network(str(proc))
    os.unlink(proc / "1" / "ns" / "net")
    assert in_host_network(str(proc))  # nothing tells
    os.link(proc.parent / "other", proc / "1" / "ns" / "net")
    assert not in_host_network(str(proc))
    host = find_namespaces(str(proc))["net", inode(proc.parent / "other")]
    assert (host.namespace.name, host.pid) == ("host", 1)
    os.unlink(proc / "1" / "ns" / "net")
    made(proc, KTHREADD, {"comm": "kthreadd\n"}, proc.parent / "other")
    assert not in_host_network(str(proc))
    assert find_namespaces(str(tmp_path / "nothing")) == {}


def test_how_many_sockets_a_namespace_holds(proc: Path) -> None:
    found = find_namespaces(str(proc))
    assert count_sockets(found["net", inode(proc.parent / "other")], str(proc)) == 3 + 2 + 5
    assert count_sockets(found["proc", inode(proc / "9" / "net" / "tcp")], str(proc)) is None
    made(proc, "self", {"mountinfo": mount(proc, inode(proc.parent / "blue"), "/run/netns/blue")})
    assert count_sockets(find_namespaces(str(proc))["net", inode(proc.parent / "blue")], str(proc)) is None
    assert counted("UDP: inuse 4\nFRAG: inuse 1\n") == 0


def line(state: str = "01", queues: str = "0:0", timer: str = "00:0", again: str = "0", uid: str = "0") -> str:
    return f"   0: 0100007F:0050 0200007F:BF2C {state} {queues} {timer} {again} {uid} 0 77 1\n"


def only(text: str) -> SocketRow:
    (raw,) = parse_table(HEAD + text, socket.AF_INET)
    return SocketRow(raw, Moment(0.0), None)


def test_the_numbers_of_a_line() -> None:
    one = only(line(queues="10:20", timer="01:64", again="FF", uid="1000"))
    assert (one.send_q, one.recv_q, one.timer, one.timer_s, one.unanswered, one.uid) == (16, 32, "on", 1.0, 255, 1000)
    assert (one.inode, str(one.local), str(one.remote)) == (77, "127.0.0.1:80", "127.0.0.2:48940")
    assert only(line(again="100")).unanswered == 255
    assert only(line(again="10")).unanswered == 16
    assert one.scope is None
    assert only(line(timer="01:7FFFFFFF")).timer_s == 0xFFFFFFFF / 1000
    listening = only(line("0A", queues="0:3"))
    assert (listening.backlog, listening.backlog_max) == (3, None)
    assert int.from_bytes(listening.raw[60:64], "little") == NO_MAXIMUM
    assert only(line("03")).inode == 0
    assert only(line("0A")).cookie != only(line("01")).cookie == only(line("08")).cookie
    other = line("0A").replace(" 77 ", " 78 ")  # SO_REUSEPORT: two listeners of one address
    assert only(line("0A")).cookie != only(other).cookie
    assert only(line("01")).cookie == only(line("01").replace(" 77 ", " 0 ")).cookie  # its process let go of it


def test_a_kernel_without_ipv6_and_one_without_tcp(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="tcp: No such file"):
        ProcfsSource(str(tmp_path))
    (tmp_path / "tcp").write_text(HEAD + line() + line("0A"))
    source = ProcfsSource(str(tmp_path))
    (listening,), (others,) = source.listeners(), source.connections()
    assert (listening[17], others[17]) == (10, 1)
    assert source.detailed() == [others]
    (tmp_path / "tcp6").mkdir()
    with pytest.raises(SourceUnavailable, match="tcp6"):
        source.listeners()


def test_when_limits_are_read_again(tmp_path: Path) -> None:
    for pid in (3, 16, 20):
        made(tmp_path, pid, {"limits": f"Max open files            {pid}              4096      files\n"})
    three, sixteen, closed = (Process(pid, "x") for pid in (3, 16, 20))
    closed.open_files = 0
    renew_limits([three, sixteen, closed], 100.0, str(tmp_path))
    assert (three.soft_limit, sixteen.soft_limit, closed.soft_limit) == (3, 16, None)
    assert (three.limits_due, sixteen.limits_due) == (100 + 30 * 19 / 16, 130.0)
    sixteen.soft_limit = three.soft_limit = 1
    renew_limits([three, sixteen], 130.0, str(tmp_path))
    assert (three.soft_limit, sixteen.soft_limit) == (1, 16)


def test_who_a_process_is(tmp_path: Path) -> None:
    stat = "7 (a) b (c) S 42 " + " ".join(str(n) for n in range(100, 120)) + "\n"
    made(tmp_path, 7, {"stat": stat, "comm": "a) b (c\n", "cmdline": "a\0-x\0y z\0\0"})
    (tmp_path / "stat").write_text("cpu 1 2\nbtime 1700000000\nprocs 9\n")
    told = process_details(7, str(tmp_path))
    assert (told.name, told.command, told.parent) == ("a) b (c", "a -x y z", 42)
    assert told.started == 1_700_000_000 + 117 / os.sysconf("SC_CLK_TCK")
    assert told.uid == os.stat(tmp_path / "7").st_uid
    (tmp_path / "7" / "stat").write_text("7 (x) S")
    assert read_parent(7, str(tmp_path)) is None
    assert process_details(7, str(tmp_path)).started is None


def message(
    number: int, name: bytes | None = b"/run/a\0", waiting: tuple[int, ...] = (), queue: bytes | None = None
) -> bytes:
    attributes = b""
    for kind, payload in ((0, name), (3, struct.pack(f"={len(waiting)}I", *waiting)), (4, queue)):
        if payload is not None:
            attributes += struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) & 3)
    body = struct.pack("=BBBBI8s", 1, 1, 10, 0, 70 + number, number.to_bytes(8, "little")) + attributes
    return struct.pack("=IHHII", 16 + len(body), 20, 2, 1, 0) + body


def queued(waiting: int, most: int = 5) -> bytes:
    return struct.pack("=II", waiting, most)


def test_unix_listeners_from_look_to_look() -> None:
    table = UnixTable(None)
    assert not table.seen
    first = message(1, waiting=(11, 12), queue=queued(2)) + message(2, b"\0bus", queue=queued(0))
    new, gone = table.update(first, 100.0)
    assert [(one.path, one.inode, one.waiting, one.most, one.cookie) for one in new] == [
        ("/run/a", 71, 2, 5, cookie_text((1).to_bytes(8, "little"))),
        ("@bus", 72, 0, 5, cookie_text((2).to_bytes(8, "little"))),
    ]
    assert (gone, table.seen, new[0].waited(103.0), new[1].waited(103.0)) == ([], True, 3.0, 0.0)
    assert table.update(first, 104.0) == ([], [])
    again, gone = table.update(message(1, waiting=(12, 13), queue=queued(2)), 105.0)
    assert (again, gone) == ([], [new[1]])
    assert new[0].since == {12: 100.0, 13: 105.0}
    assert (new[0].owner_missing, str(new[0])) == ("not found", "UnixListener('/run/a', 2/5)")


def test_messages_of_unix_listeners() -> None:
    whole = message(1, waiting=(11,), queue=queued(1))
    assert list(parse(whole)) == [(71, (1).to_bytes(8, "little"), "/run/a", 1, 5, (11,))]
    assert list(parse(message(1, b"/odd\0", queue=queued(1)) + whole))[1:] == list(parse(whole))
    assert next(iter(parse(message(1, None, queue=queued(1)))))[2] == ""
    assert list(parse(message(1, queue=queued(1)[:7]))) == []
    assert next(iter(parse(message(1, b"\xff\0", queue=queued(1)))))[2] == "\\xff"
    short = struct.pack("=IHHII", 31, 20, 2, 1, 0) + bytes(16)
    assert list(parse(whole + short + whole)) == list(parse(whole))  # what follows a lying length is not read
    bare = struct.pack("=IHHII", 32, 20, 2, 1, 0) + whole[16:32]  # no attribute: no queue
    assert list(parse(bare + whole)) == list(parse(whole))
    assert list(parse(short)) == []


@pytest.mark.parametrize(("length", "size"), [(0, 12), (3, 12), (13, 12), (200, 12)])
def test_attributes_that_lie_of_their_length(length: int, size: int) -> None:
    good = message(1, queue=queued(1))
    body = good[16:] + struct.pack("=HH", length, 0) + bytes(size - 4)
    lying = struct.pack("=IHHII", 16 + len(body), 20, 2, 1, 0) + body
    assert list(parse(lying + good)) == [*parse(good), *parse(good)]
