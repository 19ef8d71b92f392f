"""Rings, triggers, and an incident folder for each fault; runs until it is asked to stop."""

from __future__ import annotations

import contextlib
import select
import shutil
import signal
import time
from collections.abc import Iterable
from types import FrameType
from typing import Final

from capture.kernel.event import KernelEvent, Kind
from capture.kernel.refused_callers import with_callers
from capture.language import speaking, tr
from capture.model import Finding, Severity
from capture.recorder.clock_steps import ClockSteps
from capture.recorder.freezing import Frozen, LogLine
from capture.recorder.housekeeping import make_rings, prune, size_of
from capture.recorder.incident_folder import Trigger
from capture.recorder.options import Options
from capture.recorder.origin import Origin, ThisMachine
from capture.recorder.packet_ring import RETIRE_MS
from capture.recorder.rings import LONGEST_PAUSE_S, MARGIN_S, Rings
from capture.recorder.triggers import SIGNAL, ResetRate
from capture.recorder.writer import Writer
from capture.safe_text import printable

TICK_S: Final = 1.0
APART_S: Final = 60.0
"""One folder a minute at most: a storm of triggers is one incident."""
GONE_S: Final = 60.0
"""A finding that was away so long is a new one."""
LATE_S: Final = MARGIN_S / 2
"""So much later than it happened a thing may be read, and still have the whole `--before` before it."""
LEAD_S: Final = 0.5
"""The first packet of a window comes a moment after it begins: more than that of traffic that is worth recording."""
LONGEST_TEXT: Final = 500


class FlightRecorder:
    """Raises OSError where the output folder cannot be used. What came from outside is parsed by other processes
    (writer.py), but for the lines of logs."""

    def __init__(self, options: Options, origin: Origin | None = None) -> None:
        """`origin`: the machine that is recorded, where it is another one than this."""
        self._options = options
        self._origin = origin = origin or ThisMachine()
        self._folder = make_rings(options.out)
        try:
            self.rings = Rings(options, self._folder, origin)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._rates = [ResetRate(most, seconds) for most, seconds in options.triggers.resets]
        self._present: dict[tuple[str, str], float] = {}
        self._pending: Trigger | None = None
        self._since = 0.0
        """When what the pending trigger tells of may have happened first, epoch seconds: a log is read once a tick."""
        self._due = 0.0
        self._read_at = self._looked_at = time.time()
        self._clock = ClockSteps()
        self._last_folder = float("-inf")
        self._suppressed = 0
        self._stop = self._asked = False
        self._told_codes: set[str] = set()
        self._writer: Writer | None = None

    def heed_signals(self) -> None:
        """From now on USR1 asks for a folder, TERM and INT for the end: before it says that it records."""
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def run(self) -> None:
        """Record until the time is over or a signal asks for the end. A trigger that waits is written out then."""
        end = time.monotonic() + self._options.seconds if self._options.seconds is not None else float("inf")
        due = time.monotonic()
        try:
            while not self._stop and not self._origin.gone and time.monotonic() < end:
                self._wait(min(due, end) - time.monotonic())
                self.rings.store_packets()
                if time.monotonic() >= due:
                    due = max(due + TICK_S, time.monotonic())
                    self._tick()
            if self._origin.gone:
                self._options.tell(self._origin.gone)
            if self._asked or self._pending is not None:
                time.sleep(RETIRE_MS / 1000)  # for the last packets
                self._tick()
                self._freeze()
        finally:
            self._close()

    def _wait(self, seconds: float) -> None:
        waiting = select.poll()
        for descriptor in self.rings.descriptors():
            waiting.register(descriptor, select.POLLIN)
        with contextlib.suppress(InterruptedError):
            waiting.poll(max(0.0, seconds) * 1000)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGUSR1:
            self._asked = True
        else:
            self._stop = True

    def _tick(self) -> None:
        if self.rings.packets is not None:
            self.rings.packets.count()
        began = time.time()
        look = self.rings.read_look()
        self.rings.store_packets()  # a storm of events, or a look at many sockets, takes a while
        events = self.rings.read_events()
        self.rings.store_packets()
        lines = self.rings.read_logs()
        now = time.time()
        self._clock.look()
        if self._asked:
            self._asked = False
            self._fire(SIGNAL, "asked for by a signal", now)
        if look is not None:
            self._findings(with_callers(look.findings, events), now)
        self._events(events)
        self._lines(lines)
        self._read_at, self._looked_at = began, began if look is not None else self._looked_at
        self._written()
        self._tell_losses()
        if self._pending is not None and time.monotonic() >= self._due:
            self._freeze()

    def _findings(self, findings: Iterable[Finding], now: float) -> None:
        steady = time.monotonic()
        for finding in findings:
            kind = self._options.triggers.finding(finding.code)
            if kind is None or (kind.endswith(":any") and finding.severity is Severity.INFO):
                continue
            key = (finding.code, finding.title)
            before = self._present.get(key)
            self._present[key] = steady
            if before is None:
                self._fire(kind, f"{finding.title}: {finding.text}", now, self._looked_at)
        for key in [key for key, seen in self._present.items() if seen < steady - GONE_S]:
            del self._present[key]

    def _events(self, events: list[KernelEvent]) -> None:
        for event in events:
            if event.kind in (Kind.CALL_FAILED, Kind.ERROR_REPORTED) and event.errno is not None:
                kind = self._options.triggers.error(event.errno)
                if kind is not None:
                    self._fire(kind, _event_text(event), event.time)
        for rate in self._rates:
            full = rate.add(events)
            if full is not None:
                text = f"{rate.most} resets in {rate.seconds:g} s; the last: {_event_text(full)}"
                self._fire(f"resets:{rate.most}/{rate.seconds:g}", text, full.time)

    def _lines(self, lines: list[LogLine]) -> None:
        for line in lines:
            symptom = self._options.recognise(line.text)
            kind = self._options.triggers.symptom(symptom) if symptom is not None else None
            if kind is not None:
                self._fire(kind, f"{line.path}: {line.text}", line.time, self._read_at)

    def _fire(self, kind: str, text: str, when: float, since: float | None = None) -> None:
        if self._pending is not None or time.monotonic() - self._last_folder < APART_S:
            self._suppressed += 1
            return
        self._pending = Trigger(kind, printable(text, LONGEST_TEXT), when)
        self._since = when if since is None else min(when, max(since, when - LATE_S))
        self.rings.look_now()
        self._last_folder = time.monotonic()
        self._due = self._last_folder + self._options.after_s + RETIRE_MS / 1000
        facts = {"kind": kind, "text": self._pending.text, "s": f"{self._options.after_s:g}"}
        self._tell("{kind}: {text}; the folder is written in {s} s", **facts)

    def _tell(self, sentence: str, /, **facts: str) -> None:
        """A sentence, in the language of who reads it; what goes into the folder is English."""
        with speaking(self._options.language):
            self._options.tell(tr(sentence, **facts))

    def _freeze(self) -> None:
        trigger, self._pending = self._pending, None
        if trigger is None:
            return
        begin, end = self._since - self._options.before_s - LEAD_S, time.time()
        kept_s = self._options.before_s + self._options.after_s + MARGIN_S
        if steps := self._clock.within(kept_s):  # then times tell little: everything that is held goes in
            begin, end = min(begin, end - kept_s, *(low for low, _ in steps)), max(end, *(high for _, high in steps))
        ahead = self._origin.clock_ahead
        begin, end = begin + min(0.0, ahead), end + max(0.0, ahead)
        ring = self.rings.packets
        self.rings.store_packets()
        frozen = Frozen(
            machine=self._origin.machine(),
            trigger=trigger,
            begin=begin,
            end=end,
            packets=self.rings.spool,
            looks=self.rings.looks,
            events=self.rings.events_between(begin, end),
            log=tuple(line for line in self.rings.lines if begin <= line.time <= end),
            packets_seen=ring.seen if ring is not None else 0,
            packets_dropped=ring.dropped if ring is not None else 0,
            events_lost=self.rings.events_lost,
            suppressed=self._suppressed,
            notes=(*self._notes(), *self._clock.notes(kept_s)),
            anonymize=self._options.anonymize,
        )
        self._suppressed = 0
        self._written(wait=True)
        self.rings.hold(True)
        self._writer = Writer(self._options.out, frozen, self._options.report, self._options.readable)

    def _tell_losses(self) -> None:
        """What was lost for the first time since the start; how much goes into each folder."""
        if self.rings.look is not None and "limits" not in self._told_codes:  # of the first look
            for limit in self.rings.look.limits:
                self._tell("not recorded: {what}", what=limit)
            self._told_codes.add("limits")
        for code, note in (*self._losses(), *self.rings.log_troubles()):
            if code not in self._told_codes and note not in self.rings.notes:
                self._told_codes.add(code)
                self._tell("{note}; it goes on, and each folder says how much", note=note)

    def _notes(self) -> Iterable[str]:
        yield from self.rings.troubles()
        yield from self.rings.look.limits if self.rings.look is not None else ()
        for _, note in self._losses():
            yield note

    def _losses(self) -> Iterable[tuple[str, str]]:
        spool = self.rings.spool
        if spool is not None and spool.lost:
            yield "packets", f"{spool.lost} bytes of packets were lost: the disk is full"
        if spool is not None and spool.forgotten:
            yield "forgotten", "packets went before their time: --keep is too small for --before"
        for name, recent in (("events", self.rings.events), ("log lines", self.rings.lines)):
            if recent.forgotten:
                yield name, f"{recent.forgotten} {name} went before their time: there were too many for the memory kept"
        if self.rings.looks.lost:
            yield "looks", f"{self.rings.looks.lost} looks were lost: the disk is full"
        if self.rings.pause_s > max(LONGEST_PAUSE_S, self._options.interval_s):
            seconds = f"{self.rings.pause_s:.0f} s"
            yield "pauses", f"looks are {seconds} apart, for each is dear: what they alone find is found so late"

    def _written(self, wait: bool = False) -> None:
        """Takes in a folder that was being written, if it is done (or when it is)."""
        if self._writer is None or not self._writer.ended(wait):
            return
        path, trouble = self._writer.result()
        self._writer = None
        self.rings.hold(False)
        options = self._options
        if trouble:
            self._tell("the incident cannot be written: {trouble}", trouble=trouble)
            return
        gone = prune(options.out, options.incidents, max(0, options.keep_bytes - size_of(self._folder)))
        if gone:
            self._tell("{path} (removed for want of room: {gone})", path=path, gone=", ".join(gone))
        else:
            options.tell(path)

    def _close(self) -> None:
        self._written(wait=True)
        self.rings.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _event_text(event: KernelEvent) -> str:
    from capture.recorder.comments import sentence

    return f"{sentence(event)} {event.local} to {event.remote}"
