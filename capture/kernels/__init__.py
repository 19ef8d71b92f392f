"""Loops over packets, compiled where a C compiler was at hand when tcptriage was installed.

Each has a twin in numpy, which it must agree with, and which works everywhere: nothing but time depends on this module.
numpy needs many passes over a column where a loop needs one; on a capture of 1 GB that is most of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from capture.wire.feed import Buffer

Columns = tuple[Any, ...]  # contiguous arrays, of the widths that the C file names
Given = tuple[Any]
VERSION = 3  # of the calls below: an older module that was left behind is not used


class Kernels(Protocol):
    """The extension module. Arrays are contiguous and of the widths that the C files name; their sizes are checked."""

    VERSION: int

    def pcap_records(
        self,
        buffer: Buffer,
        at: int,
        last: int,
        end: int,
        big: bool,
        header: int,
        tick: int,
        largest: int,
        out: Columns,
    ) -> tuple[int, int]:
        """Write begin, captured, original and time of the sound records that begin in [at, last).

        How many, and where they end.
        """
        ...

    def pcap_stream(
        self,
        file: int,
        at: int,
        last: int,
        number: int,
        form: tuple[bool, int, int, int],
        layout: tuple[int, int],
        judged: int,
        tunnels: bytes,
        piece: Buffer,
        rows: int,
        found: Columns,
        ends: Any,
        others: Columns,
        aside: memoryview,
    ) -> tuple[int, int, int, int, int, tuple[int, int, int]]:
        """Read a file from a record on; how many packets of each kind came, where it ended, and the span of times."""
        ...

    def tcp_headers(
        self,
        buffer: Buffer,
        rows: int,
        skip: int,
        type_at: int,
        judged: int,
        tunnels: bytes,
        records: Columns,
        found: Columns,
        rest: Columns,
        ends: Any,
    ) -> tuple[int, int, int]:
        """Decode packets of common layouts; how many were found, are left for numpy, and have IPv6 addresses."""
        ...

    def conversations(
        self,
        table: Columns,
        count: int,
        multipliers: tuple[int, int, int],
        rows: int,
        packets: Columns,
        key: Given,
    ) -> int:
        """Write conversation << 1 | direction of each packet; how many conversations there are now."""
        ...

    def near_repeats(self, rows: int, packets: Columns, earlier: int, before: Columns) -> bool:
        """Is a packet the same as one of the few before it?"""
        ...

    def neighbours(self, n: int, packets: int, first: Given, *columns: Columns) -> None:
        """See flows.rows. Columns, as of the following: of rows, of pairs, read; of rows, of pairs, of one each."""
        ...

    def offered(self, n: int, packets: int, first: Given, *columns: Columns) -> None:
        """See flows.grouping."""
        ...

    def conversation_starts(
        self, rows: int, conversations: int, packets: Columns, starts: Columns, doubt: Columns
    ) -> None:
        """See flows.splitting."""
        ...

    def segments(self, n: int, packets: int, first: Given, *columns: Columns) -> None:
        """See flows.analysis."""
        ...

    def totals(self, n: int, packets: int, first: Given, *columns: Columns) -> None:
        """See flows.measures."""
        ...

    def handshakes(self, n: int, packets: int, first: Given, *columns: Columns) -> None:
        """See flows.measures."""
        ...

    def signatures(self, n: int, packets: int, first: Given, *columns: Columns) -> None:
        """See flows.zeek."""
        ...

    def events(self, n: int, packets: int, first: Given, *columns: Columns) -> None:
        """See verdicts.events."""
        ...

    def order_rows(self, rows: int, conversations: int, key: Columns, out: Columns) -> None:
        """Keys and rows by conversation."""
        ...

    def gather(self, width: int, column: Any, order: Any, out: Any) -> None:
        """`out[:] = column[order]`; `width` is the bytes of an item."""
        ...

    def distinct_runs(
        self, seed: int, runs: int, words: Columns, begin: Columns, number: Columns, speaker: Columns
    ) -> int:
        """Number runs of words; how many are distinct. `speaker` gets the first run of each number."""
        ...


def _load() -> Kernels | None:
    try:
        import _tcptriage
    except ImportError:  # installed without a compiler
        return None
    loaded = cast(Kernels, _tcptriage)
    wanted = [name for name in vars(Kernels) if not name.startswith("_")]
    complete = loaded.VERSION == VERSION and all(hasattr(loaded, name) for name in wanted)
    return loaded if complete else None


KERNELS: Kernels | None = _load()
