"""However a capture is cut, and whoever reads the pieces: the rows are those of the whole."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("distributed")

from capture.fleet import executors
from capture.fleet import survey as surveying
from capture.fleet.executors import Dask, Processes
from capture.fleet.running import run_fleet
from tests.capture.fleet.cluster import Cluster
from tests.capture.fleet.making import cut, in_process, lines, manifest, records, rows, without_null
from tests.capture.flows.traffic import random_traffic

PIECES = 14


@pytest.fixture
def whole(tmp_path: Path) -> str:
    """Connections that overlap, with troubles, so that each cut goes through some."""
    wire = random_traffic(3, 150, 0.15)
    wire.frames = [(at // 40, frame) for at, frame in wire.frames]
    return wire.write(tmp_path / "whole.pcap")


def expected(paths: list[str], *, join: bool = False) -> list[dict[str, Any]]:
    return [without_null(row) for row in lines(paths, join=join)]


def crossing(pieces: list[str]) -> int:
    """Connections more than the whole has, where each piece is read by itself."""
    return sum(len(lines([piece])) for piece in pieces)


def test_pieces_in_two_processes(whole: str, tmp_path: Path) -> None:
    pieces = cut(whole, PIECES, tmp_path / "ring")
    of_whole = expected([whole])
    assert crossing(pieces) > len(of_whole) + 10  # the cuts go through connections
    run_fleet([str(tmp_path / "ring"), whole], str(tmp_path / "out"), lambda _: Processes(2))
    ring = [one for one in manifest(tmp_path / "out")["captures"] if len(one["files"]) > 1]
    assert [len(one["files"]) for one in ring] == [PIECES]
    assert "one after the other in time" in ring[0]["together"]
    assert rows(tmp_path / "out", ring[0]["capture"]) == of_whole
    assert rows(tmp_path / "out", "whole.pcap") == of_whole
    assert of_whole == expected(pieces, join=True)


@pytest.mark.parametrize("seed", range(3))
def test_pieces_of_any_size_under_any_name(whole: str, tmp_path: Path, seed: int) -> None:
    """Cut anywhere, under names that tell nothing: what crosses the cuts does, else the user."""
    chance = random.Random(seed)
    header, parts = records(whole)
    cuts = sorted(chance.sample(range(1, len(parts)), PIECES - 1))
    names = [f"{chance.getrandbits(40):x}.pcap" for _ in range(PIECES)]
    folder = tmp_path / "any"
    folder.mkdir()
    for name, begin, end in zip(names, [0, *cuts], [*cuts, len(parts)], strict=True):
        (folder / name).write_bytes(header + b"".join(parts[begin:end]))
    run_fleet([str(folder)], str(tmp_path / "out"), in_process, together=["*.pcap"])
    assert rows(tmp_path / "out") == expected([whole])
    assert [one["together"] for one in manifest(tmp_path / "out")["captures"]] == ["the user said so"]


def test_a_worker_that_dies_loses_nothing(whole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each capture's reading kills its process the first time."""
    for number in range(3):
        cut(whole, PIECES, tmp_path / f"host{number}")
    monkeypatch.setattr(executors, "run", dies_once)
    monkeypatch.setenv("FLEET_TEST_DEATHS", str(tmp_path))
    run_fleet([str(tmp_path / f"host{number}") for number in range(3)], str(tmp_path / "out"), lambda _: Processes(2))
    captures = manifest(tmp_path / "out")["captures"]
    assert len(captures) == 3
    assert len(list(tmp_path.glob("died-*"))) >= 1
    of_whole = expected([whole])
    for one in captures:
        assert rows(tmp_path / "out", one["capture"]) == of_whole


def test_a_worker_that_dies_between_two_tasks(whole: str, tmp_path: Path) -> None:
    """The pool is broken before the next task is given to it: that one is read all the same."""
    workers = Processes(2)
    with pytest.raises(BrokenProcessPool):
        workers._pool.submit(os._exit, 1).result()
    other = cut(whole, 1, tmp_path / "other")[0]
    run_fleet([whole, other], str(tmp_path / "out"), lambda _: workers, apart=True)
    for capture in ("whole.pcap", "other/piece-00.pcap"):
        assert rows(tmp_path / "out", capture) == expected([whole])


def test_one_capture_starts_no_process(whole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large pieces are known by their ends, and what is one capture is read here, with all cores."""
    monkeypatch.setattr(surveying, "LARGE", 1 << 13)
    monkeypatch.setattr(surveying, "HEAD", 1 << 12)
    monkeypatch.setattr(Processes, "_started", None)
    cut(whole, 3, tmp_path / "ring")
    run_fleet([str(tmp_path / "ring")], str(tmp_path / "out"), lambda _: Processes(2))
    assert rows(tmp_path / "out") == expected([whole])


def dies_once(task: bytes) -> bytes:
    """What a worker does here: it is killed while it has its first capture."""
    from capture.fleet.reading import run

    mark = Path(os.environ["FLEET_TEST_DEATHS"]) / "died-once"
    if b'"plan":{' in task and not mark.exists():
        mark.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return run(task)


def always_dies(task: bytes) -> bytes:
    """A file that no worker survives."""
    from capture.fleet.reading import run

    if b'"plan":{' in task and b"deadly" in task:
        os.kill(os.getpid(), signal.SIGKILL)
    return run(task)


def test_what_kills_each_worker_is_left_out_with_its_reason(
    whole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(whole, 1, tmp_path / "a", "deadly.pcap")
    cut(whole, 1, tmp_path / "b", "fine.pcap")
    monkeypatch.setattr(executors, "run", always_dies)
    run_fleet([str(tmp_path / "a"), str(tmp_path / "b")], str(tmp_path / "out"), lambda _: Processes(2))
    told = manifest(tmp_path / "out")
    assert [one["capture"] for one in told["captures"]] == ["b/fine.pcap"]
    ((path, why),) = [(one["path"], one["why"]) for one in told["left_out"]]
    assert path.endswith("deadly.pcap")
    assert "was killed each time" in why


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "dask").mkdir()
    made = Cluster(tmp_path / "dask")
    yield made
    made.stop()


def test_dask_workers_of_which_one_is_killed(whole: str, tmp_path: Path, cluster: Cluster) -> None:
    for number in range(6):
        cut(whole, PIECES, tmp_path / f"host{number}")
    killed = []

    def kill_at_first_capture(now: object) -> None:
        if getattr(now, "stage", "") == "read" and getattr(now, "done", 0) >= 1 and not killed:
            cluster.workers[0].kill()
            killed.append(True)

    hosts = [str(tmp_path / f"host{number}") for number in range(6)]
    run_fleet(hosts, str(tmp_path / "out"), lambda _: Dask(cluster.address), progress=kill_at_first_capture)
    assert killed
    captures = manifest(tmp_path / "out")["captures"]
    assert [len(one["files"]) for one in captures] == [PIECES] * 6
    of_whole = expected([whole])
    for one in captures:
        assert rows(tmp_path / "out", one["capture"]) == of_whole
    assert manifest(tmp_path / "out")["left_out"] == []
