"""Link types: numbers and names (tcpdump's DLT names without DLT_). engine/headers.c says which are decoded.

https://www.tcpdump.org/linktypes.html
"""

from __future__ import annotations

ETHERNET = 1
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


def link_name(link: int) -> str:
    """tcpdump's name of a link type without DLT_, or its number."""
    return LINK_NAMES.get(link, str(link))
