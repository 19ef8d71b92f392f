"""Who does the tasks: processes of this machine, or the workers of a Dask cluster. A worker that dies loses nothing:
what it did not finish is done again, elsewhere; what kills each worker is reported, and the rest goes on."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import cached_property
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from capture.fleet.errors import EXTRA, FleetRefused
from capture.fleet.reading import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_DEATHS = 2  # of workers that had a task to themselves
AHEAD = 2  # tasks that a Dask worker has waiting


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Failed(Struct, frozen=True):
    """A task that nobody could finish, and why."""

    why: str


Outcome = tuple[bytes, "bytes | Failed"]
"""A task, and its answer."""


class Executor(Protocol):
    """Does tasks, in any order. `processes`: of this machine, how many it may use."""

    processes: int

    def done(self, tasks: Iterable[bytes]) -> Iterator[Outcome]:
        """The tasks with their answers, as they come."""
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


def _why(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "there was not enough memory to read it"
    return f"{type(error).__name__}: {error}"


def _leave_ctrl_c_to_the_first() -> None:
    """The terminal tells all processes of Ctrl-C: the one that started them ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class InProcess:
    """One task after the other, here: for one file, or one worker, nothing is to be started."""

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes

    def done(self, tasks: Iterable[bytes]) -> Iterator[Outcome]:
        """Each task with its answer."""
        for task in tasks:
            try:
                yield task, run(task)
            except OSError:
                raise
            except Exception as error:
                yield task, Failed(_why(error))

    def close(self) -> None:
        """Nothing was started."""


class Processes:
    """So many processes of this machine, started when there is something to do. At most one task each is out, so that
    it is known what a dead one had."""

    def __init__(self, workers: int) -> None:
        self._workers = self.processes = workers

    @cached_property
    def _pool(self) -> ProcessPoolExecutor:
        return self._started(self._workers)

    @staticmethod
    def _started(workers: int) -> ProcessPoolExecutor:
        # spawned: a fork would copy the threads' locks of whoever asks
        return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_leave_ctrl_c_to_the_first)

    def done(self, tasks: Iterable[bytes]) -> Iterator[Outcome]:
        """The tasks with their answers; those that were out when a worker died are done again, one at a time."""
        waiting = deque(tasks)
        out: dict[Future[bytes], bytes] = {}
        while waiting or out:
            suspects = self._give(waiting, out)
            for future in wait(out, return_when=FIRST_COMPLETED).done:
                task = out.pop(future)
                try:
                    yield task, future.result()
                except BrokenProcessPool:
                    suspects.append(task)
                except OSError:
                    raise
                except Exception as error:
                    yield task, Failed(_why(error))
            if suspects:
                suspects += out.values()
                out.clear()
                self._pool.shutdown(cancel_futures=True)
                for task in suspects:
                    yield task, self._by_itself(task)
                self._pool = self._started(self._workers)

    def _give(self, waiting: deque[bytes], out: dict[Future[bytes], bytes]) -> list[bytes]:
        """Tasks for those who are free; a task that finds the pool broken by another's death is given back."""
        while waiting and len(out) < self._workers:
            task = waiting.popleft()
            try:
                out[self._pool.submit(run, task)] = task
            except BrokenProcessPool:
                return [task]
        return []

    def _by_itself(self, task: bytes) -> bytes | Failed:
        for _ in range(MOST_DEATHS):
            with self._started(1) as alone:
                try:
                    return alone.submit(run, task).result()
                except BrokenProcessPool:
                    continue
                except OSError:
                    raise
                except Exception as error:
                    return Failed(_why(error))
        return Failed("the process that read it was killed each time: is there enough memory?")

    def close(self) -> None:
        """End the processes; what they are at is left."""
        if "_pool" not in self.__dict__:
            return
        for process in list((getattr(self._pool, "_processes", None) or {}).values()):
            process.terminate()
        self._pool.shutdown(cancel_futures=True)


class Dask:
    """The workers of a Dask cluster by its scheduler's address. Which task goes where, and again where a worker died,
    the scheduler says."""

    processes = 1  # its workers are threads of their own processes: none is forked

    def __init__(self, address: str) -> None:
        """Raises FleetRefused where no scheduler answers, or its workers lack this program."""
        from distributed import Client

        try:
            self._client: Any = Client(address, timeout=5, set_as_default=False)
        except Exception as error:  # distributed's own kinds, and those of its transports
            raise FleetRefused(f"no Dask scheduler answers at {address}", "start one: dask scheduler") from error
        self._require_workers(address)

    def _require_workers(self, address: str) -> None:
        try:
            self._client.wait_for_workers(1, timeout=30)
        except Exception as error:
            self.close()
            raise FleetRefused(
                f"the scheduler at {address} has no workers", f"start some: dask worker {address}"
            ) from error
        try:
            versions = set(self._client.run(_version).values())
        except Exception as error:  # what the import raised there
            self.close()
            raise FleetRefused(f"its workers cannot run tcptriage ({error})", f"there: {EXTRA}") from error
        if versions != {_version()}:
            self.close()
            raise FleetRefused(
                f"its workers run tcptriage {', '.join(sorted(versions))}, this is {_version()}",
                "install the same there",
            )

    def done(self, tasks: Iterable[bytes]) -> Iterator[Outcome]:
        """The tasks with their answers."""
        from distributed import as_completed

        waiting = deque(tasks)
        workers = max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))
        of: dict[str, bytes] = {}

        def submitted() -> Any:
            task = waiting.popleft()
            future = self._client.submit(run, task, pure=False)
            of[future.key] = task
            return future

        first = [submitted() for _ in range(min(len(waiting), AHEAD * workers))]
        coming = as_completed(first, loop=self._client.loop)
        for future in coming:
            task = of.pop(future.key)
            if waiting:
                coming.add(submitted())
            error = future.exception()
            if error is None:
                yield task, future.result()
            elif isinstance(error, OSError) and error.errno:
                raise error
            else:
                yield task, Failed(_died(error))
            future.release()

    def close(self) -> None:
        """Leave the cluster as it was."""
        self._client.close()


def _died(error: BaseException) -> str:
    if type(error).__name__ == "KilledWorker":
        return "each worker that read it died: is there enough memory?"
    return _why(error)


def _version() -> str:
    from capture import __version__
    from capture.fleet import reading  # noqa: F401 - with all that a task needs

    return f"{__version__} (Python {sys.version_info[0]}.{sys.version_info[1]})"
