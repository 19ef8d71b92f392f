"""Two captures compared: what happened between the points, and the connections it happened to, worst first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from textual import on, work
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.compared_rows import COLUMNS, compared_rows
from tui.rows.finding_rows import COLUMNS as FINDING_COLUMNS
from tui.rows.finding_rows import Found, most_severe_first
from tui.screens.with_findings import LOW, ScreenWithFindings
from tui.widgets.bars import KeyBar
from tui.widgets.row_table import RowsTable
from tui.widgets.text_lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from capture.points.along import Path
    from capture.points.compared import Both
    from capture.points.comparison import Comparison

MOST = 2_000  # connections that are listed
"""More than anybody reads: findings speak for groups."""


class ComparisonScreen(ScreenWithFindings):
    """Findings, points and clocks, connections. Enter opens a connection's packets at both points."""

    MODE = "capture"
    KEYS = (
        ("Enter", "packets"),
        ("f", "fix"),
        ("F", "all findings"),
        ("e", "every connection"),
        (">/<", "next stop"),
        ("y", "copy"),
        ("a", "keep"),
        ("Tab", "pane"),
        ("Esc", "back"),
    )
    TOPICS = ("causes", "flags")
    ABOUT = (
        "The same connections captured at two points: what was lost, put in, changed or delayed between them, what "
        "that proves, and the connections that it cost most."
    )
    AUTO_FOCUS = "#connections"
    FINDINGS_TITLE = "What happened between the points"
    BINDINGS = [
        Binding("e", "every", show=False),
        Binding("greater_than_sign", "stop(1)", "Next two points", show=False),
        Binding("less_than_sign", "stop(-1)", "Two points before", show=False),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
    ]

    def __init__(self, *paths: str) -> None:
        super().__init__()
        self._paths = paths
        self._path: Path | None = None
        self._leg = 0
        self._comparison: Comparison | None = None
        self._shown: list[Both] = []
        self._every = False

    def body(self) -> Iterable[Widget]:
        """Findings, the points, connections."""
        yield RowsTable(FINDING_COLUMNS, head=False, empty="reading both captures …", id="findings")
        yield Lines(id="finding-text", most=5, low=3, least=LOW)
        yield Lines(id="points", most=6, low=3, least=LOW)
        yield RowsTable(COLUMNS, empty="", id="connections")
        yield Lines(id="row-text", most=4, low=2, least=LOW)

    def on_mount(self) -> None:
        """Read both."""
        self.query_one("#findings", RowsTable).set_title(self.FINDINGS_TITLE)
        self.query_one("#connections", RowsTable).set_title("Connections")
        self.title_bar.set_right(" | ".join(printable(os.path.basename(path), 30) for path in self._paths))
        self.call_after_refresh(self._read)

    @work(thread=True, exclusive=True, group="compare", exit_on_error=False)
    def _read(self) -> None:
        from capture.points.along import compare_along
        from capture.wire.capture_errors import CaptureUnreadable

        try:
            path = compare_along(self._paths)
            shown = list(path.legs[0].comparison.worst(MOST))
        except (CaptureUnreadable, OSError, MemoryError) as error:
            self.app.call_from_thread(self._failed, str(error) or "not enough memory")
            return
        self.app.call_from_thread(self._opened, path, 0, shown)

    def action_stop(self, by: int) -> None:
        """The next two points of the path, or those before."""
        if self._path is None or len(self._path.legs) < 2:
            self.say("The path has two points: there are no others to go to", "warn")
            return
        self._go_to((self._leg + by) % len(self._path.legs))

    @work(thread=True, exclusive=True, group="compare")
    def _go_to(self, leg: int) -> None:
        assert self._path is not None
        shown = list(self._path.legs[leg].comparison.worst(MOST))
        self.app.call_from_thread(self._opened, self._path, leg, shown)

    def _failed(self, text: str) -> None:
        self.triage_app.failure = printable(text)
        self.query_one("#findings", RowsTable).set_empty(printable(text))
        self.say(printable(text), "bad")

    def _opened(self, path: Path, leg: int, shown: list[Both]) -> None:
        from capture.points.findings import findings_of
        from capture.report.comparing import all_well, summary
        from capture.report.path_report import between

        self._path, self._leg, self._every = path, leg, False
        found = path.legs[leg].comparison
        self._comparison, self._shown = found, shown
        if len(path.points) > 2:
            self.title_bar.set_right(f"{between(path.legs[leg])}, {leg + 1}/{len(path.legs)}")
        else:  # there is no other stop
            self.query_one(KeyBar).set_keys((*(pair for pair in self.KEYS if pair[0] != ">/<"), *self.END_KEYS))
        ordered = most_severe_first(findings_of(found))
        # What A's capture proves is not asked of this machine.
        listed = [Found(at, one, capture=self._paths[0]) for at, one in enumerate(ordered)]
        self.show_findings(listed, all_well(found))
        self.query_one("#points", Lines).set_text("\n".join(summary(found)))
        self._list()

    def _list(self) -> None:
        table = self.query_one("#connections", RowsTable)
        table.set_title("Connections" if self._every else "Connections with a difference")
        table.set_empty("no connection" if self._every else "none has a difference; e shows every one")
        table.show(compared_rows(self._shown))
        self._tell_row()
        self.call_after_refresh(self._give_room)

    def _give_room(self) -> None:
        """Lines that the table leaves empty go to what is said of the points."""
        table, points = self.query_one("#connections", RowsTable), self.query_one("#points", Lines)
        points.set_room(points.size.height + max(0, table.size.height - 1 - len(table.rows)))

    def action_every(self) -> None:
        """All connections, or those with a difference."""
        if self._comparison is not None:
            self._every = not self._every
            self._load(self._comparison, self._every)

    @work(thread=True, exclusive=True, group="compare")
    def _load(self, found: Comparison, every: bool) -> None:
        shown = [found.connection(entry) for entry in found.entries[:MOST]] if every else list(found.worst(MOST))
        self.app.call_from_thread(self._loaded, shown)

    def _loaded(self, shown: list[Both]) -> None:
        self._shown = shown
        self._list()

    def _row(self) -> Both | None:
        key = self.query_one("#connections", RowsTable).cursor_key
        return next((both for both in self._shown if (both.a, both.b) == key), None)

    @on(RowsTable.Moved, "#connections")
    def _tell_row(self) -> None:
        both = self._row()
        self.query_one("#row-text", Lines).set_text(printable(both.sentence) if both else "")

    def open_finding(self, found: Found) -> None:
        """Its playbook; without one the connections below it."""
        if found.finding.playbook is None:
            self.query_one("#connections", RowsTable).focus()
        else:
            super().open_finding(found)

    @on(RowsTable.Chosen, "#connections")
    def _open(self) -> None:
        both = self._row()
        if both is not None and self._comparison is not None:
            from tui.screens.compared_connection import ComparedConnectionScreen

            self.app.push_screen(ComparedConnectionScreen(self._comparison, both))

    def copy_text(self) -> tuple[str, str]:
        """The finding or the connection under the cursor."""
        if (found := self.found_here) is not None:
            return self.copy_of_finding(found)
        from capture.report.comparing import details_of, title_of

        both = self._row()
        if both is None:
            return "", ""
        return "Connection", "\n".join([title_of(both), printable(both.sentence), *details_of(both)])

    def evidence(self) -> tuple[str, str, str]:
        """The same, to keep."""
        if (found := self.found_here) is not None:
            return self.evidence_of_finding(found)
        what, text = self.copy_text()
        return ("connection", text.split("\n")[0], f"```\n{text}\n```") if what else ("", "", "")
