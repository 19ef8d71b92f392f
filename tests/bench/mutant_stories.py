"""Connections in the notation that tell a small change to the verdicts from the code: the rows that a table lacks.

usage: python -m tests.bench.mutant_stories RESULTS [--count 4000] [--seed 1] [--only TEXT]

RESULTS is what mutant_tables.py wrote. For each change in it that survived, connections and captures made at random out
of those of the tables are told by the code and with the change, the shortest first; prints the first that differs, with
both tellings: to be read, and to be put into a table where what the code tells is right. A change that no story shows
may be one that nobody can see.
"""

from __future__ import annotations

import argparse
import importlib
import random
import re
import sys
from pathlib import Path
from typing import Any

from tests.bench.mutant_changes import Change, changes_of
from tests.bench.mutant_tables import _Changed, _forget, _in_child
from tests.bench.mutants import equivalent, results_of, told_apart

SINGLE = "tests.capture.verdicts.test_golden"
CAPTURES, GROUPS = "tests.capture.verdicts.test_captures_golden", "tests.capture.verdicts.test_groups_golden"
GAPS = "0.001 0.05 0.197 0.198 0.199 0.2 0.3 0.5 0.998 0.999 1 1.999 2 3 4.999 5 9 29.998 29.999 30 40 58 60 61 75 120"
GAPS += " 240 299 300 301 350 3600 7200"
TOKENS = "cS sSA cA sA cPA20 sPA50 cPA1448 sPA1448 cA1448 sA1448 cFA sFA cR sR cRAt sRAt cRA sRA cAk sAk cAz sAz"
TOKENS += " cPA20* sPA50* cS* sSA* cFA* sFA* cPA24g sPA24g cPA24? sPA24? cPA20h sPA20h sPA50m sPA50c sPA50e cFPA9"
TOKENS += " sFPA9 i3.1 i3.3 i3.4:1400 i11.0 sR! cR! cA~ sFA~ cFA~ sR^63 sRAt^63 cR^63 sRAt#9000 sPA50d cPA20d cPA9o"
Story = tuple[tuple[str, ...], dict[str, Any]]


def _mutated(text: str, rng: random.Random) -> str:
    """One to four changes of a connection: packets left out, doubled, put in, swapped; marks and pauses."""
    tokens = text.split()
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(tokens) + 1)
        what = rng.randrange(9)
        if what == 0 and len(tokens) > 1:
            del tokens[min(at, len(tokens) - 1)]
        elif what <= 2:
            tokens.insert(at, rng.choice(TOKENS.split()))
        elif what == 3 and at + 1 < len(tokens):
            tokens[at], tokens[at + 1] = tokens[at + 1], tokens[at]
        elif what <= 5 and at < len(tokens):
            bare = re.sub(r"^<[\d.]+>", "", tokens[at])
            tokens[at] = f"<{rng.choice(GAPS.split())}>{bare}" if rng.random() < 0.8 else bare
        elif what == 6 and at < len(tokens) and not re.search(r"i\d|[\^#]", tokens[at]):
            tokens[at] += rng.choice("*zk~!tghmd?oxec" if re.search(r"\d$", tokens[at]) else "*z~!tx")
        elif what == 7 and at < len(tokens):
            tokens.insert(at, tokens[at])
        elif what == 8:
            del tokens[max(at, 1) :]
    if rng.random() < 0.08:  # only one direction
        side = rng.choice("cs")
        tokens = [one + "x" if re.match(rf"(<[\d.]+>)?{side}[SFRPA]+\d*[^x^#]*$", one) else one for one in tokens]
    return " ".join(tokens)


def stories(count: int, seed: int) -> list[Story]:
    """Made at random, the shortest first."""
    rng = random.Random(seed)
    single = [text.split(" & ") for text in importlib.import_module(SINGLE).HELD]
    many = [*importlib.import_module(CAPTURES).CAPTURES.values(), *importlib.import_module(GROUPS).GROUPS.values()]
    made: list[Story] = []
    while len(made) < count:
        of = (rng.choice(single), dict[str, Any]()) if rng.random() < 0.75 else rng.choice(many)
        texts, more = list(of[0]), dict(of[1])
        if not more and rng.random() < 0.05:
            texts *= rng.choice((2, 3, 5))
        for at in range(len(texts)):
            if at == 0 or rng.random() < 0.3:
                texts[at] = _mutated(texts[at], rng)
        more = {key: _shifted(value, rng) for key, value in more.items()}
        made.append((tuple(texts), more))
    return sorted(made, key=lambda one: sum(len(text) for text in one[0]) + 4 * len(str(one[1])))


def _shifted(values: Any, rng: random.Random) -> Any:
    if rng.random() > 0.3 or not isinstance(values, list):
        return values
    at, moved = rng.randrange(len(values)), rng.choice((-1, -0.5, -0.001, 0.001, 0.5, 1, 5))
    return [
        *values[:at],
        values[at] + moved if isinstance(values[at], float) else rng.choice(values),
        *values[at + 1 :],
    ]


def tell(story: Story) -> list[str]:
    """What is told of a story by each of the tables it could stand in; what is raised, where it cannot be told."""
    texts, more = story
    lines: list[str] = []
    try:
        if not more:
            lines += importlib.import_module(SINGLE).told(" & ".join(texts))
        if not more and len(texts) == 1:
            return lines
        for name, of in ((CAPTURES, "CAPTURES"), (GROUPS, "GROUPS")):
            module = importlib.import_module(name)
            getattr(module, of)["?"] = (list(texts), more)
            lines += module.told("?")
    except Exception as error:
        lines.append(repr(error))
    return lines


def survivors(results: Path) -> list[Change]:
    """The changes that survived, as far as the code still has them."""
    alive = {change for change, caught in results_of(results).items() if not caught}
    paths = sorted({Path(change.split(":")[0]) for change in alive})
    same = equivalent()
    return [one for path in paths for one in changes_of(path) if str(one) in alive and told_apart(one, same)]


def found(change: Change, made: list[Story], by_code: list[list[str]]) -> tuple[Story, list[str], list[str]] | None:
    """The first story that is told otherwise with the change."""

    def ask() -> Any:
        _forget("verdicts")
        sys.meta_path.insert(0, _Changed(change))
        for story, told in zip(made, by_code, strict=True):
            if (now := tell(story)) != told:
                return story, told, now
        return ()

    return _in_child(ask, 600) or None


def write_shown(change: Change, shown: tuple[Story, list[str], list[str]] | None) -> None:
    """A change, and the first story that shows it with what is told by the code and by the change."""
    print(f"\n{change}\n    {change.source}", flush=True)
    if shown is None:
        print("  no story shows it", flush=True)
        return
    (texts, more), by_code, now = shown
    print(f"  {' & '.join(texts)!r} {more or ''}")
    for sign, lines, others in (("-", by_code, now), ("+", now, by_code)):
        print("".join(f"  {sign} {line}\n" for line in lines if line not in others), end="", flush=True)


def main() -> None:
    """Find a story for each survivor, print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="changes whose text matches this pattern")
    given = parser.parse_args()
    made = stories(given.count, given.seed)
    by_code = _in_child(lambda: [tell(story) for story in made], 600)
    kept = [(story, told) for story, told in zip(made, by_code, strict=True) if "Error(" not in told[-1]]
    made, by_code = [story for story, _ in kept], [told for _, told in kept]
    print(f"{len(made)} stories", flush=True)
    for change in survivors(given.results):
        if given.only and not re.search(given.only, str(change)):
            continue
        shown = found(change, made, by_code)
        write_shown(change, shown)


if __name__ == "__main__":
    main()
