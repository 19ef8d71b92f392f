"""Whole captures with the compiled kernels and without: the report is the same to the byte, however they are cut up."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from capture import kernels
from capture.flows import stretches
from capture.report.writing import write_report
from capture.triage import triage
from capture.wire import feed, pcap, stream
from capture.wire.errors import CaptureUnreadable
from tests.bench.mutate import mutated
from tests.capture.flows.traffic import Wire, long_connection, random_traffic
from tests.capture.kernels.test_headers import FRAMED, frames_with
from tests.capture.kernels.ways import both_ways, compiled
from tests.capture.wire import building as make
from tests.capture.wire.test_layers import LINKS, TUNNELS

pytestmark = compiled

LAB = sorted((Path(__file__).parents[1] / "data" / "lab").glob("*/*.pcap"))
APART = 60_000  # µs: too far apart to be taken for two sights of one packet, which depends on how blocks are cut
WINDOWS = {"large": None, "small": (4096, 16384, 20480), "tiny": (1500, 4000, 5600)}


@pytest.fixture(params=WINDOWS)
def windows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Windows and stretches as they are, or so small that everything happens at their borders."""
    sizes = WINDOWS[request.param]
    if sizes is not None:
        for name, size in zip(("FIRST", "WINDOW", "HEADROOM"), sizes, strict=True):
            monkeypatch.setattr(feed, name, size)
        monkeypatch.setattr(stretches, "STRETCH", sizes[0] // 50)
        monkeypatch.setattr(pcap, "MOST_AT_ONCE", sizes[0] // 10)
        for name, size in (("PIECE", sizes[1]), ("ROWS", 37), ("SET_ASIDE", sizes[1])):
            monkeypatch.setattr(stream, name, size)
    return str(request.param)


def reported(paths: list[Path], *, join: bool = False) -> list[str]:
    """The report as JSON, as text and as Markdown; or why there is none."""
    try:
        triages = triage([str(path) for path in paths], join=join)
    except CaptureUnreadable as error:
        return [str(error)]
    found = []
    for form in ("json", "text", "md"):
        stream = io.BytesIO()
        write_report(triages, form, stream)  # type: ignore[arg-type]
        found.append(stream.getvalue().decode())
    return found


def agreed(paths: list[Path], *, join: bool = False) -> list[str]:
    found, plain = both_ways(lambda: reported(paths, join=join))
    for one, other in zip(found, plain, strict=True):
        assert one.splitlines() == other.splitlines()  # tells the line
        assert one == other
    return found


def written(wire: Wire, folder: Path) -> list[Path]:
    return [Path(wire.write(folder / "made.pcap"))]


@pytest.mark.usefixtures("windows")
def test_recordings() -> None:
    agreed(LAB)


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("trouble", [0.1, 1.0])
def test_traffic_with_troubles(tmp_path: Path, trouble: float) -> None:
    agreed(written(random_traffic(7, 80, trouble), tmp_path))


@pytest.mark.usefixtures("windows")
def test_a_long_connection(tmp_path: Path) -> None:
    agreed(written(long_connection(3, 800), tmp_path))


@pytest.mark.usefixtures("windows")
def test_every_corner_of_headers(tmp_path: Path) -> None:
    path = tmp_path / "corners.pcap"
    for link, frames in FRAMED.values():
        path.write_bytes(make.pcap(frames * 3, link=link, step=APART))
        agreed([path])
    frames = [*(frame for frame, _ in TUNNELS.values()), *frames_with(1, None, range(20))]
    path.write_bytes(make.pcap(frames, step=APART))
    agreed([path])


@pytest.mark.usefixtures("windows")
def test_packets_captured_twice(tmp_path: Path) -> None:
    """A mirror port: each packet again, at once or soon."""
    chance, wire = random.Random(1), random_traffic(1, 40, 0.2)
    wire.frames += [(at + 1, frame) for at, frame in wire.frames if chance.random() < 0.5]
    agreed(written(wire, tmp_path))


@pytest.mark.usefixtures("windows")
def test_damaged_captures(tmp_path: Path) -> None:
    sources = [path.read_bytes() for path in LAB if path.stat().st_size < 40_000]
    sources += [make.pcap([frame] * 3, link=link) for link, frame in LINKS.values()]
    path = tmp_path / "damaged.pcap"
    for seed in range(20):
        chance = random.Random(seed)
        path.write_bytes(mutated(chance.choice(sources), chance))
        agreed([path])


def test_findings_of_ipv6_hosts(tmp_path: Path) -> None:
    """Some of the packets are left to numpy, which decodes them after the others."""
    path = tmp_path / "v6.pcap"
    for last in range(16, 30):
        frames = []
        for number in range(5):
            syn = make.tcp(sport=5000 + number, flags=2, options=b"\2\4\5\xb4")
            extended = (b"\6\0" + bytes(6) + syn, 0) if number % 2 == 0 else (syn, 6)
            packet = make.ipv6(extended[0], dst=f"2001:db8::{number}{last}", following=extended[1])
            frames.append(make.ethernet(packet, 0x86DD))
        path.write_bytes(make.pcap(frames, step=40_000_000))
        agreed([path])


def test_rotated_files_joined(tmp_path: Path) -> None:
    wire, parts = random_traffic(5, 80, 0.4), []
    frames = sorted(wire.frames, key=lambda pair: pair[0])
    for number in range(3):
        part = Wire(frames=frames[number::3] if number == 2 else frames[number * 300 : number * 300 + 300])
        parts.append(Path(part.write(tmp_path / f"part{number}.pcap")))
    agreed(parts, join=True)


def test_the_empty_capture(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(make.pcap([]))
    agreed([path])
    path.write_bytes(make.pcap([b"", bytes(60)]))
    agreed([path])


def test_an_older_module_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "VERSION", kernels.VERSION + 1)
    assert kernels._load() is None
