"""A whole run: survey the files, put them together as captures, read those that are not read yet, write what is found.

What a capture gave is written under its own name before its record in `.work`; the manifest comes last. So a run that
was interrupted goes on with what has no record, and who reads a result with a manifest reads a whole one.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from capture.fleet.errors import FleetRefused
from capture.fleet.executors import Failed, InProcess
from capture.fleet.findings import fleet_findings, listeners_of
from capture.fleet.grouping import captures_of
from capture.fleet.manifest import MANIFEST, manifest_document
from capture.fleet.model import LeftOut, Planned, ReadCapture, Reading, Surveyed
from capture.fleet.paths import files_of
from capture.fleet.reading import Answer, Task, done_name
from capture.fleet.stores import WORK, Store
from capture.fleet.survey import stamp_of, survey_of_ends
from capture.fleet.tables import findings_table, totals_of, write_table
from capture.language import speaking
from capture.wire.capture_errors import CaptureUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from capture.fleet.executors import Executor

SURVEYS = f"{WORK}/surveys.json"
FINDINGS = "findings.parquet"
_OURS = re.compile(r".*-[0-9a-f]{16}(-\d+)?(-rows\d+)?\.parquet")


class Progress(Struct, frozen=True):
    """How far a run has come. `stage`: "survey" (of files) or "read" (of captures)."""

    stage: str
    done: int
    of: int
    bytes_done: int = 0
    bytes_total: int = 0


class Fleet(Struct, frozen=True):
    """What a run made: captures in order of their begin, what was left out, and how many rows and findings."""

    captures: tuple[ReadCapture, ...]
    left_out: tuple[LeftOut, ...]
    findings: int
    again: int  # captures that an earlier run had read

    @property
    def connections(self) -> int:
        """Rows."""
        return sum(capture.connections for capture in self.captures)


def run_fleet(
    paths: Sequence[str],
    out: str,
    executor: Callable[[int], Executor],
    *,
    together: Sequence[str] = (),
    apart: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Fleet:
    """Read all captures under `paths` into the data set `out`; `executor` makes who reads so many files.

    Raises FleetRefused where nothing can be begun, OSError where the result cannot be written.
    """
    store = Store(out)
    _require_ours(store)
    files, left_out = files_of(paths, store.root)
    files = [path if "://" in path and not os.path.exists(path) else os.path.abspath(path) for path in files]
    if not files:
        raise FleetRefused("no file to read", "; ".join(f"{one.path}: {one.why}" for one in left_out[:3]))
    store.prepare()
    workers = executor(len(files))
    try:
        surveyed = _surveyed(files, store, workers, progress, left_out)
        plans = _named(captures_of(surveyed, together, apart=apart))
        readers = InProcess(workers.processes) if len(plans) == 1 and workers.processes > 1 else workers
        captures, again = _read(plans, store, readers, progress, left_out)
    finally:
        workers.close()
    captures.sort(key=lambda one: (one.first_time if one.first_time is not None else 1 << 63, one.name))
    with speaking("en"):  # as all that is written for programs
        findings = fleet_findings(captures, totals_of(store, captures, listeners_of(captures)))
    write_table(store, FINDINGS, findings_table(findings))
    fleet = Fleet(tuple(captures), tuple(sorted(left_out, key=lambda one: one.path)), len(findings), again)
    store.write(MANIFEST, manifest_document(fleet.captures, fleet.left_out, len(findings)))
    _tidy(store, plans, captures)
    return fleet


def _require_ours(store: Store) -> None:
    """A folder with something else in it is not written into."""
    names = set(store.names(""))
    if names and not names & {MANIFEST, WORK}:
        raise FleetRefused(f"{store.root}: it is not empty and holds no fleet's result", "name another --out")


def _surveyed(
    files: Sequence[str],
    store: Store,
    workers: Executor,
    progress: Callable[[Progress], None],
    left_out: list[LeftOut],
) -> list[Surveyed]:
    """All files that can be read, in the order given; those that an earlier run knew and that did not change are
    not looked at again."""
    known = _known(store)
    found = {path: known[path] for path in files if path in known and _unchanged(known[path])}
    new = len(files) - len(found)
    found |= _surveyed_at_once(path for path in files if path not in found)
    tasks = [msgspec.json.encode(Task(store.root, survey=path)) for path in files if path not in found]
    progress(Progress("survey", len(found), len(files)))
    for task, answer in _answers(workers, tasks):
        if isinstance(answer, Failed):
            left_out.append(LeftOut(task.name, answer.why))
        elif answer.surveyed is not None:
            found[task.name] = answer.surveyed
        elif answer.left_out is not None:
            left_out.append(answer.left_out)
        progress(Progress("survey", len(found) + len(left_out), len(files)))
    surveyed = [found[path] for path in files if path in found]
    if new:
        store.write(SURVEYS, msgspec.json.encode(surveyed))
    return surveyed


def _surveyed_at_once(files: Iterable[str]) -> dict[str, Surveyed]:
    """Those whose ends tell: no worker is needed for them. What is wrong with others is told where they are read."""
    found: dict[str, Surveyed] = {}
    for path in files:
        with suppress(CaptureUnreadable, OSError):
            told = survey_of_ends(path) if "://" not in path else None
            if told is not None:
                found[path] = told
    return found


def _known(store: Store) -> dict[str, Surveyed]:
    try:
        return {one.path: one for one in msgspec.json.decode(store.read(SURVEYS), type=list[Surveyed])}
    except (OSError, msgspec.DecodeError):  # none yet, or another version's
        return {}


def _unchanged(file: Surveyed) -> bool:
    try:
        return stamp_of(file.path)[1] == file.stamp
    except (OSError, CaptureUnreadable):
        return False


def _answers(workers: Executor, tasks: Iterable[bytes]) -> Iterator[tuple[Task, Answer | Failed]]:
    for task, answer in workers.done(tasks):
        decoded = answer if isinstance(answer, Failed) else msgspec.json.decode(answer, type=Answer)
        yield msgspec.json.decode(task, type=Task), decoded


def _named(plans: Sequence[Planned]) -> list[Planned]:
    """Each by its first file, as seen from the folder that all have in common."""
    local = [plan.name for plan in plans if os.path.isabs(plan.name)]
    root = os.path.commonpath([os.path.dirname(name) for name in local]) if local else ""
    return [
        replace(plan, name=os.path.relpath(plan.name, root) if os.path.isabs(plan.name) else plan.name)
        for plan in plans
    ]


def _read(
    plans: Sequence[Planned],
    store: Store,
    workers: Executor,
    progress: Callable[[Progress], None],
    left_out: list[LeftOut],
) -> tuple[list[ReadCapture], int]:
    """Read what has no record yet, the largest first; and how many had one."""
    captures: list[ReadCapture] = []
    unread: list[Planned] = []
    again = 0
    for plan in sorted(plans, key=lambda plan: -_size(plan)):
        earlier = _recorded(store, plan)
        if earlier is None:
            unread.append(plan)
            continue
        again += len(earlier.captures)
        captures += earlier.captures
        left_out += earlier.left_out
    shares = processes_for([_size(plan) for plan in unread], workers.processes)
    tasks = [
        msgspec.json.encode(Task(store.root, plan=plan, processes=processes))
        for plan, processes in zip(unread, shares, strict=True)
    ]
    total = sum(map(_size, plans))
    done, ready = len(plans) - len(tasks), 0
    progress(Progress("read", done, len(plans), ready, total))
    for task, answer in _answers(workers, tasks):
        if isinstance(answer, Failed):
            left_out += [LeftOut(path, answer.why) for path in (task.plan.paths if task.plan else ())]
        elif answer.reading is not None:
            _require_shared(store, answer.reading)
            captures += answer.reading.captures
            left_out += answer.reading.left_out
        done, ready = done + 1, ready + task.size
        progress(Progress("read", done, len(plans), ready, total))
    return captures, again


def _size(plan: Planned) -> int:
    return sum(file.size or 0 for file in plan.files)


def processes_for(sizes: Sequence[int], workers: int) -> list[int]:
    """How many of the workers' cores each capture may have, the largest first: its own worker's, and those that would
    have nothing to do for most of the time that it takes."""
    free = [0] * workers  # when each worker has done what it was given
    spans: list[tuple[int, int]] = []
    for size in sizes:
        first = free.index(min(free))
        spans.append((free[first], max(1, size)))
        free[first] += max(1, size)
    idle = [sum(1 for end in free if end <= begin + span // 2) for begin, span in spans]
    at_end = [sum(1 for other, much in spans if other + much > begin + span // 2) for begin, span in spans]
    return [1 + few // max(1, many) for few, many in zip(idle, at_end, strict=True)]


def _recorded(store: Store, plan: Planned) -> Reading | None:
    """What an earlier run read of the same files, if its rows are still there."""
    try:
        reading = msgspec.json.decode(store.read(done_name(plan)), type=Reading)
    except (OSError, msgspec.DecodeError):
        return None
    whole = all(store.exists(f"connections/{part}") for one in reading.captures for part in one.parts)
    return reading if whole else None


def _require_shared(store: Store, reading: Reading) -> None:
    for part in (part for one in reading.captures for part in one.parts):
        if not store.exists(f"connections/{part}"):
            raise FleetRefused(
                f"a worker wrote {part}, and it is not in {store.root} here",
                "--out must be a folder or store that all workers share",
            )


def _tidy(store: Store, plans: Sequence[Planned], captures: Sequence[ReadCapture]) -> None:
    """Remove what runs over other files left: parts that no capture has any more, records, and half-written files."""
    parts = {part for capture in captures for part in capture.parts}
    for name in store.names("connections"):
        if _OURS.fullmatch(name) and name not in parts:
            store.remove(f"connections/{name}")
    records = {done_name(plan) for plan in plans} | {SURVEYS}
    for name in store.names(WORK):
        if f"{WORK}/{name}" not in records:
            store.remove(f"{WORK}/{name}")
