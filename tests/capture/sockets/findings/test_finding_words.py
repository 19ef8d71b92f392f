from __future__ import annotations

import time
import tomllib
from dataclasses import fields
from importlib import resources
from pathlib import Path

import pytest

from capture.sockets.findings.finding_words import age_text, rate_text, share_text, since_text
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
        (9.99, False, "10.0 s"),
        (10, False, "10 s"),
        (89.9, False, "90 s"),
        (90, False, "2 min"),
        (5399, False, "90 min"),
        (5400, False, "2 h"),
        (172_799, False, "48 h"),
        (172_800, False, "2 days"),
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


def test_a_time_of_day_has_its_date_where_that_is_not_today() -> None:
    noon = time.mktime((*time.localtime()[:3], 12, 0, 0, 0, 0, -1))
    assert since_text(noon) == "12:00:00"
    assert since_text(noon + 3600.0, at_latest=True) == "13:00:00 or earlier"
    assert since_text(noon - 172_800.0).endswith(":00:00")
    assert len(since_text(noon - 172_800.0)) == len("2026-01-01 12:00:00")


def test_a_rate_has_the_digits_that_it_carries() -> None:
    assert [rate_text(rate) for rate in (9.96, 9.94, 10.0, 1234.5)] == ["10.0", "9.9", "10", "1,234"]
