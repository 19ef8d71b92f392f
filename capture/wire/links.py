"""Link types: numbers, names (tcpdump's DLT names without DLT_), and where decoding begins."""

from __future__ import annotations

from enum import IntEnum


class Layer(IntEnum):
    """A header that decoding knows, or the end of the way."""

    NONE = 0
    ETHERNET = 1
    NULL = 2
    LOOP = 3
    RAW = 4
    LINUX_SLL = 5
    LINUX_SLL2 = 6
    PPP = 7
    PPP_ETHER = 8
    IEEE802_11 = 9
    RADIOTAP = 10
    C_HDLC = 11
    IPV4 = 12
    IPV6 = 13
    TCP = 14
    UDP = 15
    ICMP = 16
    ICMPV6 = 17
    VLAN = 18
    MPLS = 19
    PPPOE = 20
    GRE = 21


LINK_NAMES = {
    0: "NULL",
    1: "EN10MB",
    6: "IEEE802",
    9: "PPP",
    10: "FDDI",
    12: "RAW",
    14: "RAW",
    50: "PPP_SERIAL",
    51: "PPP_ETHER",
    101: "RAW",
    104: "C_HDLC",
    105: "IEEE802_11",
    107: "FRELAY",
    108: "LOOP",
    113: "LINUX_SLL",
    127: "IEEE802_11_RADIO",
    228: "IPV4",
    229: "IPV6",
    276: "LINUX_SLL2",
}

LINK_LAYERS = {
    0: Layer.NULL,
    1: Layer.ETHERNET,
    12: Layer.RAW,
    14: Layer.RAW,
    101: Layer.RAW,
    108: Layer.LOOP,
    113: Layer.LINUX_SLL,
    228: Layer.RAW,
    229: Layer.RAW,
    276: Layer.LINUX_SLL2,
}


def link_name(link: int) -> str:
    """tcpdump's name of a link type without DLT_, or its number."""
    return LINK_NAMES.get(link, str(link))
