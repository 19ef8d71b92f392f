"""Where a capture was taken: it decides what can be known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capture.flows.table import FlowTable


@dataclass(frozen=True, slots=True)
class Vantage:
    """`place`: client, server, middle, or unknown; `why` in words."""

    place: str
    why: str


def vantage_of(flows: FlowTable) -> Vantage:
    """By handshake timing and TTLs."""
    return Vantage("unknown", "")
