"""Recordings of looks as files: whether a file is one, and how many looks are in it."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress

from capture.packing_magic import GZIP

MARK, END_MARK = b'"tcptriage.looks/', b'"tcptriage.looks/end"'
HEAD_BYTES = 200  # the schema is at the beginning of each line
BLOCK = 1 << 20


def is_recording(path: str) -> bool:
    """Whether a file holds looks that --record or the key R wrote. Reads a few bytes; never of a pipe."""
    if not os.path.isfile(path):
        return False
    with suppress(OSError, EOFError, zlib.error), open(path, "rb") as plain:
        packed = plain.read(2) == GZIP
        plain.seek(0)
        head = gzip.GzipFile(fileobj=plain).read(HEAD_BYTES) if packed else plain.read(HEAD_BYTES)
        return MARK in head and head.lstrip().startswith(b"{")
    return False


def looks_in(path: str) -> int | None:
    """How many looks a recording has, as far as it can be read; None where it cannot."""
    lines, tail = 0, b""
    try:
        with open(path, "rb") as plain:
            packed = plain.read(2) == GZIP
            plain.seek(0)
            file = gzip.GzipFile(fileobj=plain) if packed else plain
            with suppress(EOFError, zlib.error):  # cut, or still being written
                while block := file.read(BLOCK):
                    lines += block.count(b"\n")
                    tail = (tail + block)[-HEAD_BYTES:]
    except OSError:
        return None
    return lines - (END_MARK in tail)


def looks_beside(paths: Sequence[str]) -> tuple[list[str], str | None]:
    """What is left of the paths as captures, and the recording to play: one that was named, or an incident's looks."""
    recordings = [path for path in paths if path != "-" and is_recording(path)]
    if recordings:
        return [path for path in paths if path != recordings[0]], recordings[0]
    for path in paths:
        if os.path.isdir(path):
            from capture.recorder.incident_folder import LOOKS, is_incident

            looks = os.path.join(path, LOOKS)
            if is_incident(path) and is_recording(looks):
                return list(paths), looks
    return list(paths), None
