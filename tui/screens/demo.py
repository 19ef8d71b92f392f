"""The demo: an incident from its log line to its fix, on recordings that ship with the program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.list_rows import ListRows
from tui.screens.base import TriageScreen
from tui.text.column_layout import Column
from tui.text.language import tr
from tui.text.tour import Stop, stops
from tui.widgets.paper import Paper
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from capture.triage import Triage

COLUMNS = (Column("step", "", 4, rank=0), Column("title", "", 30, most=200, rank=0))


class DemoScreen(TriageScreen):
    """The stops of the tour; Enter opens one, Esc or 3 comes back here. > and < go on and back, from any stop too."""

    KEYS = (("Enter", "open"), (">", "next stop"), ("<", "stop before"), ("Esc", "comes back here"))
    ABOUT = "An incident in steps, on recordings: the log line, the sockets, the packets, the cause, the fix."
    BINDINGS = [
        Binding("greater_than_sign", "stop(1)", "Next stop", show=False),
        Binding("less_than_sign", "stop(-1)", "Stop before", show=False),
    ]

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._stops: dict[str, Stop] = {stop.key: stop for stop in stops(Path(folder))}
        self._done: set[str] = set()
        self._at = -1  # the stop that is open, or was last

    def body(self) -> Iterable[Widget]:
        """The stops, and what the one under the cursor shows."""
        yield RowsTable(COLUMNS, head=False, id="stops")
        yield Paper(id="about")

    def on_mount(self) -> None:
        """List them; the two keys work over every stop."""
        self.query_one("#stops", RowsTable).set_title("tcptriage demo: nothing here touches this machine's network")
        self.title_bar.set_right("demo")
        for name, by in (("greater_than_sign", 1), ("less_than_sign", -1)):
            self.app.bind(name, f"demo_stop({by})", show=False)
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
        self._open(str(event.key))

    def action_stop(self, by: int) -> None:
        """The next stop or the one before, wherever in the tour one is."""
        keys = list(self._stops)
        at = max(0, min(len(keys) - 1, self._at + by))
        while self.app.screen is not self and len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        self.query_one("#stops", RowsTable).move_to(keys[at])
        self._open(keys[at])

    def _open(self, key: str) -> None:
        stop = self._stops[key]
        self._at = list(self._stops).index(key)
        self._done.add(stop.key)
        if stop.kind == "line":
            self.triage_app.explain_text(stop.value)
        elif stop.kind == "log":
            self._open_log(stop.value)
        elif stop.kind == "looks":
            self._open_looks(stop.value, stop.at)
        elif stop.kind == "capture":
            from tui.screens.capture import CaptureScreen

            self.app.push_screen(CaptureScreen((stop.value,)))
        elif stop.kind == "ladder":
            self._load_ladder(stop.value)
        else:
            name, _, path = stop.value.partition(" ")
            self.triage_app.open_playbook(name, {"capture": path}, found=stop.title)
        self.call_after_refresh(self._tell, stop)

    def _tell(self, stop: Stop) -> None:
        """Over the stop: what to see there, and how to go on."""
        screen = self.app.screen
        if screen is not self and isinstance(screen, TriageScreen):
            screen.say(
                tr("Demo {number} {title}: > next stop, < back, Esc the list", number=stop.number, title=stop.title)
            )

    def _open_log(self, path: str) -> None:
        from tui.screens.explained import ExplainedScreen

        self.app.push_screen(ExplainedScreen("", path))

    def _open_looks(self, path: str, at: int) -> None:
        from tui.screens.replay import ReplayScreen

        self.app.push_screen(ReplayScreen(path, at))

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
