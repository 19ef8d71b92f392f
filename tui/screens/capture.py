"""Capture: what is wrong in the recording, its endings in time, and its connections, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on, work
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.capture_notices import nothing_wrong, notices_of
from tui.rows.connection_columns import COLUMNS, GROUPINGS, SORTS
from tui.rows.finding_rows import COLUMNS as FINDING_COLUMNS
from tui.rows.finding_rows import Found, finding_key, most_severe_first
from tui.rows.grouped_rows import GroupKey
from tui.screens.reading_captures import ReadingScreen
from tui.screens.with_findings import LOW, ScreenWithFindings
from tui.screens.with_time_brush import ScreenWithTimeBrush
from tui.text.language import count, tr
from tui.text.vantage_words import seen_from
from tui.widgets.row_table import RowsTable
from tui.widgets.text_lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from tui.rows.arrangement import Arrangement
    from tui.rows.connection_rows import ConnectionRows
    from tui.text.filter_choices import Values

HOW_TO_RECORD = (
    "To record: `tcpdump -i any -s 128 -w incident.pcap tcp`, or 1 and there c on a connection. o also takes an "
    "incident's folder, a recording of looks and a log, and lists what was opened last."
)
ROWS_ELSEWHERE = 12
"""Lines of a low screen that the table of connections has not."""


class CaptureScreen(ReadingScreen, ScreenWithFindings, ScreenWithTimeBrush):
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
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
    ]

    def __init__(self, paths: tuple[str, ...] = ()) -> None:
        super().__init__(paths)
        self._turn = 0  # of the arranging: a later one replaces it

    def body(self) -> Iterable[Widget]:
        """Findings, timeline, connections."""
        yield RowsTable(FINDING_COLUMNS, head=False, id="findings")
        yield Lines(id="finding-text", most=6, low=3, least=LOW)
        yield Lines(id="timeline", most=5, low=3, least=LOW)
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
            self._tell("finding-text", tr(HOW_TO_RECORD))

    def show_title(self) -> None:
        """What is open, and whether it is followed."""
        parts = [self.called]
        parts += ["reading"] if self._reading else ["following"] if self.following else []
        parts += [self._totals()] if self.size.width >= 110 else []
        self.title_bar.set_right(" · ".join(parts))

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

    def show_summary(self) -> None:
        """Findings and timeline of all that was read."""
        self._show_findings()
        self._tell("timeline", "\n".join(self._timeline()))

    def _show_findings(self) -> None:
        of = {id(finding): triage for triage in self._triages for finding in triage.findings}
        ordered = most_severe_first([finding for triage in self._triages for finding in triage.findings])
        found = [
            Found((of[id(one)].index, *finding_key(one), n), one, capture=of[id(one)].decoded.path)
            for n, one in enumerate(ordered)
        ]
        nothing = tr("nothing asks for attention in {totals}", totals=self._totals())
        if not self._reading and (notices := notices_of(self._triages)):
            found = [*(found or [nothing_wrong(nothing)]), *notices]
        self.show_findings(found, nothing)

    def show_rows(self, rows: ConnectionRows) -> None:
        """The connections."""
        text = self.filter_text
        table = self._table("connections")
        title = (
            tr("Connections: {filter} — {n} of {all}", filter=text, n=f"{rows.matching:,}", all=f"{rows.total:,}")
            if text
            else self.titled("Connections", rows.matching)
        )
        title = tr("{title} (so far)", title=tr(title)) if self._reading else title
        table.set_title(title, counted=not text and not self.grouped_by)  # else it has the number
        self._tell_place()
        table.set_empty("no connection matches the filter" if text else "no TCP connections in this capture")
        table.show(rows)
        self.rows_are_shown()

    # -- filter and order

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
            self.show_rows(rows)

    # -- keys

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
