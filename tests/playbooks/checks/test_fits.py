"""A capture is offered only what cures what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbooks.checks.captures import capture_causes
from playbooks.loader import load_all
from tests.playbooks.checks.making import captured, host

FITS = {
    "silent_drop": ["user-timeout-go"],
    "idle_drop": ["keepalive", "topic:idle"],
    "path_mtu_black_hole": ["clamp-mss"],
}


def offered(causes: dict[str, int]) -> list[str]:
    judged = capture_causes(host(capture=captured(causes)), causes=list(FITS), fits=FITS)
    return [one.fix for one in judged.offers]


def test_only_what_fits_and_the_commonest_first() -> None:
    assert offered({"idle_drop": 3, "normal_close": 9}) == ["keepalive", "topic:idle"]
    assert offered({"path_mtu_black_hole": 1}) == ["clamp-mss"]
    assert offered({"silent_drop": 1, "idle_drop": 2}) == ["keepalive", "topic:idle", "user-timeout-go"]
    assert offered({"normal_close": 9}) == []


@pytest.mark.parametrize("name", sorted(load_all(Path("/nonexistent"))))
def test_what_fits_is_known(name: str) -> None:
    book = load_all(Path("/nonexistent"))[name]
    known = {fix.id for fix in book.fixes} | {f"topic:{topic}" for topic in book.cures}
    for step in book.steps:
        for cause, fixes in step.given.get("fits", {}).items():
            assert cause in step.given["causes"], (step.id, cause)
            assert set(fixes) <= known, (step.id, set(fixes) - known)
