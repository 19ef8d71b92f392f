"""Completing a path that is being typed, as a shell does."""

from __future__ import annotations

import os
from contextlib import suppress

MOST_LISTED = 200


def candidates(text: str) -> list[str]:
    """The paths that a text may become, folders with a slash; hidden ones only where a dot was typed."""
    folder, begun = os.path.split(text)
    found = []
    with suppress(OSError), os.scandir(os.path.expanduser(folder) or ".") as entries:
        for entry in entries:
            if not entry.name.startswith(begun) or (entry.name.startswith(".") and not begun.startswith(".")):
                continue
            with suppress(OSError):
                found.append(os.path.join(folder, entry.name) + ("/" if entry.is_dir() else ""))
            if len(found) >= MOST_LISTED:
                break
    return sorted(found, key=lambda path: (path.lower(), path))


def completed(text: str, found: list[str]) -> str:
    """The text with what all candidates have in common."""
    common = os.path.commonprefix(found)  # noqa: RUF071 - letters, as a shell does
    return common if len(common) > len(text) else text
