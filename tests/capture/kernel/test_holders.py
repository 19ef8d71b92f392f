"""Events and the sockets that they speak of, by looks at real ones."""

from __future__ import annotations

import dataclasses
import os
import socket

from capture.kernel.event import KernelEvent, Kind
from capture.kernel.holders import attributed
from capture.model import Endpoint
from capture.sockets.snapshot import Snapshot
from capture.sockets.socket_watch import Watcher
from tests.capture.sockets.network import in_own_network


def event(one: socket.socket) -> KernelEvent:
    return KernelEvent(1.0, Kind.RETRANSMITTED, Endpoint(*one.getsockname()), Endpoint(*one.getpeername()))


def owners(events: list[KernelEvent], look: Snapshot, before: Snapshot | None = None) -> list[int | None]:
    """Asked of the look, and searched in its rows: the same."""
    told = list(attributed(events, look, before))
    assert told == list(attributed(events, dataclasses.replace(look, of_ports=None), before))
    return [one.owner.pid if one.owner else None for one in told]


@in_own_network
def test_owners_are_those_of_the_look_also_of_sockets_that_have_gone() -> None:
    me = os.getpid()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server = listener.accept()[0]
        events = [event(client), event(server)]
        watcher = Watcher()
        first = watcher.look()
        assert owners(events, first) == [me, me]
        late = socket.create_connection(listener.getsockname())
        accepted = listener.accept()[0]
        events.append(event(late))
        assert owners(events, first) == [me, me, None]
        client.close()
        server.close()
        look = watcher.look()
        assert owners(events, look, first) == [me, me, me]
        cookies = [one.cookie for one in attributed(events, look)]
        assert all(cookies)
        assert len(set(cookies)) == 3
    watcher.look()
    assert owners(events, watcher.look()) == [None, None, me]
    late.close()
    accepted.close()
