"""A folder whose files are damaged: what is whole is read, and what is not is said in one line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from capture.recorder.events_of_connections import event_of
from capture.recorder.incident_folder import MANIFEST, PACKETS
from capture.triage import triage
from capture.wire.capture_errors import CaptureUnreadable

EXAMPLE = Path(__file__).parents[3] / "tui" / "examples" / "broken-pipe.pcap"
EVENT = {
    "time": 1796124685.25,
    "kind": "call_failed",
    "local": {"ip": "10.0.0.1", "port": 80},
    "remote": {"ip": "10.0.0.2", "port": 5000},
    "errno": "EPIPE",
    "call": "send",
    "owner": {"pid": 5, "name": "nginx"},
    "netns": "web",
    "cookie": "1f",
}


@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"schema": 5}', '{"schema": "tcptriage.incident/1"}', "\udc80"])
def test_a_damaged_manifest_is_refused_beside_what_can_be_read(tmp_path: Path, manifest: str) -> None:
    folder = tmp_path / "incident-20261201T113128Z"
    folder.mkdir()
    shutil.copy(EXAMPLE, folder / PACKETS)
    (folder / MANIFEST).write_text(manifest, "utf-8", "surrogateescape")
    refused: list[CaptureUnreadable] = []
    read = triage([str(folder), str(EXAMPLE)], refused=refused.append)
    assert [one.index for one in read] == [0]
    assert [str(error).count("\n") for error in refused] == [0]
    assert "open its packets.pcapng by itself" in str(refused[0])
    with pytest.raises(CaptureUnreadable):
        triage([str(folder)])


def test_a_whole_event_is_read_as_it_was_written() -> None:
    event = event_of(EVENT)
    assert event is not None
    assert (event.errno, event.call, event.netns, event.cookie) == ("EPIPE", "send", "web", "1f")


@pytest.mark.parametrize("value", [[], {"a": 1}, 5, 1.5, True])
@pytest.mark.parametrize("name", ["errno", "call", "reason", "netns", "cookie", "local", "owner", "kind"])
def test_an_event_with_a_value_of_another_kind_is_none(name: str, value: Any) -> None:
    assert event_of({**EVENT, name: value}) is None
