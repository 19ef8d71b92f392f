"""The stops of the demo, from tui/text/tour.toml: those whose recordings are there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from capture.language import catalogue


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop. `kind` line, looks, capture, ladder or playbook; `value` a text, a path, or "name path"."""

    key: str
    number: str
    title: str
    about: str
    kind: str
    value: str
    at: int = 0  # the look of a recording to stop at


def stops(folder: Path) -> list[Stop]:
    """In the order of the tour, with paths into the folder of recordings."""
    data = catalogue(os.path.dirname(__file__), "tour")
    found = []
    for number, stop in enumerate(data["stop"], 1):
        value = stop.get("text", "")
        if "file" in stop:
            path = folder / stop["file"]
            if not path.exists():
                continue
            value = f"{stop['playbook']} {path}" if "playbook" in stop else str(path)
        about = " ".join(stop["about"].split())
        found.append(Stop(f"{number}", f"{number}.", stop["title"], about, stop["kind"], value, stop.get("at", 0)))
    return found
