"""The live sockets as rows of a table: filtered and sorted in the worker, formatted when they are seen."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.rows.finding_rows import MARKS
from tui.text.column_layout import Column
from tui.text.language import tr
from tui.text.quantities import duration, left_of, size

if TYPE_CHECKING:
    from capture.filters import Filter
    from capture.model import Severity
    from capture.sockets.row import SocketRow

COLUMNS = (
    Column("mark", "", 2, rank=0),
    Column("state", "State", 10, rank=0),
    Column("local", "Local", 21, most=28, rank=0, least=7, tail=True),
    Column("remote", "Remote", 21, most=28, rank=0, least=15, tail=True),
    Column("process", "Process", 13, most=24, rank=-1, least=11),
    Column("age", "Age", 6, most=7, right=True, rank=0),
    Column("netns", "Network", 10, most=20, rank=2),
    Column("recv_q", "Recv-Q", 6, right=True, rank=3),
    Column("send_q", "Send-Q", 6, right=True, rank=3),
    Column("retransmits", "Retr", 5, right=True, rank=4),
    Column("rtt", "RTT", 7, right=True, rank=5),
    Column("timer", "Timer", 16, rank=6),
    Column("uid", "Uid", 6, right=True, rank=7),
    Column("cookie", "Cookie", 10, rank=8),
)

SORTS: tuple[tuple[str, str, bool], ...] = (
    ("mark", "worst first", True),
    ("age", "age", True),
    ("recv_q", "Recv-Q", True),
    ("send_q", "Send-Q", True),
    ("retransmits", "retransmits", True),
    ("state", "state", False),
    ("remote", "remote", False),
    ("process", "process", False),
)
"""(column, what it is called, descending): what `s` goes through."""

NO_FINDINGS: Mapping[Hashable, Severity] = {}
GROUPINGS: tuple[tuple[str, str], ...] = (
    ("alike", "state, process and peer"),
    ("state", "state"),
    ("process", "process"),
    ("peer", "peer"),
    ("listener", "listener"),
)
"""(name, what its groups share): what `b` goes through."""
PLAYBOOKS = {
    "CLOSE-WAIT": "close-wait",
    "FIN-WAIT-2": "fin-wait-2",
    "TIME-WAIT": "time-wait",
    "SYN-SENT": "silent-drop",
    "SYN-RECV": "syn-flood",
    "LISTEN": "accept-queue",
}
_BAD_STATES = {
    "CLOSE-WAIT": 40,
    "SYN-SENT": 30,
    "SYN-RECV": 20,
    "LAST-ACK": 15,
    "FIN-WAIT-1": 15,
    "CLOSING": 15,
    "FIN-WAIT-2": 10,
}
SLOW_CLOSE_S = 10.0  # a state that normally lasts milliseconds, and lasted this long


def badness(row: SocketRow) -> int:
    """How much a socket asks for attention; whole steps, so that rows do not dance with every byte."""
    state = row.state.value
    score = 0
    if row.unanswered:
        score += 60 + 10 * min(row.unanswered, 4)
    if state in _BAD_STATES and (row.age_s >= SLOW_CLOSE_S or state == "SYN-SENT"):
        score += _BAD_STATES[state]
    elif state in _BAD_STATES:
        score += 3
    if state == "LISTEN":
        most = row.backlog_max
        score += 100 if most is not None and row.recv_q > most else 50 if most and row.recv_q * 2 > most else 1
    elif row.recv_q >= 65_536:
        score += 30
    return score


def mark(row: SocketRow) -> tuple[str, str]:
    """The row's mark and tone: `!!` needs somebody, `!` is worth a look."""
    score = badness(row)
    if score >= 60:
        return "!!", "bad"
    return ("!", "warn") if score >= 15 else ("", "")


def playbook_of(row: SocketRow) -> tuple[str, dict[str, str]] | None:
    """The playbook about a socket's state, and what it looks at; None where none is about it."""
    name = PLAYBOOKS.get(row.state.value)
    if name is None and (row.unanswered or row.send_q):
        name = "silent-drop" if row.unanswered else "slow-reader"
    if name is None:
        return None
    if row.owners and name == "close-wait":
        return name, {"pid": str(row.owners[0].pid)}
    if name in ("silent-drop", "fin-wait-2", "time-wait"):
        return name, {"host": row.remote.ip}
    return name, {"port": str(row.local.port)}


def process(row: SocketRow) -> tuple[str, str]:
    """Who owns a socket, or why nobody does."""
    if row.owners:
        first = row.owners[0]
        more = f" +{len(row.owners) - 1}" if len(row.owners) > 1 else ""
        return f"{first.pid}{more} {printable(first.name, 24)}", ""
    return f"({tr(row.owner_missing or 'unknown')})", "dim"


def _timer(row: SocketRow) -> str:
    """The running timer's name, and when it fires where the last look knows."""
    if row.timer is None:
        return ""
    return row.timer if row.timer_s is None else f"{row.timer} {left_of(row.timer_s)}"


_SORT_KEYS: dict[str, Callable[[SocketRow], object]] = {
    "mark": badness,
    "age": lambda row: row.age_s,
    "recv_q": lambda row: row.recv_q,
    "send_q": lambda row: row.send_q,
    "retransmits": lambda row: row.retransmits,
    "state": lambda row: row.state.value,
    "remote": lambda row: _address_key(row.remote.ip, row.remote.port),
    "process": lambda row: (row.owners[0].name, row.owners[0].pid) if row.owners else ("\uffff", 0),
}


def _address_key(ip: str, port: int) -> tuple[int, tuple[int, ...] | str, int]:
    if ":" in ip:
        return (1, ip, port)
    return (0, tuple(int(part) for part in ip.split(".")), port)


Severities = Mapping[Hashable, "Severity"]
"""The severity of the finding that a socket belongs to, by the socket's key (socket_findings.py)."""
WEIGHTS = {"critical": 100, "warning": 60, "info": 0}
"""What a finding makes its rows ask for attention at least."""


def mark_of(row: SocketRow, severities: Severities) -> tuple[str, str]:
    """The mark of the finding that a row belongs to, else the row's own."""
    severity = severities.get(row.raw[44:52])
    return mark(row) if severity is None else MARKS[severity.value]


def weight(row: SocketRow, severities: Severities) -> int:
    """How much a row asks for attention by itself and by its finding."""
    severity = severities.get(row.raw[44:52])
    return badness(row) if severity is None else max(badness(row), WEIGHTS[severity.value])


class SocketRows:
    """An order over rows of one look. Immutable, though the rows below may age while they are shown."""

    def __init__(self, rows: Sequence[SocketRow], severities: Severities = NO_FINDINGS) -> None:
        self.sockets = rows
        self.severities = severities
        self._places = {row.raw[44:52]: place for place, row in enumerate(rows)}

    def __len__(self) -> int:
        return len(self.sockets)

    def key(self, index: int) -> Hashable:
        """The socket's cookie, as the kernel's 8 bytes."""
        return self.sockets[index].raw[44:52]

    def place_of(self, key: Hashable) -> int | None:
        """Where a socket is now."""
        return self._places.get(key)  # type: ignore[call-overload,no-any-return]

    @property
    def matching(self) -> int:
        """Sockets that the filter keeps, in groups or not."""
        return len(self.sockets)

    def row(self, key: Hashable) -> SocketRow | None:
        """The socket of a key."""
        place = self.place_of(key)
        return None if place is None else self.sockets[place]

    def cells(self, index: int) -> Sequence[tuple[str, str]]:
        """In the order of COLUMNS."""
        row = self.sockets[index]
        sign, tone = mark_of(row, self.severities)
        state = row.state
        listening = state == "LISTEN"
        rtt = row.rtt_ms
        return (
            (sign, tone),
            (state, tone or ("dim" if state == "TIME-WAIT" else "")),
            (str(row.local), ""),
            ("*" if listening else str(row.remote), ""),
            process(row),
            (duration(row.age_s, at_least=row.age_is_minimum), ""),
            ("" if row.netns is None else printable(row.netns.name, 20), "dim"),
            (size(row.recv_q), "warn" if row.recv_q else "dim"),
            (size(row.send_q), "dim" if listening or not row.send_q else "warn"),
            (str(row.retransmits), "warn" if row.retransmits else "dim"),
            (f"{rtt:.1f}ms" if rtt is not None else "", "dim"),
            (_timer(row), "dim"),
            (str(row.uid), "dim"),
            (row.cookie, "dim"),
        )


def socket_rows(
    rows: Sequence[SocketRow], wanted: Filter | None, sort: tuple[str, bool], severities: Severities = NO_FINDINGS
) -> SocketRows:
    """The rows that a filter keeps, in order. For the worker: 50,000 rows take some tens of milliseconds."""
    kept = list(rows) if wanted is None else [row for row in rows if wanted.matches_socket(row)]
    column, descending = sort
    if column == "mark":
        sign = -1 if descending else 1
        scored = [(weight(row, severities), row) for row in kept]
        scored.sort(key=lambda pair: (sign * pair[0], -pair[1].age_s if pair[0] else 0.0))
        return SocketRows([row for _, row in scored], severities)
    kept.sort(key=_SORT_KEYS[column], reverse=descending)  # type: ignore[arg-type]
    return SocketRows(kept, severities)
