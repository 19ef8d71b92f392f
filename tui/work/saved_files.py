"""Files that the user asked for: in the current folder, or at home where that cannot be written."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def save(name: str, text: str, folder: Path | None = None) -> Path | None:
    """Write a new file; a name that is taken gets a number. Returns its path, None where no folder takes it."""
    stem, suffix = Path(name).stem, Path(name).suffix
    for place in (folder,) if folder else (Path.cwd(), Path.home()):
        for number in range(1000):
            path = place / (name if number == 0 else f"{stem}-{number}{suffix}")
            with suppress(OSError):
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
                with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(text)
                return path
            if not path.exists():
                break  # the folder is the trouble, not the name
    return None
