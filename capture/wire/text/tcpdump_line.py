"""One line of tcpdump's text output: Linux's, macOS's and Windows' wording, old and new, quoted from wherever.

print-tcp.c, print-ip.c and print-ip6.c of tcpdump 3.4 to 4.99; macOS adds "(en0, proc curl:1, …)" before the packet,
Windows' pktmon a line of its own. Everything here takes time linear in the line.
"""

from __future__ import annotations

import re
from functools import lru_cache

from capture.model import TcpFlags
from capture.wire.headers.payload_kinds import Content
from capture.wire.text.clock import clock_of
from capture.wire.text.contents import content_of_line
from capture.wire.text.printed import ACK, Heading, Printed, PrintedError

NEW_WORDING = ": Flags ["
_ICMP = re.compile(r": (?:\[[^\]]{1,60}\] )?ICMP")
OLD_WORDING = re.compile(
    r"(?P<flags>[SFPRWEU]{0,7}\.?) (?:\[[^\]]{0,40}\] )?(?:\d{1,10}:\d{1,10}\(\d{1,10}\)|ack \d|win \d)"
)
_QUIET = re.compile(r"tcp \d{1,10}(?: \[\|tcp\])?(?: \(DF\))?$")
_PACKET = re.compile(
    r"(?:^|[\s)])(?:IP6?|ARP|RARP|LLDP|STP|MPLS|PPPoE|LLC|EAPOL?|AARP|Loopback|IS-IS|802\.1Q)\b|ethertype "
)
_TIMELESS = re.compile(r" {0,16}(?:IP6? (?:\S{1,300}|truncated-ip .{1,40}) > |IP6? \(|ARP, |IP6? truncated)")
_PKTMON = re.compile(r"PktGroupId (\d{1,20}), PktNumber (\d{1,20})")
_ERRORS = (  # wording, ICMP type and code, ICMPv6 type and code
    (r"admin(?:istratively)? prohibited|unreachable prohibited", 3, 13, 1, 1),
    (r"need to frag|packet too big", 3, 4, 2, 0),
    (r"port \S{1,40} unreachable|unreachable port", 3, 3, 1, 4),
    (r"^net \S{1,60} unreachable|unreachable route", 3, 0, 1, 0),
    (r"beyond scope", 3, 1, 1, 2),
    (r"unknown unreach code \([56]\)", 3, 13, 1, 5),
    (r"unreachable", 3, 1, 1, 3),
    (r"time exceeded", 11, 0, 3, 0),
)
_MTU = re.compile(r"\bmtu (\d{1,6})")
_GOING_TO = re.compile(
    r"^(?:host |net )?(?P<host>[^\s,]{1,253}) (?:(?:tcp )?port (?P<port>[^\s,]{1,40}) )?unreachable\b"
)
_GOING_TO_6 = re.compile(
    r"(?:unreachable (?:port,|route|prohibited|address)|beyond scope|in-transit for) (?P<host>[^\s,]{1,253})"
    r"(?: tcp port (?P<port>[^\s,]{1,40}))?"
)
_SEQ = re.compile(r"\bseq (\d{1,10})(?::(\d{1,10}))?")
_OLD_SEQ = re.compile(r"(\d{1,10}):(\d{1,10})\((\d{1,10})\)")
_ACK = re.compile(r"\back (\d{1,10})")
_WINDOW = re.compile(r"\bwin (\d{1,10})")
_LENGTH = re.compile(r"\blength (\d{1,10})")
_OPTIONS = re.compile(r"(?:options \[|<)([^\]>]*)")
_WSCALE = re.compile(r"\bwscale (\d{1,3})")
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


def segment_of(line: str) -> tuple[Printed, str, str] | None:
    """The innermost TCP segment of a line, the text before it and what follows its numbers; or None."""
    if " > " not in line:
        return None
    colon = line.rfind(NEW_WORDING)
    new = colon >= 0
    if new:
        letters, _, more = line[colon + len(NEW_WORDING) :].partition("]")
    else:
        colon = line.find(": ", line.rfind(" > "))
        old = OLD_WORDING.match(line, colon + 2) if colon >= 0 else None
        if old is None:
            return None
        letters, more = old["flags"], line[old.end("flags") :]
    ends = _ends(line, colon)
    if ends is None:
        return None
    source, destination, before = ends
    (src, sport), (dst, dport) = parted(source), parted(destination)
    if not (src and sport and dst and dport):
        return None
    flags = 0
    if letters != "none":
        for letter in letters[:10]:
            flags |= _LETTERS.get(letter, 0)
    return _segment(src, sport, dst, dport, flags, more, new), before, more


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


def _segment(src: str, sport: str, dst: str, dport: str, flags: int, more: str, new: bool) -> Printed:
    seq, ack, window = _SEQ.search(more) if new else _OLD_SEQ.search(more), _ACK.search(more), _WINDOW.search(more)
    if new:
        size = _LENGTH.search(more)
        length = int(size[1]) if size else int(seq[2]) - int(seq[1]) if seq and seq[2] else 0
    else:
        length = int(seq[3]) if seq else 0
    options = _OPTIONS.search(more)
    names = options[1] if options else ""
    scale = _WSCALE.search(names)
    return Printed(
        src=src,
        sport=sport,
        dst=dst,
        dport=dport,
        # The old wording says "." only where no other flag is set.
        flags=flags | ACK if ack else flags,
        seq=int(seq[1]) & 0xFFFFFFFF if seq else None,
        ack=int(ack[1]) & 0xFFFFFFFF if ack else None,
        window=min(int(window[1]), 0xFFFF) if window else None,
        length=min(max(length, 0), 0x7FFFFFFF),
        wscale=min(int(scale[1]), 14) if scale else None,
        timestamp="TS val" in names or "timestamp" in names,
        sack="sack " in names,
        fast_open="tfo " in names and "cookie" in names,
        wrong_checksum="(incorrect" in more or "bad tcp cksum" in more,
        content=content_of_line(more) if length > 0 else Content.UNKNOWN,
    )


def heading_of(text: str, after: str = "") -> Heading:
    """What the text before a segment says, and tcpdump 3's "(ttl 46, id 7)" after it."""
    header = text
    if "(" in after and (" ttl " in after or "(ttl " in after or "(hlim " in after):
        header = text + after[after.rfind("(") :]
    ttl, identification, vni = _TTL.search(header), _ID.search(header), _VNI.search(text)
    return Heading(
        clock_of(text),
        "IP6" in text or "IPv6" in text,
        min(int(ttl[1]), 255) if ttl else None,
        int(identification[1]) & 0xFFFF if identification else None,
        tuple(int(tag) & 0xFFF for tag in _VLAN.findall(text)),
        int(vni[1]) if vni else None,
    )


def merged(above: Heading, heading: Heading) -> Heading:
    """The heading of the line above, and what this line adds."""
    return Heading(
        above.clock or heading.clock,
        above.ipv6 or heading.ipv6,
        above.ttl if heading.ttl is None else heading.ttl,
        above.ip_id if heading.ip_id is None else heading.ip_id,
        above.vlans + heading.vlans,
        above.vni if heading.vni is None else heading.vni,
        above.appearance,
    )


def is_ip_header(line: str) -> bool:
    """Is this the first line of a packet under -v, whose segment comes on the next?"""
    return ("IP (" in line or "IP6 (" in line) and ("proto " in line or "next-header " in line)


def is_packet(line: str) -> bool:
    """Does a packet of any kind begin on this line? Without a time (-t) it begins the line."""
    if _TIMELESS.match(line):
        return True
    return _PACKET.search(line) is not None and clock_of(line) is not None


def is_quiet(line: str) -> bool:
    """Is this a TCP segment as `tcpdump -q` prints it: without flags and numbers?"""
    arrow = line.rfind(" > ")
    colon = line.find(": ", arrow) if arrow >= 0 else -1
    return colon >= 0 and _QUIET.match(line, colon + 2) is not None


def pktmon_heading(line: str) -> Heading | None:
    """The first of pktmon's two lines for a packet."""
    pktmon = _PKTMON.search(line)
    clock = clock_of(line[: pktmon.start()]) if pktmon else None
    return Heading(clock, appearance=f"{pktmon[1]}/{pktmon[2]}") if pktmon and clock else None


def error_of(line: str) -> PrintedError | None:
    """An ICMP error: reporter, type and code, and where the packet was to go, as far as the line says it."""
    icmp = _ICMP.search(line)
    ends = _ends(line, icmp.start()) if icmp else None
    if icmp is None or ends is None:
        return None
    what = line[icmp.end() :]
    ipv6 = what.startswith("6")
    what = what.lstrip("6, ")
    for words, kind, code, kind6, code6 in _ERRORS:
        if re.search(words, what):
            goal = _GOING_TO_6.search(what) if ipv6 else _GOING_TO.match(what)
            kind, code = (kind6, code6) if ipv6 else (kind, code)
            host, port = (goal["host"], goal["port"]) if goal else (None, None)
            mtu = _MTU.search(what)
            next_mtu = int(mtu[1]) & 0xFFFF if mtu else None
            return PrintedError(ends[0], ends[1], kind, code, ipv6, host, port, mtu=next_mtu or None)
    return None


@lru_cache(maxsize=4096)
def parted(endpoint: str) -> tuple[str, str]:
    """Address and port of "10.0.0.1.443", "2001:db8::1.443" or "host.example.https"."""
    address, _, port = endpoint.rpartition(".")
    if address.count(".") < 3 and ":" not in address and endpoint.replace(".", "").isdigit():
        return endpoint, ""  # an address without a port
    return address, port
