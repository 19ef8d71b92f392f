"""One line of tcpdump's text output: Linux's and macOS's wording, old and new, quoted from wherever.

print-tcp.c, print-ip.c and print-ip6.c of tcpdump 3.9 to 4.99; macOS adds "(en0, proc curl:1, …)" before the packet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from capture.model import TcpFlags

_TIME = re.compile(
    r"(?:(?P<date>\d{4}-\d\d-\d\d)[ T])?(?<![\d.:])(?P<clock>\d\d:\d\d:\d\d)[.,](?P<part>\d{3,9})(?!\d)"
    r"|(?<![\w.:])(?P<epoch>\d{9,10})\.(?P<rest>\d{6}|\d{9})(?!\d)"
)
_LATEST = 9_000_000_000  # seconds that fit in nanoseconds
_NEW_WORDING, _ICMP = ": Flags [", ": ICMP"
_OLD_WORDING = re.compile(
    r"(?P<flags>[SFPRWEU]{0,7}\.?) (?:\[[^\]]{0,40}\] )?(?:\d{1,10}:\d{1,10}\(\d{1,10}\)|ack \d|win \d)"
)
_PACKET = re.compile(
    r"(?:^|[\s)])(?:IP6?|ARP|RARP|LLDP|STP|MPLS|PPPoE|LLC|EAPOL?|AARP|Loopback|IS-IS|802\.1Q)\b|ethertype "
)
_TIMELESS = re.compile(r"(?:IP6? \S{1,300} > |IP6? \(|ARP, |IP6? truncated)")
_ERRORS = (  # wording, ICMP type and code, ICMPv6 type and code
    (r"admin(?:istratively)? prohibited", 3, 13, 1, 1),
    (r"need to frag|packet too big", 3, 4, 2, 0),
    (r"port \S{1,40} unreachable|unreachable port", 3, 3, 1, 4),
    (r"^net \S{1,60} unreachable|unreachable route", 3, 0, 1, 0),
    (r"unreachable", 3, 1, 1, 3),
    (r"time exceeded", 11, 0, 3, 0),
)
_SEQ = re.compile(r"\bseq (\d{1,10})(?::(\d{1,10}))?")
_OLD_SEQ = re.compile(r"(\d{1,10}):(\d{1,10})\((\d{1,10})\)")
_ACK = re.compile(r"\back (\d{1,10})")
_WINDOW = re.compile(r"\bwin (\d{1,10})")
_LENGTH = re.compile(r"\blength (\d{1,10})")
_OPTIONS = re.compile(r"(?:options \[|<)([^\]>]*)")
_TTL = re.compile(r"\b(?:ttl|hlim) (\d{1,10})")
_ID = re.compile(r"\bid (\d{1,10})")
_VLAN = re.compile(r"\bvlan (\d{1,10})")
_VNI = re.compile(r"\bvni (\d{1,10})")
_LETTERS = {
    "S": int(TcpFlags.SYN),
    "F": int(TcpFlags.FIN),
    "R": int(TcpFlags.RST),
    "P": int(TcpFlags.PSH),
    ".": int(TcpFlags.ACK),
    "U": int(TcpFlags.URG),
    "E": int(TcpFlags.ECE),
    "W": int(TcpFlags.CWR),
    "e": int(TcpFlags.AE),
}


@dataclass(frozen=True)
class Clock:
    """A time as a line says it: `day` is a date or None; nanoseconds of that day, or since the epoch."""

    nanoseconds: int
    day: str | None
    epoch: bool


@dataclass(frozen=True)
class SegmentLine:
    """A TCP segment as a line says it. Numbers are as printed: relative ones stay so."""

    src: str
    sport: str
    dst: str
    dport: str
    flags: int
    seq: int | None
    ack: int | None
    window: int
    length: int
    wscale: int
    timestamp: bool
    sack: bool
    fast_open: bool
    wrong_checksum: bool


@dataclass(frozen=True)
class Heading:
    """What stands before the segment, or on the line before it (-v)."""

    clock: Clock | None
    ipv6: bool
    ttl: int
    ip_id: int
    vlans: tuple[int, ...]
    vni: int | None


def segment_of(line: str) -> tuple[SegmentLine, str] | None:
    """The innermost TCP segment of a line and the text before it, or None. Takes time linear in the line."""
    if " > " not in line:
        return None
    colon = line.rfind(_NEW_WORDING)
    if colon >= 0:
        ends = _ends(line, colon)
        letters, _, more = line[colon + len(_NEW_WORDING) :].partition("]")
    else:
        arrow = line.rfind(" > ")
        colon = line.find(": ", arrow)
        old = _OLD_WORDING.match(line, colon + 2) if colon >= 0 else None
        if old is None:
            return None
        ends = _ends(line, colon)
        letters, more = old["flags"], line[old.end("flags") :]
    if ends is None:
        return None
    source, destination, before = ends
    (src, sport), (dst, dport) = _parted(source), _parted(destination)
    if not (src and sport and dst and dport):
        return None
    flags = 0
    if letters != "none":
        for letter in letters[:10]:
            flags |= _LETTERS.get(letter, 0)
    numbers = _numbers(more, new=line.startswith(_NEW_WORDING, colon))
    if numbers[1] is not None:
        flags |= int(TcpFlags.ACK)  # the old wording says "." only where no other flag is set
    return _segment(src, sport, dst, dport, flags, numbers, more), before


def _ends(line: str, colon: int) -> tuple[str, str, str] | None:
    """Both ends of "SRC > DST" right before a colon, and the text before them."""
    arrow = line.rfind(" > ", 0, colon)
    if arrow < 0:
        return None
    begin = line.rfind(" ", 0, arrow) + 1
    source, destination = line[begin:arrow], line[arrow + 3 : colon]
    if not source or not destination or " " in destination or colon - begin > 600:
        return None
    return source.lstrip("("), destination, line[:begin]


def _numbers(more: str, new: bool) -> tuple[int | None, int | None, int]:
    """Sequence number, acknowledgement and length."""
    ack = _ACK.search(more)
    acknowledged = int(ack[1]) & 0xFFFFFFFF if ack else None
    if new:
        seq = _SEQ.search(more)
        size = _LENGTH.search(more)
        length = int(size[1]) if size else int(seq[2]) - int(seq[1]) if seq and seq[2] else 0
        return int(seq[1]) & 0xFFFFFFFF if seq else None, acknowledged, length
    old = _OLD_SEQ.search(more)
    return int(old[1]) & 0xFFFFFFFF if old else None, acknowledged, int(old[3]) if old else 0


def _segment(
    src: str, sport: str, dst: str, dport: str, flags: int, numbers: tuple[int | None, int | None, int], more: str
) -> SegmentLine:
    window = _WINDOW.search(more)
    options = _OPTIONS.search(more)
    told = options[1] if options else ""
    scale = re.search(r"\bwscale (\d{1,3})", told)
    return SegmentLine(
        src,
        sport,
        dst,
        dport,
        flags,
        numbers[0],
        numbers[1],
        min(int(window[1]), 0xFFFF) if window else 0,
        min(max(numbers[2], 0), 0x7FFFFFFF),
        min(int(scale[1]), 14) if scale else -1,
        "TS val" in told or "timestamp" in told,
        "sack " in told,
        "tfo " in told and "cookie" in told,
        "(incorrect" in more or "bad tcp cksum" in more,
    )


def heading_of(text: str) -> Heading:
    """What the text before a segment says."""
    ttl, identification, vni = _TTL.search(text), _ID.search(text), _VNI.search(text)
    return Heading(
        clock_of(text),
        "IP6" in text or "IPv6" in text,
        min(int(ttl[1]), 255) if ttl else 0,
        int(identification[1]) & 0xFFFF if identification else 0,
        tuple(int(tag) & 0xFFF for tag in _VLAN.findall(text)),
        int(vni[1]) if vni else None,
    )


def clock_of(text: str) -> Clock | None:
    """The last time in a text: a log's own prefix comes before tcpdump's."""
    last = None
    for last in _TIME.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    if last is None:
        return None
    if last["epoch"]:
        return Clock(min(int(last["epoch"]), _LATEST) * 1_000_000_000 + int(last["rest"].ljust(9, "0")), None, True)
    hours, minutes, seconds = (int(part) for part in last["clock"].split(":"))
    return Clock(
        (hours * 3600 + minutes * 60 + seconds) * 1_000_000_000 + int(last["part"].ljust(9, "0")), last["date"], False
    )


def is_ip_header(line: str) -> bool:
    """Is this the first line of a packet under -v, whose segment comes on the next?"""
    return ("IP (" in line or "IP6 (" in line) and ("proto " in line or "next-header " in line)


def is_packet(line: str) -> bool:
    """Does a packet of any kind begin on this line? Without a time (-t) it begins the line."""
    if _TIMELESS.match(line):
        return True
    return _PACKET.search(line) is not None and clock_of(line) is not None


def error_of(line: str) -> tuple[str, int, int, bool] | None:
    """Reporter, type and code of an ICMP error, and whether it is ICMPv6."""
    colon = line.find(_ICMP)
    ends = _ends(line, colon) if colon >= 0 else None
    if ends is None:
        return None
    what = line[colon + len(_ICMP) :]
    ipv6 = what.startswith("6")
    what = what.lstrip("6, ")
    for words, kind, code, kind6, code6 in _ERRORS:
        if re.search(words, what):
            return ends[0], kind6 if ipv6 else kind, code6 if ipv6 else code, ipv6
    return None


@lru_cache(maxsize=4096)
def _parted(endpoint: str) -> tuple[str, str]:
    """Address and port of "10.0.0.1.443", "2001:db8::1.443" or "host.example.https"."""
    address, _, port = endpoint.rpartition(".")
    if address.count(".") < 3 and ":" not in address and endpoint.replace(".", "").isdigit():
        return endpoint, ""  # an address without a port
    return address, port
