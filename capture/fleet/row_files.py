"""The rows of a capture into Parquet files: one, or where workers are idle one by each of several processes.

Rows are half of the work of a large capture. A forked process has all columns without a copy; whoever is free takes the
next stretch of connections and writes it into a file of its own, and what a process does not finish is written here.
"""

from __future__ import annotations

import os
import struct
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

BATCH = 1 << 14  # connections made rows of at once: bounds memory
LEAST = 1 << 15  # connections that are worth a process
STRETCHES = 8  # for each process: who is done with one takes the next
PACKING = "zstd"
_NUMBER = struct.Struct("<H")


class RowFiles:
    """Row files being written; the other processes begin at once, `finish` writes with them and waits for them."""

    def __init__(self, triage: Triage, name: str, store: Store, stem: str, processes: int) -> None:
        self._triage, self._name, self._store = triage, name, store
        connections = len(triage.decoded.flows)
        many = min(processes, connections // LEAST) if store.is_local and sys.platform == "linux" else 1
        pieces = many * STRETCHES if many > 1 else 1
        cuts = [connections * at // pieces for at in range(pieces + 1)]
        names = [f"{stem}{f'-rows{at + 1}' if pieces > 1 else ''}.parquet" for at in range(pieces)]
        self._files = list(zip(names, cuts, cuts[1:], strict=False)) if connections else []
        pa.set_cpu_count(1)  # workers are what is had of cores
        self._waiting, given = os.pipe()
        self._told, self._tell = os.pipe()
        os.write(given, b"".join(map(_NUMBER.pack, range(len(self._files)))))
        os.close(given)
        self._children = [_forked(self._write_some) for _ in range(many - 1)]

    def finish(self) -> tuple[str, ...]:
        """The files, in order of the connections, when all are there. Raises OSError."""
        try:
            self._write_some()
        finally:
            os.close(self._tell)
            for pid in self._children:
                if pid is not None:
                    os.waitpid(pid, 0)
            written = set(iter(lambda: _number(self._told), None))
            os.close(self._waiting)
            os.close(self._told)
        for number, file in enumerate(self._files):
            if number not in written:  # who had it was killed
                self._write(*file)
        return tuple(name for name, _, _ in self._files)

    def _write_some(self) -> None:
        """Stretches that nobody has begun, until there are none."""
        while (number := _number(self._waiting)) is not None:
            self._write(*self._files[number])
            os.write(self._tell, _NUMBER.pack(number))

    def _write(self, file: str, first: int, end: int) -> None:
        badness = self._triage.verdicts.badness[first:end]
        with (
            self._store.writing(f"connections/{file}") as stream,
            pq.ParquetWriter(stream, ROWS, compression=PACKING) as writer,
        ):
            for begin in range(first, end, BATCH):
                writer.write_table(rows_of(self._triage, self._name, np.arange(begin, min(begin + BATCH, end))))
            writer.add_key_value_metadata({BADNESS: packed_badness(badness)})


def _number(pipe: int) -> int | None:
    """The next number of a stretch; None where no more comes."""
    packed = os.read(pipe, _NUMBER.size)
    return int(_NUMBER.unpack(packed)[0]) if packed else None


def _forked(work: Callable[[], None]) -> int | None:
    """A process that does some work and ends: its id; None where none can be had."""
    try:
        pid = os.fork()
    except OSError:
        return None
    if pid:
        return pid
    status = 1
    with suppress(BaseException):  # whoever waits does the rest, and says why it fails
        work()
        status = 0
    os._exit(status)
