"""One row of Wireshark's packet list: tshark's one line a packet, rows copied from the window, CSV.

"No. Time Source Destination Protocol Length Info", with an arrow or without, in columns, with tabs or in quotes; other
columns may be between. packet-tcp.c writes the Info of a TCP segment; sequence numbers in it begin at 0.
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from ipaddress import ip_address

from capture.model import TcpFlags
from capture.wire.text.clock import clock_of
from capture.wire.text.contents import content_of_row
from capture.wire.text.printed import SYN, ApplicationRow, Clock, Heading, Printed, PrintedError

_BEGIN = re.compile(
    r' {0,16}(?:"?\d{1,9}"?[ ,]+)?"?(?:\d{4}-\d\d-\d\d[ T])?(?:\d\d:\d\d:\d\d[.,]\d{3,9}|\d{1,10}\.\d{1,9})Z?"?[ ,]'
    r"(?!> |tell |is-at )"  # the end of an address, from a line of tcpdump's that is broken
)
_INFO = re.compile(
    r"(?P<sport>[\w.-]{1,64}) ?(?:->|>) ?(?P<dport>[\w.-]{1,64}) \[(?P<flags>[A-Za-z, <>]{1,60})\](?P<more>.*)"
)
_TCPDUMP = re.compile(r"(?:^|[\s)])(?:IP6? |IP6?$|ARP, |ethertype )")
_NUMBER = {name: re.compile(rf"\b{name}=(\d{{1,10}})\b") for name in ("Seq", "Ack", "Win", "Len", "WS")}
_SECONDS = re.compile(r"(?<![\w.:])(\d{1,8})\.(\d{1,9})(?![\d.:])")
_ADDRESS = re.compile(r"(?<!\S)(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}:[0-9a-fA-F:.]{1,40})(?!\S)")
_ARROWS = ("->", ">")
_NOT_TCP = re.compile(
    r"(?:ARP|RARP|UDP|ICMP\w*|IGMP\w*|DNS|MDNS|LLMNR|NBNS|DHCP\w*|BOOTP|NTP|SSDP|QUIC|STUN|SNMP|SCTP|STP|LLDP|CDP|OSPF|"
    r"VRRP|ESP|GRE|ISAKMP|RIP\w*|BROWSER|SYSLOG|TFTP|RTP|RTCP|WireGuard|LLC|EAPOL|0x[0-9a-f]{4}|IPv[46])$",
    re.IGNORECASE,
)
_FLAGS = {
    "FIN": TcpFlags.FIN,
    "SYN": TcpFlags.SYN,
    "RST": TcpFlags.RST,
    "PSH": TcpFlags.PSH,
    "ACK": TcpFlags.ACK,
    "URG": TcpFlags.URG,
    "ECE": TcpFlags.ECE,
    "ECN": TcpFlags.ECE,
    "CWR": TcpFlags.CWR,
    "AE": TcpFlags.AE,
    "NS": TcpFlags.AE,
}

_ERRORS = (  # wording of packet-icmp.c and packet-icmpv6.c, ICMP type and code, ICMPv6 type and code
    (re.compile(r"fragmentation needed|packet too big", re.IGNORECASE), 3, 4, 2, 0),
    (re.compile(r"port unreachable", re.IGNORECASE), 3, 3, 1, 4),
    (re.compile(r"administratively (?:prohibited|filtered)", re.IGNORECASE), 3, 13, 1, 1),
    (re.compile(r"network unreachable|no route", re.IGNORECASE), 3, 0, 1, 0),
    (re.compile(r"destination unreachable", re.IGNORECASE), 3, 1, 1, 3),
    (re.compile(r"time-to-live exceeded|time exceeded", re.IGNORECASE), 11, 0, 3, 0),
)

_WIDEST_INFO = 200  # characters of ports and flags
Row = tuple[Heading, Printed | ApplicationRow | PrintedError | None]


def begins_row(line: str) -> bool:
    """Does this begin as a row does: a number, a time?"""
    return _BEGIN.match(line) is not None


def is_row(line: str) -> bool:
    """Is this a row, and none of tcpdump's lines, which may begin so too?"""
    return begins_row(line) and not _TCPDUMP.search(line)


def _info(line: str) -> re.Match[str] | None:
    """Ports, flags and what follows in the Info of a TCP segment."""
    at = line.find("] Seq=")
    return _INFO.search(line, max(at - _WIDEST_INFO, 0)) if at >= 0 else None


def is_whole_row(line: str) -> bool:
    """Does a row, or what began as one, go on to its end?"""
    if line.lstrip()[:1] == '"':
        return line.endswith('"')
    info = _info(line)
    if info is not None:
        return _NUMBER["Len"].search(info["more"]) is not None
    columns = _columns(line)
    if columns is None or columns[2] is None:
        return False
    return columns[1] != "TCP" or "[TCP segment" in line


def row_of(line: str) -> Row | None:
    """What a row says; None where the line is none. None beside the heading: a packet without TCP."""
    begun = _BEGIN.match(line)
    if begun is None:
        return None
    clock = _row_clock(begun[0])
    if line.lstrip()[:1] == '"':
        line = _unquoted(line)
    info = _info(line)
    columns = _columns(line if info is None else line[: info.start()])
    if columns is None:
        return None
    (src, dst), protocol, size = columns
    heading = Heading(clock, ipv6=":" in src and size is not None)
    if info is not None:
        marks = line[: info.start()].rpartition(protocol)[2]
        return heading, _segment(src, dst, info, size, marks)
    if protocol in ("ICMP", "ICMPv6"):
        return heading, _error(src, dst, protocol == "ICMPv6", line)
    if size is None or not _is_address(src) or not _is_address(dst) or _NOT_TCP.match(protocol):
        return heading, None
    rest = line[line.find(protocol, begun.end()) :]
    return heading, ApplicationRow(src, dst, size, "Retransmission]" in line, content_of_row(rest))


def _error(src: str, dst: str, ipv6: bool, line: str) -> PrintedError | None:
    for words, kind, code, kind6, code6 in _ERRORS:
        if words.search(line):
            return PrintedError(src, dst, kind6 if ipv6 else kind, code6 if ipv6 else code, ipv6)
    return None


def _unquoted(line: str) -> str:
    return " ".join(field.strip() for field in next(csv.reader([line.strip()])))


def _columns(line: str) -> tuple[tuple[str, str], str, int | None] | None:
    """Both addresses, the protocol, and the frame's length where it is given."""
    if line.lstrip()[:1] == '"':
        line = _unquoted(line)
    head = line.partition("[")[0]
    found = list(_ADDRESS.finditer(head[:300]))
    found = [each for each in found if _is_address(each[0])][:2]
    if len(found) == 2:
        tail = head[found[1].end() :].split(None, 3)
        # Wireshark's columns of ports may be there.
        while tail and tail[0].isdigit():
            tail = tail[1:]
        ends = found[0][0], found[1][0]
    else:
        words = [word for word in head.split(None, 12) if word not in _ARROWS]
        place = next((i for i, word in enumerate(words[3:], 3) if word.isdigit() and not words[i - 1].isdigit()), 0)
        if place < 4:
            place = len(words) if len(words) >= 5 and words[-1] == "TCP" else 0  # old tshark: no length
        if not place:
            return _short(words)
        tail = words[place - 1 :]
        ends = words[place - 3], words[place - 2]
    if not tail or (not tail[0][:1].isalpha() and not tail[0].startswith("0x")):
        return None
    size = int(tail[1]) if len(tail) > 1 and tail[1].isascii() and tail[1].isdigit() and len(tail[1]) < 10 else None
    return ends, tail[0], size


def _short(words: list[str]) -> tuple[tuple[str, str], str, int | None] | None:
    """A row without an address: tshark leaves those of ARP out on an "any" interface."""
    place = next((i for i, word in enumerate(words[2:], 2) if word.isdigit() and words[i - 1].isupper()), 0)
    return (("", ""), words[place - 1], int(words[place][:9])) if place else None


def _row_clock(before: str) -> Clock | None:
    clock = clock_of(before + " ")
    if clock is not None:
        return clock
    found = list(_SECONDS.finditer(before))
    if not found:
        return None
    whole, part = found[0].groups()
    return Clock(int(whole) * 1_000_000_000 + int(part.ljust(9, "0")))


def _segment(src: str, dst: str, info: re.Match[str], size: int | None, marks: str) -> Printed:
    more = info["more"]
    numbers = {name: int(found[1]) for name, pattern in _NUMBER.items() if (found := pattern.search(more))}
    flags = 0
    for word in info["flags"].replace(",", " ").split():
        flags |= int(_FLAGS.get(word.upper(), 0))
    repeated = "Retransmission" in marks or "Out-Of-Order" in marks or "Dup" in marks
    return Printed(
        src=src,
        sport=info["sport"],
        dst=dst,
        dport=info["dport"],
        flags=flags,
        seq=numbers["Seq"] & 0xFFFFFFFF if "Seq" in numbers else None,
        ack=numbers["Ack"] & 0xFFFFFFFF if "Ack" in numbers else None,
        window=min(numbers["Win"], 1 << 30) if "Win" in numbers else None,
        length=min(numbers.get("Len", 0), 0x7FFFFFFF),
        wscale=_shift(numbers["WS"]) if "WS" in numbers else None,
        timestamp="TSval=" in more,
        sack="SLE=" in more,
        fast_open="TFO=" in more,
        own_numbers=True,
        scaled=not flags & SYN,
        anew=bool(flags & SYN) and ("reused" in marks or not repeated),
        frame_length=size,
    )


def _shift(factor: int) -> int:
    """The shift of a window scale that old versions tell as the shift, others as the factor."""
    is_factor = factor > 0 and not factor & (factor - 1)
    return min(factor.bit_length() - 1 if is_factor else factor, 14)


@lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
