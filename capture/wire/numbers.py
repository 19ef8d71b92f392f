"""Numbers that name the next header (IANA's and IEEE's registries), and parting packets by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from capture.wire.front import Front
from capture.wire.links import Layer

Step = Iterator[tuple[Layer, Front]]

ETHERTYPES = {
    0x0800: Layer.IPV4,
    0x86DD: Layer.IPV6,
    0x8100: Layer.VLAN,
    0x88A8: Layer.VLAN,
    0x9100: Layer.VLAN,
    0x9200: Layer.VLAN,
    0x9300: Layer.VLAN,
    0x8847: Layer.MPLS,
    0x8848: Layer.MPLS,
    0x8864: Layer.PPPOE,
    0x880B: Layer.PPP,
    0x6558: Layer.ETHERNET,
    0x88E7: Layer.PBB,
    0x8926: Layer.VNTAG,
    0x8903: Layer.FABRICPATH,
    0x8909: Layer.TRUSTSEC,
    0x892F: Layer.HSR,
    0x88E5: Layer.MACSEC,
}
GRE_TYPES = ETHERTYPES | {0x88BE: Layer.ERSPAN_2, 0x22EB: Layer.ERSPAN_3, 0x883E: Layer.WCCP, 0x6400: Layer.ETHERNET}
GRE_TYPES |= dict.fromkeys(range(0x8200, 0x8380, 0x10), Layer.IEEE802_11)  # Aruba's access points
PROTOCOLS = {
    6: Layer.TCP,
    17: Layer.UDP,
    1: Layer.ICMP,
    58: Layer.ICMPV6,
    4: Layer.INNER_IPV4,
    41: Layer.INNER_IPV6,
    47: Layer.GRE,
    51: Layer.AH,
    97: Layer.ETHERIP,
    137: Layer.MPLS,
}
PPP_PROTOCOLS = {0x21: Layer.IPV4, 0x57: Layer.IPV6, 0x0281: Layer.MPLS, 0x0283: Layer.MPLS}
FAMILIES = {2: Layer.IPV4, 10: Layer.IPV6, 23: Layer.IPV6, 24: Layer.IPV6, 28: Layer.IPV6, 30: Layer.IPV6}
"""Address families of NULL, LOOP and the like: AF_INET is 2 everywhere, AF_INET6 is what each system says."""
VERSIONS = {4: Layer.IPV4, 6: Layer.IPV6}
UDP_PORTS = {
    4789: Layer.VXLAN,
    8472: Layer.VXLAN,
    4790: Layer.VXLAN_GPE,
    6081: Layer.GENEVE,
    2152: Layer.GTP,
    3544: Layer.TEREDO,
    5072: Layer.AYIYA,
    6635: Layer.MPLS,
    1701: Layer.L2TP,
    4754: Layer.GRE,
}
EITHER_PORT = (2152, 3544, 5072, 1701, 4754)


def by_number(front: Front, numbers: npt.NDArray[np.integer], layers: Mapping[int, Layer]) -> Step:
    """Part packets by the number that names their next header; those without a known one are left."""
    if not len(front):
        return
    first = int(numbers[0])
    if (numbers == first).all():
        if first in layers:
            yield layers[first], front
        return
    for number, layer in layers.items():
        which = numbers == number
        if which.any():
            yield layer, front.where(which)
