"""Headers below IP: link layers, tags and labels. Each step takes packets that stand at a header past it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from capture.wire.front import Bytes, Front
from capture.wire.links import LINK_LAYERS, Layer
from capture.wire.numbers import ETHERTYPES, FAMILIES, PPP_PROTOCOLS, VERSIONS, Step, by_number

_TYPE = np.dtype(">u2")


def ethernet(raw: Bytes, front: Front) -> Step:
    """IEEE 802.3: a type, or (below 1536) a length and LLC."""
    front = front.having(14)
    return typed(front, raw.header(front, _TYPE, 12).astype(np.uint16), 14)


def typed(front: Front, types: npt.NDArray[np.integer], size: int) -> Step:
    """Past a header of `size` bytes that ends in an Ethernet type or length."""
    yield from by_number(front.moved(size), types, ETHERTYPES)
    long_enough = types >= 1536
    if not long_enough.all():
        short = front.where(~long_enough)
        ends = short.at + size + types[~long_enough].astype(np.int64)
        yield Layer.LLC, replace(short, at=short.at + size, limit=np.minimum(short.limit, ends))


def llc(raw: Bytes, front: Front) -> Step:
    """IEEE 802.2: SNAP with a type, or the SAP of IP."""
    front = front.having(3)
    sap, control = raw.u16(front.at), raw.u8(front.at + 2)
    snap = front.where((sap == 0xAAAA) & (control == 3)).having(8)
    oui = raw.u32(snap.at + 2) & 0xFFFFFF  # the control byte stands before the three of the OUI
    plain = snap.where((oui == 0) | (oui == 0xF8))
    yield from by_number(plain.moved(8), raw.u16(plain.at + 6), ETHERTYPES)
    yield Layer.IPV4, front.where(sap == 0x0606).moved(3)


def linux_sll(raw: Bytes, front: Front) -> Step:
    """Linux "cooked" capture, version 1."""
    front = front.having(16)
    protocol = raw.u16(front.at + 14)
    yield from by_number(front.moved(16), protocol, ETHERTYPES)
    yield Layer.LLC, front.where(protocol == 4).moved(16)


def linux_sll2(raw: Bytes, front: Front) -> Step:
    """Linux "cooked" capture, version 2."""
    front = front.having(20)
    protocol = raw.u16(front.at)
    yield from by_number(front.moved(20), protocol, ETHERTYPES)
    yield Layer.LLC, front.where(protocol == 4).moved(20)


def null(raw: Bytes, front: Front) -> Step:
    """BSD loopback: an address family in the capturing machine's byte order (LOOP: in network order)."""
    front = front.having(4)
    family = raw.u32_little(front.at)
    family = np.where(family > 0xFFFF, raw.u32(front.at), family)
    return by_number(front.moved(4), family, FAMILIES)


def raw_ip(raw: Bytes, front: Front) -> Step:
    """IP at once; the version tells which."""
    front = front.having(1)
    return by_number(front, raw.u8(front.at) >> 4, VERSIONS)


def ppp(raw: Bytes, front: Front) -> Step:
    """PPP (RFC 1661, 1662): address and control may be left out, and a small protocol number shortened."""
    front = front.having(2)
    front = front.moved(np.where(raw.u16(front.at) == 0xFF03, 2, 0)).having(1)
    short = (raw.u8(front.at) & 1).astype(bool)
    protocol = np.where(short, raw.u8(front.at), raw.u16(front.at))
    return by_number(front.moved(np.where(short, 1, 2)), protocol, PPP_PROTOCOLS)


def ppp_serial(raw: Bytes, front: Front) -> Step:
    """PPP in HDLC-like framing, or Cisco HDLC, told by the first byte."""
    front = front.having(4)
    cisco = np.isin(raw.u8(front.at), (0x0F, 0x8F))
    yield Layer.C_HDLC, front.where(cisco)
    yield Layer.PPP, front.where(~cisco)


def ppp_with_direction(raw: Bytes, front: Front) -> Step:
    """PPP after one byte of direction."""
    yield Layer.PPP, front.moved(1)


def cisco_hdlc(raw: Bytes, front: Front) -> Step:
    """Cisco HDLC: address, control, type."""
    front = front.having(4)
    return by_number(front.moved(4), raw.u16(front.at + 2), ETHERTYPES)


def frame_relay(raw: Bytes, front: Front) -> Step:
    """Frame relay with RFC 2427's encapsulation, or Cisco's with a type."""
    front = front.having(4)
    nlpid = raw.u8(front.at + 3)
    bare = raw.u8(front.at + 2) == 3
    yield from by_number(front.moved(4).where(bare), nlpid[bare], {0xCC: Layer.IPV4, 0x8E: Layer.IPV6})
    padded = front.where(bare & (nlpid == 0)).having(10)
    yield from by_number(padded.moved(10), raw.u16(padded.at + 8), ETHERTYPES)
    cisco = front.where(~bare)
    yield from by_number(cisco.moved(4), raw.u16(cisco.at + 2), ETHERTYPES)


def pppoe(raw: Bytes, front: Front) -> Step:
    """PPPoE session (RFC 2516). Its length cuts off padding."""
    front = front.having(8)
    front = front.where((raw.u8(front.at) == 0x11) & (raw.u8(front.at + 1) == 0))
    ends = front.at + 6 + raw.u16(front.at + 4).astype(np.int64)
    yield Layer.PPP, replace(front, at=front.at + 6, limit=np.minimum(front.limit, ends))


def ieee802_11(raw: Bytes, front: Front) -> Step:
    """IEEE 802.11 data frames that are not encrypted."""
    front = front.having(24)
    kind, flags = raw.u8(front.at), raw.u8(front.at + 1)
    front = front.where((kind & 0x0C == 0x08) & (kind & 0x40 == 0) & (flags & 0x40 == 0))
    kind, flags = raw.u8(front.at), raw.u8(front.at + 1)
    quality = kind & 0x80 != 0
    size = np.where(flags & 3 == 3, 30, 24)
    aggregated = quality & (raw.u8(front.at + size) & 0x80 != 0)
    size = size + np.where(quality, 2, 0) + np.where(quality & (flags & 0x80 != 0), 4, 0)
    yield Layer.LLC, front.moved(size).where(~aggregated)
    yield from _subframes(raw, front.moved(size).where(aggregated))


def _subframes(raw: Bytes, front: Front) -> Step:
    """The packets of an A-MSDU: each with addresses and a length, padded to four bytes."""
    for _ in range(64):
        front = front.having(14)
        if not len(front):
            return
        size = raw.u16(front.at + 12).astype(np.int64)
        ends = front.at + 14 + size
        yield Layer.LLC, replace(front, at=front.at + 14, limit=np.minimum(front.limit, ends))
        front = front.moved((14 + size + 3) & ~3)


def radiotap(raw: Bytes, front: Front) -> Step:
    """What a radio says of a frame (radiotap.org), and then the frame."""
    return _told(raw, front, 2, Layer.IEEE802_11)


def prism(raw: Bytes, front: Front) -> Step:
    """Prism's header of 144 bytes, or AVS's, which it is taken for."""
    front = front.having(8)
    other = raw.u32(front.at) & 0xFFFFF000 == 0x80211000
    yield Layer.AVS, front.where(other)
    yield Layer.IEEE802_11, front.where(~other).moved(144)


def avs(raw: Bytes, front: Front) -> Step:
    """AVS's header, whose length is in its second word."""
    front = front.having(8)
    yield Layer.IEEE802_11, front.moved(np.minimum(raw.u32(front.at + 4), 1 << 16).astype(np.int64))


def ppi(raw: Bytes, front: Front) -> Step:
    """Per-packet information: a length and a link type, little-endian."""
    front = front.having(8)
    size = (raw.u32_little(front.at) >> 16).astype(np.int64)
    return by_number(front.moved(size), raw.u32_little(front.at + 4), LINK_LAYERS)


def pktap(raw: Bytes, front: Front) -> Step:
    """Apple's PKTAP: header length, record type (1: a packet), link type; little-endian."""
    front = front.having(12)
    size = np.minimum(raw.u32_little(front.at), 1 << 16).astype(np.int64)
    packet = (raw.u32_little(front.at + 4) == 1) & (size >= 12)
    return by_number(front.moved(size).where(packet), raw.u32_little(front.at + 8)[packet], LINK_LAYERS)


def nflog(raw: Bytes, front: Front) -> Step:
    """Netfilter's log: attributes in the capturing machine's byte order (little-endian here), one is the packet."""
    front = front.having(8).moved(4)
    for _ in range(64):
        front = front.having(4)
        if not len(front):
            return
        word = raw.u32_little(front.at)
        size, kind = (word & 0xFFFF).astype(np.int64), word >> 16
        yield Layer.RAW, front.where(kind == 9).moved(4)
        on = (kind != 9) & (size >= 4)
        front = front.moved((size + 3) & ~3).where(on)


def pflog(raw: Bytes, front: Front) -> Step:
    """OpenBSD's packet filter log: header length and address family in its first two bytes."""
    front = front.having(4)
    size = (raw.u8(front.at).astype(np.int64) + 3) & ~3
    return by_number(front.moved(size), raw.u8(front.at + 1), FAMILIES)


def enc(raw: Bytes, front: Front) -> Step:
    """OpenBSD's decrypted IPsec: a family, SPI and flags before the packet."""
    front = front.having(12)
    yield Layer.RAW, front.moved(12)


def fddi(raw: Bytes, front: Front) -> Step:
    """FDDI: frame control and addresses, then LLC."""
    yield Layer.LLC, front.having(16).moved(13)


def token_ring(raw: Bytes, front: Front) -> Step:
    """IEEE 802.5: access and frame control, addresses, a route where the source says so, then LLC."""
    front = front.having(15)
    routed = raw.u8(front.at + 8) & 0x80 != 0
    yield Layer.LLC, front.moved(14 + np.where(routed, raw.u8(front.at + 14) & 0x1F, 0).astype(np.int64))


def ip_over_fc(raw: Bytes, front: Front) -> Step:
    """IP over Fibre Channel (RFC 2625): two addresses, then LLC."""
    yield Layer.LLC, front.having(19).moved(16)


def switch_tag_4(raw: Bytes, front: Front) -> Step:
    """A switch's tag of four bytes between addresses and type."""
    front = front.having(18)
    return typed(front, raw.u16(front.at + 16), 18)


def switch_tag_8(raw: Bytes, front: Front) -> Step:
    """Marvell's EDSA tag of eight bytes between addresses and type."""
    front = front.having(22)
    return typed(front, raw.u16(front.at + 20), 22)


def switch_tag_before(raw: Bytes, front: Front) -> Step:
    """A switch's tag of four bytes before the frame."""
    yield Layer.ETHERNET, front.having(4).moved(4)


def mpls(raw: Bytes, front: Front) -> Step:
    """Past all labels (RFC 3032); no field says what follows, so the first half-byte must."""
    for _ in range(16):
        front = front.having(5)
        if not len(front):
            return
        bottom = raw.u8(front.at + 2) & 1 != 0
        last = front.where(bottom).moved(4)
        version = raw.u8(last.at) >> 4
        yield from by_number(last, version, VERSIONS)
        yield Layer.ETHERNET, last.where(version == 0).moved(4)  # a pseudowire's control word (RFC 4448)
        front = front.where(~bottom).moved(4)


def vn_tag(raw: Bytes, front: Front) -> Step:
    """Cisco's VN-Tag: four bytes, then a type."""
    front = front.having(6)
    return typed(front, raw.u16(front.at + 4), 6)


def provider_backbone(raw: Bytes, front: Front) -> Step:
    """IEEE 802.1ah: a service instance, then the customer's frame."""
    yield Layer.ETHERNET, front.moved(4)


def fabric_path(raw: Bytes, front: Front) -> Step:
    """Cisco FabricPath: tag and time to live, then the frame."""
    yield Layer.ETHERNET, front.moved(2)


def trust_sec(raw: Bytes, front: Front) -> Step:
    """Cisco's metadata: a length in the second byte counts pairs of options; then a type."""
    front = front.having(8)
    return typed(front, raw.u16(front.at + 6), 8)


def hsr(raw: Bytes, front: Front) -> Step:
    """IEC 62439-3 HSR tag: size, sequence number, then a type."""
    front = front.having(6)
    return typed(front, raw.u16(front.at + 4), 6)


def macsec(raw: Bytes, front: Front) -> Step:
    """IEEE 802.1AE where it only signs: a tag, with or without the channel, then a type."""
    front = front.having(16)
    control = raw.u8(front.at)
    front = front.where(control & 0x0C == 0)
    size = np.where(raw.u8(front.at) & 0x20 != 0, 14, 6)
    return by_number(front.moved(size + 2), raw.u16(front.at + size), ETHERTYPES)


def _told(raw: Bytes, front: Front, at: int, layer: Layer) -> Step:
    """Past a header whose length is two little-endian bytes at `at`."""
    front = front.having(4)
    size = raw.u8(front.at + at).astype(np.int64) | (raw.u8(front.at + at + 1).astype(np.int64) << 8)
    yield layer, front.moved(size)
