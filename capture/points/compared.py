"""What a comparison of two captures says. Packets are numbers in their file, from 1; times are nanoseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from capture.model import Certainty, Endpoint, Side

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.points.segment_columns import Rows
    from capture.triage import Triage

NOWHERE = -1  # no counterpart


class Point(Struct, frozen=True):
    """One capture: judged, and a record of each segment (Engine.traced), second copies apart, in file order."""

    name: str  # "a" or "b"
    triage: Triage
    rows: Rows
    copies: Rows  # segments that were captured again, with the same numbers and identification
    place: str = ""  # which of the points of its file it is

    @property
    def title(self) -> str:
        """What it is called: its file, and the place in it."""
        return f"{self.path}, {self.place}" if self.place else self.path

    @property
    def connections(self) -> npt.NDArray[np.int64]:
        """The ids of those that it saw."""
        seen = np.unique(self.rows["connection"]).astype(np.int64)
        return seen[seen < len(self.triage.decoded.flows)]

    @property
    def path(self) -> str:
        """Its file."""
        return self.triage.decoded.path


class Clock(Struct, frozen=True):
    """What B's clock shows more than A's: offset_ns + drift * (A's time - begin). None where packets do not tell.

    `bound_ns`: the offset is right within this, half of the least round trip between the points: how it is shared by
    the two ways are unknown. None where only one way was seen. `drift_bound`: the drift is right within this, if the
    least delay of each way stayed what it was.
    """

    begin: int
    offset_ns: float | None
    drift: float | None  # 1e-6 is a part in a million
    bound_ns: float | None
    drift_bound: float | None = None

    def ahead(self, a_time: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """What B's clock shows more at these times of A, in ns."""
        return (self.offset_ns or 0.0) + (self.drift or 0.0) * (a_time - self.begin).astype(np.float64)

    def as_a(self, b_time: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Times of B by A's clock."""
        offset, drift = self.offset_ns or 0.0, self.drift or 0.0
        since = (b_time - self.begin).astype(np.float64) - offset
        return b_time - np.rint(offset + drift / (1 + drift) * since).astype(np.int64)


class SeenPacket(Struct, frozen=True):
    """A packet that one point saw and the other did not. `sender`: who sent it, or whose name it has."""

    sender: Side
    seen_at: str  # "a" or "b"
    packet: int
    flags: str
    time: int
    payload: int
    missing: int = 0  # bytes of it that did not arrive; all of them, of a packet as a whole


class Changed(Struct, frozen=True):
    """One field of a packet on both sides."""

    what: str
    a: int | str | None
    b: int | str | None


class Altered(Struct, frozen=True):
    """A packet that is not the same at both points."""

    sender: Side
    a: int
    b: int
    changed: tuple[Changed, ...]


class Moved(Struct, frozen=True):
    """A packet that arrived late, or after one that was sent later."""

    sender: Side
    a: int
    b: int
    late_ms: float


class Both(Struct, frozen=True):
    """One connection as both points show it; `a` and `b` are its ids there."""

    a: int | None
    b: int | None
    originator: Endpoint
    responder: Endpoint
    readdressed: bool
    readdressed_as: tuple[Endpoint, Endpoint] | None  # at b
    shifted: tuple[int, int] | None  # b's sequence numbers minus a's, originator and responder, where that is not 0
    matched: int
    near: str | None  # the point nearer to the originator
    lost: tuple[SeenPacket, ...]
    injected: tuple[SeenPacket, ...]
    modified: tuple[Altered, ...]
    reordered: tuple[Moved, ...]
    delayed: tuple[Moved, ...]
    duplicated: tuple[SeenPacket, ...]
    missed: tuple[SeenPacket, ...]  # they passed, and were not captured
    one_way_ns: tuple[float | None, float | None]
    cause: str
    certainty: Certainty
    sentence: str
    proxied: bool = False
    undecided: tuple[SeenPacket, ...] = ()  # lost, injected or not captured: nothing tells which
    died: bool = False  # from some packet on nothing of a side arrived at the other point
