"""What is new, changed or gone between two dumps of sockets: compared by the engine, or by plain Python without one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from capture.engine.compiling import CannotCompile
from capture.sockets.inet_diag_msg import HEADER_SIZE, RECORD_SIZE
from capture.sockets.sources.dump_messages import message_spans

COOKIE_SIZE = 8
Chunk = bytes | memoryview
"""Part of a dump: whole netlink messages. A memoryview may be overwritten when the next chunk is asked for."""


class DumpDiff(Protocol):
    """Keeps the last dump. After an exception out of `take` it is of no more use."""

    def take(self, chunks: Iterable[Chunk]) -> tuple[bytes, bytes]:
        """(records that are new or changed, cookies of those that have gone), end to end. A timer's countdown alone is
        no change; what came twice is reported twice where it differs."""


def new_diff() -> DumpDiff:
    """A comparison that knows no dump yet."""
    from capture.engine.socket_diff import SocketDiff

    try:
        return SocketDiff()
    except (CannotCompile, OSError, AttributeError):  # no engine here, or one of before
        return PlainDiff()


class PlainDiff:
    """See DumpDiff: as it would be explained."""

    def __init__(self) -> None:
        self._records: dict[bytes, bytes] = {}

    def take(self, chunks: Iterable[Chunk]) -> tuple[bytes, bytes]:
        """See DumpDiff."""
        known, changed = self._records, bytearray()
        seen: set[bytes] = set()
        for chunk in chunks:
            for start, _ in message_spans(chunk):
                raw = bytes(chunk[start + HEADER_SIZE : start + HEADER_SIZE + RECORD_SIZE])
                cookie, before = raw[44:52], known.get(raw[44:52])
                seen.add(cookie)
                if before is None or before[:52] != raw[:52] or before[56:] != raw[56:]:
                    known[cookie] = raw
                    changed += raw
        gone = [cookie for cookie in known if cookie not in seen]
        for cookie in gone:
            del known[cookie]
        return bytes(changed), b"".join(gone)
