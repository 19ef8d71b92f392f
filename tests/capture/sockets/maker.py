"""A process that makes real connections on loopback and does to them what it is told on standard input.

usage: python maker.py PAIRS [HOSTS]      prints `ready PORT`, then obeys one command a line and answers `done`:
  churn N        closes N pairs (no TIME-WAIT is left) and opens as many
  cycle N        the same, but an orderly close by the client: TIME-WAITs stay
  half-close N   clients of N pairs close: CLOSE-WAIT at the server, FIN-WAIT-2 without a process at the client
  shut N         clients of N pairs shut down their sending side: CLOSE-WAIT and a FIN-WAIT-2 with a process
  write N BYTES  clients of N pairs send and nobody reads
  open N         N more pairs
  pass-by        nothing
"""

from __future__ import annotations

import contextlib
import resource
import socket
import struct
import sys

ABORT = struct.pack("ii", 1, 0)


class Maker:
    def __init__(self, hosts: int) -> None:
        self.listeners = []
        port = 0
        for number in range(hosts):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((f"127.1.0.{number + 1}", port))
            listener.listen(1024)
            port = listener.getsockname()[1]
            self.listeners.append(listener)
        self.port = port
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.kept: list[socket.socket] = []
        self.turn = 0

    def open(self, count: int) -> None:
        for _ in range(count):
            listener = self.listeners[self.turn % len(self.listeners)]
            self.turn += 1
            client = socket.socket()
            client.connect(listener.getsockname())
            server, _ = listener.accept()
            self.pairs.append((client, server))

    def churn(self, count: int) -> None:
        for client, server in self.pairs[:count]:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            client.close()
            server.close()
        del self.pairs[:count]
        self.open(count)

    def cycle(self, count: int) -> None:
        for client, server in self.pairs[:count]:
            client.close()
            server.close()
        del self.pairs[:count]
        self.open(count)

    def half_close(self, count: int) -> None:
        for client, server in self.pairs[:count]:
            client.close()
            self.kept.append(server)
        del self.pairs[:count]

    def shut(self, count: int) -> None:
        for client, server in self.pairs[:count]:
            client.shutdown(socket.SHUT_WR)
            self.kept += [client, server]
        del self.pairs[:count]

    def write(self, count: int, size: int) -> None:
        for client, server in self.pairs[:count]:
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.send(b"x" * size)
            self.kept += [client, server]
        del self.pairs[:count]


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError):
        hard = max(hard, 300_000)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    maker = Maker(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    maker.open(int(sys.argv[1]))
    print("ready", maker.port, flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        if command != "pass-by":
            getattr(maker, command.replace("-", "_"))(*map(int, arguments))
        print("done", flush=True)


if __name__ == "__main__":
    main()
