"""manifest.json: which files were read as which captures, and what was left out and why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from capture import __version__
from capture.fleet.model import SCHEMA, LeftOut, ReadCapture
from capture.report.document import seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

MANIFEST = "manifest.json"


def manifest_document(captures: Sequence[ReadCapture], left_out: Sequence[LeftOut], findings: int) -> bytes:
    """The manifest as JSON, to be read by people too."""
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "connections": sum(capture.connections for capture in captures),
        "findings": findings,
        "captures": [_capture(capture) for capture in captures],
        "files": [{"path": path, "capture": one.name} for one in captures for path in one.files],
        "left_out": [{"path": one.path, "why": one.why} for one in left_out],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def _capture(one: ReadCapture) -> dict[str, Any]:
    return {
        "capture": one.name,
        "files": list(one.files),
        "together": one.why,
        "parts": [f"connections/{part}" for part in one.parts],
        "format": one.format,
        "link_types": list(one.link_types),
        "packets": one.packets,
        "tcp_packets": one.tcp_packets,
        "connections": one.connections,
        "first_time": seconds(one.first_time),
        "last_time": seconds(one.last_time),
        "notices": [{"code": code, "packet": packet, "text": text} for code, packet, text in one.notices],
    }


def manifest_of(path: str) -> dict[str, Any] | None:
    """The manifest of a folder that holds a fleet's result; None of any other."""
    try:
        with open(os.path.join(path, MANIFEST), "rb") as file:
            document = msgspec.json.decode(file.read())
    except (OSError, msgspec.DecodeError, ValueError):
        return None
    return document if isinstance(document, dict) and document.get("schema") == SCHEMA else None
