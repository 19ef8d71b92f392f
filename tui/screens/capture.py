"""Capture: what is wrong in the recording, its endings in time, and its connections, worst first."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.connection_columns import COLUMNS, GROUPINGS, SORTS
from tui.rows.finding_rows import COLUMNS as FINDING_COLUMNS
from tui.rows.finding_rows import Found, finding_key, most_severe_first
from tui.rows.grouped_rows import GroupKey
from tui.screens.base import LAST_KEYS
from tui.screens.followed import FollowingScreen
from tui.screens.with_findings import ScreenWithFindings
from tui.screens.with_order import ScreenWithOrder
from tui.screens.with_time_brush import ScreenWithTimeBrush
from tui.text.language import count, tr
from tui.text.vantage_words import seen_from
from tui.widgets.bars import KeyBar
from tui.widgets.row_table import ListRows, RowsTable
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
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from capture.triage import Triage
    from tui.rows.arrangement import Arrangement
    from tui.rows.connection_rows import ConnectionRows
    from tui.text.filter_choices import Values

ROWS_ELSEWHERE = 12
"""Lines of a low screen that the table of connections has not."""


class CaptureScreen(FollowingScreen, ScreenWithFindings, ScreenWithOrder, ScreenWithTimeBrush):
    """Group findings, a timeline of endings, the connection table. Enter opens a connection's ladder."""

    MODE = "capture"
    FILTERS = "connection"
    TABLE = "#connections"
    KEYS = (
        ("Enter", "ladder"),
        ("f", "fix"),
        ("/", "filter"),
        ("s", "sort"),
        ("b", "group by"),
        ("o", "file"),
        ("I", "time span"),
        ("S", "reverse"),
        ("F", "all findings"),
        ("l", "log"),
        ("y", "copy"),
        ("Tab", "pane"),
        ("a", "keep"),
        ("=", "rows like it"),
        (":", "commands"),
        ("p", "follow, or no longer"),
    )
    TOPICS = ("endings", "conn_state", "causes", "flags")
    ABOUT = "A recording's connections, worst first: how each ended, who closed first, and the likely cause."
    AUTO_FOCUS = "#connections"
    FINDINGS_TITLE = "What is wrong in this capture"
    SORTS = SORTS
    GROUPINGS = GROUPINGS
    BINDINGS = [
        Binding("o", "open", show=False),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
    ]

    def __init__(self, paths: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._paths = paths  # of a screen over another one: the mode's own reads what the command line named
        self._triages: list[Triage] = []
        self._rows: ConnectionRows | None = None
        self.arrangement = replace(self.arrangement, by=None)
        self._turn = 0  # of the arranging: a later one replaces it
        self._job: CaptureJob | None = None
        self._reading = False
        self._first_filter = ""
        self._first_join: bool | None = None
        self._ready = False
        self._opened_now: tuple[tuple[str, ...], bool] = ((), False)
        self._noticed = 0  # replaced files that were said

    def body(self) -> Iterable[Widget]:
        """Findings, timeline, connections."""
        yield RowsTable(FINDING_COLUMNS, head=False, id="findings")
        yield Lines(id="finding-text", most=6, low=3)
        yield Lines(id="timeline", most=5, low=3)
        yield RowsTable(self.chosen_columns(COLUMNS), empty="no capture is open: o opens one", id="connections")

    def on_mount(self) -> None:
        """Read what the command line named."""
        self._table("findings").set_title(self.FINDINGS_TITLE)
        self._table("connections").set_title("Connections")
        self._table("connections").set_order(*self.arrangement.sort)
        request = self.triage_app.investigation.request
        # After the first picture: the worker's imports must not delay it.
        self._ready = True
        self.watch_file()
        if self._paths:
            self.call_after_refresh(self.read, self._paths, self._first_filter, join=self._first_join)
        elif request.files:
            self.call_after_refresh(self.read, request.files, self.first_filter())
        else:
            self._table("findings").set_empty("no capture is open: o opens one, or start `tcptriage FILE`")

    def on_unmount(self) -> None:
        """A worker that still decodes is told to stop."""
        self._drop_job()

    def _table(self, name: str) -> RowsTable:
        return self.query_one(f"#{name}", RowsTable)

    # -- reading

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

    @work(thread=True, exclusive=True, group="capture", exit_on_error=False)
    def _run(self, job: CaptureJob) -> None:
        job.run()

    def _drop_job(self) -> None:
        self.forget_file()
        if self._job is not None:
            self._job.drop()

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
                self._show_findings()
                self._tell("timeline", "\n".join(self._timeline()))
            self._show_rows(event.rows)
            self.show_title()
        self.count_values_again()

    @on(CaptureGrew)
    def _grew(self, event: CaptureGrew) -> None:
        if not self._reading and not self.following:
            return
        self._triages = self.triage_app.investigation.triages = [event.triage]
        with self.app.batch_update():
            self._show_findings()
            self._tell("timeline", "\n".join(self._timeline()))
            self.show_title()
        told = event.triage.decoded.notices
        new = [notice for notice in told if notice.code == "file_replaced"][self._noticed :]
        if new:
            self._noticed += len(new)
            self.say(printable(new[-1].text), "warn")
        self.arrange_rows()

    def _after_reading(self) -> None:
        for incident in (one for triage in self._triages for one in triage.incidents):
            told = incident.manifest
            self.say(
                tr(
                    "Incident of {host}: {trigger}; the palette (:) has its looks and its log",
                    host=printable(told.host, 40),
                    trigger=printable(told.trigger.text, 120),
                )
            )
        notices = [notice.text for triage in self._triages for notice in triage.decoded.notices]
        if notices:
            more = tr(" (and {n} more notices)", n=len(notices) - 1) if len(notices) > 1 else ""
            self.say(printable(notices[0]) + more, "warn")

    def show_title(self) -> None:
        """What is open, and whether it is followed."""
        parts = [self.called]
        parts += ["reading"] if self._reading else ["following"] if self.following else []
        parts += [self._totals()] if self.size.width >= 110 else []
        self.title_bar.set_right(" · ".join(parts))

    def can_follow(self) -> int | None:
        """Packets of the one capture that is open and was read; None where there is none, or several."""
        return self._triages[0].decoded.packets if len(self._triages) == 1 and not self._reading else None

    def _totals(self) -> str:
        packets = sum(triage.decoded.tcp_packets for triage in self._triages)
        return (
            f"{count(sum(len(t.decoded.flows) for t in self._triages), 'connection')}, {count(packets, 'TCP packet')}"
        )

    def _timeline(self) -> list[str]:
        if self.size.height < 22 or not self._triages:
            return []
        from tui.text.timeline import latency_line, timeline_lines

        plain = self.triage_app.terminal.plain_charts
        latency = latency_line(self._triages, plain) if self.size.height >= 30 else ""
        lines = timeline_lines(self._triages, max(20, self.size.width - 2), plain)
        places = dict.fromkeys(triage.verdicts.vantage.why for triage in self._triages)
        seen = tr("seen from: {where}", where=printable("; ".join(places))) if self.size.height >= 30 else ""
        return [*lines, *(text for text in (latency, seen) if text)]

    def on_resize(self) -> None:
        """The timeline is as wide as the screen."""
        self._tell("timeline", "\n".join(self._timeline()))
        self._tell_place()

    def _tell_place(self) -> None:
        """From where it was taken: in few words, where the timeline has no room for a line of its own about it."""
        short = bool(self._triages) and not self._reading and self.size.height < 30
        self._table("connections").set_note(seen_from(self._triages) if short else "")

    def _show_findings(self) -> None:
        of = {id(finding): triage for triage in self._triages for finding in triage.findings}
        ordered = most_severe_first([finding for triage in self._triages for finding in triage.findings])
        found = [
            Found((of[id(one)].index, *finding_key(one), n), one, capture=of[id(one)].decoded.path)
            for n, one in enumerate(ordered)
        ]
        self.show_findings(found, tr("nothing asks for attention in {totals}", totals=self._totals()))

    def _tell(self, name: str, text: str) -> None:
        self.query_one(f"#{name}", Lines).set_text(text)

    def _show_rows(self, rows: ConnectionRows) -> None:
        text = self.filter_text
        table = self._table("connections")
        title = (
            tr("Connections: {filter} — {n} of {all}", filter=text, n=f"{rows.matching:,}", all=f"{rows.total:,}")
            if text
            else self.titled("Connections", rows.matching)
        )
        table.set_title(tr("{title} (so far)", title=tr(title)) if self._reading else title)
        self._tell_place()
        table.set_empty("no connection matches the filter" if text else "no TCP connections in this capture")
        table.show(rows)
        self.rows_are_shown()

    # -- filter and order

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

    def filter_of_row(self) -> str:
        """The same cause at the same responder; of a finding its first sample's."""
        if self._rows is None:
            return ""
        key = self._table("connections").cursor_key
        if (found := self.found_here) is not None:
            key = self._number_of_sample(found)
        if key is None:
            return ""
        if isinstance(key, GroupKey):
            from tui.rows.connection_groups import filter_of

            return filter_of(key)
        triage, connection = self._rows.find(key)
        responder = triage.endpoint(connection, 1)
        cause = triage.verdicts.of(connection).cause
        return f"cause:{cause} responder:{responder.ip} port:{responder.port}"

    def filter_changed(self) -> None:
        """The rows are arranged anew."""
        self.arrange_rows()

    def words_here(self) -> tuple[tuple[str, str], ...]:
        """Those of the connection under the cursor, of a group those of its first."""
        key = self._table("connections").cursor_key
        if self._rows is None or key is None or self.found_here is not None:
            return ()
        from tui.rows.connection_rows import ended
        from tui.text.row_words import words_of

        triage, connection = self._rows.find(key)
        one = triage.connection(connection)
        return words_of(one, ended(one.verdict.ended_by), triage.verdicts.vantage.place)

    def triages_here(self) -> Sequence[Triage]:
        """Those that are open and were read."""
        return () if self._reading else self._triages

    def values_here(self) -> Values:
        """Of all connections of the open captures."""
        from tui.rows.filter_values import connection_values

        return connection_values(self._triages)

    def arrange_rows(self) -> None:
        """In a worker: a large capture must not hold up the keys."""
        self._turn += 1
        self._arrange(self._turn, self.arrangement)

    @work(thread=True, exclusive=True, group="arrange")
    def _arrange(self, turn: int, arrangement: Arrangement) -> None:
        if self._triages:
            from tui.rows.connection_groups import grouped
            from tui.rows.connection_rows import connection_rows

            rows = grouped(connection_rows(self._triages, self.wanted, arrangement.sort), arrangement)
            self.app.call_from_thread(self._arranged, turn, rows)

    def _arranged(self, turn: int, rows: ConnectionRows) -> None:
        if turn == self._turn:
            self._rows = rows
            self._show_rows(rows)

    # -- keys

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

        meaning = "A capture, an incident folder, a recording. Several that are one: ring.pcap* --join"
        self.app.push_screen(AskPathScreen("Open a file", meaning, recent=recent_files()), self._opened)

    def _opened(self, text: str | None) -> None:
        from tui.work.capture_reading import named
        from tui.work.recorded_looks import is_recording

        paths, join = named(text) if text else ((), False)
        if len(paths) == 1 and is_recording(paths[0]):
            from tui.screens.replay import ReplayScreen

            self.app.push_screen(ReplayScreen(paths[0]))
            return
        if paths:
            self.read(paths, join=join)

    def _number_of_sample(self, found: Found) -> int | None:
        """The row of a finding's first connection."""
        capture = next((n for n, one in enumerate(self._triages) if one.decoded.path == found.capture), None)
        if self._rows is None or capture is None or not found.finding.sample:
            return None
        return self._rows.number(capture, int(found.finding.sample[0]))

    def open_finding(self, found: Found) -> None:
        """Its playbook, with the capture as its fact; without one, its first connection."""
        number = self._number_of_sample(found)
        if found.finding.playbook is not None or number is None:
            super().open_finding(found)
        else:
            self._table("connections").move_to(number)
            self._table("connections").focus()

    def playbook_of_row(self) -> tuple[str, dict[str, str], str] | None:
        """The verdict's, with the capture as its fact."""
        key = self._table("connections").cursor_key
        if self._rows is None or key is None:
            return None
        triage, connection = self._rows.find(key)
        verdict = triage.verdict(connection)
        if verdict.playbook is None:
            return None
        return verdict.playbook, {"capture": triage.decoded.path}, printable(verdict.sentence)

    @on(RowsTable.Chosen, "#connections")
    def _connection_chosen(self, event: RowsTable.Chosen) -> None:
        if self._rows is not None and not self.toggle_group(event.key):
            from tui.screens.connection import ConnectionScreen

            triage, connection = self._rows.find(event.key)
            self.app.push_screen(ConnectionScreen(triage, connection))

    def copy_text(self) -> tuple[str, str]:
        """The connection under the cursor, or the finding, in words."""
        if (found := self.found_here) is not None:
            return self.copy_of_finding(found)
        key = self._table("connections").cursor_key
        if self._rows is None or key is None:
            return "", ""
        if isinstance(key, GroupKey):
            return "Group", self._table("connections").text_of_row()
        triage, connection = self._rows.find(key)
        one = triage.connection(connection)
        return "Connection", f"{one.originator} -> {one.responder}  {one.verdict.cause}\n{one.verdict.sentence}"

    def evidence(self) -> tuple[str, str, str]:
        """The finding, or the connection with its ladder, under the cursor."""
        if (found := self.found_here) is not None:
            return self.evidence_of_finding(found)
        key = self._table("connections").cursor_key
        if self._rows is None or key is None:
            return "", "", ""
        from tui.screens.connection import connection_markdown

        triage, connection = self._rows.find(key)
        title, body = connection_markdown(triage, connection)
        return "connection", title, body
