"""Texts for tests: the recorded ones, and how they are read."""

from __future__ import annotations

from pathlib import Path

from capture.wire.text.printed import TextSegment
from capture.wire.text.reader import TextReader

PASTED = Path(__file__).parents[3] / "data" / "pasted"


def read(text: str | bytes) -> tuple[list[TextSegment], TextReader]:
    """The segments of a text, and its reader after reading."""
    reader = TextReader()
    found = reader.feed(text.encode() if isinstance(text, str) else text)
    return found + reader.end(), reader


def pasted(name: str) -> str:
    """A recorded text."""
    return (PASTED / name).read_text(encoding="utf-8")


def without_offsets(segments: list[TextSegment]) -> list[tuple[object, ...]]:
    """Segments without where their lines stand."""
    names = [name for name in TextSegment.__struct_fields__ if name != "offset"]
    return [tuple(getattr(segment, name) for name in names) for segment in segments]
