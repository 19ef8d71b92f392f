"""The segments of a text as the columns that the analysis takes."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import numpy as np

from capture.model import Notice
from capture.wire.columns import AddressTable, Mark, PacketColumns, QuotedTcp, Scope, ScopeTable
from capture.wire.errors import CaptureUnreadable
from capture.wire.feed import Feed
from capture.wire.text.printed import TextSegment
from capture.wire.text.reader import TextReader

_ROWS = 20_000  # of one block
_PIECE = 1 << 18  # bytes fed at once
_MOST_NAMES = 200_000
_MARKS = (
    ("timestamp", int(Mark.TIMESTAMP)),
    ("sack", int(Mark.SACK)),
    ("fast_open", int(Mark.FAST_OPEN)),
    ("wrong_checksum", int(Mark.BAD_CHECKSUM)),
    ("again", int(Mark.SAME_AS_BEFORE)),
)
_NO_ID = int(Mark.IPV6)
_KINDS = (
    np.uint32, np.int64, np.int64, np.int64, np.uint16, np.uint16, np.uint32, np.uint32, np.uint16, np.uint16,
    np.int32, np.uint8, np.uint16, np.int8, np.uint8, np.int32, np.int64, np.uint8,
)  # fmt: skip

Row = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int]


class TextPackets:
    """The packets of a text. `link_names`, `notices` and `quoted` grow while reading."""

    format = "text"

    def __init__(self, path: str, feed: Feed, addresses: AddressTable, scopes: ScopeTable, number: int = 0) -> None:
        self._path, self._feed = path, feed
        self._addresses, self._scopes = addresses, scopes
        self._reader = TextReader(number)
        self.quoted: list[QuotedTcp] = []
        self._keys: dict[str, int] = {}

    @property
    def packets(self) -> int:
        """All packets so far."""
        return self._reader.packets

    @property
    def first_time(self) -> int | None:
        """The earliest time so far (nanoseconds)."""
        return self._reader.first_time

    @property
    def last_time(self) -> int | None:
        """The latest time so far (nanoseconds)."""
        return self._reader.last_time

    @property
    def link_names(self) -> list[str]:
        """Link types that tcpdump named."""
        return self._reader.link_names

    @property
    def notices(self) -> list[Notice]:
        """What this text cannot say."""
        return self._reader.notices

    def blocks(self) -> Iterator[PacketColumns]:
        """The TCP packets, in blocks of about 20,000. Raises CaptureUnreadable where none can be read."""
        rows: list[Row] = []
        for segments in self._pieces():
            rows += map(self._row, segments)
            if len(rows) >= _ROWS:
                yield _columns(rows)
                rows = []
        refusal = self._reader.refusal
        if refusal is not None:
            raise CaptureUnreadable(self._path, *refusal)
        if rows:
            yield _columns(rows)

    def _pieces(self) -> Iterator[list[TextSegment]]:
        feed = self._feed
        while True:
            for at in range(feed.start, feed.end, _PIECE):
                yield self._taken(self._reader.feed(bytes(memoryview(feed.buffer)[at : min(at + _PIECE, feed.end)])))
            if not feed.advance(feed.end):
                break
        yield self._taken(self._reader.end())

    def _taken(self, segments: list[TextSegment]) -> list[TextSegment]:
        for quote in self._reader.quotes:
            src, dst = self._key(quote.src), self._key(quote.dst)
            error = (quote.reporter, quote.icmp_type, quote.icmp_code, quote.ipv6)
            self.quoted.append(
                QuotedTcp(quote.number, quote.time, *error, src, dst, quote.sport, quote.dport, quote.seq, quote.mtu)
            )
        self._reader.quotes.clear()
        return segments

    def _row(self, segment: TextSegment) -> Row:
        vlan = ",".join(str(tag) for tag in segment.vlans if tag) or None
        scope = Scope(vlan, None if segment.vni is None else f"vxlan:{segment.vni}")
        return (
            segment.number,
            segment.time,
            self._key(segment.src),
            self._key(segment.dst),
            segment.sport,
            segment.dport,
            segment.seq,
            segment.ack,
            segment.flags,
            segment.window,
            segment.length,
            segment.ttl or 0,  # 0: not known
            segment.ip_id or 0,
            -1 if segment.wscale is None else segment.wscale,
            sum(mark for name, mark in _MARKS if getattr(segment, name)) | (_NO_ID if segment.ip_id is None else 0),
            self._scopes.index(scope),
            segment.offset,
            int(segment.content),
        )

    def _key(self, name: str) -> int:
        known = self._keys.get(name)
        if known is None:
            if len(self._keys) >= _MOST_NAMES:
                self._keys.clear()
            known = self._keys[name] = self._new_key(name)
        return known

    def _new_key(self, name: str) -> int:
        try:
            address = ip_address(name.partition("%")[0])
        except ValueError:
            return self._addresses.named(name)
        return self._addresses.key(address.packed)


def _columns(rows: list[Row]) -> PacketColumns:
    return PacketColumns(
        *(np.array(column, kind) for column, kind in zip(zip(*rows, strict=True), _KINDS, strict=True))
    )
