"""The product says of every connection what the oracle says: recorded, generated and harmed traffic."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.decode import decode
from tests.capture.flows.traffic import long_connection, random_traffic
from tests.oracle.held_segments import NotForTheOracle, differences, held
from tests.oracle.traffic import mutated_traffic

DATA = Path(__file__).parents[1] / "data"
EXAMPLES = Path(__file__).parents[2] / "tui" / "examples"
RECORDED = sorted([*DATA.glob("*/*.pcap*"), *DATA.glob("*/*/*.pcap*"), *EXAMPLES.glob("*.pcap*")])


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_recordings(path: Path) -> None:
    _, found = differences(str(path))
    assert not found


def test_the_recordings_hold_connections() -> None:
    assert sum(differences(str(path))[0] for path in RECORDED) > 50


@pytest.mark.parametrize("trouble", [0.0, 0.05, 0.6])
@pytest.mark.parametrize("seed", range(6))
def test_generated_traffic(tmp_path: Path, seed: int, trouble: float) -> None:
    compared, found = differences(random_traffic(seed, 150, trouble).write(tmp_path / "traffic.pcap"))
    assert compared >= 100
    assert not found


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
@pytest.mark.parametrize("seed", range(1, 9))
def test_harmed_traffic(tmp_path: Path, seed: int, share: float) -> None:
    compared, found = differences(mutated_traffic(seed, 100, share).write(tmp_path / "traffic.pcap"))
    assert compared >= 100
    # what a SYN was shows by what follows: tags given meanwhile are not taken back, where nearly all is harm
    assert len(found) <= (3 if share == 0.4 else 0)


def test_one_long_connection_over_the_wrap(tmp_path: Path) -> None:
    compared, found = differences(long_connection(3, 4000).write(tmp_path / "long.pcap"))
    assert compared == 1
    assert not found


def test_a_difference_is_seen(tmp_path: Path) -> None:
    path = random_traffic(1, 20, 0.3).write(tmp_path / "traffic.pcap")
    other = random_traffic(2, 20, 0.3).write(tmp_path / "other.pcap")
    from tests.oracle.engine import connections_of

    wanted = {each.packets[0].number: each for each in connections_of(other)}
    _, found = held(decode([path])[0], wanted)
    assert found


def test_what_it_does_not_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("12:00:00.000001 IP 10.0.0.1.5 > 10.0.0.2.80: Flags [S], seq 1, win 5, length 0\n")
    with pytest.raises(NotForTheOracle):
        differences(str(path))
