"""The explanations of the field's words, from words.toml."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

import tomli


@lru_cache(maxsize=1)
def chapters() -> dict[str, tuple[str, dict[str, str]]]:
    """Chapter → (title, word → meaning), in the file's order."""
    data = tomli.loads(resources.files("tui").joinpath("words.toml").read_text(encoding="utf-8"))
    return {name: (chapter["title"], dict(chapter["words"])) for name, chapter in data.items()}


def meaning(chapter: str, word: str) -> str:
    """What a word means; empty where the catalogue does not know it."""
    return chapters()[chapter][1].get(word, "")
