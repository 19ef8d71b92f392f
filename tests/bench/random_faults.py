"""Faults at random moments, a recorder each: how many are in their folder with the handshake and the seconds before.

usage (as root): python -m tests.bench.random_faults [--faults 100] [--at-once 4] [--before 5] [--after 1]

Each fault is a write after the peer's close (EPIPE), on a connection that was opened at a random moment before, in a
network of its own with other traffic; the application writes it down, and the recorder follows that log. A recorder
makes one folder a minute at most, so each fault has its own, started at least `--before` seconds earlier. A folder
counts where the fault's connection has its handshake and the errno of its write, where its log line and the failed
call are in it, and where packets reach back `--before` seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.capture.sockets.network import enter_new_network

PROGRAM = (sys.executable, "-m", "tui.cli")
TICK_S = 0.02
PATIENCE_S = 60.0


@contextlib.contextmanager
def recording(out: Path, log: Path, before: float, after: float) -> Iterator[None]:
    """A recorder that has begun."""
    words = ["watch", "--out", str(out), "--log", str(log), "--before", str(before), "--after", str(after)]
    with subprocess.Popen([*PROGRAM, *words], stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        assert "recording into" in program.stderr.readline()
        threading.Thread(target=program.stderr.read, daemon=True).start()
        try:
            yield
        finally:
            program.send_signal(signal.SIGTERM)


class Traffic(threading.Thread):
    """A message every TICK_S on a connection of its own, so that packets tell how far back a recording reaches."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.over = threading.Event()

    def run(self) -> None:
        """Until it is over."""
        with socket.create_connection(self.listener.getsockname()) as client:
            server = self.listener.accept()[0]
            while not self.over.wait(TICK_S):
                client.send(b"tick")
                server.recv(64)
            server.close()
        self.listener.close()


def fault(log: Path, chance: random.Random, before: float) -> tuple[int, float]:
    """Makes one; (client's port, time of the failed write)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server = listener.accept()[0]
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        server.recv(64)
        time.sleep(chance.uniform(0.0, before * 0.6))
        server.close()
        time.sleep(0.05)
        port = int(client.getsockname()[1])
        with contextlib.suppress(OSError):
            client.send(b"first")  # is answered with a reset
        time.sleep(0.05)
        try:
            client.send(b"second")
        except BrokenPipeError:
            at = time.time()
        ends = f"127.0.0.1:{port}->127.0.0.1:{listener.getsockname()[1]}"
        with log.open("a") as file:
            file.write(f"write tcp {ends}: write: broken pipe\n")
        client.close()
        return port, at


def lacking(out: Path, port: int, at: float, before: float) -> str:
    """What the folder lacks; empty where nothing."""
    until = time.monotonic() + PATIENCE_S
    while not (folders := [one for one in out.iterdir() if one.name.startswith("incident-")]):
        if time.monotonic() > until:
            return "no folder"
        time.sleep(0.1)
    folder = folders[0]
    done = subprocess.run([*PROGRAM, "report", str(folder), "--format", "json"], capture_output=True, text=True)
    if done.returncode:
        return f"no report: {done.stderr.strip()}"
    told = json.loads(done.stdout)
    found = [one for one in told["connections"] if port in (one["originator"]["port"], one["responder"]["port"])]
    if len(found) != 1 or not found[0]["complete_handshake"]:
        told_of = [(one["history"], one["originator"], one["responder"], one["first_time"]) for one in found]
        return f"no handshake: {told_of}, failed at {at:.3f} of port {port}; {told['captures'][0]['notices']}"
    if found[0]["errors"]["originator"]["write"] not in ("EPIPE", "ECONNRESET"):
        return f"write: {found[0]['errors']['originator']['write']}"
    reached = at - float(told["captures"][0]["first_time"])
    if reached < before:
        return f"only {reached:.2f} s before"
    manifest = json.loads((folder / "manifest.json").read_text())
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    if not any(one["errno"] == "EPIPE" and one["local"] and one["local"]["port"] == port for one in events):
        return "no failed call"
    return "" if manifest["log_lines"] == 1 else "no log line"


def worker(number: int, count: int, before: float, after: float, pipe: int) -> None:
    """Faults one after another in a network of its own; a line of each to the pipe."""
    enter_new_network()
    chance = random.Random(time.time_ns() + number)
    for _ in range(count):
        with tempfile.TemporaryDirectory() as place:
            log, out = Path(place, "app.log"), Path(place, "out")
            log.touch()
            with recording(out, log, before, after):
                traffic = Traffic()
                traffic.start()
                time.sleep(before + chance.uniform(0.2, 3.2))
                port, at = fault(log, chance, before)
                why = lacking(out, port, at, before)
                traffic.over.set()
        os.write(pipe, (why or "whole").encode() + b"\n")


def main() -> None:
    """Prints what went wrong, then the count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--before", type=float, default=5.0)
    parser.add_argument("--after", type=float, default=1.0)
    asked = parser.parse_args()
    reading, writing = os.pipe()
    for number in range(asked.at_once):
        count = asked.faults // asked.at_once + (number < asked.faults % asked.at_once)
        if os.fork() == 0:
            status = 1
            try:
                os.close(reading)
                worker(number, count, asked.before, asked.after, writing)
                status = 0
            finally:
                os._exit(status)
    os.close(writing)
    whole = done = 0
    with os.fdopen(reading) as told:
        for line in told:
            done += 1
            whole += line == "whole\n"
            if line != "whole\n":
                print(f"fault {done}: {line.strip()}", flush=True)
    print(f"{whole} of {asked.faults} are in their folder with handshake and {asked.before:g} s before")


if __name__ == "__main__":
    main()
