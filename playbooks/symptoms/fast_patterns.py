"""Patterns with hundreds of alternatives, asked fast: each is tried only where a literal that it needs is there.

Python's `re` tries every alternative at every place. Here a pattern is cut at its alternatives, each with the longest
literal that any match of it must hold; looking for a literal costs some tens of nanoseconds, and most lines hold none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

_CLASSES = frozenset("dDwWsSbBAZ")
_OPTIONAL = frozenset("?*{")
SHORTEST = 2


class Branch:
    """One alternative of a pattern, compiled when first tried."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._compiled: re.Pattern[str] | None = None

    def found(self, line: str) -> bool:
        """Whether the alternative matches somewhere."""
        if self._compiled is None:
            self._compiled = re.compile(self.text)
        return self._compiled.search(line) is not None


class Guarded:
    """A pattern that is only asked whether it is found. Groups by number and flags are not for it."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def branches(self) -> tuple[tuple[str, Branch], ...]:
        """The alternatives with the literal that each needs ("": none is known), cut on first use."""
        return tuple((needed_literal(text), Branch(text)) for text in alternatives(self.text))

    def found(self, line: str) -> bool:
        """Whether the pattern is found in a line."""
        for literal, branch in self.branches:  # noqa: SIM110 - a generator costs more than the work
            if literal in line and branch.found(line):
                return True
        return False


def alternatives(text: str) -> list[str]:
    """Patterns that together match what this one does: cut at `|`, also in a lone plain group."""
    parts = _split(text)
    if len(parts) > 1:
        return [piece for part in parts for piece in alternatives(part)]
    group = _lone_group(text)
    if group is None:
        return [text]
    before, inside, after = group
    return [piece for part in _split(inside) for piece in _spread(before, part, after)]


def _spread(before: str, part: str, after: str) -> list[str]:
    return alternatives(part) if not before and not after else [f"{before}(?:{part}){after}"]


def _split(text: str) -> list[str]:
    """Cut at `|` outside of groups and classes."""
    parts, start = [], 0
    for at, character, depth in _syntax(text):
        if character == "|" and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _syntax(text: str, at: int = 0) -> Iterator[tuple[int, str, int]]:
    """(place, character, depth) of each `(`, `)` and `|` that is neither escaped nor in a class. The depth counts the
    groups that are open behind the character."""
    depth = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
        elif character == "[":
            at = _class_end(text, at)
        elif character in "()|":
            depth += {"(": 1, ")": -1, "|": 0}[character]
            yield at, character, depth
        at += 1


def _class_end(text: str, at: int) -> int:
    """The place of the `]` that closes the class opened at `at`."""
    at += 2 if text[at + 1] == "^" else 1
    if text[at] == "]":
        at += 1
    while text[at] != "]":
        at += 2 if text[at] == "\\" else 1
    return at


def _group_end(text: str, at: int) -> int:
    """The place of the `)` that closes the group opened at `at`; the text's end where none does."""
    closing = (place for place, character, depth in _syntax(text, at) if character == ")" and depth == 0)
    return next(closing, len(text))


def _lone_group(text: str) -> tuple[str, str, str] | None:
    """A pattern in three: before its first plain group, inside, after; None where that is no gain."""
    at = text.find("(")
    while at >= 0:
        escaped = (len(text[:at]) - len(text[:at].rstrip("\\"))) % 2
        if not escaped and text.count("[", 0, at) == text.count("]", 0, at):
            break
        at = text.find("(", at + 1)
    if at < 0 or needed_literal(text[:at]):
        return None
    end = _group_end(text, at)
    inside = text[at + 1 : end]
    if inside.startswith("?:"):
        inside = inside[2:]
    elif inside.startswith("?"):
        return None
    after = text[end + 1 :]
    if after[:1] in _OPTIONAL or after[:1] == "+" or needed_literal(after) or "|" not in inside:
        return None
    return text[:at], inside, after


def needed_literal(text: str) -> str:
    """The longest run of plain characters, that every match of a pattern holds."""
    if len(_split(text)) > 1:
        return ""
    best = run = ""
    at = 0
    while at < len(text):
        character, width = text[at], 1
        literal: str | None = character
        if character == "\\" and at + 1 < len(text):
            width = 2
            literal = None if text[at + 1] in _CLASSES or text[at + 1].isalnum() else text[at + 1]
        elif character == "[":
            width, literal = _class_end(text, at) - at + 1, None
        elif character == "(":
            width, literal = _group_end(text, at) - at + 1, None
            if text[at + width : at + width + 1] not in _OPTIONAL:
                best = max(best, _in_group(text[at + 1 : at + width - 1]), key=len)
        elif character in ".^$":
            literal = None
        after = text[at + width : at + width + 1]
        if literal is not None and after not in _OPTIONAL:
            run += literal
        if literal is None or after in _OPTIONAL or after == "+":
            best, run = max(best, run, key=len), ""
        at += width
        if after and (after in _OPTIONAL or after == "+"):
            at = text.find("}", at) + 1 if after == "{" else at + 1
            at += text[at : at + 1] == "?"
    best = max(best, run, key=len)
    return best if len(best) >= SHORTEST else ""


def _in_group(inside: str) -> str:
    """The same of a group's inside; a lookaround says nothing of what a match holds."""
    if inside.startswith("?"):
        if not inside.startswith("?:"):
            return ""
        inside = inside[2:]
    return needed_literal(inside)
