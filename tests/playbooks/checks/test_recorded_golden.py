"""All that a check says of each recorded Facts file, word by word: evidence, and the numbers of its fixes.

golden.txt holds it; `python -m tests.playbooks.checks.test_recorded_golden` writes it anew: read the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from playbooks.checks.registry import known_checks
from tests.golden_files import held, hold
from tests.playbooks.checks.test_recorded import FILES, recorded

TOLD = Path(__file__).with_name("golden.txt")


def name_of(path: Path) -> str:
    """Check and outcome, as the file is called."""
    return f"{path.parent.name}/{path.stem}"


PATHS = {name_of(path): path for path in FILES}


def told(name: str) -> list[str]:
    """What the check says, in lines."""
    path = PATHS[name]
    one = recorded(path)
    found = known_checks()[path.parent.name].judge(one.facts, **one.given)
    lines = [found.outcome.value, *found.evidence]
    for offer in found.offers:
        numbers = ", ".join(f"{key}={value}" for key, value in sorted(offer.parameters.items()))
        lines.append(f"fix {offer.fix}: {numbers} ({', '.join(offer.identity) or '-'})")
    return [" ".join(line.split()) for line in lines]


HELD = held(TOLD)


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path) in HELD], ids=name_of)
def test_what_is_told(path: Path) -> None:
    assert told(name_of(path)) == HELD[name_of(path)]


def test_nothing_else_is_held() -> None:
    assert HELD.keys() <= {name_of(path) for path in FILES}


if __name__ == "__main__":
    hold(TOLD, PATHS, told)
