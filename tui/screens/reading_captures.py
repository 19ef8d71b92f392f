"""A screen that reads captures: they are opened, decoded on a worker's thread, shown in part and then whole."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.list_rows import ListRows
from tui.screens.base import LAST_KEYS
from tui.screens.followed import FollowingScreen
from tui.screens.with_order import ScreenWithOrder
from tui.text.language import tr
from tui.widgets.bars import KeyBar
from tui.widgets.row_table import RowsTable
from tui.widgets.text_lines import Lines
from tui.work.capture_job import CaptureJob
from tui.work.messages import (
    CaptureDecoded,
    CaptureFailed,
    CaptureGrew,
    CaptureProgressed,
    DecodingStopped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.triage import Triage
    from tui.rows.connection_rows import ConnectionRows

ROWS_ELSEWHERE = 12
"""Lines of a low screen that the table of connections has not."""


class ReadingScreen(FollowingScreen, ScreenWithOrder):
    """`o` opens captures in place of those that are open, Esc stops the reading. Subclasses show what was read."""

    BINDINGS = [Binding("o", "open", show=False)]

    def __init__(self, paths: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._paths = paths  # of a screen over another one: the mode's own reads what the command line named
        self._triages: list[Triage] = []
        self._rows: ConnectionRows | None = None
        self.arrangement = replace(self.arrangement, by=None)
        self._job: CaptureJob | None = None
        self._reading = False
        self._first_filter = ""
        self._first_join: bool | None = None
        self._ready = False
        self._opened_now: tuple[tuple[str, ...], bool] = ((), False)
        self._noticed = 0  # notices of a replaced file that were shown

    def show_summary(self) -> None:
        """Findings and timeline of all that was read."""
        raise NotImplementedError

    def show_rows(self, rows: ConnectionRows) -> None:
        """The connections."""
        raise NotImplementedError

    def _table(self, name: str) -> RowsTable:
        return self.query_one(f"#{name}", RowsTable)

    def _tell(self, name: str, text: str) -> None:
        self.query_one(f"#{name}", Lines).set_text(text)

    # -- what is open

    def open(self, paths: tuple[str, ...], wanted: str = "", *, join: bool | None = None) -> None:
        """Read captures now, or as soon as the screen is there."""
        if self._ready:
            self.read(paths, wanted, join=join)
        else:
            self._paths, self._first_filter, self._first_join = paths, wanted, join

    def read(self, paths: tuple[str, ...], wanted: str = "", *, join: bool | None = None) -> None:
        """Open captures, in place of those that are open. `join` None: as the command line said."""
        self._drop_job()
        self._reading = True
        self._triages, self._rows, self._noticed = [], None, 0
        self.file_is_read(paths[0] if len(paths) == 1 else None)
        self._take_filter(wanted)
        request = self.triage_app.investigation.request
        self.arrangement = replace(self.arrangement, screenful=max(5, self.app.size.height - ROWS_ELSEWHERE))
        self._job = CaptureJob(
            paths,
            request.join if join is None else join,
            self.wanted,
            self.arrangement,
            self.post_message,
            request.stdin,
        )
        self.title_bar.set_right(self._job.called)
        for table in ("findings", "connections"):
            self._table(table).show(ListRows([]))
            self._table(table).set_empty("reading … (Esc stops it)")
        self._tell("timeline", "")
        self._tell("finding-text", "")
        self.query_one(KeyBar).set_keys((("Esc", "stop reading"), *self.KEYS, *LAST_KEYS))
        self._opened_now = (tuple(paths), request.join if join is None else join)
        self.triage_app.case.take()
        self._run(self._job)

    def _take_filter(self, text: str) -> None:
        """A filter that the reading starts with."""
        from capture.filters import FilterError, parse

        self.filter_text, self.wanted = "", None
        if text:
            with suppress(FilterError):
                self.wanted = parse(text)
                self.filter_text = text

    def holding(self, text: str) -> str | None:
        """The path of the capture that has connections which a filter keeps; None where none has."""
        from capture.filters import FilterError, parse

        try:
            wanted = parse(text) if text else None
        except FilterError:
            return None
        if wanted is None:
            return None
        return next(
            (one.decoded.path for one in self._triages if any(wanted.select(one.decoded.flows, one.verdicts))), None
        )

    def action_back(self) -> None:
        """Esc stops the reading, or takes the filter off."""
        if self._reading and self._job is not None:
            self._job.cancel()
        else:
            super().action_back()

    def action_open(self) -> None:
        """Ask for a file."""
        from tui.screens.ask_path import AskPathScreen
        from tui.work.case_file import recent_files

        meaning = "A capture, an incident folder, a recording, a log. Several that are one: ring.pcap* --join"
        self.app.push_screen(AskPathScreen("Open a file", meaning, recent=recent_files()), self._opened)

    def _opened(self, text: str | None) -> None:
        from tui.work.capture_reading import named
        from tui.work.named_files import is_log
        from tui.work.recorded_looks import is_recording

        paths, join = named(text) if text else ((), False)
        if len(paths) == 1 and is_recording(paths[0]):
            from tui.screens.replay import ReplayScreen

            self.app.push_screen(ReplayScreen(paths[0]))
            return
        if len(paths) == 1 and is_log(paths[0]):
            from tui.screens.explained import ExplainedScreen

            self.app.push_screen(ExplainedScreen("", paths[0]))
            return
        if paths:
            self.read(paths, join=join)

    @work(thread=True, exclusive=True, group="capture", exit_on_error=False)
    def _run(self, job: CaptureJob) -> None:
        job.run()

    def _drop_job(self) -> None:
        self.forget_file()
        if self._job is not None:
            self._job.drop()

    def on_unmount(self) -> None:
        """A worker that still decodes is asked to stop."""
        self._drop_job()

    @property
    def is_reading(self) -> bool:
        """Whether captures are being read."""
        named = self._paths or self.triage_app.investigation.request.files
        return self._reading or bool(named and not self._opened_now[0])

    def place(self) -> dict[str, Any]:
        """The captures, the filter, the row."""
        paths, join = self._opened_now
        files = [os.path.abspath(path) for path in paths if path != "-"]
        return super().place() | {"files": files, "join": join}

    def seen_in(self) -> str:
        """The captures."""
        return self.called

    @property
    def called(self) -> str:
        """The captures that are open, in few words."""
        return self._job.called if self._job is not None else ""

    def can_follow(self) -> int | None:
        """Packets of the one capture that is open and was read; None where there is none, or several."""
        return self._triages[0].decoded.packets if len(self._triages) == 1 and not self._reading else None

    def triages_here(self) -> Sequence[Triage]:
        """Those that are open and were read."""
        return () if self._reading else self._triages

    # -- what the worker reports

    @on(CaptureProgressed)
    def _progressed(self, event: CaptureProgressed) -> None:
        if self._reading and not self._triages:
            self._table("findings").set_empty(
                tr("reading {file}: {progress}", file=self.called, progress=event.reading.sentence)
            )

    @on(DecodingStopped)
    def _stopped(self) -> None:
        self._reading = False
        self._end_reading("reading was stopped; o opens a file")
        if self._rows is not None:
            self.say("Reading was stopped: only the first part of the capture is shown", "warn")

    @on(CaptureFailed)
    def _failed(self, event: CaptureFailed) -> None:
        self._reading = False
        text = printable(event.text)
        if self.triage_app.investigation.request.files:
            self.triage_app.failure = text
        self._end_reading(f"{text}   {tr('(o opens another file)')}")
        self.say(text, "bad")

    def _end_reading(self, empty: str) -> None:
        self.show_keys()
        for table in ("findings", "connections"):
            self._table(table).set_empty(empty)

    @on(CaptureDecoded)
    def _decoded(self, event: CaptureDecoded) -> None:
        self._triages, self._rows = event.triages, event.rows
        investigation = self.triage_app.investigation
        investigation.triages = event.triages
        if event.complete:
            self.arrangement = replace(self.arrangement, by=event.rows.by)  # large groups of alike ones open grouped
            self._reading = False
            self.triage_app.failure = None
            self._end_reading("")
            self._after_reading()
            self.triage_app.names_of_captures()
        with self.app.batch_update():
            if event.complete:  # of a first part they would be false: its connections' ends are still to come
                self.show_summary()
            self.show_rows(event.rows)
            self.show_title()
        self.count_values_again()

    @on(CaptureGrew)
    def _grew(self, event: CaptureGrew) -> None:
        if not self._reading and not self.following:
            return
        self._triages = self.triage_app.investigation.triages = [event.triage]
        with self.app.batch_update():
            self.show_summary()
            self.show_title()
        notices = event.triage.decoded.notices
        new = [notice for notice in notices if notice.code == "file_replaced"][self._noticed :]
        if new:
            self._noticed += len(new)
            self.say(printable(new[-1].text), "warn")
        self.arrange_rows()

    def _after_reading(self) -> None:
        for incident in (one for triage in self._triages for one in triage.incidents):
            manifest = incident.manifest
            self.say(
                tr(
                    "Incident of {host}: {trigger}; the palette (:) has its looks and its log",
                    host=printable(manifest.host, 40),
                    trigger=printable(manifest.trigger.text, 120),
                )
            )
        notices = [notice.text for triage in self._triages for notice in triage.decoded.notices]
        if notices:
            more = tr(" (and {n} more notices: F)", n=len(notices) - 1) if len(notices) > 1 else ""
            self.say(printable(notices[0]) + more, "warn")
