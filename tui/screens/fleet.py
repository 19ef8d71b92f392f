"""Fleet: what is wrong over many captures, and all of their connections: filtered, grouped, down to the packets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.connection_columns import SORTS
from tui.rows.finding_rows import COLUMNS as FINDING_COLUMNS
from tui.rows.finding_rows import Found
from tui.rows.list_rows import ListRows
from tui.screens.filtered import FilteredScreen
from tui.screens.with_findings import LOW, ScreenWithFindings
from tui.text.language import tr
from tui.text.quantities import count
from tui.widgets.row_table import RowsTable
from tui.widgets.text_lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from capture.fleet.result import StoredFleet
    from capture.model import Finding
    from tui.rows.fleet_rows import FleetRows
    from tui.text.filter_choices import Values


class FleetScreen(ScreenWithFindings, FilteredScreen):
    """Findings over the fleet, groups, connections. Enter on a connection opens the capture that it is of."""

    MODE = "capture"
    FILTERS = "connection"
    TABLE = "#connections"
    KEYS = (
        ("Enter", "its capture"),
        ("f", "fix"),
        ("F", "all findings"),
        ("/", "filter"),
        ("b", "group by"),
        ("s", "sort"),
        ("y", "copy"),
        ("Tab", "pane"),
        ("a", "keep"),
        ("=", "rows like it"),
        (":", "commands"),
    )
    TOPICS = ("endings", "conn_state", "causes", "flags")
    ABOUT = (
        "The connections of many captures, worst first. b groups them by cause, responder, originator or capture; "
        "Enter on a group shows its connections, Enter on a connection opens the capture that it was seen in."
    )
    AUTO_FOCUS = "#connections"
    FINDINGS_TITLE = "What is wrong in this fleet"
    BINDINGS = [
        Binding("s", "sort", show=False),
        Binding("b", "group", show=False),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
    ]

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._fleet: StoredFleet | None = None
        self._rows: FleetRows | None = None
        self._sort = 0
        self._by = 0  # 0: no groups
        self._capture: str | None = None  # the only one that is shown

    def body(self) -> Iterable[Widget]:
        """Findings, groups or connections."""
        from tui.rows.fleet_rows import COLUMNS, GROUP_COLUMNS

        yield RowsTable(FINDING_COLUMNS, head=False, empty="reading …", id="findings")
        yield Lines(id="finding-text", most=6, low=3, least=LOW)
        yield RowsTable(GROUP_COLUMNS, empty="no connection matches the filter", id="groups")
        yield RowsTable(COLUMNS, empty="reading …", id="connections")
        yield Lines(id="row-text", most=3, low=2, least=LOW)

    def on_mount(self) -> None:
        """Read the result."""
        self._table("findings").set_title(self.FINDINGS_TITLE)
        self._table("connections").set_title("Connections")
        self._table("connections").set_order(SORTS[0][0], SORTS[0][2])
        self._table("groups").display = False
        self.title_bar.set_right(printable(os.path.basename(os.path.abspath(self._path))))
        request = self.triage_app.investigation.request
        self.call_after_refresh(self._read, request.filter)

    def _table(self, name: str) -> RowsTable:
        return self.query_one(f"#{name}", RowsTable)

    def _tell(self, name: str, text: str) -> None:
        self.query_one(f"#{name}", Lines).set_text(text)

    @work(thread=True, exclusive=True, group="fleet", exit_on_error=False)
    def _read(self, wanted: str) -> None:
        from capture.fleet.errors import FleetRefused, require_extra

        try:
            require_extra()
            from capture.fleet.result import StoredFleet

            fleet = StoredFleet(self._path)
        except FleetRefused as error:
            self.app.call_from_thread(self._failed, str(error))
            return
        self.app.call_from_thread(self._opened, fleet, wanted)

    def _failed(self, text: str) -> None:
        self.triage_app.failure = text
        for table in ("findings", "connections"):
            self._table(table).set_empty(text)
        self.say(text, "bad")

    def _opened(self, fleet: StoredFleet, wanted: str) -> None:
        self._fleet = fleet
        found = [Found(at, one, capture=_capture_of(fleet, one)) for at, one in enumerate(fleet.findings)]
        self.show_findings(found, "nothing asks for attention in these captures")
        if fleet.left_out:
            first = fleet.left_out[0]
            more = tr(" (and {n} more: manifest.json)", n=len(fleet.left_out) - 1) if len(fleet.left_out) > 1 else ""
            self.say(printable(tr("left out: {path}: {why}", path=first.path, why=first.why) + more), "warn")
        if wanted:
            self.apply_filter(wanted)
        else:
            self.filter_changed()

    # -- filter, groups, order

    def filter_changed(self) -> None:
        """The rows, or the groups, anew."""
        if self._fleet is not None:
            self._arrange(self._fleet)

    @work(thread=True, exclusive=True, group="arrange")
    def _arrange(self, fleet: StoredFleet) -> None:
        from tui.rows.fleet_rows import GROUPINGS, chosen_rows, fleet_rows, group_rows

        chosen = chosen_rows(fleet, self.wanted, self._capture)
        if self._by:
            groups = ListRows(group_rows(fleet, chosen, GROUPINGS[self._by - 1]))
            self.app.call_from_thread(self._show_groups, groups, len(chosen))
        else:
            column, _, descending = SORTS[self._sort]
            self.app.call_from_thread(self._show_rows, fleet_rows(fleet, chosen, (column, descending)))

    def _show_groups(self, groups: ListRows, rows: int) -> None:
        from tui.rows.fleet_rows import GROUPINGS

        table = self._table("groups")
        table.set_title(f"By {GROUPINGS[self._by - 1]}{self._narrowed()}: {count(rows, 'connection')}")
        table.show(groups)
        self._show("groups")
        self._tell("row-text", "")

    def _show_rows(self, rows: FleetRows) -> None:
        self._rows = rows
        fleet = self._fleet
        table = self._table("connections")
        total = len(fleet) if fleet is not None else 0
        narrowed = self._narrowed()
        table.set_title(
            tr("Connections{narrowed} — {n} of {all}", narrowed=narrowed, n=f"{len(rows):,}", all=f"{total:,}")
            if narrowed
            else "Connections"
        )
        table.set_empty("no connection matches the filter" if narrowed else "no TCP connections in these captures")
        table.show(rows)
        self._show("connections")
        if fleet is not None:
            totals = f"{count(total, 'connection')}, {count(len(fleet.captures), 'capture')}"
            self.title_bar.set_right(f"{printable(os.path.basename(os.path.abspath(self._path)))} · {totals}")
        self._tell_row()

    def _narrowed(self) -> str:
        parts = [
            self.filter_text,
            tr("in {capture}", capture=printable(self._capture)) if self._capture is not None else "",
        ]
        text = ", ".join(part for part in parts if part)
        return f": {text}" if text else ""

    def _show(self, name: str) -> None:
        for each in ("groups", "connections"):
            table = self._table(each)
            had = table.has_focus
            table.display = each == name
            if had and each != name:
                self._table(name).focus()

    def action_group(self) -> None:
        """The next grouping, or none."""
        from tui.rows.fleet_rows import GROUPINGS

        self._by = (self._by + 1) % (len(GROUPINGS) + 1)
        self.say(
            tr("Grouped by {what}: Enter shows a group", what=tr(GROUPINGS[self._by - 1]))
            if self._by
            else "All connections"
        )
        self.filter_changed()

    def action_sort(self) -> None:
        """The next order."""
        self._sort = (self._sort + 1) % len(SORTS)
        column, name, descending = SORTS[self._sort]
        self._table("connections").set_order(column, descending)
        self.say(tr("Sorted by {name}", name=tr(name)) if column != "mark" else "Worst first")
        self.filter_changed()

    def action_back(self) -> None:
        """Out of a grouping, of a capture, of a filter."""
        if self._by:
            self._by = 0
            self.filter_changed()
        elif self._capture is not None:
            self._capture = None
            self.filter_changed()
        else:
            super().action_back()

    def filter_of_row(self) -> str:
        """The same cause at the same responder."""
        row = self._row()
        if row is None or self._fleet is None:
            return ""
        one = self._fleet.connection(row)
        return f"cause:{one.verdict.cause} responder:{one.responder.ip} port:{one.responder.port}"

    def values_here(self) -> Values:
        """Of all connections of the fleet."""
        from tui.rows.filter_values import fleet_values

        return fleet_values(self._fleet) if self._fleet is not None else {}

    def _row(self) -> int | None:
        """The row under the cursor; of a finding its first sample's."""
        if (found := self.found_here) is not None:
            return int(found.finding.sample[0]) if found.finding.sample else None
        key: Any = self._table("connections").cursor_key
        return int(key) if key is not None and not self._by else None

    # -- what is under the cursor, and where it leads

    @on(RowsTable.Moved, "#connections")
    def _tell_row(self) -> None:
        """The sentence of the row under the cursor."""
        key: Any = self._table("connections").cursor_key
        sentence = self._fleet.sentence_of(int(key))[0] if self._fleet is not None and key is not None else ""
        self._tell("row-text", printable(sentence))

    @on(RowsTable.Chosen, "#groups")
    def _group_chosen(self, event: RowsTable.Chosen) -> None:
        from tui.rows.fleet_rows import filter_of_group

        key: Any = event.key
        by, name = key
        self._by = 0
        self.say("")  # what was said of the groups
        if by == "capture":
            self._capture = name
            self.filter_changed()
        else:
            self.apply_filter(" ".join(part for part in (self.filter_text, filter_of_group(by, name)) if part))

    def open_finding(self, found: Found) -> None:
        """The connections of a finding's kind, the first of its sample under the cursor."""
        finding = found.finding
        if self._fleet is None or not finding.sample:
            return
        from capture.verdicts import catalogue

        self._by, self._capture = 0, None
        known = finding.code in catalogue.causes()
        cause = self._fleet.connection(int(finding.sample[0])).verdict.cause
        self.apply_filter(f"cause:{finding.code if known else cause}")
        self._table("connections").focus()

    @on(RowsTable.Chosen, "#connections")
    def _connection_chosen(self, event: RowsTable.Chosen) -> None:
        """The capture that it was seen in, with that connection alone."""
        if self._fleet is None:
            return
        from tui.screens.capture import CaptureScreen

        key: Any = event.key
        capture, number = self._fleet.capture_of(int(key))
        screen = CaptureScreen()
        screen.open(capture.paths, f"id:{number}", join=len(capture.paths) > 1)
        self.app.push_screen(screen)

    def copy_text(self) -> tuple[str, str]:
        """The connection under the cursor, or the finding, in words."""
        if (found := self.found_here) is not None:
            return self.copy_of_finding(found)
        row = self._row()
        if row is None or self._fleet is None:
            return "", ""
        one, (capture, _) = self._fleet.connection(row), self._fleet.capture_of(row)
        ends = f"{one.originator} -> {one.responder}  {one.verdict.cause}  ({capture.name}, id {one.id})"
        return "Connection", f"{ends}\n{self._fleet.sentence_of(row)[0]}"

    def evidence(self) -> tuple[str, str, str]:
        """The finding, or the connection, under the cursor."""
        if (found := self.found_here) is not None:
            return self.evidence_of_finding(found)
        _, text = self.copy_text()
        return ("connection", printable(text.partition("\n")[0]), printable(text)) if text else ("", "", "")


def _capture_of(fleet: StoredFleet, finding: Finding) -> str | None:
    """A capture that shows a finding: its checks look there, not at this machine."""
    if not finding.sample:
        return None
    capture, _ = fleet.capture_of(int(finding.sample[0]))
    return capture.paths[0] if capture.paths else None
