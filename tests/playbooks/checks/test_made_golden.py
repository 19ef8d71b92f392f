"""All that a check says of facts that are made here, word by word: what the recorded ones lack, and each threshold.

made_golden.txt holds it; `python -m tests.playbooks.checks.test_made_golden` writes it anew: read the diff.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from playbooks.checks.registry import known_checks
from tests.golden_files import held, hold
from tests.playbooks.checks import (
    made_config_rows,
    made_host_rows,
    made_log_rows,
    made_nginx_rows,
    made_path_rows,
    made_proxy_rows,
    made_queue_rows,
    made_restart_rows,
    made_rows,
)
from tests.playbooks.checks.made_rows import Row
from tests.playbooks.checks.test_thresholds import TABLE

TOLD = Path(__file__).with_name("made_golden.txt")


def all_rows() -> dict[str, Row]:
    """The rows that are made, and each of the thresholds, by its check and number."""
    seen: Counter[str] = Counter()
    files = (made_rows, made_nginx_rows, made_proxy_rows, made_host_rows, made_log_rows, made_queue_rows)
    files += (made_path_rows, made_config_rows, made_restart_rows)
    found = {name: row for file in files for name, row in file.ROWS.items()}
    for name, given, facts, _ in TABLE:
        seen[name] += 1
        found[f"threshold of {name} {seen[name]}"] = name, given, facts
    return found


ALL = all_rows()


def told(name: str) -> list[str]:
    """What the check says, in lines."""
    check, given, facts = ALL[name]
    found = known_checks()[check].judge(facts, **given)
    lines = [found.outcome.value, *found.evidence]
    for offer in found.offers:
        numbers = ", ".join(f"{key}={value}" for key, value in sorted(offer.parameters.items()))
        lines.append(f"fix {offer.fix}: {numbers} ({', '.join(offer.identity) or '-'})")
    return [" ".join(line.split()) for line in lines]


HELD = held(TOLD)


@pytest.mark.parametrize("name", ALL)
def test_what_is_told(name: str) -> None:
    assert told(name) == HELD.get(name)


if __name__ == "__main__":
    hold(TOLD, ALL, told)
