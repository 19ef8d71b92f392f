"""The programs that people run: Go's net/http, gin behind nginx, curl, a Go client with a time-out, sarama."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.lab.harness.golang import build
from tests.lab.harness.lab import Lab
from tests.lab.harness.nginx import Nginx
from tests.lab.harness.peers import Address, Application, Call
from tests.lab.harness.signature import opened

pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.xdist_group("go")]


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the Go programs are built, once."""
    return tmp_path_factory.mktemp("go")


class GinServer:
    """programs/gin_server on a host: net/http on port 8001, gin on port 8000."""

    def __init__(self, lab: Lab, role: str, ip: str, binaries: Path) -> None:
        binary = build("gin_server", binaries, "github.com/gin-gonic/gin")
        self.log = lab.folder / "gin.log"
        with self.log.open("wb") as out:
            self.process = lab[role].start(str(binary), ip, stdout=out, stderr=subprocess.STDOUT)
        lab.processes.append(self.process)
        deadline = time.monotonic() + 10
        while lab[role].states()["LISTEN"] < 2:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def writes(self, client: Address) -> list[Call]:
        """What each write to this client got."""
        found = re.findall(rf"^{re.escape(f'{client[0]}:{client[1]}')} send (\S+)", self.log.read_text(), re.MULTILINE)
        return [Call(time.time(), f"send#{number}", result) for number, result in enumerate(found, 1)]


@pytest.mark.parametrize(("port", "program"), [(8000, "gin"), (8001, "net/http")], ids=["gin", "net-http"])
def test_broken_pipe_in_go(lab: Lab, binaries: Path, port: int, program: str) -> None:
    """The client gives up; the handler's second write panics with broken pipe."""
    lab.pair()
    server = GinServer(lab, "server", lab.server_ip, binaries)
    lab.record()
    client = lab.caller()
    client.connect((lab.server_ip, port))
    client.send(b"GET /slow?ms=600&bytes=8192&pieces=6 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.recv(timeout=0.3) == "APP_TIMEOUT"
    client.close()
    lab.wait(0.6)
    writes = server.writes(client.local)
    assert "EPIPE" in [call.result for call in writes]
    assert "write: broken pipe" in server.log.read_text(), program
    lab.expect(
        client,
        (lab.server_ip, port),
        "client_timeout",
        who="client",
        ended_by="rst",
        reset_by="client",
        told={"server": writes},
    )
    lab.verify()


def test_gin_behind_nginx(lab: Lab, binaries: Path) -> None:
    """A Go client's time-out, nginx's 499, gin's broken pipe: one cause, three programs, two connections."""
    lab.chain()
    server = GinServer(lab, "upstream", "10.1.2.2", binaries)
    front = Nginx(lab, "proxy", "server { listen 80; location / { proxy_pass http://10.1.2.2:8000; } }")
    lab.record("client", "upstream", "proxy:any", snaplen=300)
    said = lab["client"].run(
        str(build("go_client", binaries)), "http://10.1.1.2/slow?ms=700&bytes=8192&pieces=6", "400ms", "1", "1ms"
    )
    assert "Client.Timeout exceeded" in said
    lab.wait(0.7)
    (inner,) = opened(lab.folder / "upstream.pcap")
    (outer,) = opened(lab.folder / "client.pcap")
    writes = server.writes(inner)
    assert "EPIPE" in [call.result for call in writes]
    assert " 499 " in front.requests
    lab.expect(
        inner,
        ("10.1.2.2", 8000),
        "proxy_abort_499",
        who="client",
        ended_by="rst",
        reset_by="client",
        told={"server": writes},
        wire=r"cFA sA sP?A\d+ .*cR\[",
    )
    lab.expect(outer, ("10.1.1.2", 80), "client_timeout", who="client", ended_by="fin")
    lab.verify()


@pytest.mark.parametrize("late", [False, True], ids=["in-time", "late"])
def test_curl(lab: Lab, binaries: Path, late: bool) -> None:
    """curl with --max-time: in time, and not."""
    if shutil.which("curl") is None:
        pytest.skip("not installed: curl")
    lab.pair()
    server = GinServer(lab, "server", lab.server_ip, binaries)
    lab.record()
    url = f"http://10.1.0.2:8001/slow?ms={900 if late else 10}&bytes=9000&pieces=6"
    curl = lab["client"].start("curl", "-sS", "--max-time", "0.5", "-o", "/dev/null", url, stderr=subprocess.PIPE)
    _, said = curl.communicate(timeout=10)
    assert curl.returncode == (28 if late else 0), said
    lab.wait(0.8 if late else 0.1)
    (client,) = opened(lab.folder / "client.pcap")
    if late:
        told = {"server": server.writes(client)}
        lab.expect(
            client, (lab.server_ip, 8001), "client_timeout", who="client", ended_by="rst", reset_by="client", told=told
        )
    else:
        lab.expect(client, (lab.server_ip, 8001), "normal", who="client", ended_by="fin")
    lab.verify()


def test_go_client_time_outs(lab: Lab, binaries: Path) -> None:
    """A Go client that gives up again and again leaves CLOSE-WAIT there and FIN-WAIT-2 here."""
    lab.pair().record()
    listener = lab.listen()
    said = lab["client"].run(str(build("go_client", binaries)), "http://10.1.0.2:8080/", "300ms", "5", "1ms")
    assert said.count("Client.Timeout exceeded") == 5
    servers = [listener.accept() for _ in range(5)]
    assert lab["server"].states()["CLOSE-WAIT"] == 5
    for server in servers:
        server.recv()
        server.send(140)
        lab.wait(0.01)
        server.close()
        lab.expect(
            server.remote or ("", 0),
            server,
            "client_timeout",
            who="client",
            ended_by="rst",
            reset_by="client",
            wire=r"cFA sA sPA140 cR",
        )
    lab.verify()


def kafka(lab: Lab, binaries: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """programs/kafka_client, started."""
    binary = build("kafka_client", binaries, "github.com/Shopify/sarama")
    started = lab["client"].start(str(binary), f"{lab.server_ip}:9092", *arguments, stdout=subprocess.PIPE)
    lab.processes.append(started)
    return started


def test_sarama_broker_closed(lab: Lab, binaries: Path) -> None:
    """A broker closes an idle connection (connections.max.idle.ms); sarama sees EOF, then broken pipe."""
    lab.pair().record()
    listener = lab.listen(9092)
    client = kafka(lab, binaries, "5s", "2", "500ms")
    broker: Application = listener.accept()
    lab.wait(0.2)
    broker.close()
    said = client.communicate(timeout=10)[0].decode()
    assert re.search(r"request 1 .*EOF", said), said
    assert re.search(r"request 2 .*broken pipe", said), said
    told = {"client": [Call(time.time(), "recv#1", "EOF"), Call(time.time(), "send#2", "EPIPE")]}
    lab.expect(
        broker.remote or ("", 0),
        broker,
        "write_after_peer_close",
        who="server",
        ended_by="rst",
        reset_by="server",
        told=told,
        wire=r"sFA cA cP?A\d+ sR\[",
    )
    lab.verify()


def test_sarama_read_time_out(lab: Lab, binaries: Path) -> None:
    """A broker that does not answer within Net.ReadTimeout: sarama closes, and the late answer meets nobody."""
    lab.pair().record()
    listener = lab.listen(9092)
    client = kafka(lab, binaries, "400ms", "1", "10ms")
    broker: Application = listener.accept()
    broker.recv()
    said = client.communicate(timeout=10)[0].decode()
    assert "i/o timeout" in said
    broker.send(60)
    lab.wait()
    assert broker.send(60) == "EPIPE"
    broker.close()
    lab.expect(
        broker.remote or ("", 0),
        broker,
        "client_timeout",
        who="client",
        ended_by="rst",
        reset_by="client",
        wire=r"cFA (sA )?sPA60 cR\[",
    )
    lab.verify()
