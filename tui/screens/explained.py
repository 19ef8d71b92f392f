"""What lines of a log say: the symptom, its meaning, and the way on to playbook, sockets and packets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.explained_lines import Line, explain_file, explain_lines
from tui.screens.base import TriageScreen
from tui.terminal.clipboard import to_file
from tui.text.column_layout import Column
from tui.text.language import tr
from tui.widgets.paper import Paper
from tui.widgets.row_table import ListRows, RowsTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

MOST_KEPT = 1 << 20  # characters of pasted lines that a case keeps
COLUMNS = (
    Column("line", "Line", 6, right=True, rank=2),
    Column("symptom", "Symptom", 22, rank=0),
    Column("source", "Source", 8, rank=1),
    Column("remote", "Peer", 21, most=28, rank=1, tail=True),
    Column("playbook", "Playbook", 18, rank=0),
    Column("text", "Text", 20, most=200, rank=3),
)


class ExplainedScreen(TriageScreen):
    """The lines with a symptom. Enter opens the playbook with what the line says filled in."""

    KEYS = (
        ("Enter", "playbook"),
        ("w", "sockets of it"),
        ("P", "packets of it"),
        ("y", "copy"),
        ("l", "another"),
        ("Esc", "back"),
    )
    ABOUT = "Each line judged alone: what it means, who was involved, and which playbook goes on from here."
    BINDINGS = [Binding("w", "sockets", show=False), Binding("P", "packets", show=False)]

    def __init__(self, text: str, path: str | None = None) -> None:
        super().__init__()
        self._text, self._path = text, path
        self._lines: dict[int, Line] = {}

    def body(self) -> Iterable[Widget]:
        """List and page."""
        yield RowsTable(COLUMNS, empty="reading …", id="lines")
        yield Paper(id="meaning")

    def on_mount(self) -> None:
        """Explain them."""
        self.query_one("#lines", RowsTable).set_title("Log lines")
        self._explain()

    @work(thread=True, exclusive=True, group="explain", exit_on_error=False)
    def _explain(self) -> None:
        try:
            lines = explain_file(self._path) if self._path else explain_lines(self._text)
        except (OSError, ValueError) as error:
            self.app.call_from_thread(self._failed, str(error))
        else:
            self.app.call_from_thread(self._show, lines)

    def _failed(self, why: str) -> None:
        self.query_one("#lines", RowsTable).set_empty("nothing was read")
        self.say(printable(why), "bad")

    def _show(self, lines: list[Line]) -> None:
        self._lines = {line.number: line for line in lines}
        table = self.query_one("#lines", RowsTable)
        table.set_empty("no line here speaks of a TCP failure that is known; Esc goes back")
        table.show(ListRows([(line.number, line.cells) for line in lines]))
        if lines and lines[0].number == 0:  # the first row counts the whole log: say it where it is not cut off
            table.set_title(tr("Log lines: {meaning}", meaning=lines[0].meaning))
        if lines:
            body = "\n".join(
                f"- `{line.text.replace('`', '')}` — {line.symptom}: {line.meaning}" for line in lines[:20]
            )
            title = tr("{n} log lines: {symptom}", n=len(lines), symptom=lines[0].symptom)
            self.triage_app.investigation.keep("log", title, body, self.seen_in())

    def _line(self) -> Line | None:
        key = self.query_one("#lines", RowsTable).cursor_key
        return self._lines.get(key) if isinstance(key, int) else None

    @on(RowsTable.Moved, "#lines")
    def _moved(self) -> None:
        line = self._line()
        self.query_one("#meaning", Paper).set_page(line.page if line else "")

    @on(RowsTable.Chosen, "#lines")
    def _chosen(self) -> None:
        line = self._line()
        if line is None:
            return
        if line.playbook is None:
            self.say("No playbook goes on from this line", "warn")
            return
        settings = dict(line.settings)
        log = self._path or to_file(self._text, name="pasted.log")  # a check may read what was pasted as a log
        if log is not None:
            settings["log"] = str(log)
        capture = self.triage_app.capture_holding(line.captured)
        if capture is not None:
            settings["capture"] = capture
        self.triage_app.open_playbook(line.playbook, settings, found=printable(line.text, 200))

    def place(self) -> dict[str, Any]:
        """The log, or the lines."""
        path = os.path.abspath(self._path) if self._path else None
        return {"kind": "lines", "path": path, "text": self._text[:MOST_KEPT]}

    def seen_in(self) -> str:
        """The log."""
        return printable(Path(self._path).name, 60) if self._path else "pasted lines"

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
        """The line and what it means."""
        line = self._line()
        return ("Explanation", f"{line.text}\n{line.symptom}: {line.meaning}") if line else ("", "")

    def evidence(self) -> tuple[str, str, str]:
        """The line and what it means."""
        line = self._line()
        return ("log", printable(line.text, 100), line.page) if line else ("", "", "")
