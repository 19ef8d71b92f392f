"""What small changes to the engine would change, and nothing else here shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.decode import decode
from capture.engine.session import Engine
from capture.flows.from_engine import flow_table as built
from capture.reread import packets_of
from tests.capture.flows.traffic import ACK, PSH, Talk, Wire
from tests.capture.verdicts.notation import flow_table


def test_a_plain_transfer_has_no_tags(tmp_path: Path) -> None:
    wire = Wire()
    talk = Talk(wire, ("10.0.0.1", 40000), ("10.0.0.2", 80), [1000, 5_000_000], 0)
    talk.open(100)
    for _ in range(6):
        talk.at += 1000
        talk.say(1, PSH | ACK, 500)
        talk.at += 100
        talk.say(0, ACK)
    decoded = decode([wire.write(tmp_path / "plain.pcap")])[0]
    assert packets_of(decoded, 0).tags.tolist() == [0] * 15


def test_nothing_ends_at_no_time() -> None:
    assert built(Engine()).ends_at == 0


@pytest.mark.parametrize(
    ("later", "kind"),
    [
        # sent before the data that was captured first: within the handshake's round trip, 1 ms, and at the same moment
        ("<-0.001>", "out_of_order"),
        ("<-0.0001>", "out_of_order"),
        ("<0.001>", "retransmission"),
    ],
)
def test_data_that_comes_late(later: str, kind: str) -> None:
    counts = flow_table(f"cS <0.0005>sSA <-0.0005>cA cPA20 sA sPA50 {later}sPA60w cA").counts
    assert {name: int(counts[name][0, 1]) for name in ("out_of_order", "retransmission") if counts[name][0, 1]} == {
        kind: 1
    }


@pytest.mark.parametrize(("clients", "server"), [(2, 0), (3, 1)])
def test_the_end_that_many_others_talk_to_is_the_server(clients: int, server: int) -> None:
    # begun in the middle, by a packet of the server, with ports that tell nothing
    sources = [21_000 + i for i in range(clients)]
    flows = flow_table(
        *["sPA50 cA"] * clients, sources=sources, ports=[20_000] * clients, clients=list(range(1, clients + 1))
    )
    assert {int(port) for port in flows.port[:, server]} == {20_000}


@pytest.mark.parametrize(("clients", "server"), [(2, 0), (3, 1)])
def test_it_is_the_server_also_where_its_port_is_no_servers(clients: int, server: int) -> None:
    # a client's port is registered, the server's is one that kernels give to clients
    sources, hosts = [21_000 + i for i in range(clients)], list(range(1, clients + 1))
    flows = flow_table(*["cPA20 sA"] * clients, sources=sources, ports=[50_000] * clients, clients=hosts)
    assert {int(port) for port in flows.port[:, server]} == {50_000}
