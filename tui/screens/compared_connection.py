"""One connection at two points: each packet between A's lifeline, the path, and B's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on, work
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.compared_ladder import ComparedLines, columns_for, steps_of
from tui.screens.base import TriageScreen
from tui.text.language import tr
from tui.widgets.row_table import RowsTable
from tui.widgets.text_lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from capture.points.compared import Both
    from capture.points.comparison import Comparison
    from tui.rows.compared_ladder import Step


class ComparedConnectionScreen(TriageScreen):
    """n and N go to the next and previous difference, Enter decodes a packet in full."""

    MODE = "capture"
    KEYS = (
        ("Enter", "decode"),
        ("n/N", "difference"),
        ("B", "playbook"),
        ("y", "copy"),
        ("a", "keep"),
        ("Esc", "back"),
    )
    TOPICS = ("flags", "causes")
    ABOUT = (
        "Each packet on its way between two captures. What crosses the line in the middle was seen at both; × ends "
        "what was lost on the way, * begins what was put in there. Times are by A's clock, since the first packet."
    )
    AUTO_FOCUS = "#ladder"
    BINDINGS = [
        Binding("n", "problem(1)", show=False),
        Binding("N", "problem(-1)", show=False),
        Binding("B", "playbook", show=False),
    ]

    def __init__(self, comparison: Comparison, both: Both) -> None:
        super().__init__()
        self._comparison, self._both = comparison, both
        self._steps: list[Step] = []
        self._lines: ComparedLines | None = None

    def body(self) -> Iterable[Widget]:
        """What both prove, the packets."""
        yield Lines(id="story", most=8, low=4)
        yield RowsTable((), empty="reading …", id="ladder")

    def on_mount(self) -> None:
        """Read the packets of both files."""
        both = self._both
        named = f"{both.originator} → {both.responder}"
        self.title_bar.set_right(named)
        head = f"{both.cause} ({both.certainty.value})"
        there = f"at B {both.readdressed_as[0]} → {both.readdressed_as[1]}" if both.readdressed_as else ""
        self.query_one("#story", Lines).set_text("\n".join(filter(None, (head, printable(both.sentence), there))))
        self._tell_names()
        self._load()

    def names_changed(self) -> None:
        """The ends' names stand over the packets."""
        super().names_changed()
        self._tell_names()

    def _tell_names(self) -> None:
        names, both = self.triage_app.naming.book, self._both
        ends = [] if names is None else [names.beside(end.ip, end.port) for end in (both.originator, both.responder)]
        title = tr("Packets between A and B")
        title += ": " + " → ".join(name or "?" for name in ends) if any(ends) else ""
        self.query_one("#ladder", RowsTable).set_title(title)

    @work(thread=True, exclusive=True, group="packets", exit_on_error=False)
    def _load(self) -> None:
        from capture.wire.capture_errors import PacketUnreadable

        try:
            steps = steps_of(self._comparison, self._both)
        except (PacketUnreadable, OSError) as error:
            self.app.call_from_thread(self.say, printable(str(error)), "bad")
            return
        self.app.call_from_thread(self._loaded, steps)

    def _loaded(self, steps: list[Step]) -> None:
        self._steps = steps
        self._draw()
        if self._lines is not None and (place := self._lines.next_difference(-1, 1)) is not None and place > 4:
            self.call_after_refresh(self.query_one("#ladder", RowsTable).move_to, self._lines.key(place))

    def on_resize(self) -> None:
        """The path is as wide as the screen allows."""
        self._draw()

    def _draw(self) -> None:
        if not self._steps or not self.is_mounted:
            return
        table = self.query_one("#ladder", RowsTable)
        columns = columns_for(self.app.size.width)
        self._lines = ComparedLines(self._steps, columns)
        table.set_columns(columns)
        table.show(self._lines)

    def _place(self) -> int | None:
        key = self.query_one("#ladder", RowsTable).cursor_key
        return None if self._lines is None or key is None else self._lines.place_of(key)

    def action_problem(self, by: int) -> None:
        """The next or previous packet that did not simply pass."""
        place = self._place()
        if self._lines is None or place is None:
            return
        found = self._lines.next_difference(place, by)
        if found is None:
            self.say("No further difference " + ("below" if by > 0 else "above"))
        else:
            self.query_one("#ladder", RowsTable).move_to(self._lines.key(found))

    @on(RowsTable.Chosen, "#ladder")
    def _decode(self) -> None:
        place = self._place()
        if self._lines is None or place is None:
            return
        step = self._lines.step_at(place)
        at = 0 if step.numbers[0] is not None else 1
        connection, number = (self._both.a, self._both.b)[at], step.numbers[at]
        if connection is not None and number is not None:
            from tui.screens.packet import PacketScreen

            self.app.push_screen(PacketScreen(self._comparison.points[at].triage, connection, number))

    def action_playbook(self) -> None:
        """What to do about it."""
        from capture.verdicts import catalogue

        name = catalogue.causes()[self._both.cause].playbook
        if name is None:
            self.say("No playbook speaks of this ending: nothing is wrong with it, or nothing is known", "warn")
            return
        settings = {"capture": self._comparison.points[0].path}
        self.triage_app.open_playbook(name, settings, found=printable(self._both.sentence))

    def copy_text(self) -> tuple[str, str]:
        """The connection with all its packets, about 100 columns."""
        from capture.report.comparing import details_of, title_of

        both = self._both
        head = [title_of(both), printable(both.sentence), *details_of(both), ""]
        lines = ComparedLines(self._steps, columns_for(100))
        drawn = ("  ".join(text for text, _ in lines.cells(at)).rstrip() for at in range(len(lines)))
        return "Packets", "\n".join([*head, *drawn])

    def evidence(self) -> tuple[str, str, str]:
        """The same, to keep."""
        _, text = self.copy_text()
        return "connection", text.split("\n")[0], f"```\n{text}\n```"
