"""The last five minutes in charts: resets, retransmissions, overflows, failed calls, and states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from tui.rows.chart_courses import SPAN_S, courses
from tui.screens.base import TriageScreen
from tui.text.area_charts import Course, Style, chart
from tui.text.column_layout import fit
from tui.text.language import tr
from tui.widgets.paper import Paper

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from tui.rows.live_look import History

REFRESH_S = 1.0
HEIGHT = 4
MOST_HEIGHT = 8
AROUND = 3
"""Lines of a chart beside its own height: title, times, a blank one."""
ROWS_ELSEWHERE = 5
"""Lines of the screen that no chart has: bar, border, keys, what there is none of."""
TWO_COLUMNS = 110


class ChartsScreen(TriageScreen):
    """Charts that a person scrolls; each has its axis, its unit and its last value."""

    MODE = "live"
    KEYS = (("y", "copy"), ("a", "keep"), ("Esc", "back"))
    TOPICS = ("states", "counters")
    ABOUT = "The last five minutes: what was counted a second, and how many connections were in each state."
    AUTO_FOCUS = "Paper"

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history

    def body(self) -> Iterable[Widget]:
        """The page of charts."""
        yield Paper(title="The last five minutes")

    def on_mount(self) -> None:
        """Draw, and again while looks come."""
        self._draw()
        self.set_interval(REFRESH_S, lambda: self.paint_within_budget(self._draw))

    def on_resize(self) -> None:
        """As wide as the screen."""
        self._draw()

    def _draw(self) -> None:
        if self.is_mounted:
            width, height = self.app.size
            lines = self._lines(max(30, width - 3), height - ROWS_ELSEWHERE)
            self.query_one(Paper).change_page(Text("\n".join(lines), no_wrap=True))

    def _lines(self, width: int, room: int = 0) -> list[str]:
        """The page; charts grow where `room` lines hold all of them."""
        found = courses(self._history)
        if not self._history.times:
            return [tr("No look yet")]
        silent = [course.name for course in found if not any(value for _, value in course.points)]
        found = [course for course in found if course.name not in silent]
        columns = 2 if width >= TWO_COLUMNS else 1
        each = (width - 3 * (columns - 1)) // columns
        height = max(HEIGHT, min(MOST_HEIGHT, room // max(1, -(-len(found) // columns)) - AROUND))
        lines: list[str] = [tr("None: {names}", names=", ".join(silent)), ""] if silent else []
        for at in range(0, len(found), columns):
            drawn = [self._chart(course, each, height) for course in found[at : at + columns]]
            lines += ["   ".join(fit(part, each) for part in parts).rstrip() for parts in zip(*drawn, strict=True)]
            lines.append("")
        return lines

    def _chart(self, course: Course, width: int, height: int) -> list[str]:
        terminal = self.triage_app.terminal
        style: Style = "ascii" if terminal.ascii else "blocks" if terminal.plain_charts else "braille"
        return chart(course, SPAN_S, width, height, style)

    def copy_text(self) -> tuple[str, str]:
        """The charts as text."""
        return "Charts", "\n".join(self._lines(78))

    def evidence(self) -> tuple[str, str, str]:
        """The same, to keep."""
        return "note", tr("The last five minutes"), "```\n" + "\n".join(self._lines(78)) + "\n```"
