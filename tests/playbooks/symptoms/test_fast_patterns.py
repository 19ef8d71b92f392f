from __future__ import annotations

import re
import tomllib
from importlib import resources

import pytest

from playbooks.symptoms.fast_patterns import Guarded, alternatives, needed_literal
from tests.playbooks.symptoms.samples import HERE, samples


def all_patterns() -> list[str]:
    root = resources.files("playbooks.symptoms")
    rules, sources, patterns = (
        tomllib.loads(root.joinpath(name).read_text("utf-8"))
        for name in ("rules.toml", "sources.toml", "patterns.toml")
    )
    found = [rule[key] for group in rules.values() for rule in group for key in ("match", "unless") if key in rule]
    found += [pattern for _, pattern in sources["sources"]]
    for group in patterns.values():
        for value in group.values():
            found += value if isinstance(value, list) else [value]
    return found


def test_a_guarded_pattern_says_what_re_says() -> None:
    lines = [s.text.lower() for name in ("lines.txt", "held_out.txt") for s in samples(name)]
    lines += (HERE / "ordinary.txt").read_text("utf-8").lower().splitlines()
    for number, pattern in enumerate(all_patterns()):
        guarded, plain = Guarded(pattern), re.compile(pattern)
        different = [line for line in lines[number % 3 :: 3] if guarded.found(line) != bool(plain.search(line))]
        assert different == [], pattern


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("a|b", ["a", "b"]),
        (r"a\|b", [r"a\|b"]),
        ("[|]x|y", ["[|]x", "y"]),
        ("(a|b)", ["a", "b"]),
        (r"\b(ab|cd)\b", [r"\b(?:ab)\b", r"\b(?:cd)\b"]),
        ("(a|b)?c", ["(a|b)?c"]),
        ("ab(c|d)", ["ab(c|d)"]),
    ],
)
def test_patterns_are_cut_at_their_alternatives(pattern: str, parts: list[str]) -> None:
    assert alternatives(pattern) == parts


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        (r"\bread timed out\b", "read timed out"),
        (r"abcd?ef", "abc"),
        (r"x\d+ of (y|z)", " of "),
        (r"(?:kafka)\b", "kafka"),
        (r"(?!kafka)a", ""),
        (r"a{2,3}bcd", "bcd"),
        (r"[abc]+", ""),
        (r"\(104: ", "(104: "),
    ],
)
def test_the_literal_that_a_match_needs(pattern: str, literal: str) -> None:
    assert needed_literal(pattern) == literal
