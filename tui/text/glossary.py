"""The explanations of the field's words, from tui/text/glossary.toml."""

from __future__ import annotations

import os

from capture.language import catalogue, per_language


@per_language
def chapters() -> dict[str, tuple[str, dict[str, str]]]:
    """Chapter → (title, word → meaning), in the file's order."""
    data = catalogue(os.path.dirname(__file__), "glossary")
    return {name: (chapter["title"], dict(chapter["words"])) for name, chapter in data.items()}


def meaning(chapter: str, word: str) -> str:
    """What a word means; empty where the catalogue does not know it."""
    return chapters()[chapter][1].get(word, "")
