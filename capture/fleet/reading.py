"""One capture to rows: the task that a worker does. Arguments and answer are JSON, so that any worker can do it.

All files of a capture go through one engine, in order of time, and through one judgement. Why not each file by itself,
with a second pass over its edges: a row depends on more than its own packets. Who is the originator of a connection
that began before the capture is known from all of its ends; whether a listener is overwhelmed, a host known, a TTL
foreign, a connection seen again behind a NAT or another hop of a proxy, by connections minutes away. With one engine
the rows are those of the whole by construction, whatever the cut.

Captures are what workers share out among them. Where there are fewer than workers, a capture's own work is shared out
too: one thread reads its records, others follow a share of the connections each (capture.engine.shares), and forked
processes write its rows (row_files). What is left in order, the table and the judgement, is a tenth of it.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from capture import __version__
from capture.fleet.model import SCHEMA, LeftOut, Planned, ReadCapture, Reading, Surveyed
from capture.fleet.parts import parts_of
from capture.fleet.row_files import RowFiles
from capture.fleet.stores import WORK, Store
from capture.language import speaking
from capture.wire.capture_errors import CaptureUnreadable

if TYPE_CHECKING:
    from capture.triage import Triage

WORTH_THREADS = 1 << 24  # bytes


class Task(Struct, frozen=True):
    """What a worker is to do: survey a file, or read a capture into the result at `out`."""

    out: str
    survey: str | None = None
    plan: Planned | None = None
    processes: int = 1  # of this machine, how many may work on it

    @property
    def name(self) -> str:
        """What it is about."""
        return self.survey if self.survey is not None else self.plan.name if self.plan else ""

    @property
    def size(self) -> int:
        """Bytes to be read, as far as is known."""
        return sum(file.size or 0 for file in self.plan.files) if self.plan else 0


class Answer(Struct, frozen=True):
    """What came of a task."""

    surveyed: Surveyed | None = None
    reading: Reading | None = None
    left_out: LeftOut | None = None


def run(task: bytes) -> bytes:
    """Do a task, both in JSON. Raises only what is no property of the capture: a full disk, no memory."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    wanted = msgspec.json.decode(task, type=Task)
    with speaking("en"):  # as all that is written for programs
        return msgspec.json.encode(_done(wanted))


def _done(task: Task) -> Answer:
    if task.survey is not None:
        from capture.fleet.survey import survey

        try:
            return Answer(surveyed=survey(task.survey))
        except CaptureUnreadable as error:
            return Answer(left_out=LeftOut(task.survey, error.why))
        except OSError as error:
            return Answer(left_out=LeftOut(task.survey, error.strerror or str(error)))
    assert task.plan is not None
    return Answer(reading=read(task.plan, Store(task.out), task.processes))


def key_of(plan: Planned) -> str:
    """Of a capture's name, its files and the program that read them: what has the same key need not be read again."""
    identity = (SCHEMA, __version__, plan.name, [(file.path, file.stamp) for file in plan.files])
    return hashlib.blake2b(msgspec.json.encode(identity), digest_size=8).hexdigest()


def done_name(plan: Planned) -> str:
    """The file that tells that a capture was read."""
    return f"{WORK}/{key_of(plan)}.json"


def read(plan: Planned, store: Store, processes: int = 1) -> Reading:
    """Read a capture and write its rows, with so many cores; what came of it is left beside them, last of all."""
    from capture.triage import triage

    refused: list[CaptureUnreadable] = []
    followers = processes if processes > 1 and sum(file.size or 0 for file in plan.files) >= WORTH_THREADS else 0
    triages = triage(
        list(plan.paths), join=len(plan.paths) > 1, refused=refused.append, groups=False, followers=followers
    )
    left_out = {error.path: LeftOut(error.path, error.why) for error in refused}
    if not triages and refused:  # what is true of the first is the reason for all
        left_out = {path: LeftOut(path, refused[0].why) for path in plan.paths} | left_out
    captures = tuple(_written(one, plan, store, at, len(triages), processes) for at, one in enumerate(triages))
    reading = Reading(captures, tuple(left_out.values()))
    store.write(done_name(plan), msgspec.json.encode(reading))
    return reading


def _written(triage: Triage, plan: Planned, store: Store, at: int, of: int, processes: int) -> ReadCapture:
    decoded = triage.decoded
    decoded.flows.forget_numbers()
    name = plan.name if of == 1 else f"{plan.name}#{at + 1}"
    stem = f"{_slug(plan.name)}-{key_of(plan)}{'' if of == 1 else f'-{at + 1}'}"
    rows = RowFiles(triage, name, store, stem, processes)
    findings = tuple(parts_of(triage))
    return ReadCapture(
        name=name,
        key=key_of(plan),
        why=plan.why,
        files=decoded.paths,
        parts=rows.finish(),
        format=decoded.format,
        link_types=decoded.link_types,
        packets=decoded.packets,
        tcp_packets=decoded.tcp_packets,
        connections=len(decoded.flows),
        first_time=decoded.first_time,
        last_time=decoded.last_time,
        notices=tuple((notice.code, notice.packet, notice.text) for notice in decoded.notices),
        findings=findings,
    )


def _slug(path: str) -> str:
    """A file name that people know the capture by."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", path.partition("::")[0].rpartition("/")[2])[:60].strip("._") or "capture"
