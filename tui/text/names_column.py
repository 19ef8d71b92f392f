"""What is in a table's column of names: those of the addresses, ports and processes that a row shows."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from tui.text.column_layout import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Names(Protocol):
    """The names that are known."""

    def beside(self, ip: str, port: int | None) -> str:
        """Of an end, empty where none is known."""

    def of_process(self, pid: int) -> str:
        """The unit or the container of a process of this machine."""


NAMES = Column("names", "Names", 16, most=70, rank=0)
LEAST_WIDTH = 72  # cells of a table that has room for a column of names
ROOMY = 110  # cells of a table that has room for whole names
_END = re.compile(
    r"\[(?P<v6>[0-9A-Fa-f:.]+)(?:%[^\]]+)?\]:(?P<port6>\d+)"
    r"|(?<![\d.:])(?P<v4>\d{1,3}(?:\.\d{1,3}){3})(?![\d.])(?::(?P<port4>\d+))?"
    r"|(?<![\w:.])(?P<bare>[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:.])"
)
_PID = re.compile(r"(\d+) ")


def ends_in(text: str) -> Iterator[tuple[str, int | None]]:
    """The addresses in a text, each with its port where it has one."""
    for found in _END.finditer(text):
        port = found["port6"] or found["port4"]
        yield found["v6"] or found["v4"] or found["bare"], int(port) if port else None


def of_cell(text: str, names: Names) -> str:
    """The name of the first address in a cell."""
    end = next(ends_in(text), None)
    return "" if end is None else names.beside(*end)


def names_of(columns: Sequence[Column], cells: Sequence[tuple[str, str]], names: Names, pids_here: bool) -> str:
    """`web → db.internal:postgresql · nginx.service`; what has no name is left out.

    `pids_here`: the processes are this machine's, of now.
    """
    pairs = [(column, text) for column, (text, _) in zip(columns, cells, strict=False)]
    parts = [of_cell(text, names) for column, text in pairs if column.tail]
    ends = " → ".join(parts) if len(parts) == 2 and parts[1] else "".join(parts[:1])
    pid = next((found for column, text in pairs if column.key == "process" and (found := _PID.match(text))), None)
    unit = names.of_process(int(pid[1])) if pid is not None and pids_here else ""
    return " · ".join(part for part in (ends.strip(), unit) if part)


def in_place_of(
    columns: Sequence[Column], cells: Sequence[tuple[str, str]], names: Names
) -> tuple[tuple[str, str], ...]:
    """The cells with names instead of the addresses that have one: where the table is too narrow for both."""
    return tuple(
        (_named(text, names) if column.tail else text, tone)
        for column, (text, tone) in zip(columns, cells, strict=False)
    )


def _named(text: str, names: Names) -> str:
    """A service's name alone (`:http`) names no host: its address stays."""
    name = of_cell(text, names)
    return text if not name or name.startswith(":") else name


def column_for(width: int) -> Column:
    """The column in a table of so many cells."""
    return replace(NAMES, width=NAMES.width if width < ROOMY else 2 * NAMES.width)


def place_for(columns: Sequence[Column]) -> int | None:
    """Where the column of names goes: behind the last address. None where a table shows none."""
    return next((at + 1 for at in range(len(columns) - 1, -1, -1) if columns[at].tail), None)
