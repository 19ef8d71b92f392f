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


def test_a_late_packet_is_told_in_json(tmp_path: Path) -> None:
    """Of a connection of thirty packets one came 300 ms late at the second point."""
    wire = random_traffic(8, 40, 0)
    a = wire.write(tmp_path / "a.pcap")
    late = len(wire.frames) // 2
    wire.frames = [(at + 300_000 * (number == late), frame) for number, (at, frame) in enumerate(wire.frames)]
    comparison = compare(a, wire.write(tmp_path / "b.pcap"))
    assert comparison.delayed
    assert b'"late_ms":' in b"".join(connection_lines(comparison))
