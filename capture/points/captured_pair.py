"""Read two captures side by side: each decoded, judged, and with a record of each segment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from capture.decode import decode_traced
from capture.engine.library import library
from capture.flows.connection_table import Tag
from capture.points.compared import Point
from capture.points.segment_columns import Rows
from capture.triage import judged, packets_of

if TYPE_CHECKING:
    from capture.decode import DecodedCapture
    from capture.engine.session import Records


def read_points(a: str, b: str) -> tuple[Point, Point]:
    """Both captures; the engine works on them at the same time. Raises CaptureUnreadable."""
    library()  # loaded, and in a checkout compiled, once
    with ThreadPoolExecutor(2) as pool:
        read = [pool.submit(decode_traced, packets_of(path)) for path in (a, b)]
        first, second = (each.result() for each in read)
    return point("a", *first), point("b", *second)


def point(name: str, decoded: DecodedCapture, rows: Records, index: int | None = None) -> Point:
    """A capture as a point; `index`: its place among those asked for. Second copies are left out: each packet and each
    connection counts once.
    """
    triage = judged(decoded, int(name == "b") if index is None else index)
    copies = (rows["tags"] & int(Tag.SECOND_COPY)) != 0
    left_out, again = copies, triage.verdicts.relations.same_as
    if again:
        left_out = copies | np.isin(rows["connection"], np.fromiter(again, np.uint32, len(again)))
    kept = Rows(rows, np.flatnonzero(~left_out) if left_out.any() else None)
    return Point(name, triage, kept, Rows(rows, np.flatnonzero(copies)))
