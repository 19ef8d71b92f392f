"""What lines of a log say: the symptom, its meaning, and the way on to playbook, sockets and packets."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.binding import Binding
from textual.containers import Horizontal

from capture.safe_text import printable
from tui.rows.explained_lines import total_of
from tui.rows.grouped_rows import GroupKey
from tui.rows.log_groups import COLUMNS, COUNT_COLUMNS, GROUPINGS, SORTS, count_rows, filter_of, grouped_lines
from tui.rows.log_lines import LogRows, line_values, log_rows
from tui.screens.with_order import ScreenWithOrder
from tui.screens.with_playbook import ScreenWithPlaybook
from tui.terminal.clipboard import to_file
from tui.text.language import tr
from tui.text.quantities import size
from tui.widgets.bars import KeyBar
from tui.widgets.paper import Paper
from tui.widgets.row_table import RowsTable
from tui.work.log_reading import LogProgress, LogReading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from textual.widget import Widget

    from tui.rows.arrangement import Arrangement
    from tui.rows.explained_lines import Line
    from tui.text.filter_choices import Values

MOST_KEPT = 1 << 20  # characters of pasted lines that a case keeps
MANY = 8
"""Lines from which on they are counted by kind, peer and minute."""
ROWS_ELSEWHERE = 16
"""Lines of a low screen that the table has not."""
PANES_HIGH = 6
"""Lines of the counts with their border, at most."""
PANES = ("kinds", "hosts", "minutes")


class ExplainedScreen(ScreenWithPlaybook, ScreenWithOrder):
    """All lines with a symptom, and what is counted of them. Enter opens the playbook with what the line says."""

    FILTERS = "line"
    TABLE = "#lines"
    AUTO_FOCUS = "#lines"
    KEYS = (
        ("Enter", "playbook"),
        ("f", "fix"),
        ("/", "filter"),
        ("b", "group by"),
        ("w", "sockets of it"),
        ("P", "packets of it"),
        ("y", "copy"),
        ("s", "sort"),
        ("Tab", "pane"),
        ("=", "rows like it"),
        ("S", "reverse"),
        ("l", "another"),
        ("a", "keep"),
        ("Esc", "back"),
    )
    SORTS = SORTS
    GROUPINGS = GROUPINGS
    ABOUT = (
        "Each line judged alone: what it means, who was involved, and which playbook goes on from here. Of many lines "
        "also how many there are by kind, by peer and by minute; Enter on one of these shows its lines."
    )
    BINDINGS = [
        Binding("f", "fix", show=False),
        Binding("w", "sockets", show=False),
        Binding("P", "packets", show=False),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
    ]

    def __init__(self, text: str, path: str | None = None) -> None:
        super().__init__()
        self._text, self._path = text, path
        self._rows = LogRows((), ())
        self._reading: LogReading | None = None
        self._ended = False
        self._progress = ""
        self._turn = 0  # of the arranging: a later one replaces it
        self._arranging = False
        self.arrangement = replace(self.arrangement, column="line", descending=False, by=None)

    def body(self) -> Iterable[Widget]:
        """Counts, list and page."""
        with Horizontal(id="groups"):
            for name in PANES:
                yield RowsTable(COUNT_COLUMNS, head=False, id=name, classes="last" if name == PANES[-1] else "")
        yield RowsTable(COLUMNS, empty="reading …", id="lines")
        yield Paper(id="meaning")

    def on_mount(self) -> None:
        """Explain them."""
        for name, title in zip(PANES, ("Kinds", "Peers", "Minutes"), strict=True):
            self._table(name).set_title(title)
        self.query_one("#groups").display = False
        self._table("lines").set_title("Log lines")
        self._table("lines").set_order(*self.arrangement.sort)
        self.arrangement = replace(self.arrangement, screenful=max(5, self.app.size.height - ROWS_ELSEWHERE))
        self._reading = LogReading(self._text, self._path, self._tell_progress)
        if self._path:
            self.query_one(KeyBar).set_keys((("Esc", "stop reading"), *self.KEYS[:-1], *self.END_KEYS))
        self._explain(self._reading)

    def on_unmount(self) -> None:
        """A worker that still reads is stopped."""
        if self._reading is not None:
            self._reading.stop()

    def _table(self, name: str) -> RowsTable:
        return self.query_one(f"#{name}", RowsTable)

    # -- reading

    @work(thread=True, exclusive=True, group="explain", exit_on_error=False)
    def _explain(self, reading: LogReading) -> None:
        try:
            reading.run()
        except (OSError, ValueError) as error:
            self.app.call_from_thread(self._failed, str(error))
        else:
            if self.is_attached:
                self.app.call_from_thread(self._read_to_the_end)

    def _tell_progress(self, progress: LogProgress) -> None:
        """On the worker's thread."""
        if self.is_attached:
            self.app.call_from_thread(self._progressed, progress)

    def _progressed(self, progress: LogProgress) -> None:
        if self._reading is None or self._ended:
            return
        share = f"{progress.share:.0%}" if progress.share is not None else f"{size(progress.done)}B"
        self._progress = tr("reading: {share}, {n} lines (Esc stops)", share=share, n=f"{progress.lines:,}")
        self._table("lines").set_empty(self._progress)
        self._show_title()
        if self._reading.matched and not self._arranging:
            self.arrange_rows()

    def _failed(self, why: str) -> None:
        self._ended = True
        self.show_keys()
        self._table("lines").set_empty("nothing was read")
        self.say(printable(why), "bad")

    def _read_to_the_end(self) -> None:
        reading = self._reading
        assert reading is not None
        self._ended, self._progress = True, ""
        self.show_keys()
        self._table("lines").set_empty("no line here speaks of a TCP failure that is known; Esc goes back")
        if reading.stopped:
            self.say("Reading was stopped: only the first part of the log is shown", "warn")
        self.arrange_rows()
        self.count_values_again()
        self._keep_all()

    def _keep_all(self) -> None:
        """What the lines say is evidence."""
        reading = self._reading
        assert reading is not None
        lines = LogRows(reading.first, reading.matched[:20])
        if not len(lines):
            return
        matched = [lines.line_at(index) for index in range(min(20, len(lines)))]
        body = "\n".join(f"- `{line.text.replace('`', '')}` — {line.symptom}: {line.meaning}" for line in matched)
        title = tr("{n} log lines: {symptom}", n=max(reading.counts.lines, 1), symptom=matched[0].symptom)
        self.triage_app.investigation.keep("log", title, body, self.seen_in())

    @property
    def is_reading(self) -> bool:
        """Whether lines are still read."""
        return not self._ended

    # -- rows

    def arrange_rows(self) -> None:
        """In a worker: a large log must not hold up the keys."""
        self._turn += 1
        self._arranging = True
        self._arrange(self._turn, self.arrangement)

    @work(thread=True, exclusive=True, group="arrange")
    def _arrange(self, turn: int, arrangement: Arrangement) -> None:
        reading = self._reading
        if reading is None:
            return
        lines = reading.matched if self._ended else reading.matched[:]
        if not self._ended and arrangement.by is None:
            arrangement = replace(arrangement, by="")
        rows = grouped_lines(log_rows(reading.first, lines, self.wanted, arrangement.sort), arrangement)
        rows.place_of(None)  # counted out here, not where keys wait
        self.app.call_from_thread(self._arranged, turn, rows)

    def _arranged(self, turn: int, rows: LogRows) -> None:
        if turn != self._turn:
            return
        self._arranging, self._rows = False, rows
        if self._ended and self.arrangement.by is None:
            self.arrangement = replace(self.arrangement, by=rows.by)
        with self.app.batch_update():
            self._show_counts()
            self._show_title()
            if self.filter_text:
                self._table("lines").set_empty("no line matches the filter")
            self._table("lines").show(rows)
            self.rows_are_shown()
        self._show_page()

    def _show_counts(self) -> None:
        reading = self._reading
        assert reading is not None
        many = reading.counts.lines >= MANY
        self.query_one("#groups").display = many
        self.set_class(many, "-many")
        if many:
            counted = count_rows(reading.counts)
            self.query_one("#groups").styles.height = min(PANES_HIGH, 1 + max(map(len, counted)))
            for name, rows in zip(PANES, counted, strict=True):
                self._table(name).show(rows)

    def _show_title(self) -> None:
        reading = self._reading
        assert reading is not None
        title = "Log lines"
        if self._progress:
            title = f"{tr(title)}: {self._progress}"
        elif self.filter_text:
            facts = {"filter": self.filter_text, "n": f"{self._rows.matching:,}", "all": f"{len(reading.matched):,}"}
            title = tr("Log lines: {filter} — {n} of {all}", **facts)
        elif self._path or reading.counts.lines >= MANY:
            total = total_of(reading.counts.lines, reading.lines, len(reading.matched))
            shared = tr(dict(self.GROUPINGS).get(self.grouped_by, ""))
            by = tr(" by {shared}", shared=shared) if shared and self.app.size.width >= 72 else ""
            title = tr("Log lines: {meaning}", meaning=total) + by
        self._table("lines").set_title(title, counted=title == "Log lines")

    def filter_changed(self) -> None:
        """The rows are arranged anew."""
        self.arrange_rows()

    def values_here(self) -> Values:
        """Of all lines that were read."""
        return line_values(self._reading.matched, self._reading.counts) if self._reading is not None else {}

    def filter_of_row(self) -> str:
        """A count's own; a group's; of a line its symptom and its peer."""
        if isinstance(self.focused, RowsTable) and self.focused.id in PANES:
            return str(self.focused.cursor_key or "")
        key = self._table("lines").cursor_key
        line = self._rows.matched(key) if key is not None else None
        if line is None:
            return ""
        return filter_of(key if isinstance(key, GroupKey) else GroupKey("alike", None), line)

    @on(RowsTable.Chosen, "#kinds,#hosts,#minutes")
    def _count_chosen(self, event: RowsTable.Chosen) -> None:
        """The lines that are counted there, together with what is filtered already."""
        one = str(event.key)
        term = one.partition(":")[0]
        others = [word for word in self.filter_text.split() if not word.startswith(f"{term}:")]
        self.apply_filter(" ".join([*others, one]))
        self._table("lines").focus()

    # -- the line under the cursor

    def _line(self) -> Line | None:
        key = self._table("lines").cursor_key
        return None if key is None else self._rows.line(key)

    @on(RowsTable.Moved, "#lines")
    def _moved(self) -> None:
        self._show_page()

    def _show_page(self) -> None:
        line = self._line()
        self.query_one("#meaning", Paper).set_page(line.page if line else "")

    @on(RowsTable.Chosen, "#lines")
    def _chosen(self, event: RowsTable.Chosen) -> None:
        if not self.toggle_group(event.key):
            self.action_playbook()

    def asked_playbook(self) -> tuple[str, dict[str, str], str] | None:
        """That which goes on from the line under the cursor; of a group from its first."""
        line = self._line()
        if line is None or line.playbook is None:
            self.say("No playbook goes on from this line", "warn")
            return None
        settings = dict(line.settings)
        log = self._path or to_file(self._text, name="pasted.log")  # a check may read what was pasted as a log
        if log is not None:
            settings["log"] = str(log)
        capture = self.triage_app.capture_holding(line.captured)
        if capture is not None:
            settings["capture"] = capture
        return line.playbook, settings, printable(line.text, 200)

    def place(self) -> dict[str, Any]:
        """The log, or the lines; the filter and the row."""
        path = os.path.abspath(self._path) if self._path else None
        return super().place() | {"kind": "lines", "path": path, "text": self._text[:MOST_KEPT]}

    def return_to(self, place: Mapping[str, Any]) -> None:
        """The filter; the row once it is read."""
        if wanted := str(place.get("filter") or ""):
            self.apply_filter(wanted)
        super().return_to(place)

    def seen_in(self) -> str:
        """The log."""
        return printable(Path(self._path).name, 60) if self._path else "pasted lines"

    def action_back(self) -> None:
        """Esc stops the reading, takes the filter off, or goes back."""
        if self._reading is not None and not self._ended and not self._reading.stopped and self._progress:
            self._reading.stop()
        else:
            super().action_back()

    def action_sockets(self) -> None:
        """The live sockets of the line's endpoints."""
        line = self._line()
        self._filter("live", line.live if line else "")

    def action_packets(self) -> None:
        """The captured connections of the line's endpoints."""
        line = self._line()
        self._filter("capture", line.captured if line else "")

    def _filter(self, mode: str, text: str) -> None:
        if not text:
            self.say("The line names no address and no port", "warn")
            return
        self.triage_app.filter_mode(mode, text)

    def copy_text(self) -> tuple[str, str]:
        """The line and what it means; of a count or a group its row."""
        focused = self.focused
        if isinstance(focused, RowsTable) and (focused.id in PANES or isinstance(focused.cursor_key, GroupKey)):
            return "Row", focused.text_of_row()
        line = self._line()
        return ("Explanation", f"{line.text}\n{line.symptom}: {line.meaning}") if line else ("", "")

    def evidence(self) -> tuple[str, str, str]:
        """The line and what it means."""
        line = self._line()
        return ("log", printable(line.text, 100), line.page) if line else ("", "", "")
