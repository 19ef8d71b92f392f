"""Connections in the notation that tell a small change to the engine: the rows that flows_golden.txt lacks.

usage: python -m tests.bench.mutant_segments RESULTS [--count 4000] [--seed 1] [--only PATTERN] [--tables]

As mutant_stories.py does for the verdicts: for each change of a C file in RESULTS that survived, the engine is compiled
with it, and connections made at random are told by both. `--tables`: only those of the table, for what it catches.
"""

from __future__ import annotations

import argparse
import importlib
import random
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.mutant_changes import ROOT, Change
from tests.bench.mutant_stories import Story, stories, survivors, write_shown
from tests.bench.mutant_tables import _in_child
from tests.bench.mutant_tree import FLAGS

ENGINE = ROOT / "capture/engine"
FLOWS = "tests.capture.flows.test_flows_golden"
SPANS = (
    "-0.0009 -0.00081 -0.0008 -0.0005 0.001999 0.002 0.003999 0.004 0.004999 0.005 0.018999 0.019 0.039 0.298999 0.299"
)


class Engines:
    """The engine, and the same with a change, each as a library of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for source in ENGINE.glob("*.c"):
            self._compile(source, folder / f"{source.stem}.o")
        self.plain = self._linked("plain.so")

    def _compile(self, source: Path, target: Path) -> None:
        subprocess.run(["cc", *FLAGS, f"-I{ENGINE}", "-c", "-o", target, source], check=True, capture_output=True)

    def _linked(self, name: str) -> Path:
        target = self.folder / name
        subprocess.run(["cc", "-shared", "-o", target, *sorted(self.folder.glob("*.o"))], check=True)
        return target

    def changed(self, change: Change) -> Path:
        """The library with a change. Raises CalledProcessError where it is no C."""
        whole, made = (ROOT / change.path).read_bytes(), self.folder / f"{change.path.stem}.o"
        source, kept = self.folder / change.path.name, self.folder / "kept"
        source.write_bytes(whole[: change.begin] + change.text.encode() + whole[change.end :])
        shutil.copy(made, kept)
        try:
            self._compile(source, made)
            return self._linked("changed.so")
        finally:
            shutil.copy(kept, made)


def _varied(story: Story, rng: random.Random) -> Story:
    """The same with short pauses, windows, identifications and lengths of packets."""
    texts, more = story
    varied = []
    for text in texts:
        tokens = text.split()
        for at, token in enumerate(tokens):
            if rng.random() < 0.08:
                tokens[at] = f"<{rng.choice(SPANS.split())}>" + re.sub(r"^<[^>]+>", "", token)
            if rng.random() < 0.05 and re.search(r"A\d+$", token):
                tokens[at] = re.sub(
                    r"\d+$", rng.choice(["1", "2", "20", "24", "64", "500", "1000", "1023", "1448"]), token
                )
            if rng.random() < 0.05 and not re.search(r"[@i#z]", token):
                tokens[at] += "@" + rng.choice(["1", "20", "50", "499", "501", "1448"])
            elif rng.random() < 0.03 and not re.search(r"[@i#]", token):
                tokens[at] += "#" + rng.choice(["1", "2", "3", "7"])
        varied.append(" ".join(tokens))
    if rng.random() < 0.1:  # the same ends once more
        varied = varied[:1] * 2 if rng.random() < 0.5 else [varied[0], rng.choice(varied)]
        more = {
            "sources": [4000, 4000],
            "starts": [0, rng.choice((0.5, 3.0, 70.0))],
            "isns": [1, rng.choice((1, 2, 30))],
        }
    return tuple(varied), more


def tell(stories: list[Story], library: Path) -> list[list[str]]:
    """What an engine tells of stories, in a process that has not loaded another one."""
    import capture.engine.library as loading

    loading.compiled = lambda: str(library)  # type: ignore[attr-defined,assignment]
    module: Any = importlib.import_module(FLOWS)
    found = []
    for texts, more in stories:
        module.FLOWS["?"] = (list(texts), more)
        try:
            found.append(module.told("?"))
        except Exception as error:
            found.append([repr(error)])
    return found


def _first(made: list[Story], by_code: list[list[str]], library: Path) -> tuple[Story, list[str], list[str]] | None:
    for at in range(0, len(made), 250):
        part = made[at : at + 250]
        now = _in_child(lambda part=part: tell(part, library), 60)  # type: ignore[misc]
        if now is None:
            return part[0], ["it ends"], ["it crashes or hangs"]
        for story, told, other in zip(part, by_code[at:], now, strict=False):
            if told != other:
                return story, told, other
    return None


def main() -> None:
    """Find a story for each survivor, print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="changes whose text matches this pattern")
    parser.add_argument("--tables", action="store_true", help="ask the table's own connections alone")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        engines = Engines(Path(folder))

        def make() -> list[Story]:
            table = [(tuple(texts), more) for texts, more in importlib.import_module(FLOWS).FLOWS.values()]
            return table if given.tables else [_varied(one, rng) for one in stories(given.count, given.seed)]

        made: list[Story] = _in_child(make, 600)
        by_code = _in_child(lambda: tell(made, engines.plain), 600)
        print(f"{len(made)} stories", flush=True)
        for change in survivors(given.results):
            if change.path.suffix != ".c" or (given.only and not re.search(given.only, str(change))):
                continue
            try:
                shown = _first(made, by_code, engines.changed(change))
            except subprocess.CalledProcessError:
                continue
            write_shown(change, shown)


if __name__ == "__main__":
    main()
