"""The segments of a text, handed to the engine."""

from __future__ import annotations

import hashlib
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import numpy as np

from capture.engine.library import QUOTED_BY_V4, QUOTED_BY_V6, QUOTED_REPORTER_6, library
from capture.model import Notice
from capture.safe_text import printable
from capture.wire.capture_errors import CaptureUnreadable
from capture.wire.column_types import PacketMark
from capture.wire.text.reader import TextReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.engine.session import Engine
    from capture.wire.text.printed import TextQuote, TextSegment

_MOST_NAMES = 200_000
_MARKS = (
    ("timestamp", int(PacketMark.TIMESTAMP)),
    ("sack", int(PacketMark.SACK)),
    ("fast_open", int(PacketMark.FAST_OPEN)),
    ("ipv6", int(PacketMark.IPV6)),
    ("wrong_checksum", int(PacketMark.BAD_CHECKSUM)),
    ("again", int(PacketMark.SAME_AS_BEFORE)),
)
_NO_INTERFACE = 0xFFFFFFFF


class TextPackets:
    """The packets of a text into an engine; `names` are of hosts whose addresses the text does not say.

    A name takes a place of the discard prefix 100::/64.
    """

    format = "text"

    def __init__(self, path: str, engine: Engine, before: int) -> None:
        self._path, self._engine = path, engine
        self._reader = TextReader(before)
        self._counted = 0
        self._addresses: dict[str, tuple[bytes, int]] = {}
        self._scopes: dict[tuple[tuple[int, ...], int | None], int] = {}
        self.names: dict[bytes, str] = {}

    @property
    def packets(self) -> int:
        """All packets so far."""
        return self._reader.packets

    @property
    def link_names(self) -> list[str]:
        """Link types that tcpdump named."""
        return list(self._reader.link_names)

    def notices(self, source: list[Notice]) -> list[Notice]:
        """What this text cannot say."""
        return [*self._reader.notices, *source]

    def feed(self, piece: memoryview) -> None:
        """Take some bytes."""
        self._take(self._reader.feed(piece))

    def end(self) -> None:
        """Nothing more comes. Raises CaptureUnreadable where no packet could be read."""
        self._take(self._reader.end())
        refusal = self._reader.refusal
        if refusal is not None:
            raise CaptureUnreadable(self._path, *refusal)

    def _take(self, segments: Sequence[TextSegment]) -> None:
        first, last = self._reader.first_time, self._reader.last_time
        if first is not None and last is not None:
            self._engine.packets(np.full(self._reader.packets - self._counted, last, np.int64))
            self._engine.span(first, last)
            self._counted = self._reader.packets
        quotes = self._reader.quotes
        if quotes:
            self._engine.quotes(self._filled("quoted", [self._quote(quote) for quote in quotes]))
            quotes.clear()
        if segments:
            self._engine.segments(self._filled("segment", [self._segment(segment) for segment in segments]))

    def _filled(self, kind: str, rows: list[dict[str, Any]]) -> Any:
        filled = np.zeros(len(rows), library().structs[kind])
        for name in rows[0]:
            filled[name] = [row[name] for row in rows]
        return filled

    def _segment(self, segment: TextSegment) -> dict[str, Any]:
        (source, family), (target, other) = self._address(segment.src), self._address(segment.dst)
        unknown = (int(PacketMark.TTL_UNKNOWN) if segment.ttl is None else 0) | (
            int(PacketMark.ID_UNKNOWN) if segment.ip_id is None else 0
        )
        return {
            "number": segment.number,
            "offset": segment.offset,
            "time": segment.time,
            "src": np.frombuffer(source, np.uint8),
            "dst": np.frombuffer(target, np.uint8),
            "sport": segment.sport,
            "dport": segment.dport,
            "seq": segment.seq,
            "ack": segment.ack,
            "flags": segment.flags,
            "window": segment.window,
            "payload": segment.length,
            "scope": self._scope(segment.vlans, segment.vni),
            "interface": _NO_INTERFACE,
            "ip_id": segment.ip_id or 0,
            "marks": sum(mark for name, mark in _MARKS if getattr(segment, name)) | unknown,
            "wscale": -1 if segment.wscale is None else segment.wscale,
            "ttl": segment.ttl or 0,
            "family": family if family == other else family | other << 4,
            "content": int(segment.content),
        }

    def _quote(self, quote: TextQuote) -> dict[str, Any]:
        (source, family), (target, other) = self._address(quote.src), self._address(quote.dst)
        reporter, its = self._address(quote.reporter)
        version = QUOTED_BY_V6 if quote.ipv6 else QUOTED_BY_V4
        return {
            "number": quote.number,
            "time": quote.time,
            "reporter": np.frombuffer(reporter, np.uint8),
            "src": np.frombuffer(source, np.uint8),
            "dst": np.frombuffer(target, np.uint8),
            "sport": quote.sport,
            "dport": quote.dport,
            "seq": quote.seq or 0,
            "mtu": min(quote.mtu or 0, 0xFFFF),
            "type": quote.icmp_type,
            "code": quote.icmp_code,
            "family": family if family == other else family | other << 4,
            "has_seq": (quote.seq is not None) | version | (QUOTED_REPORTER_6 if its == 6 else 0),
        }

    def _scope(self, vlans: tuple[int, ...], vni: int | None) -> int:
        known = self._scopes.get((vlans, vni))
        if known is None:
            vlan = ",".join(str(tag) for tag in vlans if tag)
            known = self._scopes[vlans, vni] = self._engine.scope(vlan, "" if vni is None else f"vxlan:{vni}")
        return known

    def _address(self, name: str) -> tuple[bytes, int]:
        """Sixteen bytes and the family of an address, or of the key of a name."""
        known = self._addresses.get(name)
        if known is None:
            if len(self._addresses) >= _MOST_NAMES:
                self._addresses.clear()
            known = self._addresses[name] = self._new_address(name)
        return known

    def _new_address(self, name: str) -> tuple[bytes, int]:
        try:
            address = ip_address(name.partition("%")[0])
        except ValueError:
            key = b"\x01" + bytes(7) + hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest()
            self.names[key] = printable(name, 253)
            return key, 6
        return address.packed.ljust(16, b"\0"), 4 if address.version == 4 else 6
