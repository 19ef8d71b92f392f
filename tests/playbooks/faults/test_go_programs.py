"""A gin gateway whose clients leave, a sarama producer before a broker that ends idle connections: cured as printed."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from playbooks.model import Fix, Outcome
from tests.lab.harness.golang import GOCODE
from tests.lab.harness.namespaces import Namespace
from tests.playbooks.faults.conftest import Checked
from tests.playbooks.faults.servers import HTTP, running, until
from tests.playbooks.faults.test_leaks import connect

pytestmark = pytest.mark.root
Check = Callable[..., Checked]


def build(folder: Path, program: str, *fixes: Fix) -> Path:
    """A program and the snippets that it calls, built with Debian's packages; skips where they are not installed."""
    needed = [line.strip(' \t"') for line in program.splitlines() if "github.com/" in line]
    go = shutil.which("go")
    if go is None or not all((GOCODE / "src" / path).is_dir() for path in needed):
        pytest.skip(f"not installed: golang-go, Debian's package of {', '.join(needed)}")
    folder.mkdir()
    (folder / "main.go").write_text(program)
    for fix in fixes:
        imports, _, body = fix.snippet.partition("\n")
        names = "\n".join(f'\t"{name}"' for name in imports.removeprefix("// imports: ").split(", "))
        (folder / f"{fix.id.replace('-', '_')}.go").write_text(f"package main\n\nimport (\n{names}\n)\n\n{body}\n")
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": str(GOCODE), "GOFLAGS": "", "CGO_ENABLED": "0"}
    environment.setdefault("GOCACHE", str(folder.parent / "cache"))
    words = [go, "build", "-o", str(folder / "program"), "."]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    return folder / "program"


GATEWAY = """
package main

import (
	"io"
	"net/http"

	"github.com/gin-gonic/gin"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.Logger(), gin.Recovery()MORE)
	router.GET("/", func(c *gin.Context) {
		response, err := ASK
		if err != nil {
			c.JSON(502, gin.H{"error": err.Error()})
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		for i := 0; i < 400; i++ { // more than one write takes
			body = append(body, make([]byte, 1000)...)
		}
		c.JSON(200, gin.H{"data": body})
	})
	panic(router.Run("127.0.0.1:8950"))
}
"""


def impatient(host: Namespace, leave: threading.Event) -> None:
    """Clients that leave after half of the time that the answer takes."""
    while not leave.is_set():
        with connect(host, 8950) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            leave.wait(0.3)


def left_by_clients(host: Namespace, program: Path, log: Path, look: Callable[[], object], enough: int) -> object:
    """What is seen of a gateway that many of its clients left."""
    leave = threading.Event()
    with log.open("wb") as written, running(host, HTTP, 8951, 60, 0.8):
        gateway = host.start(str(program), stdout=written, stderr=written)
        clients = [threading.Thread(target=impatient, args=(host, leave)) for _ in range(8)]
        try:
            until(lambda: ":8950" in host.run("ss", "-Hltn"))
            for client in clients:
                client.start()
            until(lambda: log.read_text(errors="replace").count("broken pipe") >= enough, 20)
            time.sleep(0 if enough else 3)
            return look()
        finally:
            leave.set()
            for client in clients:
                client.join(10)
            gateway.kill()
            gateway.wait(5)


def test_a_gin_gateway_whose_clients_leave(host: Namespace, check: Check, tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    plain = GATEWAY.replace("MORE", "").replace("ASK", 'http.Get("http://127.0.0.1:8951/")')
    program = build(tmp_path / "plain", plain)
    found = left_by_clients(host, program, log, lambda: check("broken-pipe", log=log), 4)
    assert isinstance(found, Checked)
    ids = [fix.id for fix in found.report.fixes]
    assert ids[0] == "patience-go", ids
    assert "log-quietly-gin" in ids
    if found.outcome("now") is Outcome.FAIL:  # a busy machine may catch too few packets: then the log alone tells
        assert not [name for name in ids if name.startswith("idle-")], "nothing was idle"
    cured = (
        GATEWAY.replace('\t"net/http"\n', "")
        .replace("MORE", ", leftQuietly")
        .replace("ASK", 'below(c.Request, "http://127.0.0.1:8951/")')
    )
    program = build(tmp_path / "cured", cured, found.fix("patience-go"), found.fix("log-quietly-gin"))
    left_by_clients(host, program, tmp_path / "cured.log", lambda: None, 0)
    assert "broken pipe" not in (tmp_path / "cured.log").read_text()


PRODUCER = """
package main

import (
	"log"
	"time"

	"github.com/Shopify/sarama"
)

func main() {
	config := CONFIG
	config.Version = sarama.V0_10_0_0
	config.Producer.Return.Successes = true
	sarama.Logger = log.New(log.Writer(), "[sarama] ", log.LstdFlags)
	producer, err := sarama.NewSyncProducer([]string{"127.0.0.1:9092"}, config)
	if err != nil {
		log.Fatal(err)
	}
	for i := 0; i < 4; i++ {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: "orders"}); err != nil {
			log.Printf("ERROR order %d is lost: %v", i, err)
		}
		time.Sleep(900 * time.Millisecond)
	}
}
"""
BROKER = r"""
import socket, struct, sys, threading
def text(word):
    return struct.pack(">h", len(word)) + word
def metadata(version):  # one broker, one topic of one partition
    found = struct.pack(">ii", 1, 1) + text(b"127.0.0.1") + struct.pack(">i", 9092)
    found += struct.pack(">hi", -1, 1) if version else b""
    found += struct.pack(">ih", 1, 0) + text(b"orders") + (b"\0" if version else b"")
    return found + struct.pack(">ihiiiiii", 1, 0, 0, 1, 1, 1, 1, 1)
def produced(version):
    found = struct.pack(">i", 1) + text(b"orders") + struct.pack(">iihq", 1, 0, 0, 7)
    return found + struct.pack(">q", -1)[: 8 * (version > 1)] + struct.pack(">i", 0)[: 4 * (version > 0)]
def serve(connection):
    connection.settimeout(0.5)
    try:
        while size := connection.recv(4, socket.MSG_WAITALL):
            words = connection.recv(struct.unpack(">i", size)[0], socket.MSG_WAITALL)
            kind, version, number = struct.unpack(">hhi", words[:8])
            answer = struct.pack(">i", number) + {0: produced, 3: metadata}[kind](version)
            connection.sendall(struct.pack(">i", len(answer)) + answer)
    except TimeoutError:
        if sys.argv[1] == "rst":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
listener = socket.create_server(("127.0.0.1", 9092))
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


@pytest.mark.parametrize(("how", "book"), [("rst", "connection-reset"), ("fin", "unexpected-eof")])
def test_a_broker_that_ends_idle_connections(
    host: Namespace, check: Check, tmp_path: Path, how: str, book: str
) -> None:
    log = tmp_path / "producer.log"
    once = "sarama.NewConfig(); config.Producer.Retry.Max = 0"
    program = build(tmp_path / "plain", PRODUCER.replace("CONFIG", once))
    with running(host, BROKER, how):
        time.sleep(3)  # it was not restarted with the first loss
        log.write_text(produced(host, program))
        assert "is lost" in log.read_text()
        found = check(book, log=log)
        fix = found.report.fixes[0]
        assert fix.id == "idle-sarama"
        assert "idle-go-client" not in {one.id for one in found.report.fixes}, "it is no client of HTTP"
        cured = build(tmp_path / "cured", PRODUCER.replace("CONFIG", "kafkaConfig()"), fix)
        assert "is lost" not in produced(host, cured)


def produced(host: Namespace, program: Path) -> str:
    """What a producer logs."""
    words = ["ip", "netns", "exec", host.name, str(program)]
    return subprocess.run(words, capture_output=True, text=True, timeout=30).stderr
