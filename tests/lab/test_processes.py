"""Servers that are processes of their own: out of descriptors, killed in the middle of a response."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.harness.lab import Lab
from tests.lab.harness.peers import Address, Application

pytestmark = [pytest.mark.lab, pytest.mark.root]

PROGRAM = Path(__file__).parent / "programs" / "server.py"
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(lab: Lab) -> Start:
    """Start programs/server.py on the server; listening when it returns."""

    def begin(mode: str) -> subprocess.Popen[bytes]:
        process = lab["server"].start(sys.executable, str(PROGRAM), mode, lab.server_ip, "8080", stdout=subprocess.PIPE)
        lab.processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"
        return process

    return begin


def served(lab: Lab) -> Address:
    return (lab.server_ip, 8080)


def dial(lab: Lab) -> Application:
    client = lab.caller()
    assert client.connect(served(lab)) == "ok"
    return client


def test_out_of_descriptors(lab: Lab, start: Start) -> None:
    """At EMFILE Linux resets nothing: connections wait in the accept queue until the process ends."""
    lab.pair().record()
    process = start("emfile")
    clients = [dial(lab) for _ in range(6)]
    for client in clients:
        client.send(11)
    lab.wait(0.5)
    answered = [client for client in clients if client.recv(timeout=0.05).isdigit()]
    waiting = [client for client in clients if client not in answered]
    assert answered
    assert waiting
    process.send_signal(signal.SIGKILL)
    process.wait()
    for client in waiting:
        assert client.recv() == "ECONNRESET"
        client.close()
        lab.expect(
            client,
            served(lab),
            "emfile_accept_stall",
            who="server",
            ended_by="rst",
            reset_by="server",
            wire=r"cPA11 sA sRA\[",
        )
    for client in answered:
        assert client.recv() == "EOF"
        client.close()
        lab.expect(client, served(lab), "server_exit", who="server", ended_by="fin")
    lab.verify()


def test_shed_at_the_limit(lab: Lab, start: Start) -> None:
    """The trick of a spare descriptor: accept, close, and so shed what cannot be served."""
    lab.pair().record()
    start("shed")
    served_first = [dial(lab) for _ in range(2)]
    lab.wait(0.2)
    client = dial(lab)
    lab.wait(0.2)
    client.send(11)
    assert client.recv() == "EOF"
    assert client.send(11) == "EPIPE"
    client.close()
    lab.expect(
        client,
        served(lab),
        "emfile_shed",
        who="server",
        ended_by="rst",
        reset_by="server",
        wire=r"^cS sSA cA sFA cA cPA11 sR\[",
    )
    for other in served_first:
        other.close()
    lab.verify()


def test_killed_in_a_response(lab: Lab, start: Start) -> None:
    """SIGKILL while a response is being written and a request lies unread: reset, then refused."""
    lab.pair().record(snaplen=100)
    process = start("stream")
    client = dial(lab)
    client.send(80)
    client.recv()
    client.send(80)
    lab.wait(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    client.recv_all()
    client.close()
    again = lab.caller()
    assert again.connect(served(lab)) == "ECONNREFUSED"
    lab.expect(client, served(lab), "process_killed", who="server", ended_by="rst", reset_by="server", wire=r"sRA\[")
    lab.expect(again, served(lab), "port_closed", who=None, ended_by="rst", reset_by="server", wire=r"^cS sRA\[")
    lab.verify()
