"""The words of one row, explained: what a capture's connection shows in its columns, letter by letter where need be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.text.glossary import meaning
from tui.text.language import tr

if TYPE_CHECKING:
    from capture.model import Connection

Explained = tuple[tuple[str, str], ...]
"""(word, what it means)."""

LETTERS_MOST = 24


def words_of(one: Connection, ended: str, place: str) -> Explained:
    """The words of a connection's row, in the order of its columns; `place`: from where the capture was taken."""
    found = [
        (ended, meaning("endings", ended)),
        (one.conn_state, meaning("conn_state", one.conn_state)),
        (one.history, history_in_words(one.history)),
        (one.verdict.certainty.value, meaning("causes", one.verdict.certainty.value)),
        (tr("seen from"), meaning("places", place)),
    ]
    return tuple((word, text) for word, text in found if word and text)


def history_in_words(history: str) -> str:
    """`ShAD`: what each letter of Zeek's history means and whose it is; capitals are the originator's."""
    if not history:
        return ""
    parts = [_letter(letter) for letter in history[:LETTERS_MOST]]
    more = " …" if len(history) > LETTERS_MOST else ""
    return (
        tr("one letter a kind of packet, in order, capitals by the originator: {parts}", parts=", ".join(parts)) + more
    )


def _letter(letter: str) -> str:
    what = meaning("history", letter.lower()) or letter
    if letter == "^":
        return meaning("history", "^")
    side = tr("originator") if letter.isupper() else tr("responder")
    return tr("{letter} {what} ({side})", letter=letter, what=what, side=side)
