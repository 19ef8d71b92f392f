"""The plain way to count a pcap's connections: a dpkt object for each packet.

usage: python -m tests.bench.dpkt_loop FILE
"""

from __future__ import annotations

import sys

import dpkt


def connections(path: str) -> dict[tuple[bytes, int, bytes, int], list[int]]:
    """Packets, payload bytes, SYNs, FINs and RSTs by direction."""
    found: dict[tuple[bytes, int, bytes, int], list[int]] = {}
    with open(path, "rb") as stream:
        for _, frame in dpkt.pcap.Reader(stream):
            network = dpkt.ethernet.Ethernet(frame).data
            if not isinstance(network, (dpkt.ip.IP, dpkt.ip6.IP6)) or not isinstance(network.data, dpkt.tcp.TCP):
                continue
            segment = network.data
            counts = found.setdefault((network.src, segment.sport, network.dst, segment.dport), [0] * 5)
            counts[0] += 1
            counts[1] += len(segment.data)
            counts[2] += segment.flags & dpkt.tcp.TH_SYN != 0
            counts[3] += segment.flags & dpkt.tcp.TH_FIN != 0
            counts[4] += segment.flags & dpkt.tcp.TH_RST != 0
    return found


if __name__ == "__main__":
    print(len(connections(sys.argv[1])), "directions")
