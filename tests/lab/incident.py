"""Record the example that the README shows: `python -m tests.lab.incident OUT.pcap` (as root).

A shop: visitors, nginx, a gin server. For two seconds the gin server is slow: visitors who wait 800 ms give up, nginx
logs 499, and gin's late writes fail with broken pipe. Everything else is ordinary.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.lab.harness.lab import Lab
from tests.lab.harness.nginx import Nginx
from tests.lab.harness.peers import Application
from tests.lab.test_programs import GinServer

FRONT = ("10.1.1.2", 80)


def visit(lab: Lab, delay: int, pieces: int) -> None:
    """One visitor: a request, a wait of at most 800 ms, away."""
    client: Application = lab.caller()
    if client.connect(FRONT) != "ok":
        return
    client.send(
        b"GET /slow?ms=%d&bytes=1800&pieces=%d HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n" % (delay, pieces)
    )
    client.recv_all(timeout=0.8)
    client.close()


def record(folder: Path) -> Path:
    """The recording, taken on the proxy's two interfaces at once."""
    lab = Lab("incident", folder)
    try:
        lab.chain()
        GinServer(lab, "upstream", "10.1.2.2", folder)
        Nginx(
            lab,
            "proxy",
            "server { listen 80; location / { proxy_pass http://10.1.2.2:8000; proxy_buffering off; } }",
            connections=256,
        )
        lab.record("proxy:any", snaplen=96)
        random.seed(7)
        visitors = []
        for number in range(64):
            slow = 20 <= number < 40
            visitors.append(threading.Thread(target=visit, args=(lab, random.randint(1100, 1900) if slow else 15, 3)))
            visitors[-1].start()
            time.sleep(0.09)
        for visitor in visitors:
            visitor.join()
        lab.wait(1.5)
        for recording in lab.recordings:
            recording.stop()
        return lab.recordings[0].path
    finally:
        lab.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        shutil.copy(record(Path(work)), sys.argv[1])
