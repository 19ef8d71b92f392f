"""From the link layer to TCP: each header is decoded for all packets that stand at it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from capture.wire.columns import U8, AddressTable, Scope, ScopeTable
from capture.wire.front import Bytes, Front
from capture.wire.links import Layer
from capture.wire.network import decode_ipv4, decode_ipv6
from capture.wire.tcp import FEWEST, Segments, decode_tcp

DEPTH = 32  # headers within headers, at most

_ETHERTYPES = {
    0x0800: Layer.IPV4,
    0x86DD: Layer.IPV6,
    0x8100: Layer.VLAN,
    0x88A8: Layer.VLAN,
    0x9100: Layer.VLAN,
    0x9200: Layer.VLAN,
    0x9300: Layer.VLAN,
}
_PROTOCOLS = {6: Layer.TCP}
_FAMILIES = {2: Layer.IPV4, 10: Layer.IPV6, 23: Layer.IPV6, 24: Layer.IPV6, 28: Layer.IPV6, 30: Layer.IPV6}
"""Address families of NULL and LOOP: AF_INET is 2 everywhere, AF_INET6 is what each system says."""

Step = Iterator[tuple[Layer, Front]]


class Layers:
    """Decodes fronts down to TCP. Tables are shared by all windows of a capture."""

    def __init__(self, addresses: AddressTable, scopes: ScopeTable) -> None:
        self.addresses, self.scopes = addresses, scopes
        self.cut_short = 0  # TCP headers that the snaplen left too little of
        self._steps: dict[Layer, Callable[[Bytes, Front], Step]] = {
            Layer.ETHERNET: self._ethernet,
            Layer.VLAN: self._vlan,
            Layer.NULL: self._null,
            Layer.LOOP: self._loop,
            Layer.RAW: self._raw,
            Layer.LINUX_SLL: self._sll,
            Layer.LINUX_SLL2: self._sll2,
            Layer.IPV4: self._ipv4,
            Layer.IPV6: self._ipv6,
        }

    def segments(self, raw: Bytes, fronts: list[tuple[Layer, Front]]) -> list[Segments]:
        """All TCP headers found from these fronts on; in no order."""
        found: list[Front] = []
        for _ in range(DEPTH):
            following: dict[Layer, list[Front]] = defaultdict(list)
            for layer, front in fronts:
                for next_layer, next_front in self._steps[layer](raw, front):
                    if next_layer is Layer.TCP:
                        found.append(next_front)
                    elif len(next_front) and next_layer in self._steps:
                        following[next_layer].append(next_front)
            if not following:
                break
            fronts = [(layer, front) for layer, several in following.items() for front in several]
        segments = []
        for front in found:
            enough = front.having(FEWEST)
            self.cut_short += len(front) - len(enough)
            if len(enough):
                segments.append(decode_tcp(raw, enough))
        return segments

    def _ethernet(self, raw: Bytes, front: Front) -> Step:
        front = front.having(14)
        return by_number(front.moved(14), raw.u16(front.at + 12), _ETHERTYPES)

    def _sll(self, raw: Bytes, front: Front) -> Step:
        front = front.having(16)
        return by_number(front.moved(16), raw.u16(front.at + 14), _ETHERTYPES)

    def _sll2(self, raw: Bytes, front: Front) -> Step:
        front = front.having(20)
        return by_number(front.moved(20), raw.u16(front.at), _ETHERTYPES)

    def _null(self, raw: Bytes, front: Front) -> Step:
        front = front.having(4)
        family = raw.u32_little(front.at)  # in the byte order of the machine that captured
        family = np.where(family > 0xFFFF, raw.u32(front.at), family)
        return by_number(front.moved(4), family, _FAMILIES)

    def _loop(self, raw: Bytes, front: Front) -> Step:
        return self._null(raw, front)

    def _raw(self, raw: Bytes, front: Front) -> Step:
        front = front.having(1)
        return by_number(front, raw.u8(front.at) >> 4, {4: Layer.IPV4, 6: Layer.IPV6})

    def _vlan(self, raw: Bytes, front: Front) -> Step:
        front = front.having(4)
        tag = raw.u16(front.at) & 0xFFF
        front = self._scoped(front, tag, lambda scope, value: Scope(joined(scope.vlan, str(value)), scope.tunnel))
        return by_number(front.moved(4), raw.u16(front.at + 2), _ETHERTYPES)

    def _ipv4(self, raw: Bytes, front: Front) -> Step:
        whole, protocol, _ = decode_ipv4(raw, front)
        return by_number(whole, protocol, _PROTOCOLS)

    def _ipv6(self, raw: Bytes, front: Front) -> Step:
        whole, protocol, _ = decode_ipv6(raw, front, self.addresses)
        return by_number(whole, protocol, _PROTOCOLS)

    def _scoped(self, front: Front, values: npt.NDArray[np.integer], enter: Callable[[Scope, int], Scope]) -> Front:
        """The same packets, each in the scope that `enter` makes of its scope and value."""
        if not len(front):
            return front
        pairs = (front.scope.astype(np.int64) << 32) | values.astype(np.int64)
        distinct, which = np.unique(pairs, return_inverse=True)
        inner = [
            self.scopes.index(enter(self.scopes.scopes[pair >> 32], pair & 0xFFFFFFFF)) for pair in distinct.tolist()
        ]
        return front.moved(0, scope=np.array(inner, dtype=np.int32)[which])


def by_number(front: Front, numbers: npt.NDArray[np.integer] | U8, layers: dict[int, Layer]) -> Step:
    """Part packets by the number that names their next header; those without a known one are left."""
    if not len(front):
        return
    first = int(numbers[0])
    same = numbers == first
    if same.all():
        if first in layers:
            yield layers[first], front
        return
    for number, layer in layers.items():
        which = numbers == number
        if which.any():
            yield layer, front.where(which)


def joined(outer: str | None, inner: str) -> str:
    """VLANs or tunnels within one another, the outer one first."""
    return f"{outer},{inner}" if outer else inner
