"""The demo: an incident from its log line to its fix, on recordings that ship with the program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work

from capture.safe_text import printable
from tui.screens.base import TriageScreen
from tui.text.column_layout import Column
from tui.text.tour import Stop, stops
from tui.widgets.paper import Paper
from tui.widgets.row_table import ListRows, RowsTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from capture.triage import Triage

COLUMNS = (Column("step", "", 4, rank=0), Column("title", "", 30, most=200, rank=0))


class DemoScreen(TriageScreen):
    """The stops of the tour; Enter opens one, Esc or 0 comes back here."""

    KEYS = (("Enter", "open"), ("Esc", "comes back here"))
    ABOUT = "An incident in five steps, on recordings: the log line, the sockets, the packets, the cause, the fix."

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._stops: dict[str, Stop] = {stop.key: stop for stop in stops(Path(folder))}
        self._done: set[str] = set()

    def body(self) -> Iterable[Widget]:
        """The stops, and what the one under the cursor shows."""
        yield RowsTable(COLUMNS, head=False, id="stops")
        yield Paper(id="about")

    def on_mount(self) -> None:
        """List them."""
        self.query_one("#stops", RowsTable).set_title("tcptriage demo: nothing here touches this machine's network")
        self.title_bar.set_right("demo")
        self._show()

    def _show(self) -> None:
        rows = [
            (key, (("+" if key in self._done else stop.number, "good" if key in self._done else ""), (stop.title, "")))
            for key, stop in self._stops.items()
        ]
        self.query_one("#stops", RowsTable).show(ListRows(rows))

    def on_screen_resume(self) -> None:
        """Back from a stop: the next one is under the cursor."""
        if not self._done:
            return
        self._show()
        left = next((key for key in self._stops if key not in self._done), None)
        if left is not None:
            self.query_one("#stops", RowsTable).move_to(left)

    @on(RowsTable.Moved, "#stops")
    def _moved(self, event: RowsTable.Moved) -> None:
        stop = self._stops.get(str(event.key))
        if stop is not None:
            self.query_one("#about", Paper).set_page(stop.about)

    @on(RowsTable.Chosen, "#stops")
    def _chosen(self, event: RowsTable.Chosen) -> None:
        stop = self._stops[str(event.key)]
        self._done.add(stop.key)
        if stop.kind == "line":
            self.triage_app.explain_text(stop.value)
        elif stop.kind == "log":
            self._open_log(stop.value)
        elif stop.kind == "looks":
            self._open_looks(stop.value)
        elif stop.kind == "capture":
            from tui.screens.capture import CaptureScreen

            self.app.push_screen(CaptureScreen((stop.value,)))
        elif stop.kind == "ladder":
            self._load_ladder(stop.value)
        else:
            name, _, path = stop.value.partition(" ")
            self.triage_app.open_playbook(name, {"capture": path}, found=stop.title)

    def _open_log(self, path: str) -> None:
        from tui.screens.explained import ExplainedScreen

        self.app.push_screen(ExplainedScreen("", path))

    def _open_looks(self, path: str) -> None:
        from tui.screens.live import LiveScreen

        self.app.push_screen(LiveScreen(replay=path))

    @work(thread=True, exclusive=True, group="demo")
    def _load_ladder(self, path: str) -> None:
        from capture.triage import triage

        found = triage([path])[0]
        endings = found.verdicts.endings()
        reset = [int(number) for number in found.order if endings[int(number)] == "rst"]
        shown = reset or found.order.tolist()  # where a reset took part the ladder tells most
        if shown:
            self.app.call_from_thread(self._open_ladder, found, shown[0])

    def _open_ladder(self, found: Triage, connection: int) -> None:
        from tui.screens.connection import ConnectionScreen

        self.app.push_screen(ConnectionScreen(found, connection))

    def copy_text(self) -> tuple[str, str]:
        """What the stop is about."""
        stop = self._stops.get(str(self.query_one("#stops", RowsTable).cursor_key))
        return ("Text", printable(stop.about)) if stop else ("", "")
