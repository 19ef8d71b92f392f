from __future__ import annotations

import time
from pathlib import Path

from tui.work.watch_child import WatchChild


def heard(said: list[str], word: str) -> bool:
    for _ in range(300):
        if any(word in one for one in said):
            return True
        time.sleep(0.1)
    return False


def test_the_screen_starts_freezes_and_ends_a_recorder(tmp_path: Path) -> None:
    said: list[str] = []
    child = WatchChild(tmp_path / "incidents", said.append)
    assert heard(said, "recording into")
    assert not any("tcptriage watch:" in one for one in said)
    child.freeze()
    assert heard(said, "signal:USR1")
    child.stop()  # what was asked for is written all the same
    assert heard(said, "incident-")
    for _ in range(300):
        if not child.running:
            break
        time.sleep(0.1)
    assert not child.running
    assert [one.name.startswith("incident-") for one in (tmp_path / "incidents").iterdir()] == [True]
