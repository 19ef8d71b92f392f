"""Whole texts → the table in them: rows among prompts, headers and anything else."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from playbooks.symptoms.decoding import decoded
from playbooks.symptoms.normalising import plain
from playbooks.tables.findings import findings_of
from playbooks.tables.pasted_counters import counter_of
from playbooks.tables.pasted_table import PastedTable, TableSocket
from playbooks.tables.row_formats import socket_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST = 400
"""Characters of a row; longer lines are none."""
SIGNS = (b"ESTAB", b"LISTEN", b"WAIT", b"SYN_", b"SYN-", b"WART", b"TcpExt", b"listen queue")
"""What rows of a table hold: of a log only lines with one of them are looked at."""
HEADS = (b"rem_address", b"TcpExt:\n", b"LocalPort RemoteAddress")
"""What is above rows that hold no such sign: of /proc/net/tcp, netstat -s, PowerShell. Then all lines are looked at."""
PASTED = (b"Recv-Q", b"rem_address", b"SIZE/OFF", b"TcpExt", b"LocalPort RemoteAddress")
"""What is above a table that was pasted into a log: asked of each block, and so only the heads of ss and netstat,
/proc/net/tcp, lsof, netstat -s, nstat and PowerShell."""
PROBE = 1 << 16
"""Bytes in which a text that is a table shows a sign of it, with or without its head."""
MOST = 2_000_000
"""Rows that are kept; more are no paste."""


class TableReader:
    """Takes lines, or blocks of a log, and keeps what is a row of a table or a counter."""

    def __init__(self) -> None:
        self._sockets: list[TableSocket] = []
        self._counters: dict[str, int] = {}
        self._began = self._within = False

    def feed(self, block: bytes, lines_before: int) -> None:
        """A block of whole lines; `lines_before` counts those of the blocks before.

        Those are read that hold a table's head, follow one with rows, or begin a log: only there is a table without its
        head looked for.
        """
        first, self._began = not self._began, True
        wanted = self._within or any(head in block for head in PASTED)
        if not wanted and not (first and any(sign in block[:PROBE] for sign in (*SIGNS, *HEADS))):
            return
        held = len(self._sockets) + len(self._counters)
        self._feed(block, lines_before)
        self._within = held != len(self._sockets) + len(self._counters)

    def _feed(self, block: bytes, lines_before: int) -> None:
        if any(head in block for head in HEADS):
            self.take((decoded(line) for line in block.split(b"\n")), lines_before)
            return
        at, number = 0, lines_before + 1
        for start in _starts(block):
            number += block.count(b"\n", at, start)
            at = start
            line = decoded(block[start : min(block.find(b"\n", start), start + LONGEST + 1)])
            if len(line) <= LONGEST:
                self._take(plain_row(line), number)

    def take(self, lines: Iterable[str], lines_before: int = 0) -> None:
        """Lines, the first of which has the number after `lines_before`."""
        for number, line in enumerate(lines, lines_before + 1):
            if len(line) <= LONGEST:
                self._take(plain_row(line), number)

    def table(self) -> PastedTable:
        """What was kept, with its findings."""
        sockets = distinct(self._sockets)
        return PastedTable(sockets, self._counters, findings_of(sockets, self._counters))

    def _take(self, line: str, number: int) -> None:
        row = socket_of(line, number) if ":" in line or "." in line else None
        if row is not None:
            if len(self._sockets) < MOST:
                self._sockets.append(row)
            return
        counted = counter_of(line)
        if counted is not None:
            self._counters[counted[0]] = counted[1]


def distinct(rows: Sequence[TableSocket]) -> list[TableSocket]:
    """Each connection once, as the last row of it tells; what that one lacks (a process, a queue) from those before.

    ss, lsof and /proc/net/tcp tell of the same sockets, lsof once for each process that has one, and a table is often
    pasted twice. Listeners stay as they are.
    """
    found: dict[object, TableSocket] = {}
    for number, row in enumerate(rows):
        whole = row.state != "LISTEN" and row.local.port is not None and row.remote.port is not None
        key: object = (row.local, row.remote) if whole else number
        before = found.pop(key, None)
        found[key] = row if before is None else _joined(before, row)
    return list(found.values())


def _joined(before: TableSocket, row: TableSocket) -> TableSocket:
    lacking = {
        name: getattr(before, name)
        for name in ("recv_q", "send_q", "timer", "retransmits", "backlog_max")
        if getattr(row, name) is None
    }
    if row.pid is None and row.process is None:
        lacking |= {"pid": before.pid, "process": before.process}
    return replace(row, **lacking)


def _starts(block: bytes) -> list[int]:
    """Where the lines with a sign of a table begin, in order."""
    starts: set[int] = set()
    for sign in SIGNS:
        found = block.find(sign)
        while found >= 0:
            starts.add(block.rfind(b"\n", 0, found) + 1)
            found = block.find(sign, block.find(b"\n", found))
    return sorted(starts)


_LOGGED = re.compile(
    r"^(?:<\d+>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [\w./-]+(?:\[\d+\])?: ?"  # syslog, journalctl
    r"|\d{4}-\d\d-\d\dT\S+ (?:std(?:out|err) [FP] |\S+ [\w./-]+(?:\[\d+\])?: ?)?"  # a container's runtime, syslog's ISO
    r"|[\w.-]+ +\| ?"  # docker compose
    r"|> ?)"  # quoted in a mail
)
_CELLS = 4


def plain_row(line: str) -> str:
    """A row without what terminals, chats and logs made of it; its leading blanks mean nothing."""
    if not line.isascii() or "\x1b" in line or "&" in line:
        line = plain(line)
    if line.startswith("|") and line.count("|") > _CELLS:  # a table of a ticket
        return line.replace("|", " ")
    found = _LOGGED.match(line)
    return line[found.end() :] if found else line


def table_of(lines: Iterable[str]) -> PastedTable:
    """The table in some lines; empty (false) where there is none."""
    reader = TableReader()
    reader.take(lines)
    return reader.table()
