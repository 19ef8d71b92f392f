"""From when on the live connections are a finding: each threshold, why it is what it is, and another value for it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from textual import on

from tui.rows.list_rows import ListRows
from tui.screens.base import TriageScreen
from tui.text.column_layout import Column
from tui.text.glossary import meaning
from tui.text.language import tr
from tui.widgets.paper import Paper
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.widget import Widget

    from capture.sockets.findings.thresholds import Thresholds

COLUMNS = (
    Column("name", "Threshold", 28, most=34, rank=0),
    Column("value", "Now", 8, right=True, rank=0),
    Column("default", "Default", 8, right=True, rank=1),
    Column("why", "Why", 20, most=200, rank=2),
)


class ThresholdsScreen(TriageScreen):
    """The list and the reason of each. What is set holds from the next look on, until the program ends."""

    KEYS = (("Enter", "another value"), ("y", "copy"), ("Esc", "back"))
    ABOUT = "From when on sockets are a finding. The defaults let ordinary business pass."

    def __init__(self, now: Thresholds, changed: Callable[[Thresholds], None]) -> None:
        super().__init__()
        self._now, self._changed = now, changed

    def body(self) -> Iterable[Widget]:
        """List and page."""
        yield RowsTable(COLUMNS, id="thresholds")
        yield Paper(id="why")

    def on_mount(self) -> None:
        """Show them."""
        self.query_one("#thresholds", RowsTable).set_title("Thresholds of live findings")
        self._show()

    def _show(self) -> None:
        rows = []
        for field in fields(self._now):
            value = getattr(self._now, field.name)
            other = value != field.default
            tone = "warn" if other else ""
            why = meaning("thresholds", field.name)
            cells = ((field.name, tone), (f"{value:g}", tone or "strong"), (f"{field.default:g}", "dim"), (why, "dim"))
            rows.append((field.name, cells))
        self.query_one("#thresholds", RowsTable).show(ListRows(rows))

    def _chosen_name(self) -> str:
        return str(self.query_one("#thresholds", RowsTable).cursor_key or "")

    @on(RowsTable.Moved, "#thresholds")
    def _moved(self) -> None:
        self.query_one("#why", Paper).set_page(meaning("thresholds", self._chosen_name()), self._chosen_name())

    @on(RowsTable.Chosen, "#thresholds")
    def _chosen(self) -> None:
        from tui.screens.ask import AskScreen

        name = self._chosen_name()
        self.app.push_screen(
            AskScreen(
                name,
                "a number",
                f"{getattr(self._now, name):g}",
                meaning=meaning("thresholds", name),
                unit=unit_of(name),
            ),
            self._answered,
        )

    def _answered(self, text: str | None) -> None:
        if not text:
            return
        try:
            self._now = self._now.changed([f"{self._chosen_name()}={text}"])
        except ValueError as error:
            self.say(str(error), "bad")
            return
        self._changed(self._now)
        self._show()
        self.say(tr("{name} is {value} from the next look on", name=self._chosen_name(), value=text), "good")

    def copy_text(self) -> tuple[str, str]:
        """What is not the default, as options."""
        others = [
            f"--threshold {field.name}={getattr(self._now, field.name):g}"
            for field in fields(self._now)
            if getattr(self._now, field.name) != field.default
        ]
        return "Options", f"tcptriage {' '.join(others)}" if others else ""


def unit_of(name: str) -> str:
    """What a threshold counts, by the end of its name."""
    ends = (("_s", "seconds"), ("_share", "a share, 0 to 1"), ("_bytes", "bytes"), ("_second", "a second"))
    return next((unit for end, unit in ends if name.endswith(end)), "a number of them")
