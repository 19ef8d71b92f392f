"""Lines of configuration files, and what they include, in order."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from playbooks.facts.config_facts import ServiceSetting

MOST_FILES, MOST_DEPTH, LARGEST_FILE = 200, 8, 4_000_000

Includes = Callable[[str, str], list[str] | None]
"""(line, folder of its file) -> the files that it includes, in order; None where it is no such line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its comment and blanks, and where it is; `section` is the [name] it is in, "" before any."""

    text: str
    file: str
    number: int
    section: str


def config_lines(path: str, includes: Includes, comments: str = "#") -> Iterator[Line]:
    """All lines that say something, those of included files in their place. Raises OSError for the first file only."""
    yield from _of_file(path, includes, comments, "", [0], 0)


def _of_file(
    path: str, includes: Includes, comments: str, section: str, files: list[int], depth: int
) -> Iterator[Line]:
    files[0] += 1
    if os.path.getsize(path) > LARGEST_FILE:
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            text = line.strip()
            if not text or text[0] in comments:
                continue
            if text.startswith("[") and text.endswith("]"):
                section = text[1:-1].strip()
                yield Line("", path, number, section)
                continue
            found = includes(text, os.path.dirname(path))
            if found is None:
                yield Line(text, path, number, section)
                continue
            for inner in found:
                if files[0] < MOST_FILES and depth < MOST_DEPTH and os.path.isfile(inner):
                    try:
                        yield from _of_file(inner, includes, comments, section, files, depth + 1)
                    except OSError:
                        continue  # what may not be read says nothing; the first file's absence is reported


def with_defaults(
    found: Mapping[str, ServiceSetting], defaults: Mapping[str, str], service: str, path: str, place: str = ""
) -> list[ServiceSetting]:
    """The settings of these names: as found, else the server's default, which `path` may change."""
    return [found.get(name) or ServiceSetting(service, name, value, path, 0, place) for name, value in defaults.items()]


def files_of(pattern: str, folder: str) -> list[str]:
    """The files of a pattern, relative to a folder, sorted."""
    return sorted(glob.glob(os.path.join(folder, pattern)))
