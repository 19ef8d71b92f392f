"""One key, one meaning: what each key does, wherever it does something. Screens' bindings are held against this."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

MEANINGS = {
    "1": "live",
    "2": "capture",
    "3": "playbooks",
    "4": "evidence",
    "escape": "back",
    "backspace": "back",
    "q": "leave",
    "question_mark": "help",
    "f1": "help",
    "colon": "commands",
    "slash": "filter",
    "equals_sign": "rows like it",
    "right": "unfold",
    "left": "fold",
    "tab": "next pane",
    "shift+tab": "pane before",
    "l": "log lines",
    "y": "copy",
    "v": "show plain",
    "a": "keep as evidence",
    "z": "zoom",
    "H": "names",
    "s": "sort",
    "p": "pause or go on",
    "t": "changes",
    "K": "kernel events",
    "C": "charts",
    "W": "flight recorder",
    "R": "record",
    "T": "thresholds",
    "O": "own network",
    "c": "capture it",
    "f": "fix",
    "F": "all findings",
    "b": "group by",
    "B": "playbook",
    "n": "next trouble",
    "N": "trouble before",
    "e": "every one",
    "h": "other hop",
    "i": "to scale",
    "I": "time span",
    "m": "clock",
    "o": "open another",
    "w": "live sockets",
    "P": "packets",
    "x": "export",
    "X": "export without addresses",
    "d": "drop",
    "u": "undo",
    "plus": "note",
    "r": "run again",
    "S": "reverse",
    "E": "settings",
    "comma": "step back",
    "full_stop": "step on",
    "left_square_bracket": "slower",
    "right_square_bracket": "faster",
    "greater_than_sign": "next stop",
    "less_than_sign": "stop before",
}  # fmt: skip
SIGNS = {
    "question_mark": "?", "slash": "/", "colon": ":", "equals_sign": "=", "plus": "+", "comma": ",", "full_stop": ".",
    "left_square_bracket": "[", "right_square_bracket": "]", "greater_than_sign": ">", "less_than_sign": "<",
    "escape": "Esc", "enter": "Enter", "tab": "Tab", "shift+tab": "Shift-Tab", "backspace": "Backspace",
}  # fmt: skip
FREE_KEYS = tuple(f"f{number}" for number in range(2, 11))


def slug(meaning: str) -> str:
    """As config.toml names it: `next-trouble`."""
    return meaning.replace(" ", "-")


def slugs() -> dict[str, str]:
    """What may be given another key, and which it has; the first one where it has two. Esc and Tab stay."""
    found: dict[str, str] = {}
    for key, meaning in MEANINGS.items():
        if len(SIGNS.get(key, key)) == 1:
            found.setdefault(slug(meaning), key)
    return found


def key_named(word: str) -> str:
    """Textual's name of a key as a footer shows it: `Esc`, `/`, `Ctrl-O`, the first of `n/N` or `[/]`."""
    if word not in SIGNS.values() and len(word) > 1 and "/" in word:
        word = word.split("/")[0]
    names = {sign: name for name, sign in SIGNS.items()}
    if word in names:
        return names[word]
    if len(word) > 1:
        return word.lower().replace("ctrl-", "ctrl+")
    return word if word.isalnum() else unicodedata.name(word, word).lower().replace("-", "_").replace(" ", "_")


NOTHING = "ctrl+underscore"
"""A key that nothing listens to: what a key becomes whose meaning was given to another."""


def given_keys(chosen: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Of the configuration's `what = key`: pressed key → the key it means; and sign → the sign a footer shows."""
    stands_for: dict[str, str] = {}
    shown: dict[str, str] = {}
    for what, key in chosen.items():
        old = slugs().get(what)
        if old is None:
            continue
        new = key_named(key)
        stands_for.setdefault(old, NOTHING)
        stands_for[new] = old
        shown[SIGNS.get(old, old)] = key
    return stands_for, shown
