"""Servers that misbehave: `server.py emfile|shed|stream IP PORT`. Prints `listening`, then serves until killed."""

from __future__ import annotations

import errno
import os
import resource
import socket
import sys
import time


def emfile(listener: socket.socket) -> None:
    """Accept and answer until descriptors run out; then only accept again and again, as event loops do."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (listener.fileno() + 4, listener.fileno() + 4))
    held = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            time.sleep(0.05)
            continue
        connection.recv(100)
        connection.sendall(b"x" * 50)
        held.append(connection)


def shed(listener: socket.socket) -> None:
    """Hold two connections; at EMFILE give up a spare descriptor for as long as it takes to accept and close."""
    spare = os.open("/dev/null", os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 3, spare + 3))
    held = []
    while True:
        try:
            held.append(listener.accept()[0])
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            os.close(spare)
            listener.accept()[0].close()
            spare = os.open("/dev/null", os.O_RDONLY)


def stream(listener: socket.socket) -> None:
    """Read one request, then write without end, slowly."""
    connection, _ = listener.accept()
    connection.recv(100)
    while True:
        connection.sendall(b"x" * 5000)
        time.sleep(0.05)


if __name__ == "__main__":
    mode, ip, port = sys.argv[1:]
    listening = socket.create_server((ip, int(port)))
    print("listening", flush=True)
    {"emfile": emfile, "shed": shed, "stream": stream}[mode](listening)
