"""Packets of which the snaplen cut something off: counted, and the first remembered."""

from __future__ import annotations

from msgspec import Struct

from capture.model import Notice
from capture.wire.columns import I64

_HEADERS = "{} packets were captured too short for a TCP header: raise the snaplen (tcpdump -s)"
_OPTIONS = (
    "{} packets were captured without all of their TCP options: window scale and SACK may be unknown; raise the "
    "snaplen (tcpdump -s)"
)


class Cut(Struct):
    """Packets of which the snaplen cut something off, and the number of the first."""

    packets: int = 0
    first: int | None = None

    def count(self, rows: I64, first_number: int) -> None:
        """Count packets by their rows in records that begin with a number."""
        self.packets += len(rows)
        if self.first is None and len(rows):
            self.first = first_number + int(rows.min())


def notices_of(headers: Cut, options: Cut) -> list[Notice]:
    """What to say of TCP headers that the snaplen left too little of, and of those without all of their options."""
    told = ((headers, _HEADERS), (options, _OPTIONS))
    return [Notice("snapped", text.format(cut.packets), cut.first) for cut, text in told if cut.packets]
