"""The terms: what each is called, how its values are read, and where a row of either kind holds what it asks for.

A getter gives all the values of a row that a term looks at; the term matches where any of them does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from capture.filters import code_lists, values
from capture.filters.moments import Lived, moments
from capture.model import COUNT_NAMES, TcpState

if TYPE_CHECKING:
    from capture.filters.matchers import Matcher
    from capture.filters.row_protocols import LineLike, SocketLike
    from capture.model import Connection, Verdict

Kind = Literal["connection", "socket", "event", "line"]
"""Of what the rows are; an event is asked like a socket, and has a moment; a line is one of a log."""
Got = Iterable[Any]


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the language.

    `read` turns a value's text into a matcher (ValueError: the message `wrong` of errors.MESSAGES). `choices` are the
    values that can be listed. A getter that is None says that rows of that kind hold nothing of the sort.
    `verdict` reads a connection's verdict; `connection` everything else of a connection.
    """

    name: str
    read: Callable[[str], Matcher]
    wrong: str
    help: str
    connection: Callable[[Connection], Got] | None = None
    verdict: Callable[[Verdict], Got] | None = None
    socket: Callable[[SocketLike], Got] | None = None
    line: Callable[[LineLike], Got] | None = None
    choices: Callable[[], Iterable[str]] = tuple
    aliases: tuple[str, ...] = ()
    of_moments: bool = False  # of what has a moment: captured connections, events; live sockets are of now

    def tells_of(self, kind: Kind) -> bool:
        """Whether rows of this kind hold what the term asks for."""
        if kind == "connection":
            return bool(self.connection or self.verdict)
        if kind == "line":
            return self.line is not None
        return self.socket is not None and not (self.of_moments and kind == "socket")


def _state(text: str) -> Matcher:
    """As people write it, or as a glob over ss's and Zeek's names."""
    return values.one_of((*code_lists.LIVE_STATES, *code_lists.ZEEK_STATES), code_lists.state(text) or text)


def _cause(text: str) -> Matcher:
    return values.one_of(code_lists.causes(), text)


def _retransmissions(row: SocketLike) -> Got:
    return (row.retransmits,)


def _queued(row: SocketLike) -> Got:
    """Bytes in both queues; a listener's queues hold connections, not bytes."""
    return () if row.state == TcpState.LISTEN else (row.recv_q + row.send_q,)


def _moment(row: SocketLike) -> Got:
    """An event's; a live socket has none."""
    at = getattr(row, "at", None)
    return () if at is None else (Lived(at, at, local=True),)


def _count(count: str) -> Term:
    return Term(
        count.replace("_", "-"),
        values.count,
        "not_a_number",
        "how many of both sides, in Wireshark's sense of the word",
        connection=lambda c: (c.counts[0][count] + c.counts[1][count],),
        socket=_retransmissions if count == "retransmission" else None,
        aliases=("retransmits", "retransmissions") if count == "retransmission" else (),
    )


def _sides(connection: Connection) -> Got:
    return connection.originator, connection.responder


_TERMS = (
    Term(
        "state",
        _state,
        "not_a_code",
        "a live socket's state in ss's names; a captured connection's in Zeek's",
        connection=lambda c: (c.conn_state,),
        socket=lambda s: (s.state,),
        choices=lambda: (*(s.lower() for s in code_lists.LIVE_STATES), *code_lists.ZEEK_STATES),
    ),
    Term(
        "port",
        values.ports,
        "not_a_port",
        "the port of either side",
        connection=lambda c: (c.originator.port, c.responder.port),
        socket=lambda s: (s.local.port, s.remote.port),
        line=lambda one: [end.port for end in one.ends],
    ),
    Term(
        "peer",
        values.end,
        "not_an_address",
        "the far end of a socket, either end of a captured connection, an end that a line names",
        connection=_sides,
        socket=lambda s: (s.remote,),
        line=lambda one: one.ends,
        aliases=("remote", "ip", "host", "net", "addr", "address"),
    ),
    Term("local", values.end, "not_an_address", "this machine's end of a socket", socket=lambda s: (s.local,)),
    Term(
        "originator",
        values.end,
        "not_an_address",
        "the end that sent the first SYN",
        connection=lambda c: (c.originator,),
        aliases=("client", "src", "from"),
    ),
    Term(
        "responder",
        values.end,
        "not_an_address",
        "the end that answered",
        connection=lambda c: (c.responder,),
        aliases=("server", "dst", "to"),
    ),
    Term(
        "pid",
        values.count,
        "not_a_number",
        "the process that holds the socket",
        socket=lambda s: [o.pid for o in s.owners] or (None,),
    ),
    Term(
        "process",
        values.word,
        "not_a_number",
        "the name of the process that holds the socket",
        socket=lambda s: [o.name for o in s.owners] or (None,),
        aliases=("owner", "name", "comm", "program"),
    ),
    Term(
        "uid",
        values.count,
        "not_a_number",
        "the user that made the socket",
        socket=lambda s: (s.uid,),
    ),
    Term(
        "fd",
        values.count,
        "not_a_number",
        "the descriptor",
        socket=lambda s: [o.fd for o in s.owners] or (None,),
    ),
    Term(
        "netns",
        values.word,
        "not_a_number",
        "another network namespace: its inode or whose it is",
        socket=lambda s: (None if s.netns is None else str(s.netns),),
    ),
    Term(
        "recv-q",
        values.size,
        "not_a_size",
        "bytes not read yet; of a listener the connections waiting",
        socket=lambda s: (s.recv_q,),
        aliases=("recvq", "backlog"),
    ),
    Term(
        "send-q",
        values.size,
        "not_a_size",
        "bytes not acknowledged yet; of a listener the queue's maximum",
        socket=lambda s: (s.send_q,),
        aliases=("sendq",),
    ),
    Term(
        "timer",
        values.reader_of(code_lists.TIMERS),
        "not_a_code",
        "the kernel's running timer",
        socket=lambda s: (s.timer,),
        choices=lambda: code_lists.TIMERS,
    ),
    Term(
        "cookie",
        lambda text: values.exactly(text.lower().removeprefix("0x")),
        "not_a_number",
        "the kernel's own name of the socket",
        socket=lambda s: (s.cookie,),
        aliases=("sk",),
    ),
    Term(
        "cause",
        _cause,
        "not_a_code",
        "why the connection ended so",
        verdict=lambda v: (v.cause,),
        choices=code_lists.causes,
    ),
    Term(
        "reset-by",
        values.reader_of(code_lists.RESETTERS),
        "not_a_code",
        "who sent the RST that took effect",
        verdict=lambda v: (v.reset_by,),
        choices=lambda: (*code_lists.RESETTERS, "none"),
    ),
    Term(
        "closed-first",
        values.reader_of(code_lists.CLOSERS),
        "not_a_code",
        "who sent the first FIN or effective RST",
        verdict=lambda v: (v.closed_first,),
        choices=lambda: (*code_lists.CLOSERS, "none"),
    ),
    Term(
        "ended-by",
        values.reader_of(code_lists.ENDINGS),
        "not_a_code",
        "how the connection ended",
        verdict=lambda v: (v.ended_by,),
        choices=lambda: code_lists.ENDINGS,
    ),
    Term(
        "certainty",
        values.reader_of(code_lists.CERTAINTIES),
        "not_a_code",
        "how sure the verdict is",
        verdict=lambda v: (v.certainty,),
        choices=lambda: code_lists.CERTAINTIES,
    ),
    Term(
        "error",
        values.exactly,
        "not_a_code",
        "what either side's next call gets: ECONNRESET, EPIPE, EOF …",
        verdict=lambda v: {call for calls in v.errors.values() for call in (calls.connect, calls.read, calls.write)},
        line=lambda one: (one.errno,),
        choices=lambda: ("EPIPE", "ECONNRESET", "ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "EOF"),
        aliases=("errno",),
    ),
    Term(
        "playbook",
        values.exactly,
        "not_a_code",
        "the playbook that the verdict, or the line, opens",
        verdict=lambda v: (v.playbook,),
        line=lambda one: (one.playbook,),
    ),
    Term(
        "symptom",
        values.exactly,
        "not_a_code",
        "what a line of a log tells: broken_pipe, connection_reset …",
        line=lambda one: (one.symptom,),
        aliases=("kind",),
    ),
    Term(
        "source",
        values.exactly,
        "not_a_code",
        "what wrote a line of a log: go, java, nginx, kernel …",
        line=lambda one: (one.source,),
    ),
    Term(
        "text",
        values.word,
        "not_a_code",
        "words of a line of a log",
        line=lambda one: (one.text,),
    ),
    Term(
        "conn-state",
        values.reader_of(code_lists.ZEEK_STATES),
        "not_a_code",
        "Zeek's conn_state",
        connection=lambda c: (c.conn_state,),
        choices=lambda: code_lists.ZEEK_STATES,
    ),
    Term(
        "history",
        values.letters,
        "not_a_code",
        "letters in Zeek's history, capitals are the originator's",
        connection=lambda c: (c.history,),
    ),
    Term(
        "handshake",
        values.flag,
        "not_yes_or_no",
        "whether the whole handshake was captured",
        connection=lambda c: (c.complete_handshake,),
        choices=lambda: ("yes", "no"),
        aliases=("complete-handshake",),
    ),
    Term(
        "vlan",
        values.listed,
        "not_a_code",
        "a VLAN number of the connection",
        connection=lambda c: (c.vlan,),
    ),
    Term(
        "tunnel",
        values.word,
        "not_a_code",
        "the tunnel that carried the connection",
        connection=lambda c: (c.tunnel,),
    ),
    Term(
        "id",
        values.count,
        "not_a_number",
        "the connection's number, by first packet",
        connection=lambda c: (c.id,),
    ),
    Term(
        "age",
        values.duration,
        "not_a_duration",
        "a socket's time in its state; a captured connection's time from first to last packet",
        connection=lambda c: ((c.last_time - c.first_time) / 1e9,),
        socket=lambda s: (s.age_s,),
        aliases=("duration",),
    ),
    Term(
        "bytes",
        values.size,
        "not_a_size",
        "payload seen of both sides; of a socket the bytes in its queues",
        connection=lambda c: (sum(c.bytes),),
        socket=_queued,
    ),
    Term(
        "time",
        moments,
        "not_a_moment",
        "when: 10:40:08..10:40:12, 10:40, 2026-11-21T10:40..; a connection's (UTC), an event's (local), a line's own",
        connection=lambda c: (Lived(c.first_time / 1e9, c.last_time / 1e9),),
        socket=_moment,
        line=lambda one: () if one.at is None else (Lived(one.at, one.at),),
        aliases=("when", "at"),
        of_moments=True,
    ),
    Term(
        "last",
        values.recent,
        "not_a_length",
        "the last so long, 30s or 5m: packets in it until the capture's end, a state entered, an event",
        connection=lambda c: (c.last_time,),
        socket=lambda s: (getattr(s, "ago_s", s.age_s),),
        aliases=("since",),
    ),
    Term("packets", values.count, "not_a_number", "packets of both sides", connection=lambda c: (sum(c.packets),)),
    Term(
        "rtt",
        values.duration,
        "not_a_duration",
        "round trip: the handshake's, or the kernel's smoothed one",
        connection=lambda c: (_seconds(c.rtt_ms),),
        socket=lambda s: (_seconds(s.rtt_ms),),
    ),
    Term(
        "gap",
        values.duration,
        "not_a_duration",
        "the longest silence between two packets",
        connection=lambda c: (_seconds(c.longest_gap_ms),),
        aliases=("longest-gap",),
    ),
    *(_count(name) for name in COUNT_NAMES),
)


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1e3


TERMS: dict[str, Term] = {term.name: term for term in _TERMS}
"""By name, in the order in which a reader is offered them."""

BY_ANY_NAME: dict[str, Term] = {alias: term for term in _TERMS for alias in (term.name, *term.aliases)}


def find_term(word: str) -> Term | None:
    """The term of a name as written (any case, `_` for `-`), or None."""
    return BY_ANY_NAME.get(word.lower().replace("_", "-"))
