"""The rings of a time written into an incident folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from capture import __version__
from capture.anonymizing import Anonymizer
from capture.kernel.event import KernelEvent
from capture.kernel.events_report import event_object
from capture.recorder.anonymous_packets import AnonymousPackets
from capture.recorder.comments import comments_of
from capture.recorder.incident_folder import EVENTS, LOG, LOOKS, MANIFEST, PACKETS, Manifest, Trigger
from capture.recorder.look_ring import LookRing
from capture.recorder.origin import Machine
from capture.recorder.packet_ring import SNAP, Packet, packets_of
from capture.recorder.pcapng_file import PcapngFile
from capture.recorder.spool import Spool

NAME: Final = "incident-%Y%m%dT%H%M%SZ"
MOST_SAME: Final = 1000


class LogLine(Struct, frozen=True):
    """A line of a followed log and when it was read (epoch seconds)."""

    time: float
    path: str
    text: str


class Frozen(Struct, frozen=True, kw_only=True):
    """What goes into a folder: the spools are read for [begin, end], epoch seconds."""

    machine: Machine
    trigger: Trigger
    begin: float
    end: float
    packets: Spool | None
    looks: LookRing
    events: tuple[KernelEvent, ...]
    log: tuple[LogLine, ...]
    packets_seen: int
    packets_dropped: int
    events_lost: int
    suppressed: int
    notes: tuple[str, ...]
    anonymize: bool


def write_incident(out: str, frozen: Frozen) -> str:
    """Makes the folder under `out`, mode 0700, and returns its path. Raises OSError; half a folder is removed.

    It gets its name when it is whole.
    """
    final = _free_name(out, frozen.trigger.time)
    partial = os.path.join(out, f".{os.path.basename(final)}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    os.mkdir(partial, 0o700)
    try:
        _write(partial, frozen)
        os.rename(partial, final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return final


def _write(folder: str, frozen: Frozen) -> None:
    hide = Anonymizer() if frozen.anonymize else None
    packets = _write_packets(os.path.join(folder, PACKETS), frozen, hide)
    events = _write_lines(os.path.join(folder, EVENTS), _event_lines(frozen), hide)
    _write_lines(os.path.join(folder, LOG), (f"{line.text}\n" for line in frozen.log), hide)
    looks, notes = 0, frozen.notes
    if hide is None:
        looks = frozen.looks.copy(os.path.join(folder, LOOKS), frozen.begin, frozen.end)
    else:
        notes = (*notes, "looks at the sockets are left out: they cannot be anonymized")
    manifest = Manifest(
        host=frozen.machine.host if hide is None else "host",
        kernel=frozen.machine.kernel,
        version=__version__,
        trigger=frozen.trigger
        if hide is None
        else msgspec.structs.replace(frozen.trigger, text=hide(frozen.trigger.text)),
        begin=frozen.begin,
        end=frozen.end,
        packets=packets,
        packets_dropped=frozen.packets_dropped,
        events=events,
        events_lost=frozen.events_lost,
        looks=looks,
        log_lines=len(frozen.log),
        suppressed=frozen.suppressed,
        notes=notes,
    )
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode()
    _write_lines(os.path.join(folder, MANIFEST), [text + "\n"], None)


def _write_packets(path: str, frozen: Frozen, hide: Anonymizer | None) -> int:
    """The packets of the window with what the kernel said of them; in two passes, for a comment may belong to a packet
    before it."""
    comments = comments_of(_packets(frozen), frozen.events)
    anonymous = AnonymousPackets(hide) if hide is not None else None
    names = frozen.machine.interfaces if hide is None else {}
    system = f"Linux {frozen.machine.kernel}"
    with _private(path) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as stream:
        file = PcapngFile(stream, SNAP, names, system, f"tcptriage {__version__} watch")
        for index, one in enumerate(_packets(frozen)):
            data = anonymous(one.bytes) if anonymous is not None else one.bytes
            comment = comments.get(index, "")
            file.add(one.time, one.length, one.interface, one.outgoing, data, hide(comment) if hide else comment)
        file.end(frozen.packets_seen, frozen.packets_dropped, int(frozen.end * 1e9))
        return file.packets


def _packets(frozen: Frozen) -> Iterator[Packet]:
    if frozen.packets is None:
        return
    begin, end = int(frozen.begin * 1e9), int(frozen.end * 1e9)
    for block in frozen.packets.between(begin, end):
        for one in packets_of(block):
            if begin <= one.time <= end:
                yield one


def _event_lines(frozen: Frozen) -> Iterator[str]:
    encoder = msgspec.json.Encoder()
    for event in frozen.events:
        yield encoder.encode(event_object(event)).decode() + "\n"


def _write_lines(path: str, lines: Iterable[str], hide: Anonymizer | None) -> int:
    written = 0
    with _private(path) as descriptor, os.fdopen(descriptor, "w", encoding="utf-8", closefd=False) as stream:
        for line in lines:
            stream.write(line if hide is None else hide(line))
            written += 1
    return written


@contextlib.contextmanager
def _private(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _free_name(out: str, when: float) -> str:
    name = os.path.join(out, time.strftime(NAME, time.gmtime(when)))
    for number in range(1, MOST_SAME):
        path = name if number == 1 else f"{name}-{number}"
        if not os.path.lexists(path):
            return path
    raise OSError(f"{name}: a thousand folders of this second are there")
