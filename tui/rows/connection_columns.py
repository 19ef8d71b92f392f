"""The columns of the connection table, and what `s` goes through. Apart from the rows: those load numpy."""

from __future__ import annotations

from tui.text.column_layout import Column

COLUMNS = (
    Column("mark", "", 2, rank=0),
    Column("originator", "Originator", 21, most=30, rank=0, least=12, tail=True),
    Column("responder", "Responder", 20, most=30, rank=0, least=15, tail=True),
    Column("ended", "Ended", 5, most=8, rank=0),
    Column("closed", "By", 4, most=6, rank=2),
    Column("cause", "Cause", 22, most=26, rank=0, least=16),
    Column("start", "Start", 8, right=True, rank=3),
    Column("duration", "Lasted", 6, right=True, rank=2),
    Column("packets", "Pkts", 6, right=True, rank=4),
    Column("bytes", "Bytes", 6, right=True, rank=2),
    Column("conn_state", "State", 6, rank=5),
    Column("retransmitted", "Retr", 5, right=True, rank=6),
    Column("certainty", "Certainty", 9, rank=6),
    Column("history", "History", 14, most=24, rank=7),
    Column("id", "Id", 7, right=True, rank=8),
)

SORTS: tuple[tuple[str, str, bool], ...] = (
    ("mark", "worst first", True),
    ("start", "time", False),
    ("duration", "how long it lasted", True),
    ("bytes", "bytes", True),
    ("packets", "packets", True),
    ("retransmitted", "retransmissions", True),
    ("originator", "originator", False),
    ("responder", "responder", False),
)

GROUPINGS: tuple[tuple[str, str], ...] = (
    ("alike", "cause and listener"),
    ("cause", "cause"),
    ("listener", "listener"),
    ("peer", "originator"),
)
