"""Small changes to rules, arithmetic and checks, made one at a time: do the tests notice?

usage: python -m tests.bench.mutants [--area NAME]… [--file NAME]… [--count 60] [--seed 1] [--seconds 120]
                                     [--of FILE] [--results FILE] [--cover FILE] [--thorough] [--list]

Each change is made in a copy of the tree: a comparison turned, a constant moved, a sign or `and` swapped, a code or
certainty of a rule replaced, a `return` emptied. Which tests run a line is found out once, and those are asked until
the first failure; for a C file, which is compiled anew, those of its area, folder by folder. Prints every change that
survived, and the share that was caught; exit status 1 below 95 %. `--results` keeps a line for each change, and what is
in it is not made again; `--of` makes those alone that survived there, as mutant_tables.py wrote it; `--cover` keeps
which tests run a line: a new test is asked once that file is away. Changes that change nothing anyone can see stand in
equivalent_mutants.toml with the reason, and are not made. Nothing of the tree itself is changed. What was measured
last: mutants.md. Where an area has tables of what is told, mutant_tables.py holds every change against those alone, a
hundred times as fast, and mutant_stories.py looks for the rows that they lack.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from tests.bench.mutant_changes import ROOT, Change, changes_of
from tests.bench.mutant_tree import CannotCompile, Tree

LEAST = 0.95
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")

OWNERS = ("owners", "process_limits", "process_visibility", "socket_table")
SOURCES = ("procfs", "namespaces", "container_names", "unix_listeners")
# long tests: their lines are not noted; the first two run the engine alone, the others are asked with --thorough
ONLY_C = ("tests/oracle", "tests/capture/engine/test_connection_release.py")
LONG = ("tests/capture/sockets/test_owners.py", "tests/capture/sockets/test_against_ss.py")
AREAS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # area: (code, the tests that are asked)
    "verdicts": (
        ("capture/verdicts/**/*.py",),
        ("tests/capture/verdicts", "tests/capture/report", "tests/capture/flows/test_icmp_errors.py"),
    ),
    "flows": (
        (
            *(
                f"capture/engine/{name}.c"
                for name in ("connection", "analysis", "events", "port_reuse", "roles", "event_folding")
            ),
            *(f"capture/engine/{name}.c" for name in ("captured_twice", "history", "payload_kinds", "missing_bytes")),
            "capture/flows/*.py",
        ),
        (
            *("tests/capture/flows", "tests/capture/wire/headers/test_payload_kinds.py"),
            *("tests/capture/verdicts/test_captures_golden.py", "tests/oracle", "tests/capture/verdicts"),
            *("tests/capture/wire/test_quoted.py", "tests/capture/engine/test_connection_release.py"),
        ),
    ),
    "filters": (("capture/filters/*.py",), ("tests/capture/filters",)),
    "owners": (
        (
            *(f"capture/sockets/{name}.py" for name in OWNERS),
            *(f"capture/sockets/sources/{name}.py" for name in SOURCES),
        ),
        (
            *(
                f"tests/capture/sockets/test_{name}.py"
                for name in (*OWNERS, "against_ss", "containers", "made_owners", "shared_owners", "counted_owners")
            ),
            *(f"tests/capture/sockets/sources/test_{name}.py" for name in (*SOURCES, "made_proc")),
        ),
    ),
    "findings": (
        ("capture/sockets/findings/*.py",),
        ("tests/capture/sockets/findings", "tests/capture/sockets/test_spread_findings.py"),
    ),
    "checks": (("playbooks/checks/*.py",), ("tests/playbooks/checks", "tests/playbooks/test_run.py")),
}


def equivalent() -> set[tuple[str, str, str, str]]:
    """Changes that nobody can tell from the code: file, line of code, what of it, and what that becomes."""
    known = tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    return {(each["file"], each["line"], each["of"], each["becomes"]) for each in known}


def told_apart(change: Change, same: set[tuple[str, str, str, str]]) -> bool:
    """Whether a change is none of the equivalent ones."""
    return (str(change.path), change.source, change.before, change.text) not in same


def chosen_of(
    areas: list[str], files: list[str] | None, count: int, seed: int, of: Path | None = None
) -> list[tuple[Change, str]]:
    """As many of each area, at random, with the area; `of`: only what survived in these results."""
    alive = {change for change, caught in results_of(of).items() if not caught}
    rng, chosen, same = random.Random(seed), list[tuple[Change, str]](), equivalent()
    for number, area in enumerate(areas):
        paths = sorted(path.relative_to(ROOT) for pattern in AREAS[area][0] for path in ROOT.glob(pattern))
        paths = [path for path in paths if not files or path.name in files]
        known = [change for path in paths for change in changes_of(path) if told_apart(change, same)]
        known = [change for change in known if of is None or str(change) in alive]
        share = count // len(areas) + (number < count % len(areas))
        chosen += [(change, area) for change in rng.sample(known, min(share, len(known)))]
    rng.shuffle(chosen)
    return chosen


def results_of(path: Path | None) -> dict[str, str]:
    """The changes that were made before, and what caught them."""
    if path is None or not path.exists():
        return {}
    lines = (line.split("\t") for line in path.read_text().splitlines())
    return {change: caught for change, caught, *_ in lines}


def make(
    chosen: list[tuple[Change, str]],
    results: Path | None,
    seconds: int,
    cover: Path | None = None,
    thorough: bool = False,
) -> dict[str, str]:
    """Make the changes that `results` does not hold; what caught each, by its text, "" where it survived."""
    made = results_of(results)
    left = [(change, area) for change, area in chosen if str(change) not in made]
    if not left:
        return made
    of_python = {area for change, area in left if change.path.suffix == ".py"}
    tests = tuple(
        dict.fromkeys(path for area in sorted(of_python) for path in AREAS[area][1] if path not in (*ONLY_C, *LONG))
    )
    with tempfile.TemporaryDirectory() as folder, Tree(Path(folder) / "tree", seconds, thorough) as tree:
        covered = tree.cover(tests, cover)
        for change, area in left:
            begun = time.monotonic()
            try:
                made[str(change)] = caught = tree.caught(
                    change, covered, AREAS[area][1], tuple(set(AREAS[area][1]) & set(LONG))
                )
            except CannotCompile:
                made[str(change)] = caught = "the compiler"
            if not caught:
                print(f"survived  {change}", flush=True)
            if results is not None:
                with results.open("a") as file:
                    file.write(f"{change}\t{caught}\t{time.monotonic() - begun:.1f} s\n")
    return made


def main() -> int:
    """Make the changes, print what survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--area", action="append", choices=sorted(AREAS))
    parser.add_argument("--file", action="append", help="only files of this name")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--seconds", type=int, default=120, help="of the processor for one run of tests; longer counts as noticed"
    )
    parser.add_argument("--of", type=Path, help="only changes that survived in this table of results")
    parser.add_argument("--results", type=Path, help="a table of what was made: change, the test that caught it, time")
    parser.add_argument("--cover", type=Path, help="where to keep which tests run a line; made where it isn't there")
    parser.add_argument("--thorough", action="store_true", help="ask the area's other tests too, of what survives")
    parser.add_argument("--list", action="store_true", help="only print which changes would be made")
    given = parser.parse_args()
    chosen = chosen_of(given.area or sorted(AREAS), given.file, given.count, given.seed, given.of)
    if given.list:
        print("\n".join(str(change) for change, _ in chosen))
        return 0
    made = make(chosen, given.results, given.seconds, given.cover, given.thorough)
    real = [change for change, _ in chosen if made[str(change)] != "the compiler"]
    caught = [change for change in real if made[str(change)]]
    share = len(caught) / max(1, len(real))
    print(f"{len(caught)} of {len(real)} changes caught ({share:.1%}), seed {given.seed}")
    return 0 if share >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
