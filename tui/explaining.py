"""Log lines as the screen shows them: what each says, and the settings and filters that lead on. No textual here."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capture.safe_text import printable

if TYPE_CHECKING:
    from playbooks.symptoms.model import Explained

MOST_LINES = 5_000  # of a log that the screen lists; the rest is counted
MOST_READ = 2_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line with a symptom. `live` and `captured` are filters, empty where the line names no end."""

    number: int
    text: str
    symptom: str
    meaning: str
    playbook: str | None
    settings: tuple[tuple[str, str], ...]
    live: str
    captured: str
    cells: tuple[tuple[str, str], ...]
    page: str


def explain_lines(text: str) -> list[Line]:
    """The lines of a pasted text that speak of a failure."""
    return list(_explained(text.splitlines()))


def explain_file(path: str) -> list[Line]:
    """The lines of a log, gzip too. Raises OSError."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        raw = gzip.GzipFile(fileobj=file) if packed else file
        lines = io.TextIOWrapper(raw, encoding="utf-8", errors="replace")
        found = []
        for line in _explained(each for each, _ in zip(lines, range(MOST_READ), strict=False)):
            found.append(line)
            if len(found) >= MOST_LINES:
                break
        return found


def _explained(lines: Iterable[str]) -> Iterator[Line]:
    from playbooks.symptoms.explaining import explain_line

    for number, text in enumerate(lines, 1):
        said = explain_line(text)
        if said is not None:
            yield _line(number, text.strip(), said)


def _line(number: int, text: str, said: Explained) -> Line:
    peer = str(said.remote) if said.remote is not None else str(said.local or "")
    live, captured = filters_of(said)
    return Line(
        number=number,
        text=text,
        symptom=said.symptom,
        meaning=said.meaning,
        playbook=said.playbook,
        settings=tuple(settings_of(said).items()),
        live=live,
        captured=captured,
        cells=(
            (str(number), "dim"),
            (said.symptom, "strong"),
            (said.source or "", ""),
            (printable(peer, 60), ""),
            (said.playbook, ""),
            (printable(text, 240), "dim"),
        ),
        page=_page(text, said),
    )


def settings_of(said: Explained) -> dict[str, str]:
    """What the line tells a playbook: the service's port, and the peer where the peer is the service."""
    service = said.remote if said.side == "upstream" or said.local is None or said.local.port is None else said.local
    settings: dict[str, str] = {}
    if service is not None and service.port is not None:
        settings["port"] = str(service.port)
    if said.remote is not None and service is said.remote:
        settings["host"] = said.remote.ip
    return settings


def filters_of(said: Explained) -> tuple[str, str]:
    """(live sockets like it, the very connection among captured ones). Empty where the line names no end."""
    ends = [end for end in (said.local, said.remote) if end is not None]
    captured = " ".join(
        part
        for end in ends
        for part in (f'"{end.ip}"' if ":" in end.ip else end.ip, f"port:{end.port}" if end.port else "")
        if part
    )
    port = settings_of(said).get("port")
    live = [f"peer:{said.remote.ip}"] if said.remote is not None else []
    live += [f"port:{port}"] if port else []
    return " ".join(live), captured


def _page(text: str, said: Explained) -> str:
    facts = [
        ("symptom", said.symptom),
        ("errno", said.errno),
        ("source", said.source),
        ("local", said.local),
        ("peer", said.remote),
        ("time", said.time),
        ("playbook", f"{said.playbook}   (Enter opens it)" if said.playbook else None),
    ]
    lines = [text, "", said.meaning, "", *(f"{name:<9} {value}" for name, value in facts if value)]
    return "\n".join(printable(line) for line in lines)
