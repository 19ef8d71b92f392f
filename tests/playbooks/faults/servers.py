"""Small programs with one fault each; each runs as a process of its own, so that evidence can name it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from tests.lab.harness.namespaces import Namespace

T = TypeVar("T")

LEAK = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=256)
kept = []
print("ready", flush=True)
while True:
    kept.append(listener.accept()[0])
"""

NEVER_ACCEPT = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=int(sys.argv[2]))
print("ready", flush=True)
time.sleep(60)
"""

CLOSES_FIRST = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
print("ready", flush=True)
while True:
    connection = listener.accept()[0]
    connection.recv(1)
    connection.close()
"""

OPENS_FILES = """
import os, resource, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), 4096))
kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(int(sys.argv[2]))]
print("ready", flush=True)
time.sleep(60)
"""

NEVER_READS = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
kept = listener.accept()[0]
time.sleep(60)
"""

SENDS = """
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
while True:
    connection.send(b"x" * 65536)
"""

HTTP = """
import socketserver, sys, threading, time
idle, slow = float(sys.argv[2]), float(sys.argv[3])
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(idle)
        while True:
            try:
                data = self.request.recv(65536)
            except TimeoutError:
                return
            if not data:
                return
            time.sleep(slow)
            body = b"" if data.startswith(b"HEAD") else b"ok"
            self.request.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n" + body)
            if b"Connection: close" in data or b"HTTP/1.0" in data:
                return
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256
server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
"""


@contextmanager
def running(host: Namespace, program: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """A program inside the namespace, once it said that it is ready. The process's pid is the program's own."""
    process = host.start(
        sys.executable, "-c", program, *map(str, arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(5)
        process.stdout.close()


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Looks at one and the same state, side by side: most of a look is waiting. Their results, in order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]


def until(condition: object, seconds: float = 5.0) -> None:
    """Waits until a callable is true."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "did not come about"
        time.sleep(0.05)
