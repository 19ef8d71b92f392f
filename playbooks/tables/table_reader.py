"""Whole texts → the table in them: rows among prompts, headers and anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.symptoms.decoding import decoded
from playbooks.symptoms.normalising import plain
from playbooks.tables.findings import findings_of
from playbooks.tables.pasted_counters import counter_of
from playbooks.tables.pasted_table import PastedTable, TableSocket
from playbooks.tables.row_formats import socket_of

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 400
"""Characters of a row; longer lines are none."""
SIGNS = (b"ESTAB", b"LISTEN", b"WAIT", b"SYN_", b"SYN-", b"WART", b"TcpExt", b"listen queue")
"""What rows of a table hold: of a log only lines with one of them are looked at."""
HEADS = (b"rem_address", b"TcpExt:\n")
"""What is above rows that hold no such sign: of /proc/net/tcp, of netstat -s. Then all lines are looked at."""
PROBE = 1 << 16
"""Bytes in which a text with a table shows a sign of it."""
MOST = 2_000_000
"""Rows that are kept; more are no paste."""


class TableReader:
    """Takes lines, or blocks of a log, and keeps what is a row of a table or a counter."""

    def __init__(self) -> None:
        self._sockets: list[TableSocket] = []
        self._counters: dict[str, int] = {}
        self._over = False

    def feed(self, block: bytes, lines_before: int) -> None:
        """A block of whole lines; `lines_before` counts those of the blocks before.

        The first block of a log, and those that follow one with rows: a table is a paste, not the middle of a long log.
        """
        if self._over or not (self._sockets or any(sign in block[:PROBE] for sign in (*SIGNS, *HEADS))):
            self._over = True
            return
        held = len(self._sockets) + len(self._counters)
        self._feed(block, lines_before)
        self._over = held == len(self._sockets) + len(self._counters)

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
        return PastedTable(self._sockets, self._counters, findings_of(self._sockets, self._counters))

    def _take(self, line: str, number: int) -> None:
        row = socket_of(line, number) if ":" in line or "." in line else None
        if row is not None:
            if len(self._sockets) < MOST:
                self._sockets.append(row)
            return
        counted = counter_of(line)
        if counted is not None:
            self._counters[counted[0]] = counted[1]


def _starts(block: bytes) -> list[int]:
    """Where the lines with a sign of a table begin, in order."""
    starts: set[int] = set()
    for sign in SIGNS:
        found = block.find(sign)
        while found >= 0:
            starts.add(block.rfind(b"\n", 0, found) + 1)
            found = block.find(sign, block.find(b"\n", found))
    return sorted(starts)


def plain_row(line: str) -> str:
    """A row without what terminals and chats made of it; its leading blanks mean nothing."""
    return plain(line) if not line.isascii() or "\x1b" in line or "&" in line else line


def table_of(lines: Iterable[str]) -> PastedTable:
    """The table in some lines; empty (false) where there is none."""
    reader = TableReader()
    reader.take(lines)
    return reader.table()
