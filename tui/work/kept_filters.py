"""Filters that were used, and those that were given a name: kept on disk, readable by the user alone.

$XDG_STATE_HOME/tcptriage/filters.json: {"history": {KIND: [TEXT, …]}, "saved": {NAME: TEXT}}, the last used one last.
A file that cannot be read is an empty one; one that cannot be written is no error: the filters live on in memory.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from capture.safe_text import printable

MOST = 200
LONGEST = 500
NAME_LONGEST = 40


class KeptFilters:
    """The user's filters, of all screens."""

    def __init__(self, path: Path | None) -> None:
        """`path` None: nothing is kept on disk."""
        self._path = path
        self._history: dict[str, list[str]] = {}
        self.saved: dict[str, str] = {}
        self._load()

    def history(self, kind: str) -> list[str]:
        """Those used on rows of a kind, the last one last."""
        return list(self._history.get(kind, ()))

    def use(self, kind: str, text: str) -> None:
        """Remember that a filter was used."""
        if text and len(text) <= LONGEST:
            before = [one for one in self._history.get(kind, ()) if one != text]
            self._history[kind] = [*before, text][-MOST:]
            self._store()

    def save(self, name: str, text: str) -> None:
        """Give a filter a name; one that had it is replaced."""
        self.saved[printable(name.strip(), NAME_LONGEST)] = text
        self._store()

    def drop(self, name: str) -> None:
        """Forget a name."""
        self.saved.pop(name, None)
        self._store()

    def _load(self) -> None:
        if self._path is None:
            return
        found: Any = None
        with suppress(OSError, ValueError, RecursionError):
            found = json.loads(self._path.read_bytes()[:1_000_000])
        if not isinstance(found, dict):
            return
        history, saved = found.get("history"), found.get("saved")
        for kind, texts in history.items() if isinstance(history, dict) else ():
            if isinstance(texts, list):
                self._history[str(kind)] = [text for text in texts if _is_filter(text)][-MOST:]
        for name, text in saved.items() if isinstance(saved, dict) else ():
            if _is_filter(text) and printable(name, NAME_LONGEST) == name:
                self.saved[name] = text

    def _store(self) -> None:
        if self._path is None:
            return
        text = json.dumps({"history": self._history, "saved": self.saved}, ensure_ascii=False, indent=1)
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            new.replace(self._path)


def _is_filter(text: object) -> bool:
    """One line that may be shown as it is."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST and printable(text, LONGEST) == text


def default_path() -> Path | None:
    """Where they are kept; None without a home."""
    state = os.environ.get("XDG_STATE_HOME", "")
    home = os.environ.get("HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(home, ".local", "state") if home else ""
    return Path(state, "tcptriage", "filters.json") if state else None
