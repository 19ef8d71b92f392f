"""The facts of packets: of a capture, and of a few seconds on this machine."""

from __future__ import annotations

import msgspec

from capture.model import Endpoint
from playbooks.facts.socket_facts import Holder


class CapturedConnection(msgspec.Struct, frozen=True):
    """One connection of a capture with its verdict."""

    id: int
    originator: Endpoint
    responder: Endpoint
    cause: str
    certainty: str
    closed_first: str | None
    ended_by: str
    reset_by: str | None
    sentence: str
    evidence: tuple[str, ...]
    longest_gap_ms: float | None
    bytes: tuple[int, int]


class Captured(msgspec.Struct, frozen=True):
    """A capture: how many connections of each cause, and samples of each. `here`: whether one end of most of them is
    this machine. `variants`: of each cause, how many ended in a way that is a finding of its own (capture.verdicts).
    `first_time`, `last_time`: of its packets, epoch seconds. `began_before`: connections whose first
    packets are not in it. `losses`: notices that packets are missing or could not be read."""

    path: str
    connections: int
    causes: dict[str, int]
    samples: tuple[CapturedConnection, ...]
    notices: tuple[str, ...] = ()
    here: bool = False
    first_time: float | None = None
    last_time: float | None = None
    began_before: int = 0
    losses: tuple[str, ...] = ()
    variants: dict[str, dict[str, int]] = {}
    untold_responses: int = 0
    """Connections of which the captured bytes do not tell whether the response was cut short."""


class Ended(msgspec.Struct, frozen=True):
    """Connections to one service (`ip`, `port`: the responder) that ended alike, in a few seconds of packets."""

    cause: str
    ip: str
    port: int
    count: int
    of: int
    """Connections to the service in all."""
    clients: dict[str, int]
    carried: int
    """How many of them carried data: probes of load balancers do not."""
    resets: int = 0
    """How many of them met a RST."""
    cut_off: int = 0
    """How many met a RST and began before the window, so that why they were reset may lie before it too."""
    samples: tuple[CapturedConnection, ...] = ()
    callers: tuple[Holder, ...] = ()
    """Processes of this machine that were seen to hold connections toward the service."""


class Traffic(msgspec.Struct, frozen=True):
    """A few seconds of this machine's packets. `full`: cut at the most packets that are kept. `began_before`: of its
    connections, those whose first packets came before."""

    seconds: float
    packets: int
    connections: int
    full: bool
    groups: tuple[Ended, ...] = ()
    began_before: int = 0
    untold_responses: int = 0
    """As of a capture."""
