"""The explanations of the field's words: tui/text/glossary.toml, and the thresholds' own beside their findings."""

from __future__ import annotations

import os

from capture.language import catalogue, per_language


@per_language
def chapters() -> dict[str, tuple[str, dict[str, str]]]:
    """Chapter → (title, word → meaning), in the file's order."""
    from capture.sockets.findings.finding_words import threshold_meanings  # a capture's screen needs none

    data = catalogue(os.path.dirname(__file__), "glossary")
    elsewhere = {"thresholds": threshold_meanings}
    return {
        name: (chapter["title"], dict(elsewhere[name]() if name in elsewhere else chapter["words"]))
        for name, chapter in data.items()
    }


def meaning(chapter: str, word: str) -> str:
    """What a word means; empty where the catalogue does not know it."""
    return chapters()[chapter][1].get(word, "")
