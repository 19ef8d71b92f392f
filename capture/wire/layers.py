"""From the link layer to TCP: each header is decoded at once for all packets that stand at it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np

from capture.model import Notice
from capture.wire import framing, tunnels
from capture.wire.checksums import BUDGET, judged_until, mark_wrong
from capture.wire.columns import AddressTable, Mark, ScopeTable
from capture.wire.cuts import Cut, notices_of
from capture.wire.fragments import Fragments
from capture.wire.front import Bytes, Front
from capture.wire.links import Layer
from capture.wire.network import decode_ipv4, decode_ipv6
from capture.wire.numbers import PROTOCOLS, Step, by_number
from capture.wire.quoted import Quotations
from capture.wire.records import Records
from capture.wire.sights import Sights
from capture.wire.tcp import FEWEST, Segments, decode_tcp

DEPTH = 32  # headers within headers, at most
ROUNDS = 4  # fragments of packets that held fragments

FRAMING: dict[Layer, Callable[[Bytes, Front], Step]] = {
    Layer.ETHERNET: framing.ethernet,
    Layer.NULL: framing.null,
    Layer.RAW: framing.raw_ip,
    Layer.LINUX_SLL: framing.linux_sll,
    Layer.LINUX_SLL2: framing.linux_sll2,
    Layer.PPP: framing.ppp,
    Layer.PPPOE: framing.pppoe,
    Layer.IEEE802_11: framing.ieee802_11,
    Layer.RADIOTAP: framing.radiotap,
    Layer.PRISM: framing.prism,
    Layer.AVS: framing.avs,
    Layer.PPI: framing.ppi,
    Layer.PKTAP: framing.pktap,
    Layer.C_HDLC: framing.cisco_hdlc,
    Layer.PPP_SERIAL: framing.ppp_serial,
    Layer.PPP_WITH_DIR: framing.ppp_with_direction,
    Layer.FRELAY: framing.frame_relay,
    Layer.FDDI: framing.fddi,
    Layer.TOKEN_RING: framing.token_ring,
    Layer.NFLOG: framing.nflog,
    Layer.PFLOG: framing.pflog,
    Layer.ENC: framing.enc,
    Layer.IP_OVER_FC: framing.ip_over_fc,
    Layer.DSA_BRCM: framing.switch_tag_4,
    Layer.DSA_EDSA: framing.switch_tag_8,
    Layer.DSA_PREPENDED: framing.switch_tag_before,
    Layer.LLC: framing.llc,
    Layer.MPLS: framing.mpls,
    Layer.VNTAG: framing.vn_tag,
    Layer.PBB: framing.provider_backbone,
    Layer.FABRICPATH: framing.fabric_path,
    Layer.TRUSTSEC: framing.trust_sec,
    Layer.HSR: framing.hsr,
    Layer.MACSEC: framing.macsec,
}
SCOPED: dict[Layer, Callable[[ScopeTable, Bytes, Front], Step]] = {
    Layer.VLAN: tunnels.vlan,
    Layer.INNER_IPV4: tunnels.inner_ipv4,
    Layer.INNER_IPV6: tunnels.inner_ipv6,
    Layer.GRE: tunnels.gre,
    Layer.ERSPAN_2: tunnels.erspan_2,
    Layer.ERSPAN_3: tunnels.erspan_3,
    Layer.WCCP: tunnels.wccp,
    Layer.AH: tunnels.authentication,
    Layer.ETHERIP: tunnels.ether_ip,
    Layer.UDP: tunnels.udp,
    Layer.VXLAN: tunnels.vxlan,
    Layer.VXLAN_GPE: tunnels.vxlan_gpe,
    Layer.GENEVE: tunnels.geneve,
    Layer.GTP: tunnels.gtp,
    Layer.TEREDO: tunnels.teredo,
    Layer.AYIYA: tunnels.ayiya,
    Layer.L2TP: tunnels.l2tp,
}


class Layers:
    """Decodes packets of one capture down to TCP; holds what lives longer than a window."""

    def __init__(self, addresses: AddressTable, scopes: ScopeTable) -> None:
        self.addresses, self._scopes = addresses, scopes
        self.fragments = Fragments()
        self.quotations = Quotations(addresses)
        self.sights = Sights()
        self.headers = Cut()  # TCP headers that the snaplen left too little of
        self.options = Cut()  # … and those of which it cut options off

    def notices(self) -> list[Notice]:
        """What could not be decoded, so far."""
        found = notices_of(self.headers, self.options)
        if self.fragments.waiting:
            text = f"{self.fragments.waiting} fragmented packets are left out: some of their fragments are missing"
            found.append(Notice("fragments_missing", text))
        if self.quotations.passed_over:
            text = f"{self.quotations.passed_over} further ICMP errors were passed over"
            found.append(Notice("too_many_errors", text))
        return found

    def segments(self, records: Records, fronts: list[tuple[Layer, Front]]) -> list[Segments]:
        """All TCP headers found from these fronts on; in no order."""
        raw, found = Bytes(records.buffer, records.heads), []
        for _ in range(ROUNDS):
            found += self._descend(raw, records, fronts)
            raw, fronts = self.fragments.whole()
            if not fronts:
                break
        return found

    def _descend(self, raw: Bytes, records: Records, fronts: list[tuple[Layer, Front]]) -> list[Segments]:
        found = []
        for _ in range(DEPTH):
            following: dict[Layer, list[Front]] = defaultdict(list)
            for layer, front in fronts:
                if layer is Layer.TCP:
                    found += self._tcp(raw, records, front)
                elif layer in (Layer.ICMP, Layer.ICMPV6):
                    self.quotations.add(raw, front, records, layer is Layer.ICMPV6)
                else:
                    for next_layer, next_front in self._step(layer, raw, front):
                        if len(next_front):
                            following[next_layer].append(next_front)
            if not following:
                break
            fronts = [(layer, front) for layer, several in following.items() for front in several]
        return found

    def _step(self, layer: Layer, raw: Bytes, front: Front) -> Step:
        if layer is Layer.IPV4:
            whole, protocol, fragments = decode_ipv4(raw, front)
            if len(fragments):
                self.fragments.add_ipv4(raw, fragments)
            return by_number(whole, protocol, PROTOCOLS)
        if layer is Layer.IPV6:
            whole, protocol, fragments = decode_ipv6(raw, front, self.addresses)
            if len(fragments):
                self.fragments.add_ipv6(raw, fragments)
            return by_number(whole, protocol, PROTOCOLS)
        if layer in FRAMING:
            return FRAMING[layer](raw, front)
        return SCOPED[layer](self._scopes, raw, front)

    def _tcp(self, raw: Bytes, records: Records, front: Front) -> list[Segments]:
        enough = front.having(FEWEST)
        if len(enough) < len(front):
            cut = front.where((front.at + FEWEST > front.captured) & (front.limit >= front.at + FEWEST))
            self.headers.count(records.number_of(cut.row))
        if not len(enough):
            return []
        if int(records.offset[0]) < BUDGET:
            mark_wrong(raw, enough, self.addresses, judged_until(records))
        segments = decode_tcp(raw, enough)
        cut_options = (segments.marks & np.uint8(Mark.HEADER_CUT)) != 0
        if cut_options.any():
            self.options.count(records.number_of(enough.row[cut_options]))
        return [segments]
