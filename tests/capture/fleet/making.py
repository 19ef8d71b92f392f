"""Captures cut into pieces, and results read back."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from capture.fleet.executors import Executor, InProcess
from capture.report.json_lines import connection_lines
from capture.triage import triage

EXAMPLES = Path(__file__).parents[3] / "tui" / "examples"


def in_process(_files: int) -> Executor:
    return InProcess()


def records(path: str | Path) -> tuple[bytes, list[bytes]]:
    """A little-endian pcap's header, and its records."""
    data = Path(path).read_bytes()
    found, at = [], 24
    while at < len(data):
        size = 16 + struct.unpack_from("<I", data, at + 8)[0]
        found.append(data[at : at + size])
        at += size
    return data[:24], found


def cut(path: str | Path, pieces: int, folder: Path, name: str = "piece-{:02d}.pcap") -> list[str]:
    """The capture in so many files of the same number of packets, in order."""
    header, rows = records(path)
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(pieces):
        begin, end = len(rows) * number // pieces, len(rows) * (number + 1) // pieces
        piece = folder / name.format(number)
        piece.write_bytes(header + b"".join(rows[begin:end]))
        made.append(str(piece))
    return made


def lines(paths: list[str], *, join: bool = False) -> list[dict[str, Any]]:
    """What `report --format jsonl` says, nested names joined, in order of (capture, id); without the capture."""
    found = []
    for one in triage(paths, join=join):
        text = b"".join(connection_lines(one, range(len(one.decoded.flows))))
        found += [flat(json.loads(line)) for line in text.splitlines()]
    for row in found:
        del row["capture"]
    return found


def flat(document: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{key}_")
        else:
            found[before + key] = value
    return found


def rows(out: str | Path, capture: str | None = None) -> list[dict[str, Any]]:
    """The rows of a result in order of (capture, id); without the capture, and without what is null."""
    found = []
    for part in sorted(Path(out, "connections").glob("*.parquet")):
        found += pq.read_table(part).to_pylist()
    chosen = [row for row in found if capture is None or row["capture"] == capture]
    return [without_null(row) for row in sorted(chosen, key=lambda row: (row["capture"], row["id"]))]


def without_null(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "capture" and value is not None}


def manifest(out: str | Path) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(Path(out, "manifest.json").read_bytes())
    return document
