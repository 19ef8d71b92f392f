"""The words that everything shares. Names are the field's: RFC 9293, Zeek, Wireshark, ss.

All types are frozen: a decoded capture or a look at the kernel is a fact, and facts do not change.
"""

from __future__ import annotations

from enum import IntFlag, StrEnum

from msgspec import Struct, field


class TcpFlags(IntFlag):
    """The control bits of a TCP header (RFC 9293 §3.1; AE from RFC 9768)."""

    FIN = 0x001
    SYN = 0x002
    RST = 0x004
    PSH = 0x008
    ACK = 0x010
    URG = 0x020
    ECE = 0x040
    CWR = 0x080
    AE = 0x100


class TcpState(StrEnum):
    """Connection states in RFC 9293's names (§3.3.2), spelled as ss spells them."""

    ESTABLISHED = "ESTAB"
    SYN_SENT = "SYN-SENT"
    SYN_RECEIVED = "SYN-RECV"
    FIN_WAIT_1 = "FIN-WAIT-1"
    FIN_WAIT_2 = "FIN-WAIT-2"
    TIME_WAIT = "TIME-WAIT"
    CLOSED = "UNCONN"
    CLOSE_WAIT = "CLOSE-WAIT"
    LAST_ACK = "LAST-ACK"
    LISTEN = "LISTEN"
    CLOSING = "CLOSING"


class Side(StrEnum):
    """Who, in a captured connection: the one that sent the first SYN, or the one that answered."""

    ORIGINATOR = "originator"
    RESPONDER = "responder"

    @property
    def other(self) -> Side:
        """The peer of this side."""
        return Side.RESPONDER if self is Side.ORIGINATOR else Side.ORIGINATOR


class Closer(StrEnum):
    """Who sent the first FIN or effective RST; BOTH where the two FINs crossed."""

    ORIGINATOR = "originator"
    RESPONDER = "responder"
    BOTH = "both"


class Resetter(StrEnum):
    """Who sent the RST that took effect."""

    ORIGINATOR = "originator"
    RESPONDER = "responder"
    MIDDLEBOX = "middlebox"


class Ending(StrEnum):
    """How a connection ended."""

    FIN = "fin"
    RST = "rst"
    TIMEOUT = "timeout"
    ICMP = "icmp"
    OPEN = "open"


class Certainty(StrEnum):
    """How sure a verdict is. CERTAIN only where the packets leave no other reading."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Severity(StrEnum):
    """What a finding costs users."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the most severe; for sorting."""
        return ("critical", "warning", "info").index(self.value)


class Endpoint(Struct, frozen=True, order=True):
    """An address and a port. `ip` is canonical text (IPv4-mapped IPv6 as IPv4, IPv6 per RFC 5952)."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Notice(Struct, frozen=True):
    """Something a reader should know of a capture: what was lost, cut or passed over.

    `code` is a stable token (cut_short, bad_record, unsupported_link_type, snapped …); `packet` counts from 1.
    """

    code: str
    text: str
    packet: int | None = None


class NextCalls(Struct, frozen=True):
    """What the next such call of one side's application gets: an errno name, "EOF", "ok", or None (cannot tell)."""

    connect: str | None = None
    read: str | None = None
    write: str | None = None


class Evidence(Struct, frozen=True):
    """A packet (number in the file, from 1) and what it proves."""

    packet: int | None
    text: str


class Verdict(Struct, frozen=True):
    """What became of one connection. Unknown is an answer; a wrong certainty is a defect.

    `cause` and `alternatives` are codes of verdicts/causes.toml.
    """

    closed_first: Closer | None
    ended_by: Ending
    reset_by: Resetter | None
    cause: str
    certainty: Certainty
    alternatives: tuple[str, ...]
    decide_by: str | None
    sentence: str
    evidence: tuple[Evidence, ...]
    errors: dict[Side, NextCalls]
    playbook: str | None


class FirstSeen(Struct, frozen=True):
    """The first FIN or RST of a connection: who sent it, in which packet (from 1)."""

    by: Side
    packet: int


COUNT_NAMES = (
    "syn",
    "fin",
    "rst",
    "retransmission",
    "fast_retransmission",
    "spurious_retransmission",
    "out_of_order",
    "duplicate_ack",
    "zero_window",
    "window_full",
    "keep_alive",
    "lost_segment",
)
"""The analysis counts of each direction, in Wireshark's sense of the words, in the report's order."""


class ChainLink(Struct, frozen=True):
    """A proxy's two connections of one request, by id: client to proxy, proxy to upstream."""

    front: int
    back: int
    proxy: str
    certainty: Certainty


class Connection(Struct, frozen=True):
    """One captured connection as shown to a reader. Times are epoch nanoseconds; pairs are (originator, responder)."""

    id: int
    capture: int
    originator: Endpoint
    responder: Endpoint
    vlan: str | None
    tunnel: str | None
    first_time: int
    last_time: int
    packets: tuple[int, int]
    bytes: tuple[int, int]
    unique_bytes: tuple[int, int]
    conn_state: str
    history: str
    complete_handshake: bool
    first_fin: FirstSeen | None
    first_rst: FirstSeen | None
    counts: tuple[dict[str, int], dict[str, int]]
    rtt_ms: float | None
    longest_gap_ms: float | None
    verdict: Verdict
    chain: ChainLink | None = None
    same_as: int | None = None


class Finding(Struct, frozen=True):
    """One problem shared by a group of connections or sockets, never of one where many share it.

    `sample` lists connection ids (captures) or cookies (sockets); `facts` are the numbers behind the text, which a
    playbook starts from.
    """

    code: str
    severity: Severity
    title: str
    text: str
    connections: int
    sample: tuple[int | str, ...]
    playbook: str | None
    facts: dict[str, object] = field(default_factory=dict)
