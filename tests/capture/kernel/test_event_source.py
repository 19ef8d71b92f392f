"""Real failures on this machine's kernel: the events are what the system calls told, and nothing stays behind."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from capture.kernel.event import KernelEvent, Kind
from capture.kernel.event_errors import EventsUnavailable
from capture.kernel.event_source import KernelEvents
from capture.kernel.events_report import ends_of
from capture.kernel.tracefs import open_tracefs
from capture.model import Endpoint

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="kernel events need root")
PATIENCE_MS = 10_000


@pytest.fixture
def events() -> Iterator[KernelEvents]:
    try:
        source = KernelEvents()
    except EventsUnavailable as error:
        pytest.skip(str(error))
    with source:
        yield source


def pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    return client, server


def arrived(at: socket.socket, what: int) -> None:
    """Waits until what the peer did has arrived: POLLIN data, POLLRDHUP its FIN, POLLHUP a RST."""
    waiting = select.poll()
    waiting.register(at, what)
    assert waiting.poll(PATIENCE_MS)


def failing_sends(sender: socket.socket, times: int) -> list[str]:
    told = []
    for _ in range(times):
        try:
            sender.send(b"x")
        except OSError as error:
            told.append(errno.errorcode[error.errno or 0])
        arrived(sender, select.POLLHUP)
    return told


def of_port(found: tuple[KernelEvent, ...], port: int, kind: Kind) -> list[KernelEvent]:
    return [one for one in found if one.kind is kind and one.local is not None and one.local.port == port]


def expanded(found: list[KernelEvent]) -> list[str | None]:
    return [one.errno for one in found for _ in range(one.count)]


def test_each_failed_send_is_told_with_its_errno_and_its_process(events: KernelEvents) -> None:
    client, server = pair()
    port = client.getsockname()[1]
    server.close()
    arrived(client, select.POLLRDHUP)
    told = failing_sends(client, 4)
    client.close()
    found = of_port(events.read().events, port, Kind.CALL_FAILED)
    assert told == ["EPIPE", "EPIPE", "EPIPE"]
    assert expanded(found) == told
    assert {one.call for one in found} == {"send"}
    assert {one.owner.pid for one in found if one.owner} == {os.getpid()}


def test_a_failed_call_of_a_thread_is_its_process(events: KernelEvents) -> None:
    client, server = pair()
    port = client.getsockname()[1]
    client.send(b"unread")
    arrived(server, select.POLLIN)
    server.close()
    arrived(client, select.POLLHUP)
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.extend(failing_sends(client, 2)))
    thread.start()
    thread.join()
    client.close()
    found = of_port(events.read().events, port, Kind.CALL_FAILED)
    assert expanded(found) == told == ["ECONNRESET", "EPIPE"]
    assert {one.owner.pid for one in found if one.owner} == {os.getpid()}


FAILING = """
import contextlib, ctypes, socket, time
ctypes.CDLL(None).prctl(15, b"\\xff\\xfeodd", 0, 0, 0)
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
listener.accept()[0].close()
for _ in range(3):
    time.sleep(0.05)
    with contextlib.suppress(OSError):
        client.send(b"late")
print(client.getsockname()[1])
"""


def test_a_process_that_has_ended_may_have_had_any_bytes_for_a_name(events: KernelEvents) -> None:
    done = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, check=True)
    found = of_port(events.read().events, int(done.stdout), Kind.CALL_FAILED)
    assert {one.errno for one in found} == {"EPIPE"}
    assert {one.owner.name for one in found if one.owner} == {"\ufffd\ufffdodd"}


def test_a_close_with_unread_data_is_a_reset_of_the_caller_with_the_kernels_reason(events: KernelEvents) -> None:
    client, server = pair()
    port = server.getsockname()[1]
    client.send(b"unread")
    arrived(server, select.POLLIN)
    server.close()
    (sent,) = of_port(events.read().events, port, Kind.RESET_SENT)
    assert sent.reason in ("TCP_ABORT_ON_CLOSE", None)  # None before 6.10
    assert sent.owner is not None
    assert sent.owner.pid == os.getpid()
    assert sent.remote is not None
    assert sent.remote.port == client.getsockname()[1]


def test_a_refused_connect_is_an_error_of_a_connect(events: KernelEvents) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection(address)
    found = [one for one in events.read().events if one.remote is not None and one.remote.port == address[1]]
    (refused,) = [one for one in found if one.kind is Kind.ERROR_REPORTED]
    assert (refused.errno, refused.call) == ("ECONNREFUSED", "connect")


def test_a_linger_of_zero_is_received_as_a_reset(events: KernelEvents) -> None:
    client, server = pair()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    arrived(client, select.POLLHUP)
    found = events.read().events
    (got,) = of_port(found, client.getsockname()[1], Kind.RESET_RECEIVED)
    assert got.cookie
    mine = [one for one in found if one.owner is not None and one.owner.pid == os.getpid()]
    assert all(one.remote is not None and one.remote.port for one in mine)  # not the error of its own close
    assert got.owner is not None  # who had connected it, though no look saw it
    assert got.owner.pid == os.getpid()


def test_a_reset_that_comes_for_an_accepted_socket_is_not_the_callers_of_an_older_one(events: KernelEvents) -> None:
    for _ in range(3):  # the kernel uses memory of sockets again
        client, server = pair()
        port = server.getsockname()[1]
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        arrived(server, select.POLLHUP)
        server.close()
        (got,) = of_port(events.read().events, port, Kind.RESET_RECEIVED)
        assert got.owner is None


@pytest.mark.parametrize(("named", "name"), [(b"caller", "caller"), (b"\xff[b]", "\N{REPLACEMENT CHARACTER}[b]")])
def test_a_caller_that_has_ended_is_named_by_where_it_called(events: KernelEvents, named: bytes, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = Endpoint(*listener.getsockname())
        call = f"import socket; socket.create_connection({listener.getsockname()!r})"
        call = f"open('/proc/self/comm', 'wb').write({named!r}); {call}"
        with subprocess.Popen([sys.executable, "-c", call]) as caller:
            assert caller.wait(30) == 0
        found = events.callers()[there]
    assert (caller.pid, name) in {(owner.pid, owner.name) for owner in found}
    assert there not in events.callers()


def test_a_connection_that_ends_leaves_its_last_words(events: KernelEvents) -> None:
    client, server = pair()
    port = client.getsockname()[1]
    client.sendall(b"x" * 1000)
    server.sendall(b"y" * 77)
    server.recv(2000)
    client.recv(100)
    server.close()
    arrived(client, select.POLLRDHUP)
    client.close()
    ends: list[KernelEvent] = []
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not ends and time.monotonic() < deadline:  # the kernel's message is a datagram: it comes when it comes
        ends = [one for one in ends_of(events.read()) if one.local is not None and one.local.port == port]
    (end,) = ends
    assert end.last is not None
    assert end.last.bytes_sent == 1000
    assert end.last.bytes_received == 78  # the kernel counts the peer's FIN


def test_nothing_stays_behind_and_healthy_traffic_is_no_event(events: KernelEvents) -> None:
    client, server = pair()
    ports = {client.getsockname()[1], server.getsockname()[1]}
    client.sendall(b"ping")
    server.recv(4)
    client.close()
    server.recv(4)
    server.close()
    found = [one for one in events.read().events if one.local is not None and one.local.port in ports]
    assert found == []
    events.close()
    assert f"tcptriage-{os.getpid()}" not in open_tracefs().names("instances")


def test_what_a_killed_program_left_is_cleaned_by_the_next_start(events: KernelEvents) -> None:
    code = (
        "import time; from capture.kernel.event_source import KernelEvents;"
        "kept = KernelEvents(); print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"up\n"
        name = f"tcptriage-{program.pid}"
        assert name in open_tracefs().names("instances")
        with KernelEvents():  # a start beside a living one leaves that alone
            assert name in open_tracefs().names("instances")
        program.send_signal(signal.SIGKILL)
    with KernelEvents():
        assert name not in open_tracefs().names("instances")


INSIDE = """
import socket
import time
from capture.kernel.event_source import KernelEvents
with KernelEvents() as events:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        listener.accept()[0].close()
        client.send(b"answered with a reset")
        time.sleep(0.1)
        try:
            client.send(b"x")
        except BrokenPipeError:
            pass
        port = client.getsockname()[1]
    failed = [one for one in events.read().events if one.call == "send" and one.local and one.local.port == port]
    print(len(failed), [one.owner for one in failed], *events.limits, sep="; ")
"""


def test_in_a_pid_namespace_nobody_is_named_by_numbers_of_the_one_outside() -> None:
    command = ["unshare", "-pf", "--mount-proc", sys.executable, "-c", INSIDE]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        pytest.skip(told.stderr[-200:])
    assert told.stdout.startswith("1; [None]; ")
    assert "outside of this pid namespace" in told.stdout
