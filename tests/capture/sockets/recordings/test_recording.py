"""A recording replays as the looks were; damaged files are said to be so."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from capture.sockets.findings.thresholds import Thresholds
from capture.sockets.recordings.recording import Recorder
from capture.sockets.recordings.replay import RecordingEnded, Replay
from capture.sockets.snapshot import Snapshot
from capture.sockets.socket_watch import Watcher
from capture.sockets.sockets_report import document
from capture.sockets.sources.socket_errors import RecordingUnreadable
from tests.capture.sockets.making import maker
from tests.capture.sockets.network import in_own_network


def by_cookie(told: dict[str, object]) -> dict[str, object]:
    sockets = told["sockets"]
    assert isinstance(sockets, list)
    # A replayed counter moves from its first look on, as live.
    return told | {"sockets": {entry["cookie"]: entry for entry in sockets}}


@in_own_network
def test_what_looks_tell_of_changes_is_what_a_walk_over_all_rows_finds(tmp_path: Path) -> None:
    """Told, every look; told since a look that was not written; and not told."""
    paths = [str(tmp_path / name) for name in ("told", "some", "walked")]
    with (
        maker(60) as made,
        socket.create_server(("127.0.0.1", 0)) as listener,
        Recorder(paths[0]) as told,
        Recorder(paths[1]) as some,
        Recorder(paths[2]) as walked,
        Watcher() as watcher,
    ):
        waiting, few = [socket.create_connection(listener.getsockname()) for _ in range(8)], 0
        commands = (
            "pass-by",
            "half-close 5",
            "cycle 6",
            "churn 6",
            "shut 5",
            "write 5 9",
            "pass-by",
            "open 4",
            "pass-by",
        )
        for number, command in enumerate(commands):
            made.tell(command)
            if number % 2:  # its inode comes, then its owner goes to another process
                waiting.append(listener.accept()[0])
            if number == 5 and not (child := os.fork()):
                time.sleep(60)
                os._exit(0)
            if number == 6:
                waiting.pop().close()
            snapshot = watcher.look(details=number == 4)
            few += snapshot.touched is not None and len(snapshot.touched) < len(snapshot.rows) / 2
            told.write(snapshot)
            walked.write(replace(snapshot, touched=None))
            if number % 3:
                some.write(snapshot)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert few >= 5
    looks = [[kept(look) for look in Replay(path)] for path in paths]
    assert looks[0] == looks[2]
    assert looks[1] == [look for number, look in enumerate(looks[2]) if number % 3]


def kept(look: Snapshot) -> dict[str, object]:
    return {
        row.cookie: (row.raw[:52], row.raw[56:], [(one.pid, one.fd) for one in row.owners], row.hidden, row.since)
        for row in look.rows
    }


@pytest.mark.parametrize("suffix", ["", ".gz"])
@in_own_network
def test_a_recording_replays_as_the_looks_were(suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/looks{suffix}"
        live, transitions = [], []
        with maker(200) as made, Recorder(path) as recorder:
            watcher = Watcher(thresholds=Thresholds(close_wait_s=0, fin_wait_2_s=0, resets_least=1000))
            for command in ("pass-by", "half-close 50", "cycle 20", "churn 20", "shut 20", "pass-by"):
                made.tell(command)
                snapshot = watcher.look()
                recorder.write(snapshot)
                live.append(by_cookie(document(snapshot)))
                transitions.append(
                    [(entry.cookie, entry.kind, entry.owners and entry.owners[0].pid) for entry in snapshot.transitions]
                )
        replay = Replay(path, Thresholds(close_wait_s=0, fin_wait_2_s=0, resets_least=1000))
        assert oct(os.stat(path).st_mode & 0o777) == "0o600"
        for told, log in zip(live, transitions, strict=True):
            snapshot = replay.look()
            assert by_cookie(document(snapshot)) == told
            assert sorted((e.cookie, e.kind) for e in snapshot.transitions) == sorted(entry[:2] for entry in log)
        assert replay.ended
        with pytest.raises(RecordingEnded):
            replay.look()
        assert {finding.code for finding in snapshot.findings} >= {"close_wait_pile", "fin_wait_2_pile"}
        assert not [
            one
            for look in Replay(path, Thresholds(close_wait_sockets=500, fin_wait_2_sockets=500, resets_least=1000))
            for one in look.findings
            if one.code != "open_files_near_limit"  # another process of this machine
        ]
        assert not replay.cut_short
        whole = Path(path).read_bytes()
        for kept in (len(whole) - 60, len(whole) * 2 // 3):  # the machine may have gone down while it wrote
            Path(path).write_bytes(whole[:kept])
            replay = Replay(path)
            left = list(replay)
            assert len(left) <= len(live)
            assert replay.cut_short
            assert f"after look {len(left)}" in left[-1].limits[-1]
            assert not any("has no end" in limit for limit in list(Replay(path, unfinished=True))[-1].limits)
        assert len(left) < len(live)


@in_own_network
def test_an_existing_file_is_replaced_only_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "looks"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        Recorder(path)
    assert path.read_text() == "precious"
    with Recorder(path, overwrite=True) as recorder:
        recorder.write(Watcher().look())
    assert len(list(Replay(path))) == 1


@in_own_network
def test_what_does_not_change_costs_nothing(tmp_path: Path) -> None:
    """Countdowns of TIME-WAIT and keep-alive timers are no change."""
    with maker(300) as made:
        made.tell("cycle 200")
        watcher = Watcher()
        sizes = []
        with Recorder(tmp_path / "looks") as recorder:
            for _ in range(4):
                recorder.write(watcher.look(details=True))
                sizes.append((tmp_path / "looks").stat().st_size)
                time.sleep(0.3)
        first, *more = [after - before for before, after in zip([0, *sizes], sizes, strict=False)]
    assert first > 10_000
    assert max(more) < first / 10


@in_own_network
def test_unix_listeners_bound_ports_and_tapped_resets_are_kept(tmp_path: Path) -> None:
    listener, unix = socket.create_server(("127.0.0.1", 0), backlog=64), socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "u.sock"))
    unix.listen(1)
    clients = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    for client in clients:
        client.connect(str(tmp_path / "u.sock"))
    watcher = Watcher(exact=True)
    live = []
    with Recorder(tmp_path / "looks") as recorder:
        for _ in range(3):
            for _ in range(40):
                with socket.create_connection(listener.getsockname()) as client:
                    client.send(b"x")
                    server = listener.accept()[0]
                    time.sleep(0.001)
                    server.close()
            live.append(watcher.look())
            recorder.write(live[-1])
    replayed = list(Replay(tmp_path / "looks"))
    for one, other in zip(live, replayed, strict=True):
        assert [(f.code, f.title) for f in one.findings] == [(f.code, f.title) for f in other.findings]
        assert [(u.path, u.waiting, u.owners[0].pid) for u in other.unix_listeners] == [
            (str(tmp_path / "u.sock"), 2, os.getpid())
        ]
    codes = {finding.code for look in replayed for finding in look.findings}
    assert {"resets", "accept_queue_full"} <= codes


@in_own_network
def test_what_lies_before_damage_is_read_and_the_damage_is_said(tmp_path: Path) -> None:
    path = tmp_path / "looks"
    watcher = Watcher(all_namespaces=False)
    with maker(200) as made, Recorder(path) as recorder:
        ends = []
        for _ in range(8):
            recorder.write(watcher.look())
            ends.append(path.stat().st_size)
            made.tell("churn 20")
    whole = path.read_bytes()
    plain = gzip.decompress(whole)
    for kept in (3, 6):
        for flipped in (ends[kept - 1] + 20, (ends[kept - 1] + ends[kept]) // 2):
            path.write_bytes(whole[:flipped] + bytes([whole[flipped] ^ 0xFF]) + whole[flipped + 1 :])
            replay = Replay(path)
            looks = list(replay)
            assert len(looks) >= kept
            # a byte may be another and the text still be one: then the checksum at the end tells
            told = f"after look {len(looks)}" if len(looks) < 8 else "its checksum does not fit"
            assert told in looks[-1].limits[-1]
            assert not any("damage" in limit for look in looks[:-1] for limit in look.limits)
        lines = plain.splitlines(keepends=True)
        path.write_bytes(b"".join([*lines[:kept], b'{"schema":"tcptriage.looks/2","time":', *lines[kept + 1 :]]))
        looks = list(Replay(path))
        assert len(looks) == kept
        assert f"damaged after look {kept} (line {kept + 1}: " in looks[-1].limits[-1]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "holds no look"),
        (b"\x00\xff\x00\n", "line 1"),
        (b"{}\n", "line 1"),
        (b'{"schema":"else"}\n', "line 1"),
        (b"\x1f\x8bnot gzip at all\n", "compress"),
    ],
)
def test_what_is_no_recording_is_said_to_be_none(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "looks"
    path.write_bytes(content)
    with pytest.raises(RecordingUnreadable, match=why) as caught:
        Replay(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_recording_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(RecordingUnreadable, match="No such file"):
        Replay(tmp_path / "none")
