"""Link types: numbers, names (tcpdump's DLT names without DLT_), and the header that decoding begins with.

https://www.tcpdump.org/linktypes.html
"""

from __future__ import annotations

from enum import IntEnum


class Layer(IntEnum):
    """A header that decoding knows."""

    ETHERNET = 1
    NULL = 2
    RAW = 3
    LINUX_SLL = 4
    LINUX_SLL2 = 5
    PPP = 6
    PPPOE = 7
    IEEE802_11 = 8
    RADIOTAP = 9
    PRISM = 10
    AVS = 11
    PPI = 12
    PKTAP = 13
    C_HDLC = 14
    PPP_SERIAL = 15
    PPP_WITH_DIR = 16
    FRELAY = 17
    FDDI = 18
    NFLOG = 19
    PFLOG = 20
    ENC = 21
    IP_OVER_FC = 22
    TOKEN_RING = 29
    DSA_BRCM = 23  # switch tags of four bytes after the addresses, before the type …
    DSA_PREPENDED = 24  # … before the frame …
    DSA_EDSA = 25  # … and of eight bytes after the addresses
    LLC = 30
    VLAN = 31
    MPLS = 32
    VNTAG = 33
    PBB = 34
    FABRICPATH = 35
    TRUSTSEC = 36
    HSR = 37
    MACSEC = 38
    IPV4 = 40
    IPV6 = 41
    INNER_IPV4 = 48  # in another IP
    INNER_IPV6 = 49
    AH = 42
    GRE = 43
    ETHERIP = 44
    ERSPAN_2 = 45
    ERSPAN_3 = 46
    WCCP = 47
    UDP = 50
    VXLAN = 51
    VXLAN_GPE = 52
    GENEVE = 53
    GTP = 54
    TEREDO = 55
    AYIYA = 56
    L2TP = 57
    TCP = 60
    ICMP = 61
    ICMPV6 = 62


LINK_NAMES = {
    0: "NULL",
    1: "EN10MB",
    6: "IEEE802",
    7: "ARCNET",
    8: "SLIP",
    9: "PPP",
    10: "FDDI",
    12: "RAW",
    14: "RAW",
    50: "PPP_SERIAL",
    51: "PPP_ETHER",
    100: "ATM_RFC1483",
    101: "RAW",
    104: "C_HDLC",
    105: "IEEE802_11",
    107: "FRELAY",
    108: "LOOP",
    109: "ENC",
    113: "LINUX_SLL",
    117: "PFLOG",
    119: "PRISM_HEADER",
    122: "IP_OVER_FC",
    123: "SUNATM",
    127: "IEEE802_11_RADIO",
    129: "ARCNET_LINUX",
    140: "MTP2",
    141: "MTP3",
    143: "DOCSIS",
    147: "USER0",
    148: "USER1",
    149: "USER2",
    163: "IEEE802_11_RADIO_AVS",
    164: "JUNIPER_MONITOR",
    165: "BACNET_MS_TP",
    166: "PPP_PPPD",
    182: "JUNIPER_FRELAY",
    187: "BLUETOOTH_HCI_H4",
    189: "USB_LINUX",
    192: "PPI",
    195: "IEEE802_15_4_WITHFCS",
    201: "BLUETOOTH_HCI_H4_WITH_PHDR",
    204: "PPP_WITH_DIR",
    219: "MPLS",
    220: "USB_LINUX_MMAPPED",
    227: "CAN_SOCKETCAN",
    228: "IPV4",
    229: "IPV6",
    239: "NFLOG",
    253: "NETLINK",
    258: "PKTAP",
    274: "ETHERNET_MPACKET",
    276: "LINUX_SLL2",
    281: "DSA_TAG_BRCM",
    282: "DSA_TAG_BRCM_PREPEND",
    284: "DSA_TAG_DSA",
    285: "DSA_TAG_EDSA",
}

LINK_LAYERS = {
    0: Layer.NULL,
    1: Layer.ETHERNET,
    6: Layer.TOKEN_RING,
    9: Layer.PPP,
    10: Layer.FDDI,
    12: Layer.RAW,
    14: Layer.RAW,
    50: Layer.PPP_SERIAL,
    51: Layer.PPPOE,
    101: Layer.RAW,
    104: Layer.C_HDLC,
    105: Layer.IEEE802_11,
    107: Layer.FRELAY,
    108: Layer.NULL,  # LOOP: the same in network order; the family is told by its value
    109: Layer.ENC,
    113: Layer.LINUX_SLL,
    117: Layer.PFLOG,
    119: Layer.PRISM,
    122: Layer.IP_OVER_FC,
    127: Layer.RADIOTAP,
    149: Layer.PKTAP,  # USER2, which Apple wrote PKTAP under
    163: Layer.AVS,
    166: Layer.PPP,
    192: Layer.PPI,
    204: Layer.PPP_WITH_DIR,
    219: Layer.MPLS,
    228: Layer.RAW,
    229: Layer.RAW,
    239: Layer.NFLOG,
    258: Layer.PKTAP,
    276: Layer.LINUX_SLL2,
    281: Layer.DSA_BRCM,
    282: Layer.DSA_PREPENDED,
    284: Layer.DSA_BRCM,
    285: Layer.DSA_EDSA,
}

LINUX_SLL2 = 276


def link_name(link: int) -> str:
    """tcpdump's name of a link type without DLT_, or its number."""
    return LINK_NAMES.get(link, str(link))
