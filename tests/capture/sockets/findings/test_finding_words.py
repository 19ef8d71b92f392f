from __future__ import annotations

import tomllib
from dataclasses import fields
from importlib import resources
from pathlib import Path

import pytest

from capture.sockets.findings.finding_words import age_text, share_text
from capture.sockets.findings.thresholds import Thresholds

LAST = ("growth", "room", "waited", "why", "link", "closed", "reason", "who", "other_end")
LIBRARY = Path(__file__).parents[4] / "playbooks" / "library"
PLAYBOOKS = {path.stem for path in LIBRARY.glob("*.toml")}


@pytest.mark.parametrize(
    ("seconds", "is_minimum", "said"),
    [
        (3.24, False, "3.2 s"),
        (45, False, "45 s"),
        (200, True, "at least 3 min"),
        (7300, False, "2 h"),
        (300_000, False, "3 days"),
    ],
)
def test_ages_for_people(seconds: float, is_minimum: bool, said: str) -> None:
    assert age_text(seconds, is_minimum) == said


@pytest.mark.parametrize(("share", "said"), [(0.5, "50 %"), (0.9999, "99 %"), (1.0, "100 %"), (1.2, "120 %")])
def test_shares(share: float, said: str) -> None:
    assert share_text(share) == said


def test_every_finding_has_its_sentences_and_a_playbook_that_exists() -> None:
    catalogue = tomllib.loads(resources.files("capture.sockets.findings").joinpath("findings.toml").read_text())
    assert catalogue.pop("phrases")
    assert catalogue.pop("thresholds").keys() == {field.name for field in fields(Thresholds)}
    for code, entry in catalogue.items():
        assert entry["title"], code
        assert entry["text"].rstrip("}").endswith((".", *LAST)), code
        assert entry["playbook"] in PLAYBOOKS
