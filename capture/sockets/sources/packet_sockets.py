"""Numbers of packet sockets, and of the classic BPF that their filters are written in (packet(7), linux/filter.h)."""

from __future__ import annotations

from typing import Final

PACKET_HOST, PACKET_OTHERHOST, PACKET_OUTGOING = 0, 3, 4
"""Whose a packet is: this host's, another's, or one that it sent (Python has them on Linux alone)."""
LOOPBACK: Final = 772
"""The kind of link (linux/if_arp.h) that shows each packet twice."""

LD, LDH, LDB, LDH_X, LDB_X, LDX_MSH = 0x20, 0x28, 0x30, 0x48, 0x50, 0xB1
RSH, AND, JA, JEQ, JSET, RET = 0x74, 0x54, 0x05, 0x15, 0x45, 0x06
SKF_AD_PROTOCOL: Final = 0xFFFFF000
"""In place of an offset: the link layer's protocol, whatever the link."""
SKF_AD_PKTTYPE: Final = 0xFFFFF004
"""… whose the packet is."""
SKF_AD_HATYPE: Final = 0xFFFFF01C
"""… the kind of link."""
