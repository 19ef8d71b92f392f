"""What a typed line names: as a shell would read it, and a file with blanks as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.capture_reading import named


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
