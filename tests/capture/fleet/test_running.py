"""A whole run: what is left out, what goes on after an interruption, what is refused, stores."""

from __future__ import annotations

import os
import signal
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

import pyarrow.parquet as pq

from capture.engine import shares
from capture.engine.shares import SharedOut
from capture.fleet import reading, row_files
from capture.fleet.errors import FleetRefused
from capture.fleet.executors import InProcess, Outcome
from capture.fleet.result import StoredFleet
from capture.fleet.running import processes_for, run_fleet
from capture.triage import Triage
from capture.wire.column_types import I64
from tests.capture.fleet.making import EXAMPLES, cut, in_process, lines, manifest, rows, without_null
from tests.capture.wire import building as make

INCIDENT = EXAMPLES / "incident.pcap"


class Interrupted(InProcess):
    """Ctrl-C when so many captures were read."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def done(self, tasks: Iterable[bytes]) -> Iterator[Outcome]:
        for task, answer in super().done(tasks):
            if b'"plan":{' in task:
                if not self.left:
                    raise KeyboardInterrupt
                self.left -= 1
            yield task, answer


class Counting(InProcess):
    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[bytes] = []

    def done(self, tasks: Iterable[bytes]) -> Iterator[Outcome]:
        for task, answer in super().done(tasks):
            self.tasks.append(task)
            yield task, answer


def test_a_run_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for host in "abc":
        cut(INCIDENT, 3, source / host)
    with pytest.raises(KeyboardInterrupt):
        run_fleet([str(source)], str(out), lambda _: Interrupted(after=1))
    assert not (out / "manifest.json").exists()
    half = {part.name: part.stat().st_mtime_ns for part in (out / "connections").glob("*.parquet")}
    assert len(half) == 2  # the one that was counted, and the one that was interrupted when it was done
    workers = Counting()
    fleet = run_fleet([str(source)], str(out), lambda _: workers)
    assert len(workers.tasks) == 1
    assert fleet.again == 2
    whole = [without_null(row) for row in lines([str(INCIDENT)])]
    for host in "abc":
        assert rows(out, f"{host}/piece-00.pcap") == whole
    assert {name: (out / "connections" / name).stat().st_mtime_ns for name in half} == half


def test_a_file_that_changed_is_read_again_and_its_old_rows_go(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    cut(INCIDENT, 1, source, "a.pcap")
    run_fleet([str(source)], str(out), in_process)
    before = rows(out)
    cut(EXAMPLES / "broken-pipe.pcap", 1, source, "a.pcap")
    os.utime(source / "a.pcap", ns=(1, 1))
    (out / ".work" / "left.tmp").write_text("of a worker that died")
    (out / "connections" / "mine.parquet.txt").write_text("not ours")
    assert run_fleet([str(source)], str(out), in_process).again == 0
    assert len(rows(out)) == 1 != len(before)
    assert len(list((out / "connections").glob("*.parquet"))) == 1
    assert not list((out / ".work").glob("*.tmp"))
    assert (out / "connections" / "mine.parquet.txt").exists()


def test_what_cannot_be_read_stands_in_the_manifest(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    cut(INCIDENT, 1, source, "good.pcap")
    (source / "empty.pcap").write_bytes(b"")
    (source / "note.txt").write_text("lunch at noon\n")
    (source / "half.pcap").write_bytes(INCIDENT.read_bytes()[:20])
    (source / "cut.pcap").write_bytes((EXAMPLES / "broken-pipe.pcap").read_bytes()[:-10])
    os.mkfifo(source / "pipe")
    fleet = run_fleet([str(source), str(tmp_path / "none.pcap")], str(out), in_process)
    told = manifest(out)
    why = {Path(one["path"]).name: one["why"] for one in told["left_out"]}
    assert set(why) == {"empty.pcap", "note.txt", "half.pcap", "pipe", "none.pcap"}
    assert why["empty.pcap"] == "it is empty"
    assert why["none.pcap"] == "no such file"
    assert "file header" in why["half.pcap"]
    assert [one["capture"] for one in told["captures"]] == ["cut.pcap", "good.pcap"]
    assert [notice["code"] for notice in told["captures"][0]["notices"]] == ["cut_short"]
    assert sorted(Path(one["path"]).name for one in told["files"]) == ["cut.pcap", "good.pcap"]
    assert told["connections"] == len(rows(out)) == fleet.connections


def test_each_piece_of_a_capture_that_nobody_can_decode_is_told(tmp_path: Path) -> None:
    for number in range(2):
        frames = make.pcap([b"x" * 60] * 3, link=147, start=1_700_000_000 + number)
        (tmp_path / f"p{number}.pcap").write_bytes(frames)
    run_fleet([str(tmp_path)], str(tmp_path / "out"), in_process)
    told = manifest(tmp_path / "out")
    assert told["captures"] == []
    assert [Path(one["path"]).name for one in told["left_out"]] == ["p0.pcap", "p1.pcap"]
    assert {one["why"] for one in told["left_out"]} == {"its link type (USER0) is not decoded"}


def test_a_file_that_holds_two_captures(tmp_path: Path) -> None:
    (tmp_path / "two.pcap").write_bytes(INCIDENT.read_bytes() + (EXAMPLES / "broken-pipe.pcap").read_bytes())
    run_fleet([str(tmp_path / "two.pcap")], str(tmp_path / "out"), in_process)
    assert len(rows(tmp_path / "out", "two.pcap#1")) == len(lines([str(INCIDENT)]))
    assert len(rows(tmp_path / "out", "two.pcap#2")) == 1


def test_nothing_to_read_or_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FleetRefused, match="no file to read"):
        run_fleet([str(tmp_path / "none")], str(tmp_path / "out"), in_process)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    with pytest.raises(FleetRefused, match="not empty"):
        run_fleet([str(INCIDENT)], str(tmp_path / "mine"), in_process)
    assert os.listdir(tmp_path / "mine") == ["letter"]


def test_captures_in_a_store_and_a_result_in_one(tmp_path: Path) -> None:
    """zip:// is read, memory:// read and written, through fsspec alone."""
    fsspec = pytest.importorskip("fsspec")
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for piece in cut(INCIDENT, 3, tmp_path / "pieces"):
            packed.write(piece, f"host/{Path(piece).name}")
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/fleet-in/one.pcap", (EXAMPLES / "broken-pipe.pcap").read_bytes())
    zipped = f"zip://host::file://{tmp_path}/all.zip"
    try:
        fleet = run_fleet([zipped, "memory://fleet-in/*.pcap", "memory://none.pcap"], "memory://fleet-out", in_process)
        assert [len(one.files) for one in fleet.captures] == [1, 3]
        assert [one.path for one in fleet.left_out] == ["memory://none.pcap"]
        found = []
        for part in memory.ls("/fleet-out/connections", detail=False):
            with memory.open(part, "rb") as stream:
                found += pq.read_table(stream).to_pylist()
        assert len(found) == 1 + len(lines([str(INCIDENT)]))
        again = run_fleet([zipped, "memory://fleet-in/*.pcap"], "memory://fleet-out", in_process)
        assert again.again == 2
    finally:
        memory.rm("/fleet-in", recursive=True)
        memory.rm("/fleet-out", recursive=True)


def test_a_store_that_nobody_knows_is_left_out_with_its_reason(tmp_path: Path) -> None:
    fleet = run_fleet([str(INCIDENT), "nosuch://bucket/a.pcap"], str(tmp_path / "out"), in_process)
    assert [one.path for one in fleet.left_out] == ["nosuch://bucket/a.pcap"]
    assert "nosuch" in fleet.left_out[0].why


def test_findings_are_of_the_whole_fleet(tmp_path: Path) -> None:
    """Three hosts saw the same trouble at the same listener: one finding, counted over all that each has there."""
    source, out = tmp_path / "in", tmp_path / "out"
    for host in "abc":
        cut(EXAMPLES / "client-timeouts.pcap", 2, source / host)
    run_fleet([str(source)], str(out), in_process)
    found = pq.read_table(out / "findings.parquet").to_pylist()
    one_capture = len(lines([str(EXAMPLES / "client-timeouts.pcap")]))
    worst = found[0]
    assert worst["captures"] == 3
    assert worst["connections"] % 3 == 0
    assert {entry["capture"] for entry in worst["sample"]} <= {f"{host}/piece-00.pcap" for host in "abc"}
    assert "In 3 captures" in worst["text"]
    assert len([one for one in found if one["code"] == worst["code"]]) == 1
    by_row = [row for row in rows(out) if row["cause"] == worst["code"]]
    assert len(by_row) == worst["connections"] <= 3 * one_capture


def test_rows_of_one_capture_by_two_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads follow connections, processes write stretches of rows; those of one that is killed are written here."""
    monkeypatch.setattr(row_files, "LEAST", 10)
    monkeypatch.setattr(reading, "WORTH_THREADS", 0)
    followers = []
    monkeypatch.setattr(shares, "SharedOut", lambda count: followers.append(count) or SharedOut(count))
    run_fleet([str(INCIDENT)], str(tmp_path / "one"), in_process)
    run_fleet([str(INCIDENT)], str(tmp_path / "two"), lambda _: InProcess(2))
    assert len(list((tmp_path / "two" / "connections").glob("*.parquet"))) == 2 * row_files.STRETCHES
    assert followers == [2]
    assert rows(tmp_path / "two") == rows(tmp_path / "one")
    parent, write = os.getpid(), row_files.rows_of

    def killed_elsewhere(triage: Triage, name: str, chosen: I64) -> object:
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return write(triage, name, chosen)

    monkeypatch.setattr(row_files, "rows_of", killed_elsewhere)
    run_fleet([str(INCIDENT)], str(tmp_path / "three"), lambda _: InProcess(2))
    assert rows(tmp_path / "three") == rows(tmp_path / "one")
    stored = StoredFleet(str(tmp_path / "three"))
    assert stored.sentence_of(len(stored) - 1)[0] == rows(tmp_path / "one")[-1]["sentence"]


@pytest.mark.parametrize(
    ("sizes", "workers", "shares"),
    [
        ([9], 2, [2]),
        ([5, 5], 2, [1, 1]),
        ([5, 5, 5], 2, [1, 1, 2]),  # the last one finds a worker with nothing to do
        ([9, 1, 1, 1], 2, [2, 1, 1, 1]),  # … as does one that takes longer than all the others
        ([5, 5], 4, [2, 2]),
        ([0, 0, 0], 1, [1, 1, 1]),
        ([], 2, []),
    ],
)
def test_workers_that_would_be_idle_help(sizes: list[int], workers: int, shares: list[int]) -> None:
    assert processes_for(sizes, workers) == shares
