"""One capture that several threads work on: this one reads, the others each follow their share of the connections.

How, and why not by cutting the bytes: shares.c. Threads, not processes: the engine works without the interpreter's
lock, and what they made is joined without a copy.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any

from capture.engine.library import library
from capture.engine.session import Engine, Table, Totals

AHEAD = 2  # batches that may wait, beside those that are being taken


class SharedOut(Engine):
    """An engine that hands on what is fed to it, to so many others in threads of their own.

    Beside feeding, `pass_on` is called after each piece and `end` after the last; then there is the last table.
    """

    def __init__(self, followers: int) -> None:
        super().__init__()
        self._shares = [Engine(self.seed) for _ in range(followers)]
        self._batches = _Batches(followers)
        self._threads = [
            threading.Thread(target=_follow, args=(share, self._batches, at), daemon=True)
            for at, share in enumerate(self._shares)
        ]
        self._ended = False
        for thread in self._threads:
            thread.start()
        self._call.engine_hand_on(self.handle, self._batches.free())

    def __del__(self) -> None:
        if not getattr(self, "_ended", True):
            self._batches.end()
            for thread in self._threads:
                thread.join()
        super().__del__()

    def pass_on(self) -> None:
        """Have the others take what was fed, and go on when there is room."""
        self._batches.pass_on()
        self._call.engine_hand_on(self.handle, self._batches.free())

    def end(self) -> None:
        """Wait until all is taken, and join the shares."""
        if self._ended:
            return
        self._ended = True
        self._batches.pass_on()
        self._batches.end()
        for thread in self._threads:
            thread.join()
        first, *others = self._shares
        for other in others:
            if self._call.engine_join(first.handle, other.handle):
                raise MemoryError
        self._call.engine_join_reader(first.handle, self.handle)

    @property
    def totals(self) -> Totals:
        """Counts and times of now; of connections and TCP packets when it is ended."""
        return self._shares[0].totals if self._ended else super().totals

    def table(self, *, last: bool = False) -> Table:
        """The connections, when all was fed."""
        self.end()
        return self._shares[0].table(last=last)


class _Batches:
    """Batches on their way: from the one that reads to each of the others, and back when all have taken them."""

    def __init__(self, followers: int) -> None:
        self._call = library().call
        self._all: list[int] = []
        self._free: SimpleQueue[int] = SimpleQueue()
        for _ in range(followers + AHEAD):
            self._all.append(self._call.batch_new(followers) or 0)
            if not self._all[-1]:
                raise MemoryError
            self._free.put(self._all[-1])
        self._waiting: list[SimpleQueue[int | None]] = [SimpleQueue() for _ in range(followers)]
        self._left: dict[int, int] = {}  # of each batch that is on its way, how many have not taken it
        self._lock = threading.Lock()
        self._filling = 0

    def __del__(self) -> None:
        for batch in self._all:
            self._call.batch_free(batch)

    def free(self) -> int:
        """One to be filled; waits until there is one."""
        self._filling = self._free.get()
        return self._filling

    def pass_on(self) -> None:
        """Give the one that was filled to all."""
        self._left[self._filling] = len(self._waiting)
        for queue in self._waiting:
            queue.put(self._filling)

    def next_of(self, follower: int) -> int | None:
        """The next one for a follower; None at the end."""
        return self._waiting[follower].get()

    def taken(self, batch: int) -> None:
        """One follower has taken it."""
        with self._lock:
            self._left[batch] -= 1
            last = not self._left[batch]
        if last:
            self._free.put(batch)

    def end(self) -> None:
        """Nothing more comes."""
        for queue in self._waiting:
            queue.put(None)


def _follow(share: Engine, batches: _Batches, at: int) -> None:
    call: Any = library().call
    while (batch := batches.next_of(at)) is not None:
        call.engine_take(share.handle, batch, at)
        batches.taken(batch)
