"""Rows against the JSON lines of the same connections, value by value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.capture.flows.traffic import SYN, Wire, random_traffic
from tests.capture.wire import building as make

pytest.importorskip("pyarrow")

from capture.fleet.columns import ROWS, rows_of
from capture.triage import triage
from tests.capture.fleet.making import EXAMPLES, lines, without_null


def agree(path: str) -> int:
    expected = [without_null(row) for row in lines([path])]
    found = []
    for one in triage([path]):
        chosen = np.arange(len(one.decoded.flows))
        found += [without_null(row) for row in rows_of(one, "x", chosen).to_pylist()]
    assert found == expected
    return len(found)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.pcap")), ids=lambda path: path.stem)
def test_rows_say_what_the_lines_say(path: Path) -> None:
    assert agree(str(path)) > 0


@pytest.mark.parametrize("seed", range(4))
def test_of_troubled_traffic(tmp_path: Path, seed: int) -> None:
    assert agree(random_traffic(seed, 60, 0.2).write(tmp_path / "a.pcap")) > 50


def test_of_vlans_ipv6_icmp_and_none_at_all(tmp_path: Path) -> None:
    wire = Wire()
    wire.send(0, ("10.0.0.1", 4000), ("10.0.0.2", 80), SYN, vlan=7)
    assert agree(wire.write(tmp_path / "vlan.pcap")) == 1
    six = make.ethernet(make.ipv6(make.tcp(flags=SYN)), 0x86DD)
    (tmp_path / "six.pcap").write_bytes(make.pcap([six]))
    assert agree(str(tmp_path / "six.pcap")) == 1
    (tmp_path / "none.pcap").write_bytes(make.pcap([]))
    assert agree(str(tmp_path / "none.pcap")) == 0


def test_columns_are_those_of_the_lines_with_names_joined() -> None:
    names = {name for path in EXAMPLES.glob("*.pcap") for row in lines([str(path)]) for name in row}
    whole = {f"{name}_{of}" for name in ("first_fin", "first_rst") for of in ("by", "packet")}
    rare = {"chain_front", "chain_back", "chain_proxy", "chain_certainty", "same_as", "vlan", "tunnel"}
    assert (names - {"first_fin", "first_rst"}) | whole | rare | {"capture"} == set(ROWS.names)
