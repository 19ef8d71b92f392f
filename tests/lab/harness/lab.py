"""One scenario: its hosts, its recordings, its connections, and the comparison at its end."""

from __future__ import annotations

import json
import re
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lab.harness import judging
from tests.lab.harness.namespaces import Namespace, address, cable
from tests.lab.harness.peers import Address, Application, Call, Listener
from tests.lab.harness.recording import Recording
from tests.lab.harness.signature import signature
from tests.lab.harness.truth import Outcome
from tests.lab.harness.wire import Wire

SETTLED = 0.06
"""Seconds after which a delayed ACK has been sent (40 ms on Linux)."""


class Lab:
    """The network of one scenario. Addresses repeat between scenarios: each has namespaces of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.hosts: list[Namespace] = []
        self.recordings: list[Recording] = []
        self.outcomes: list[Outcome] = []
        self.listeners: list[Listener] = []
        self.processes: list[object] = []
        self.t0 = time.time()
        self.server_ip = "10.1.0.2"
        self.client_ip = "10.1.0.1"
        self.rewrite: Callable[[Path], str] | None = None
        self.applications: list[Application] = []  # a socket that nobody holds is closed by the garbage collector
        self.wires: list[Wire] = []
        self._patterns: list[tuple[Outcome, str]] = []
        self._counters: dict[str, dict[str, int]] = {}

    # networks

    def host(self, role: str) -> Namespace:
        """A new host."""
        made = Namespace(role)
        self.hosts.append(made)
        return made

    def __getitem__(self, role: str) -> Namespace:
        return next(host for host in self.hosts if host.role == role)

    def pair(self, *, v6: bool = False) -> Lab:
        """client — server, one cable."""
        client, server = self.host("client"), self.host("server")
        self.client_ip, self.server_ip = ("fd00:1::1", "fd00:1::2") if v6 else ("10.1.0.1", "10.1.0.2")
        prefix = 64 if v6 else 24
        cable(client, "eth0", f"{self.client_ip}/{prefix}", server, "eth0", f"{self.server_ip}/{prefix}")
        return self

    def wired(self, *, raw: bool = False, delay: float = 0, v6: bool = False) -> Wire:
        """client — a cable that we control — server; `raw` makes it a tun (link type RAW)."""
        client, server = self.host("client"), self.host("server")
        self.client_ip, self.server_ip = ("fd00:1::1", "fd00:1::2") if v6 else ("10.1.0.1", "10.1.0.2")
        prefix = 64 if v6 else 24
        made = Wire(client, f"{self.client_ip}/{prefix}", server, f"{self.server_ip}/{prefix}", raw=raw, delay=delay)
        self.wires.append(made)
        return made

    def routed(self) -> Lab:
        """client — router (eth0, eth1) — server."""
        client, router, server = self.host("client"), self.host("router"), self.host("server")
        self.client_ip, self.server_ip = "10.1.1.1", "10.1.2.2"
        cable(client, "eth0", "10.1.1.1/24", router, "eth0", "10.1.1.254/24")
        cable(router, "eth1", "10.1.2.254/24", server, "eth0", "10.1.2.2/24")
        router.sysctl("ipv4.ip_forward", 1)
        client.ip("route", "add", "default", "via", "10.1.1.254")
        server.ip("route", "add", "default", "via", "10.1.2.254")
        return self

    def chain(self) -> Lab:
        """client — proxy (eth0, eth1) — upstream: two hops, two connections."""
        client, proxy, upstream = self.host("client"), self.host("proxy"), self.host("upstream")
        self.client_ip, self.server_ip = "10.1.1.1", "10.1.1.2"
        cable(client, "eth0", "10.1.1.1/24", proxy, "eth0", "10.1.1.2/24")
        cable(proxy, "eth1", "10.1.2.1/24", upstream, "eth0", "10.1.2.2/24")
        return self

    def loopback(self) -> Lab:
        """One host that speaks to itself."""
        self.host("server")
        self.client_ip = self.server_ip = "127.0.0.1"
        return self

    def also(self, role: str, device: str, net: str) -> None:
        """One more address for a host's device."""
        address(self[role], device, net)

    # recordings

    def record(self, *points: str, snaplen: int = 128) -> Lab:
        """Start recordings; a point is ROLE, ROLE:DEVICE or ROLE:any. Without any: client and server (or lo)."""
        if not points:
            points = ("client", "server") if len(self.hosts) > 1 else ("server:lo",)
        for point in points:
            role, _, device = point.partition(":")
            path = self.folder / f"{role}{'-' + device if device else ''}.pcap"
            self.recordings.append(Recording(self[role], path, device=device or "eth0", point=role, snaplen=snaplen))
        self._counters = {host.role: host.counters() for host in self.hosts}
        self.t0 = time.time()
        return self

    # peers

    def listen(self, port: int = 8080, *, backlog: int = 128, role: str = "server", ip: str | None = None) -> Listener:
        """A listener on the server."""
        made = Listener(self[role], (ip or self.server_ip, port), backlog=backlog)
        self.listeners.append(made)
        return made

    def caller(self, port: int | None = None, role: str | None = None) -> Application:
        """A socket on the client (bound to `port` where given), not yet connected."""
        host = self[role] if role else self.hosts[0]
        family = socket.AF_INET6 if ":" in self.client_ip else socket.AF_INET
        made = Application.on(host, None if port is None else (self.client_ip, port), family=family)
        self.applications.append(made)
        return made

    def dial(self, port: int = 8080, *, listener: Listener | None = None) -> tuple[Application, Application]:
        """A connection from the client, accepted by the server: both sides."""
        listener = (
            listener or next((one for one in self.listeners if one.address[1] == port), None) or self.listen(port)
        )
        client = self.caller()
        assert client.connect(listener.address) == "ok"
        server = listener.accept()
        self.applications.append(server)
        return client, server

    def exchange(self, client: Application, server: Application, request: int = 11, response: int = 50) -> None:
        """A request and its response, both read."""
        client.send(request)
        server.recv()
        server.send(response)
        client.recv()

    @staticmethod
    def wait(seconds: float = SETTLED) -> None:
        """Let the kernels' delayed ACKs and the packets under way arrive."""
        time.sleep(seconds)

    @staticmethod
    def until(condition: Callable[[], bool], seconds: float = 20) -> None:
        """Wait for what must come."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "what was waited for did not come"
            time.sleep(0.05)

    # the truth

    def expect(
        self,
        client: Application | Address,
        server: Application | Address,
        cause: str,
        *,
        who: str | None,
        ended_by: str,
        reset_by: str | None = None,
        wire: str | None = None,
        role: str = "subject",
        told: dict[str, list[Call]] | None = None,
    ) -> None:
        """What became of a connection.

        `wire` is a pattern that its signature must match in the first recording that shows it; `told` are calls of a
        program that is not ours (side → calls), as its log has them.
        """
        number = f"c{len(self.outcomes) + 1}"
        outcome = Outcome.of(number, client, server, cause, who=who, ended_by=ended_by, reset_by=reset_by, role=role)
        for side, calls in (told or {}).items():
            outcome.calls[side].extend(calls)
        self.outcomes.append(outcome)
        if wire is not None:
            self._patterns.append((outcome, wire))

    def verify(self) -> None:
        """Stop recording, keep the truth, and hold the product's verdicts against it."""
        self.wait()
        for recording in self.recordings:
            recording.stop()
            if self.rewrite is not None:
                recording.link_type = self.rewrite(recording.path)
        document = self._document()
        (self.folder / "truth.json").write_text(json.dumps(document, indent=1) + "\n")
        for outcome, wire in self._patterns:
            seen = next((found for by in document["signatures"].values() if (found := by[outcome.id])), "")
            assert re.search(wire, seen), (
                f"the scenario did not do what it is for: {outcome.id} was {seen!r}, not {wire!r}"
            )
        assert not (wrong := judging.compare(self.folder, document, self.outcomes)), "\n".join(wrong)

    def _document(self) -> dict[str, Any]:
        main = self.outcomes[0]
        gone = {
            host.role: {name: value - self._counters[host.role].get(name, 0) for name, value in host.counters().items()}
            for host in self.hosts
            if host.role in self._counters
        }
        return {
            "schema": "tcp-lab-truth/1",
            "scenario": self.name,
            "t0": self.t0,
            "cause": main.cause,
            "who_closed_first": main.who,
            "ended_by": main.ended_by,
            "rst_sent_by": main.reset_by,
            "captures": [
                {
                    "file": one.path.name,
                    "point": one.point,
                    "iface": one.device,
                    "linktype": one.link_type,
                    "snaplen": one.snaplen,
                    "dropped": one.dropped,
                }
                for one in self.recordings
            ],
            "connections": [outcome.document(self.t0) for outcome in self.outcomes],
            "counters": {
                role: {name: value for name, value in deltas.items() if value} for role, deltas in gone.items()
            },
            "signatures": {one.path.name: self._signatures(one.path) for one in self.recordings},
        }

    def _signatures(self, path: Path) -> dict[str, str]:
        uses: Counter[tuple[Address, Address]] = Counter()
        found = {}
        for each in self.outcomes:
            ends = each.client, each.server
            found[each.id] = signature(path, *ends, uses[ends])
            uses[ends] += 1
        return found

    def close(self) -> None:
        """Take everything away."""
        for recording in self.recordings:
            if recording._process.poll() is None:
                recording._process.kill()
                recording._process.wait()
        for process in self.processes:
            process.kill()  # type: ignore[attr-defined]
            process.wait()  # type: ignore[attr-defined]
        for listener in self.listeners:
            listener.close()
        for wire in self.wires:
            wire.close()
        for host in self.hosts:
            host.remove()
