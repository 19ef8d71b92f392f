"""The fast lines of compared connections say byte by byte what the document of each says."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.json import encode

from capture.points.comparison import compare
from capture.report.comparing import connection_document, connection_lines
from tests.capture.flows.traffic import random_traffic

LAB = Path(__file__).parents[2] / "data" / "lab"
PAIRS = sorted(path.parent for path in LAB.glob("*/client.pcap") if (path.parent / "server.pcap").exists())


@pytest.mark.parametrize("folder", PAIRS, ids=lambda folder: folder.name)
def test_recordings(folder: Path) -> None:
    comparison = compare(str(folder / "client.pcap"), str(folder / "server.pcap"))
    assert list(connection_lines(comparison)) == [encode(connection_document(both)) for both in comparison]


def test_many_connections(tmp_path: Path) -> None:
    """Two points that differ in a few packets, and in when they saw each; most connections are the same at both."""
    wire = random_traffic(5, 200, 0.15)
    a = wire.write(tmp_path / "a.pcap")
    wire.frames = [(at + 7, frame) for number, (at, frame) in enumerate(wire.frames) if number % 97]
    comparison = compare(a, wire.write(tmp_path / "b.pcap"))
    lines = list(connection_lines(comparison))
    assert lines == [encode(connection_document(both)) for both in comparison]
    assert len(lines) >= 200
    assert 20 < comparison.plain.sum() < len(lines)  # both ways are taken
