"""Record the demo's incident: `python -m tests.tui.record_demo FOLDER` (as root; needs go, nginx, tcpdump).

The same shop as tests/lab/incident.py, recorded from all sides at once, so that log lines, sockets and packets speak of
the same connections: FOLDER gets incident.pcap (on the proxy), incident-gin.log, incident-nginx.log and
incident.looks.gz (the gin server's sockets).
"""

from __future__ import annotations

import gzip
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.lab.harness.lab import Lab
from tests.lab.harness.nginx import Nginx
from tests.lab.incident import FRONT
from tests.lab.test_programs import GinServer

PROXY = "server { listen 80; location / { proxy_pass http://10.1.2.2:8000; proxy_buffering off; } }"


def visit(lab: Lab, delay: int) -> None:
    """One visitor: a request, a wait of at most 800 ms, away. Pieces larger than Go's buffer: each is one write."""
    client = lab.caller()
    if client.connect(FRONT) != "ok":
        return
    query = f"/slow?ms={delay}&bytes=8192&pieces=3"
    client.send(f"GET {query} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())
    client.recv_all(timeout=0.8)
    client.close()


def record(work: Path, out: Path) -> None:
    """One run of the incident."""
    lab = Lab("demo", work)
    try:
        lab.chain()
        gin = GinServer(lab, "upstream", "10.1.2.2", work)
        nginx = Nginx(lab, "proxy", PROXY, connections=256)
        lab.record("proxy:any", snaplen=96)
        looks = out / "incident.looks.gz"
        looking = lab["upstream"].start(
            sys.executable, "-m", "tui.cli", "sockets", "--interval", "0.5", "--count", "18", "--record", str(looks)
        )
        random.seed(7)
        visitors = []
        time.sleep(0.5)
        for number in range(64):
            slow = 20 <= number < 40
            visitors.append(threading.Thread(target=visit, args=(lab, random.randint(1100, 1900) if slow else 15)))
            visitors[-1].start()
            time.sleep(0.09)
        for visitor in visitors:
            visitor.join()
        lab.wait(1.5)
        looking.wait(timeout=30)
        for recording in lab.recordings:
            recording.stop()
        shutil.copy(lab.recordings[0].path, out / "incident.pcap")
        _only_ours(looks)
        (out / "incident-gin.log").write_text(_of_the_incident(gin.log.read_text()))
        (out / "incident-nginx.log").write_text(_of_the_incident(nginx.errors + nginx.requests))
    finally:
        lab.close()


def _only_ours(looks: Path) -> None:
    """The recording lists all processes of the machine it was made on: those of the shop stay."""
    lines = []
    for line in gzip.decompress(looks.read_bytes()).splitlines():
        look = json.loads(line)
        look["host"] = "shop-gin"
        look["processes"] = [one for one in look["processes"] if one[1] == "gin_server"]
        ours = {one[0] for one in look["processes"]}
        look["ended"] = [pid for pid in look["ended"] if pid in ours]
        lines.append(json.dumps(look, separators=(",", ":")).encode() + b"\n")
    looks.write_bytes(gzip.compress(b"".join(lines), mtime=0))


def _of_the_incident(text: str) -> str:
    """Log lines; not the harness's own notes, nor what nginx says of the machine when it starts."""
    kept = [line for line in text.splitlines() if line.strip() and " send " not in line and "[notice]" not in line]
    return "\n".join(kept) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        record(Path(folder), Path(sys.argv[1]))
