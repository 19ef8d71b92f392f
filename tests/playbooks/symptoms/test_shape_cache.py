"""A memo says of every line what `explain_line` says, whatever its addresses, ports, times and numbers are."""

from __future__ import annotations

import random
import re

import pytest

from playbooks.symptoms import shape_cache
from playbooks.symptoms.explain_line import explain_line
from playbooks.symptoms.log_scan import may_tell
from playbooks.symptoms.shape_cache import Memo
from tests.playbooks.symptoms.samples import HERE, all_samples, ordinary_lines

LINES = [s.text for s in all_samples()]
ORDINARY = [*(HERE / "ordinary.txt").read_text("utf-8").splitlines(), *ordinary_lines(300)]
ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
CLOCK = re.compile(r"\b\d\d:\d\d:\d\d\b")
NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")


def varied(line: str, rng: random.Random) -> str:
    """The line as the same statement would write it at another time, of other peers, with other numbers."""
    addresses: dict[str, str] = {}

    def address(found: re.Match[str]) -> str:
        another = ".".join(str(rng.choice((rng.randint(0, 9), rng.randint(0, 255)))) for _ in range(4))
        return addresses.setdefault(found[0], another)

    def number(found: re.Match[str]) -> str:
        if rng.random() < 0.6:
            return found[0]
        return str(rng.randint(10 ** (len(found[0]) - 1), 10 ** len(found[0]) - 1))

    line = ADDRESS.sub(address, line)
    line = CLOCK.sub(lambda _: f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}", line)
    return NUMBER.sub(number, line)


@pytest.mark.parametrize("seed", range(3))
def test_a_memo_says_what_each_line_says(seed: int) -> None:
    rng = random.Random(seed)
    third = -(-len(LINES) // 3)
    lines = LINES[seed * third : (seed + 1) * third] + rng.sample(ORDINARY, 250)
    lines = [varied(line, rng) for line in lines for _ in range(3)]
    rng.shuffle(lines)
    remembering = Memo()
    wrong = [line for line in lines if remembering.explain(line) != explain_line(line)]
    assert wrong == []


def test_a_line_that_may_not_tell_anything_tells_nothing() -> None:
    assert [line for line in LINES if explain_line(line) is not None and not may_tell(line)] == []


def test_a_memo_forgets_rather_than_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape_cache, "MOST_SHAPES", 50)
    remembering = Memo()
    told = [remembering.explain(line) for _ in range(2) for line in LINES[:120]]
    assert told == [explain_line(line) for _ in range(2) for line in LINES[:120]]
    assert len(remembering._plans) <= 50
