"""The Chinese catalogues against the English ones: the same keys, the same placeholders, nothing that is no text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import tomli

ROOT = Path(__file__).parent.parent
PACKAGES = ("capture", "playbooks", "tui")
OVERLAYS = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.zh.toml"))
SENTENCES = {
    "capture": ROOT / "capture" / "words.zh.toml",
    "playbooks": ROOT / "playbooks" / "words.zh.toml",
    "tui": ROOT / "tui" / "text" / "screen.zh.toml",
}
"""Overlays of sentences that stand in the code: their keys are the English ones."""
TEMPLATE = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")
KEPT = re.compile(r"`[^`]+`")
"""Commands in a sentence: nobody translates them."""


def _read(path: Path) -> dict[str, Any]:
    return tomli.loads(path.read_text(encoding="utf-8"))


def _pairs(english: Any, chinese: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each text of an overlay with the one it lies over; None where there is none."""
    if isinstance(chinese, Mapping):
        if isinstance(english, list):
            english = {str(next(iter(one.values()))): one for one in english if isinstance(one, dict)}
        for key, value in chinese.items():
            below = english.get(key) if isinstance(english, Mapping) else None
            yield from _pairs(below, value, f"{where}.{key}".lstrip("."))
    else:
        yield where, english, chinese


def _placeholders(text: str) -> set[str]:
    doubled = TEMPLATE.findall(text)
    if doubled:
        return set(doubled)
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name}
    except ValueError:  # braces of a command
        return set()


@pytest.mark.parametrize("path", [p for p in OVERLAYS if p not in SENTENCES.values()], ids=lambda p: p.name)
def test_each_text_lies_over_an_english_one_with_the_same_placeholders(path: Path) -> None:
    english = _read(path.with_name(path.name.replace(".zh.", ".")))
    wrong = []
    for where, old, new in _pairs(english, _read(path)):
        if old is None:
            wrong.append(f"{where}: no such key in English")
        elif isinstance(old, list) and isinstance(new, str):
            if set().union(*(_placeholders(one) for one in old)) != _placeholders(new):
                wrong.append(f"{where}: other placeholders than {old}")
        elif isinstance(old, list):
            if len(old) != len(new):
                wrong.append(f"{where}: {len(new)} texts for {len(old)}")
        elif not isinstance(old, str) or not isinstance(new, str):
            wrong.append(f"{where}: no text")
        elif _placeholders(old) != _placeholders(new):
            wrong.append(f"{where}: {_placeholders(new)}, English {_placeholders(old)}")
    assert not wrong, "\n".join(wrong)


@cache
def _said(package: str) -> frozenset[str]:
    """The English of all calls tr("…") in a package's code, both arms of an `x if … else y` too."""
    found: set[str] = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
                continue
            if node.func.id == "tr":
                found.update(_literals(node.args[0]))
            elif node.func.id in ("count", "count_of") and len(node.args) == 2:
                found.update(f"{{n}} {noun}" for noun in _literals(node.args[1]))
    return frozenset(found)


def _literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


@pytest.mark.parametrize("package", SENTENCES)
def test_sentences_in_the_code_have_a_chinese_one_with_the_same_placeholders(package: str) -> None:
    chinese = _read(SENTENCES[package])
    wrong = [f"{key}: {value}" for key, value in chinese.items() if _placeholders(key) != _placeholders(value)]
    assert not wrong, "\n".join(wrong)


@cache
def _constants(package: str) -> frozenset[str]:
    """Every text in a package's code: words in tables are handed to tr() later."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / package).rglob("*.py"))
    return frozenset(
        n.value for t in trees for n in ast.walk(t) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    )


@pytest.mark.parametrize("package", SENTENCES)
def test_no_chinese_sentence_is_of_an_english_one_that_is_gone(package: str) -> None:
    texts = {text for each in SENTENCES for text in _constants(each)} | _said(package)
    gone = set(_read(SENTENCES[package])) - texts - {text.upper() for text in texts}
    assert not gone
