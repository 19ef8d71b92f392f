"""What columns are made of, and what their numbers stand for: addresses, scopes, marks."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping


U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]
I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class PacketMark(IntFlag):
    """What a packet's row says beside its fields."""

    TIMESTAMP = 0x01  # the TCP timestamp option is there (RFC 7323)
    HEADER_CUT = 0x02  # the snaplen cut the TCP header: options (or more) are unknown
    BAD_CHECKSUM = 0x04  # TCP or IP checksum wrong, where it could be computed and was not left to the card
    SACK = 0x08  # carries a SACK block
    IPV6 = 0x10  # … or a printed packet that does not say its identification: there is none to compare
    FRAGMENT = 0x20  # first fragment of, or reassembled from, several IP fragments
    SAME_AS_BEFORE = 0x40  # a second copy of the same packet ("any" interface, mirror port): it carries no news
    FAST_OPEN = 0x80  # a TCP Fast Open option with a cookie (RFC 7413)
    TTL_UNKNOWN = 0x100  # a text that does not say it
    ID_UNKNOWN = 0x200
    SACK_PERMITTED = 0x400
    FAST_OPEN_ASKED = 0x800  # the option without a cookie
    FLAGS_CUT = 0x1000  # the snaplen left no more than ports, or ports and numbers: flags and payload are unknown


class QuotedTcp(Struct, frozen=True):
    """A TCP header quoted in an ICMP or ICMPv6 error: evidence for its connection, not a packet of it."""

    number: int
    time: int  # epoch nanoseconds
    reporter: str  # address of the router or host that sent the ICMP
    icmp_type: int
    icmp_code: int
    ipv6: bool
    src: int  # address keys of the quoted packet
    dst: int
    sport: int
    dport: int
    seq: int | None  # None where the quotation is too short
    mtu: int | None = None  # the next hop's MTU, where the error is that a packet is too big (RFC 1191, RFC 4443 §3.2)


class AddressTable(Struct):
    """Address keys: an IPv4 address is its own number (0 … 2**32-1); an IPv6 address is 2**32 + its index here."""

    v6: list[bytes] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)  # keys that stand for a name: text captures without -n
    _index: dict[bytes, int] = field(default_factory=dict)

    @classmethod
    def of(cls, v6: list[bytes], names: Mapping[bytes, str]) -> AddressTable:
        """The engine's addresses, in its order. `names` stand for addresses that are not known."""
        table = cls(v6=list(v6), _index={packed: index for index, packed in enumerate(v6)})
        for packed, name in names.items():
            table.names[table.key(packed)] = name
        return table

    def key(self, packed: bytes) -> int:
        """The key of a 4- or 16-byte address."""
        if len(packed) == 4:
            return int.from_bytes(packed, "big")
        index = self._index.get(packed)
        if index is None:
            index = self._index[packed] = len(self.v6)
            self.v6.append(packed)
        return (1 << 32) + index

    @property
    def others(self) -> range:
        """The keys of all that are not IPv4 addresses."""
        return range(1 << 32, (1 << 32) + len(self.v6))

    def text(self, key: int) -> str:
        """Canonical text of an address key (RFC 5952); IPv4-mapped as such: on the wire it is another address."""
        if key < 1 << 32:
            return f"{key >> 24}.{key >> 16 & 255}.{key >> 8 & 255}.{key & 255}"
        if key in self.names:
            return self.names[key]
        from ipaddress import IPv6Address

        address = IPv6Address(self.v6[key - (1 << 32)])
        return f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else str(address)


class Scope(Struct, frozen=True):
    """Where a packet was seen, as part of its connection's key: "10", "10,20" for VLANs; "vxlan:5" and the like."""

    vlan: str | None = None
    tunnel: str | None = None


class ScopeTable(Struct):
    """Scopes by index; 0 is the plain one."""

    scopes: list[Scope] = field(default_factory=lambda: [Scope()])
    _index: dict[Scope, int] = field(default_factory=lambda: {Scope(): 0})

    @classmethod
    def of(cls, scopes: list[Scope]) -> ScopeTable:
        """The engine's scopes, in its order."""
        return cls(scopes=scopes, _index={scope: index for index, scope in enumerate(scopes)})

    def index(self, scope: Scope) -> int:
        """The index of a scope, made on first sight."""
        found = self._index.get(scope)
        if found is None:
            found = self._index[scope] = len(self.scopes)
            self.scopes.append(scope)
        return found
