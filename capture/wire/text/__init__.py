"""Packets as people paste them: what tcpdump, tshark, Wireshark and pktmon print, from wherever it was copied.

lines -> unwrapping -> one of tcpdump, rows, tree (a line's own words) -> timeline -> numbers -> segments.
"""
