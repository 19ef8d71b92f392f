"""What a typed line names: as a shell would read it, and a file with blanks as it stands. And a pipe, as it comes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from capture.triage import Triage
from tui.work.capture_reading import Growing, named, spool


def test_words_patterns_and_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("b.pcap1", "b.pcap0", "a b.pcap"):
        (tmp_path / name).touch()
    assert named("a b.pcap") == (("a b.pcap",), False)
    assert named("b.pcap* --join") == (("b.pcap0", "b.pcap1"), True)
    assert named("~/b.pcap0 'a b.pcap'") == ((f"{tmp_path}/b.pcap0", "a b.pcap"), False)
    assert named("missing.pcap") == (("missing.pcap",), False)
    assert named("it's") == (("it's",), False)


def test_a_pipe_shows_what_came_before_it_ends(tmp_path: Path) -> None:
    data = (Path(__file__).parents[3] / "tui" / "examples" / "incident.pcap").read_bytes()
    reading, writing = os.pipe()
    shown: list[int] = []
    ended = threading.Event()

    def grew(triage: Triage) -> None:
        shown.append(len(triage.decoded.flows))
        if len(shown) == 1:
            os.write(writing, data[6000:60000])
        elif len(shown) == 2:
            os.close(writing)
            ended.set()

    os.write(writing, data[:6000])
    path = spool(reading, lambda _: None, lambda: False, lambda path: Growing(path, grew))
    try:
        assert ended.is_set()
        assert 0 < shown[0] < shown[1]
        assert Path(path).read_bytes() == data[:60000]
    finally:
        os.unlink(path)
        os.close(reading)
