"""Each check on a Facts file for each of its outcomes (recorded/CHECK/OUTCOME*.json): pure, without root."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import msgspec
import pytest

from playbooks.checks.registry import known_checks
from playbooks.facts.facts import Facts
from playbooks.model import Outcome, Playbook, Step
from playbooks.run import judge

FILES = sorted((Path(__file__).parent / "recorded").glob("*/*.json"))
WORDS = {"warned": "warn", "failed": "fail", "unknown": "unknown", "manual": "manual", "passed": "pass"}


class Recorded(msgspec.Struct, forbid_unknown_fields=True):
    """One file: a check's arguments, the facts, the outcome, and words that its evidence must hold."""

    outcome: Outcome
    says: str
    facts: Facts
    given: dict[str, Any] = {}


def recorded(path: Path) -> Recorded:
    return msgspec.json.decode(path.read_bytes(), type=Recorded)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_outcome(path: Path) -> None:
    one = recorded(path)
    step = Step(id="s", title="t", question="q", check=path.parent.name, given=one.given)
    (found,) = judge(Playbook(name="p", title="t", summary="s", steps=(step,)), one.facts).steps
    assert found.outcome is one.outcome, found.evidence
    assert one.says in "\n".join(found.evidence)
    if found.outcome is Outcome.PASS:
        assert found.scope, "a pass of nothing and nowhere"
    assert path.stem.startswith(one.outcome.value)


@pytest.mark.parametrize("name", known_checks())
def test_each_check_has_a_file_for_each_of_its_outcomes(name: str) -> None:
    there = {path.stem.partition("-")[0] for path in FILES if path.parent.name == name}
    assert {"pass", "unknown"} <= there
    assert _made_by(name) <= there


def _made_by(name: str) -> set[str]:
    """The outcomes that a check's own function makes, by the words it makes them with."""
    tree = ast.parse(inspect.getsource(known_checks()[name].judge))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {WORDS[word] for word in called | named if word in WORDS}
