"""What a printed packet says, and what is made of it: the structs that the parsers of text share."""

from __future__ import annotations

from msgspec import Struct

from capture.model import TcpFlags
from capture.wire.headers.payload_kinds import Content

FIN, SYN, RST, ACK, PSH = (int(f) for f in (TcpFlags.FIN, TcpFlags.SYN, TcpFlags.RST, TcpFlags.ACK, TcpFlags.PSH))


class Clock(Struct, frozen=True):
    """A time as a line says it: `day` is a date or None; nanoseconds of that day, or since the epoch."""

    nanoseconds: int
    day: str | None = None
    epoch: bool = False


class Heading(Struct, frozen=True):
    """What is before the segment, or on the line before it. What is not said is None."""

    clock: Clock | None = None
    ipv6: bool = False
    ttl: int | None = None
    ip_id: int | None = None
    vlans: tuple[int, ...] = ()
    vni: int | None = None
    appearance: str | None = None  # pktmon: which packet this is one more copy of


class Printed(Struct, frozen=True):
    """A TCP segment in a line's own words: ports may be names, numbers may be relative, what is not said is None.

    `absolute`: the numbers are those on the wire. `own_numbers`: they stand by themselves (Wireshark's, whose begin is
    0); otherwise they are tcpdump's, relative to what it printed before. `scaled`: the window is in bytes. `anew`: a
    SYN that begins another connection.
    """

    src: str
    sport: str
    dst: str
    dport: str
    flags: int
    seq: int | None
    ack: int | None
    window: int | None
    length: int
    wscale: int | None = None
    timestamp: bool = False
    sack: bool = False
    fast_open: bool = False
    wrong_checksum: bool = False
    own_numbers: bool = False
    absolute: bool = False
    scaled: bool = False
    anew: bool = False
    frame_length: int | None = None
    content: Content = Content.UNKNOWN


class ApplicationRow(Struct, frozen=True):
    """A row of Wireshark's that tells the application's protocol only: no ports, no numbers."""

    src: str
    dst: str
    frame_length: int
    repeated: bool
    content: Content = Content.UNKNOWN


class PrintedError(Struct, frozen=True):
    """An ICMP error. `quoted` is the segment that it quotes, `host` and `port` where its packet was to go."""

    reporter: str
    to: str
    icmp_type: int
    icmp_code: int
    ipv6: bool
    host: str | None = None
    port: str | None = None
    quoted: Printed | None = None
    mtu: int | None = None


class PrintedPacket(Struct, frozen=True):
    """One packet of a text: where its line begins (bytes), what is before, and what it is; None: no TCP."""

    offset: int
    heading: Heading
    what: Printed | ApplicationRow | PrintedError | None = None


class TextSegment(Struct, frozen=True):
    """One TCP segment of a text, numbers as on the wire as far as can be known.

    `number` counts all packets of the text from 1; `time` is in nanoseconds of the epoch (of no day where the text
    says none); `ttl`, `ip_id`, `wscale` are None where the text does not say; `again`: one more copy of a packet.
    """

    number: int
    offset: int
    time: int
    src: str
    sport: int
    dst: str
    dport: int
    seq: int
    ack: int
    flags: int
    window: int
    length: int
    ttl: int | None
    ip_id: int | None
    wscale: int | None
    timestamp: bool
    sack: bool
    fast_open: bool
    ipv6: bool
    wrong_checksum: bool
    vlans: tuple[int, ...]
    vni: int | None
    again: bool = False
    content: Content = Content.UNKNOWN


class TextQuote(Struct, frozen=True):
    """A segment that an ICMP error quotes, or whose ends it names. `seq` is None where that is not known."""

    number: int
    time: int
    reporter: str
    icmp_type: int
    icmp_code: int
    ipv6: bool
    src: str
    sport: int
    dst: str
    dport: int
    seq: int | None
    mtu: int | None = None
