"""A recording replays as the looks were; damaged files are said to be so."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from capture.sockets.errors import RecordingUnreadable
from capture.sockets.recording import Recorder, RecordingEnded, Replay
from capture.sockets.report import document
from capture.sockets.thresholds import Thresholds
from capture.sockets.watching import Watcher
from tests.capture.sockets.making import maker
from tests.capture.sockets.network import in_own_network


def by_cookie(told: dict[str, object]) -> dict[str, object]:
    sockets = told["sockets"]
    assert isinstance(sockets, list)
    # A replayed counter moves from its first look on, as live.
    return told | {"sockets": {entry["cookie"]: entry for entry in sockets}}


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
        if not suffix:
            # The machine may have gone down while it wrote.
            whole = Path(path).read_bytes()
            Path(path).write_bytes(whole[: len(whole) - 10])
            replay = Replay(path)
            left = list(replay)
            assert len(left) == len(live) - 1
            assert replay.cut_short
            assert f"after look {len(left)}" in left[-1].limits[-1]


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
