"""The rows of a capture into Parquet files: one, or where workers are idle one by each of several processes.

Rows are the larger half of the work of a large capture. A forked process has all columns without a copy; it writes its
stretch of connections into a file of its own, and what it does not finish is written here.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from capture.fleet.columns import BADNESS, ROWS, packed_badness, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.fleet.stores import Store
    from capture.triage import Triage

BATCH = 1 << 15  # connections written at once: bounds memory
LEAST = 1 << 15  # connections that are worth a process
PACKING = "zstd"


class RowFiles:
    """Row files being written; the other processes begin at once, `finish` writes the rest and waits for them."""

    def __init__(self, triage: Triage, name: str, store: Store, stem: str, processes: int) -> None:
        self._triage, self._name, self._store = triage, name, store
        connections = len(triage.decoded.flows)
        many = min(processes, connections // LEAST) if store.is_local and sys.platform == "linux" else 1
        cuts = [connections * at // max(1, many) for at in range(max(1, many) + 1)]
        names = [f"{stem}{f'-rows{at + 1}' if many > 1 else ''}.parquet" for at in range(max(1, many))]
        self._files = list(zip(names, cuts, cuts[1:], strict=False)) if connections else []
        pa.set_cpu_count(1)  # workers are what is had of cores
        self._children = [(_forked(lambda one=one: self._write(*one)), one) for one in self._files[1:]]  # type: ignore[misc]

    def finish(self) -> tuple[str, ...]:
        """The files, in order of the connections, when all are there. Raises OSError."""
        if self._files:
            self._write(*self._files[0])
        for pid, one in self._children:
            if pid is None or os.waitpid(pid, 0)[1] != 0:
                self._write(*one)
        return tuple(name for name, _, _ in self._files)

    def _write(self, file: str, first: int, end: int) -> None:
        badness = self._triage.verdicts.badness[first:end]
        with (
            self._store.writing(f"connections/{file}") as stream,
            pq.ParquetWriter(stream, ROWS, compression=PACKING) as writer,
        ):
            for begin in range(first, end, BATCH):
                writer.write_table(rows_of(self._triage, self._name, np.arange(begin, min(begin + BATCH, end))))
            writer.add_key_value_metadata({BADNESS: packed_badness(badness)})


def _forked(work: Callable[[], None]) -> int | None:
    """A process that does some work and ends: its id; None where none can be had."""
    try:
        pid = os.fork()
    except OSError:
        return None
    if pid:
        return pid
    status = 1
    with suppress(BaseException):  # whoever waits does it again, and says why it fails
        work()
        status = 0
    os._exit(status)
