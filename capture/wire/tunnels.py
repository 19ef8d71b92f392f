"""Headers between two IPs: the innermost TCP counts, and the tunnel is part of its connection's key.

Identifiers that differ by direction (GTP's TEIDs, L2TP's and PPTP's calls, MPLS labels) are no part of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from capture.wire.columns import Mark, Scope, ScopeTable
from capture.wire.framing import typed
from capture.wire.front import Bytes, Front
from capture.wire.links import Layer
from capture.wire.numbers import EITHER_PORT, ETHERTYPES, GRE_TYPES, PROTOCOLS, UDP_PORTS, VERSIONS, Step, by_number

Numbers = npt.NDArray[np.integer]


def vlan(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """IEEE 802.1Q: the VLAN joins the scope (0 is none: only a priority); then a type or length."""
    front = front.having(4)
    front = scoped(scopes, front, raw.u16(front.at) & 0xFFF, _tagged)
    return typed(front, raw.u16(front.at + 2), 4)


def _tagged(scope: Scope, tag: int) -> Scope:
    return Scope(_joined(scope.vlan, tag), scope.tunnel) if tag else scope


def inner_ipv4(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """IPv4 in IP (RFC 2003, RFC 2473)."""
    return _in_ip(scopes, front, Layer.IPV4, "ipip", "4in6")


def inner_ipv6(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """IPv6 in IP (RFC 4213, RFC 2473)."""
    return _in_ip(scopes, front, Layer.IPV6, "6in4", "6in6")


def _in_ip(scopes: ScopeTable, front: Front, layer: Layer, in_ipv4: str, in_ipv6: str) -> Step:
    assert front.network is not None
    outer = (front.network.marks & np.uint8(Mark.IPV6)) != 0
    yield layer, named(scopes, front.where(~outer), in_ipv4)
    yield layer, named(scopes, front.where(outer), in_ipv6)


def scoped(scopes: ScopeTable, front: Front, values: Numbers, enter: Callable[[Scope, int], Scope]) -> Front:
    """The same packets, each in the scope that `enter` makes of its scope and value."""
    if not len(front):
        return front
    pairs = (front.scope.astype(np.int64) << 32) | values.astype(np.int64)
    distinct, which = np.unique(pairs, return_inverse=True)
    inner = [scopes.index(enter(scopes.scopes[pair >> 32], pair & 0xFFFFFFFF)) for pair in distinct.tolist()]
    return replace(front, scope=np.array(inner, dtype=np.int32)[which])


def named(scopes: ScopeTable, front: Front, name: str, values: Numbers | None = None) -> Front:
    """The same packets within a tunnel, told apart by `values` where they are the same in both directions."""

    def enter(scope: Scope, value: int) -> Scope:
        return Scope(scope.vlan, _joined(scope.tunnel, name if values is None else f"{name}:{value}"))

    return scoped(scopes, front, np.zeros(len(front), dtype=np.int64) if values is None else values, enter)


def gre(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """GRE (RFC 2784, 2890), NVGRE (RFC 7637) and PPTP's (RFC 2637)."""
    front = front.having(4)
    bits = raw.u16(front.at).astype(np.int64)
    front = front.where((bits & 7 <= 1) & (bits & 0x4000 == 0))
    bits, kind = raw.u16(front.at).astype(np.int64), raw.u16(front.at + 2)
    size = 4 + 4 * ((bits >> 15 & 1) + (bits >> 13 & 1) + (bits >> 12 & 1) + np.where(bits & 7 == 1, bits >> 7 & 1, 0))
    # NVGRE's key is a network and a flow: the flow differs by direction.
    network = np.where((kind == 0x6558) & (bits & 0xF000 == 0x2000), raw.u32(front.at + 4) >> 8, 0)
    front = scoped(
        scopes,
        front,
        network,
        lambda scope, value: Scope(scope.vlan, _joined(scope.tunnel, f"nvgre:{value}" if value else "gre")),
    )
    first = (kind == 0x88BE) & (bits & 0x1000 == 0)  # ERSPAN type I has no header of its own
    yield Layer.ETHERNET, front.moved(size).where(first)
    yield from by_number(front.moved(size).where(~first), kind[~first], GRE_TYPES)


def erspan_2(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """ERSPAN type II: eight bytes."""
    yield Layer.ETHERNET, front.having(8).moved(8)


def erspan_3(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """ERSPAN type III: twelve bytes, and eight more where a bit says so; frames of Ethernet only."""
    front = front.having(12)
    yield Layer.ETHERNET, front.moved(np.where(raw.u8(front.at + 11) & 1 != 0, 20, 12))


def wccp(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """Cisco's web cache redirection: a header of four bytes, unless IP comes at once (version 1)."""
    front = front.having(5)
    at_once = raw.u8(front.at) >> 4 == 4
    yield Layer.IPV4, front.where(at_once)
    yield Layer.IPV4, front.where(~at_once).moved(4)


def authentication(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """IPsec's AH (RFC 4302): what it signs can be read."""
    front = front.having(12)
    size = (raw.u8(front.at + 1).astype(np.int64) + 2) * 4
    return by_number(front.moved(size), raw.u8(front.at), PROTOCOLS)


def ether_ip(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """Ethernet in IP (RFC 3378)."""
    yield Layer.ETHERNET, named(scopes, front.having(2), "etherip").moved(2)


def udp(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """Tunnels over UDP, by their ports."""
    front = front.having(8)
    destination = raw.u16(front.at + 2)
    known = np.isin(destination, list(UDP_PORTS))
    source = raw.u16(front.at)
    known_source = ~known & np.isin(source, EITHER_PORT)
    yield from by_number(front.moved(8).where(known), destination[known], UDP_PORTS)
    yield from by_number(front.moved(8).where(known_source), source[known_source], UDP_PORTS)


def vxlan(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """VXLAN (RFC 7348): the network is part of the key."""
    front = front.having(8)
    front = front.where(raw.u8(front.at) & 0x08 != 0)
    yield Layer.ETHERNET, named(scopes, front, "vxlan", raw.u32(front.at + 4) >> 8).moved(8)


def vxlan_gpe(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """VXLAN with a next protocol (draft-ietf-nvo3-vxlan-gpe)."""
    front = front.having(8)
    inner = named(scopes, front, "vxlan", raw.u32(front.at + 4) >> 8).moved(8)
    return by_number(inner, raw.u8(front.at + 3), {1: Layer.IPV4, 2: Layer.IPV6, 3: Layer.ETHERNET})


def geneve(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """Geneve (RFC 8926): options are passed over."""
    front = front.having(8)
    front = front.where(raw.u8(front.at) >> 6 == 0)
    size = 8 + 4 * (raw.u8(front.at) & 0x3F).astype(np.int64)
    inner = named(scopes, front, "geneve", raw.u32(front.at + 4) >> 8).moved(size)
    return by_number(inner, raw.u16(front.at + 2), ETHERTYPES)


def gtp(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """GTP-U (3GPP TS 29.281), extension headers included."""
    front = front.having(8)
    front = front.where((raw.u8(front.at) & 0xF0 == 0x30) & (raw.u8(front.at + 1) == 0xFF))
    more = raw.u8(front.at) & 7 != 0
    extended = raw.u8(front.at) & 4 != 0
    following = np.where(extended, raw.u8(front.at + 11), 0)
    front = front.moved(np.where(more, 12, 8))
    for _ in range(8):
        on = following != 0
        if not on.any():
            break
        size = 4 * raw.u8(np.minimum(front.at, front.captured)).astype(np.int64)
        bad = on & ((size == 0) | (front.at + size > front.captured))
        front, following, size, on = front.where(~bad), following[~bad], size[~bad], on[~bad]
        at = np.where(on, front.at + size, front.at)
        following = np.where(on, raw.u8(at - 1), 0)
        front = replace(front, at=at)
    front = named(scopes, front.having(1), "gtp")
    return by_number(front, raw.u8(front.at) >> 4, VERSIONS)


def teredo(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """Teredo (RFC 4380): authentication and origin may come before the IPv6 packet."""
    front = front.having(13)
    signed = raw.u16(front.at) == 1
    front = front.moved(
        np.where(signed, 13 + raw.u8(front.at + 2).astype(np.int64) + raw.u8(front.at + 3).astype(np.int64), 0)
    ).having(8)
    front = front.moved(np.where(raw.u16(front.at) == 0, 8, 0)).having(1)
    front = named(scopes, front, "teredo")
    yield Layer.IPV6, front.where(raw.u8(front.at) >> 4 == 6)


def ayiya(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """AYIYA (draft-massar-v6ops-ayiya): identity and signature sizes in the first two bytes."""
    front = front.having(8)
    first, second = raw.u8(front.at).astype(np.int64), raw.u8(front.at + 1).astype(np.int64)
    size = 8 + (1 << (first >> 4)) + 4 * (second >> 4)
    return by_number(named(scopes, front, "ayiya").moved(size), raw.u8(front.at + 3), {4: Layer.IPV4, 41: Layer.IPV6})


def l2tp(scopes: ScopeTable, raw: Bytes, front: Front) -> Step:
    """L2TP version 2 data (RFC 2661): PPP inside."""
    front = front.having(6)
    bits = raw.u16(front.at)
    front = front.where((bits & 0x8000 == 0) & (bits & 0x0F == 2))
    bits = raw.u16(front.at).astype(np.int64)
    size = 6 + np.where(bits & 0x4000 != 0, 2, 0) + np.where(bits & 0x0800 != 0, 4, 0)
    offset = bits & 0x0200 != 0
    size = size + np.where(offset, 2 + raw.u16(np.minimum(front.at + size, front.captured)).astype(np.int64), 0)
    yield Layer.PPP, named(scopes, front, "l2tp").moved(size)


def _joined(outer: str | None, inner: object) -> str:
    return f"{outer},{inner}" if outer else str(inner)
