"""More than two points of a real path, and the points inside one capture of all its interfaces."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from capture.points.along import Path as AlongPath
from capture.points.along import compare_along
from capture.report.path_report import write_path
from capture.wire.capture_errors import CaptureUnreadable
from tests.lab.harness.recording import Recording
from tests.lab.test_compare import PORT, Path3, Service, ask, path

pytestmark = [pytest.mark.lab, pytest.mark.root]
__all__ = ["path"]  # a fixture


@contextmanager
def recorded(path: Path3, **devices: str) -> Iterator[dict[str, str]]:
    """Recordings by name: HOST_DEVICE of each; paths of the files."""
    hosts = {"client": path.client, "router": path.router, "server": path.server}
    made = {name: path.folder / f"{name}.pcap" for name in devices}
    recordings = []
    for name, told in devices.items():
        host, device = told.split(":")
        recordings.append(Recording(hosts[host], made[name], device=device, point=name))
    try:
        yield {name: str(file) for name, file in made.items()}
        time.sleep(0.3)
    finally:
        for recording in recordings:
            recording.stop()


def lost(found: AlongPath) -> list[int]:
    """How many packets each leg lost."""
    return [sum(len(both.lost) for both in leg.comparison) for leg in found.legs]


def test_each_loss_is_between_the_points_where_it_was(path: Path3) -> None:
    """Client, both sides of the router (which translates and drops), server; named in any order."""
    service = Service(path.server, 3000)
    path.rule(f"tcp dport {PORT} numgen random mod 20 == 0 counter name dropped drop")
    with recorded(path, a="client:eth0", b="router:c0", c="router:s0", d="server:eth0") as files:
        for _ in range(6):
            ask(path.client, 12, 3000)
    service.close()
    dropped = path.counted("dropped")
    assert dropped
    for order in ("abcd", "cadb"):
        found = compare_along([files[name] for name in order])
        assert [Path(point.path).stem for point in found.points] == list("abcd")
        assert [(leg.a, leg.b) for leg in found.legs] == [(0, 1), (1, 2), (2, 3)]
        assert lost(found) == [0, dropped, 0]
        assert [one.ids for one in found] == [(n, n, n, n) for n in range(6)]
    swapped = compare_along([files["d"], files["a"]])  # two stay as they were named, and are said to be swapped
    assert [Path(point.path).stem for point in swapped.points] == ["d", "a"]
    assert swapped.legs[0].comparison.near == "b"
    told = json.loads(b"".join(write_path(found, "json")))
    assert [leg["a"] for leg in told["legs"]] == [0, 1, 2]
    assert sum(count["lost"] for one in told["connections"] for count in one["counts"] if count["leg"] == 1) == dropped
    text = b"".join(write_path(found, "text")).decode()
    assert "BETWEEN 2 (A) AND 3 (B)" in text


def test_a_reset_is_placed_between_the_points_where_it_was_made(path: Path3) -> None:
    service = Service(path.server, 300)
    path.rule(f"tcp dport {PORT} ct packets > 12 counter name refused reject with tcp reset")
    path.router.nft("add rule ip filter forward ct state established accept")
    with (
        recorded(path, a="client:eth0", b="router:c0", c="router:s0", d="server:eth0") as files,
        pytest.raises(ConnectionResetError),
    ):
        ask(path.client, 20, 300)
    service.close()
    (one,) = compare_along([files[name] for name in "abcd"])
    assert (one.best.cause, one.best.certainty, one.leg) == ("middlebox_reset", "certain", 1)


@pytest.mark.parametrize("kind", ["LINUX_SLL2", "LINUX_SLL"])
def test_points_inside_one_capture_of_all_interfaces(path: Path3, kind: str) -> None:
    """-i any on the router: it sees each packet come in and go out, with another address; what it dropped came in only.
    The older format does not tell interfaces, and directions all the same.
    """
    service = Service(path.server, 3000)
    path.rule(f"tcp dport {PORT} numgen random mod 20 == 0 counter name dropped drop")
    with recorded(path, a="router:any") as files:
        for _ in range(6):
            ask(path.client, 12, 3000)
    service.close()
    if kind == "LINUX_SLL":
        older = path.folder / "sll.pcap"
        older.write_bytes(_without_interfaces(Path(files["a"]).read_bytes()))
        files["a"] = str(older)
    found = compare_along([files["a"]])
    (leg,) = found.legs
    assert lost(found) == [path.counted("dropped")]
    both = next(iter(leg.comparison))
    assert both.readdressed
    assert len(list(leg.comparison)) == 6
    told = json.loads(b"".join(write_path(found, "json")))
    assert [point["place"] for point in told["points"]] == (
        ["before", "behind"] if kind == "LINUX_SLL" else [point.place for point in found.points]
    )


def _without_interfaces(raw: bytes) -> bytes:
    """LINUX_SLL2 as LINUX_SLL: packet type, hardware type, length and address of the sender, protocol."""
    made, at = [raw[:20] + (113).to_bytes(4, "little")], 24
    while at < len(raw):
        captured = int.from_bytes(raw[at + 8 : at + 12], "little")
        original = int.from_bytes(raw[at + 12 : at + 16], "little")
        data = raw[at + 16 : at + 16 + captured]
        header = bytes([0, data[10]]) + data[8:10] + bytes([0, data[11]]) + data[12:20] + data[:2]
        sizes = (captured - 4).to_bytes(4, "little") + (original - 4).to_bytes(4, "little")
        made += [raw[at : at + 8], sizes, header, data[20:]]
        at += 16 + captured
    return b"".join(made)


def test_one_file_of_one_point_is_said_to_be_one(path: Path3) -> None:
    service = Service(path.server, 300)
    with recorded(path, a="client:eth0", b="client:any") as files:
        ask(path.client, 3, 300)
    service.close()
    for name in "ab":
        with pytest.raises(CaptureUnreadable, match="one point"):
            compare_along([files[name]])
