"""A filter that cannot be understood, or a term that says nothing of the rows at hand."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING

from capture.language import catalogue, per_language, tr

if TYPE_CHECKING:
    from collections.abc import Iterable


class FilterError(ValueError):
    """A filter's text with the span [start, end) of the word that is wrong, and what to do about it."""

    def __init__(self, text: str, start: int, end: int, message: str) -> None:
        super().__init__(text, start, end, message)
        self.text = text
        self.start = start
        self.end = end
        self.message = message

    @property
    def word(self) -> str:
        """The word that is wrong."""
        return self.text[self.start : self.end]

    def __str__(self) -> str:
        return tr("filter: {word} (character {at}): {message}", word=self.word, at=self.start + 1, message=self.message)

    @property
    def pointed(self) -> str:
        """The filter, a line of carets under the word, and the message: three lines, for a terminal."""
        return f"{self.text}\n{' ' * self.start}{'^' * max(1, self.end - self.start)}\n{self.message}"


@per_language
def _catalogue() -> dict[str, str]:
    return catalogue(os.path.dirname(__file__), "messages")


def message(code: str, /, **facts: str) -> str:
    """A sentence of messages.toml with its facts filled in."""
    return _catalogue()[code].format(**facts)


def closest(word: str, known: Iterable[str]) -> str:
    """A question that names the known words most like `word`; empty where none is."""
    close = get_close_matches(word.lower(), list(known), n=3, cutoff=0.6)
    return message("nearest", nearest=message("or").join(close)) if close else ""


def closest_or_all(word: str, known: Iterable[str]) -> str:
    """The same, else all known words; empty where none are known."""
    choices = list(known)
    return closest(word, choices) or (message("choices", known=", ".join(choices)) if choices else "")
