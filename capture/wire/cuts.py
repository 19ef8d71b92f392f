"""Packets of which the snaplen cut something off: counted, and the first remembered."""

from __future__ import annotations

from msgspec import Struct

from capture.model import Notice
from capture.wire.columns import U32

_HEADERS = "{} packets were captured too short for a TCP header: raise the snaplen (tcpdump -s)"
_OPTIONS = (
    "{} packets were captured without all of their TCP options: window scale and SACK may be unknown; raise the "
    "snaplen (tcpdump -s)"
)


class Cut(Struct):
    """Packets of which the snaplen cut something off, and the number of the first."""

    packets: int = 0
    first: int | None = None

    def count(self, numbers: U32) -> None:
        """Count packets, given their numbers."""
        self.packets += len(numbers)
        if self.first is None and len(numbers):
            self.first = int(numbers.min())


def notices_of(headers: Cut, options: Cut) -> list[Notice]:
    """What to say of TCP headers that the snaplen left too little of, and of those without all of their options."""
    told = ((headers, _HEADERS), (options, _OPTIONS))
    return [Notice("snapped", text.format(cut.packets), cut.first) for cut, text in told if cut.packets]
