"""nginx in front of an upstream: what each of the two connections shows."""

from __future__ import annotations

import time

import pytest

from tests.lab.harness.lab import Lab
from tests.lab.harness.nginx import Nginx
from tests.lab.harness.peers import Application, Call, Listener
from tests.lab.harness.signature import opened

pytestmark = [pytest.mark.lab, pytest.mark.root]

FRONT = ("10.1.1.2", 80)
GET = b"GET /list HTTP/1.1\r\nHost: shop.example\r\n\r\n"
POST = b"POST /list HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\nhello"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"


def proxy(lab: Lab, options: str = "", **nginx: int) -> tuple[Nginx, Listener]:
    """client — nginx — our upstream, all three points recorded."""
    lab.chain()
    upstream = lab.listen(8302, role="upstream", ip="10.1.2.2")
    front = Nginx(
        lab,
        "proxy",
        f"upstream u {{ server 10.1.2.2:8302; keepalive 4; }}"
        f" server {{ listen 80; location / {{ proxy_pass http://u; proxy_http_version 1.1;"
        f' proxy_set_header Connection ""; {options} }} }}',
        **nginx,  # type: ignore[arg-type]
    )
    lab.record("client", "upstream", "proxy:any", snaplen=300)
    return front, upstream


def ask(lab: Lab, request: bytes = GET) -> Application:
    """A client with a request sent."""
    client = lab.caller()
    assert client.connect(FRONT) == "ok"
    client.send(request)
    return client


def told(op: str, result: str) -> list[Call]:
    """A call that another program reported."""
    return [Call(time.time(), f"{op}#1", result)]


@pytest.mark.parametrize("pieces", [1, 12], ids=["small", "large"])
def test_499_chain(lab: Lab, pieces: int) -> None:
    """The client gives up, nginx logs 499 and closes its upstream connection; the late response fails there."""
    front, listener = proxy(lab)
    client = ask(lab)
    upstream = listener.accept()
    upstream.recv()
    assert client.recv(timeout=0.5) == "APP_TIMEOUT"
    client.close()
    lab.wait(0.5)
    for _ in range(pieces):
        if upstream.send(4096) == "EPIPE":
            break
        lab.wait(0.02)
    assert [call.result for call in upstream.errors] == (["EPIPE"] if pieces > 1 else [])
    upstream.close()
    assert " 499 " in front.requests
    lab.expect(
        upstream.remote or FRONT,
        upstream,
        "proxy_abort_499",
        who="client",
        ended_by="rst",
        reset_by="client",
        wire=r"cFA sA sPA\d+ cR\[",
    )
    lab.expect(client, FRONT, "client_timeout", who="client", ended_by="fin", wire=r"cFA sFA cA$")
    lab.verify()


def test_499_ignored(lab: Lab) -> None:
    """proxy_ignore_client_abort on: nginx writes to the vanished client, gets EPIPE, and drops the upstream unread."""
    front, listener = proxy(lab, "proxy_ignore_client_abort on;")
    client = ask(lab)
    upstream = listener.accept()
    upstream.recv()
    assert client.recv(timeout=0.4) == "APP_TIMEOUT"
    client.close()
    lab.wait(0.3)
    front.freeze()
    upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 160000\r\n\r\n")
    upstream.send_all(149_000, piece=4096)
    front.thaw()
    lab.wait(0.3)
    assert upstream.send(4096) == "ECONNRESET"
    upstream.close()
    assert "(32: Broken pipe)" in front.errors
    lab.expect(
        client,
        FRONT,
        "client_timeout",
        who="client",
        ended_by="rst",
        reset_by="client",
        told={"server": told("send", "EPIPE")},
        wire=r"cFA sA sP?A\d+ .*cR\[",
    )
    lab.expect(
        upstream.remote or FRONT,
        upstream,
        "close_with_unread_data",
        who="client",
        ended_by="rst",
        reset_by="client",
        wire=r"cRA\[",
    )
    lab.verify()


def test_504(lab: Lab) -> None:
    """proxy_read_timeout passes; nginx answers 504 and leaves its upstream, whose late response fails."""
    front, listener = proxy(lab, "proxy_read_timeout 1s;")
    client = ask(lab)
    upstream = listener.accept()
    upstream.recv()
    assert client.recv(timeout=5).isdigit()
    lab.wait(0.2)
    upstream.send(4096)
    lab.wait()
    assert upstream.send(4096) == "EPIPE"
    upstream.close()
    client.close()
    assert "upstream timed out (110" in front.errors
    lab.expect(
        upstream.remote or FRONT,
        upstream,
        "proxy_read_timeout",
        who="client",
        ended_by="rst",
        reset_by="client",
        wire=r"cFA sA sPA\d+ cR\[",
    )
    lab.expect(client, FRONT, "normal", who="client", ended_by="fin")
    lab.verify()


def test_502_refused(lab: Lab) -> None:
    """Nothing listens upstream; the client gets a 502 and a clean end."""
    front, listener = proxy(lab)
    listener.close()
    client = ask(lab)
    client.recv()
    client.close()
    lab.wait()
    assert "connect() failed (111: Connection refused)" in front.errors
    lab.expect(client, FRONT, "normal", who="client", ended_by="fin")
    lab.verify()


def test_upstream_resets(lab: Lab) -> None:
    """The upstream closes without reading the request: nginx logs 104."""
    front, listener = proxy(lab)
    client = ask(lab)
    upstream = listener.accept()
    lab.wait(0.2)
    upstream.close()
    client.recv()
    client.close()
    assert "(104: Connection reset by peer)" in front.errors
    lab.expect(
        upstream.remote or FRONT,
        upstream,
        "close_with_unread_data",
        who="server",
        ended_by="rst",
        reset_by="server",
        told={"client": told("recv", "ECONNRESET")},
        wire=r"cPA\d+ sA sRA\[ttl64,ts",
    )
    lab.expect(client, FRONT, "normal", who="client", ended_by="fin")
    lab.verify()


def test_stale_upstream(lab: Lab) -> None:
    """A busy nginx sends a POST on a kept connection that the upstream has just closed: 502."""
    front, listener = proxy(lab)
    client = ask(lab)
    upstream = listener.accept()
    upstream.recv()
    upstream.send(OK)
    client.recv()
    lab.wait(0.4)
    front.freeze()
    client.send(POST)
    lab.wait()
    upstream.close()
    lab.wait()
    front.thaw()
    client.recv()
    client.close()
    assert "upstream prematurely closed connection" in front.errors
    lab.expect(
        upstream.remote or FRONT,
        upstream,
        "stale_keepalive_reuse",
        who="server",
        ended_by="rst",
        reset_by="server",
        wire=r"sFA cA cPA\d+ .*sR\[",
    )
    lab.expect(client, FRONT, "normal", who="client", ended_by="fin")
    lab.verify()


def test_worker_connections(lab: Lab) -> None:
    """All worker_connections are taken: nginx accepts and closes at once, request unread."""
    front, listener = proxy(lab, connections=6)
    held = [ask(lab), ask(lab)]
    upstreams = [listener.accept(), listener.accept()]
    front.freeze()
    clients = [ask(lab) for _ in range(4)]
    lab.wait()
    front.thaw()
    lab.wait(0.2)
    refused = [client for client in clients if client.recv(timeout=0.05) == "ECONNRESET"]
    assert len(refused) == 4
    assert "worker_connections are not enough" in front.errors
    for client in refused:
        client.close()
        lab.expect(
            client,
            FRONT,
            "worker_connections",
            who="server",
            ended_by="rst",
            reset_by="server",
            wire=r"^cS sSA cA cPA\d+ sA sRA\[",
        )
    for upstream in (*upstreams, *held):
        upstream.close()
    lab.verify()


def test_413_lingering(lab: Lab) -> None:
    """nginx answers 413 before the body has come, and reads the rest of it away: no reset."""
    lab.pair()
    Nginx(lab, "server", "client_max_body_size 1k; server { listen 80; }")
    lab.record(snaplen=100)
    client = lab.caller()
    client.connect((lab.server_ip, 80))
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n")
    client.send_all(300_000)
    client.recv()
    client.recv()
    client.close()
    lab.expect(client, (lab.server_ip, 80), "early_response_lingering", who="server", ended_by="fin")
    lab.verify()


def test_upstream_without_keep_alive(lab: Lab) -> None:
    """nginx's default: a new upstream connection for each request, each a clean short one."""
    lab.chain()
    Nginx(lab, "upstream", "server { listen 8302; location / { return 200 'hello\\n'; } }")
    Nginx(lab, "proxy", "server { listen 80; location / { proxy_pass http://10.1.2.2:8302; } }")
    lab.record("client", "upstream", "proxy:any", snaplen=300)
    client = ask(lab)
    client.recv()
    for _ in range(5):
        client.send(GET)
        client.recv()
    client.close()
    lab.wait()
    inner = opened(lab.folder / "upstream.pcap")
    assert len(inner) == 6
    for each in inner:  # who is first is a race: the proxy has counted the bytes, the upstream has sent them
        lab.expect(each, ("10.1.2.2", 8302), "upstream_short_connections", who=None, ended_by="fin")
    lab.expect(client, FRONT, "normal", who="client", ended_by="fin")
    lab.verify()


def test_idle_timeout(lab: Lab) -> None:
    """nginx ends an idle kept connection with FIN; the client notices in time."""
    lab.pair(v6=True)
    Nginx(lab, "server", "keepalive_timeout 1s; server { listen [::]:80; location / { return 200 'hello\\n'; } }")
    lab.record()
    client = lab.caller()
    client.connect((lab.server_ip, 80))
    client.send(GET)
    client.recv()
    assert client.recv() == "EOF"
    client.close()
    lab.expect(client, (lab.server_ip, 80), "normal", who="server", ended_by="fin")
    lab.verify()


def test_nginx_out_of_descriptors(lab: Lab) -> None:
    """accept4() fails with EMFILE: what waits is answered once others have left, and nothing is reset."""
    lab.pair()
    front = Nginx(
        lab, "server", "server { listen 80; location / { return 200 'hello\\n'; } }", main="worker_rlimit_nofile 12;"
    )
    lab.record()
    clients = []
    for _ in range(10):
        client = lab.caller()
        client.connect((lab.server_ip, 80))
        client.send(GET)
        clients.append(client)
    lab.wait(0.2)
    assert "(24: Too many open files)" in front.errors
    for client in clients:
        client.recv(timeout=2)
        client.close()
        lab.wait(0.02)
        lab.expect(client, (lab.server_ip, 80), "emfile_nginx", who="client", ended_by="fin")
    lab.verify()
