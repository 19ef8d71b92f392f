"""All that findings say of looks that are made here, word by word. findings_golden.txt holds it.

`python -m tests.capture.sockets.findings.test_findings_golden` writes it anew: what changed is read in the diff.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.capture.sockets.findings import made_piles, made_queues, made_stalls
from tests.capture.sockets.findings.made_looks import found
from tests.golden_files import held, hold

TOLD = Path(__file__).with_name("findings_golden.txt")
ALL = made_piles.ALL | made_queues.ALL | made_stalls.ALL


@contextmanager
def in_utc() -> Iterator[None]:
    """Times of day as they are in Greenwich."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def told(name: str) -> list[str]:
    """What the findings of the last look say, in lines."""
    lines = []
    with in_utc(), tempfile.TemporaryDirectory() as folder:
        for one in found(Path(folder, "looks"), ALL[name]):
            sample = f"{len(one.sample)} from {one.sample[0]} to {one.sample[-1]}" if one.sample else "none"
            lines += [
                f"{one.severity.value} {one.code} of {one.connections}, {one.playbook}, named: {sample}",
                one.title,
                one.text,
                "; ".join(f"{key}={value}" for key, value in one.facts.items()),
            ]
    return lines or ["nothing"]


HELD = held(TOLD)


@pytest.mark.parametrize("name", ALL)
def test_what_is_told(name: str) -> None:
    assert told(name) == HELD.get(name)


def test_nothing_else_is_held() -> None:
    assert list(HELD) == list(ALL)


if __name__ == "__main__":
    hold(TOLD, ALL, told)
