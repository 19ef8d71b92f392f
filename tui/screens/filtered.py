"""A screen whose rows can be filtered. The filter's line is made when it is first asked for: few need it at start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui.screens.base import TriageScreen
from tui.text.column_layout import Column, only
from tui.widgets.filter_bar import FilterApplied, FilterLeft
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.filters import Filter
    from capture.filters.terms import Kind


class FilteredScreen(TriageScreen):
    """`/` opens the line, Esc takes the filter off. Subclasses say what follows from another filter."""

    FILTERS: ClassVar[Kind] = "socket"
    TABLE: ClassVar[str] = "#rows"
    BINDINGS = [
        Binding("slash", "filter", show=False),
        Binding("equals_sign", "same", "Rows like this one", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.filter_text = ""
        self.wanted: Filter | None = None

    def filter_changed(self) -> None:
        """Another filter is on."""

    def filter_of_row(self) -> str:
        """The filter that shows rows like the one under the cursor; empty where there is none."""
        return ""

    def action_same(self) -> None:
        """Every row is a filter: show those like it."""
        text = self.filter_of_row()
        if text:
            self.apply_filter(text)
        else:
            self.say("Put the cursor on a row first", "warn")

    async def action_filter(self) -> None:
        """Open the filter's line."""
        from tui.widgets.filter_bar import FilterBar

        if not self.query(FilterBar):
            await self.mount(FilterBar(self.FILTERS))
        self.query_one(FilterBar).open(self.filter_text)

    def apply_filter(self, text: str) -> None:
        """Filter from elsewhere; a wrong one is told and changes nothing."""
        from capture.filters import FilterError, parse

        try:
            self._apply(text, parse(text) if text else None)
        except FilterError as error:
            self.say(str(error), "bad")

    def on_filter_applied(self, event: FilterApplied) -> None:
        """The line was entered."""
        self._apply(event.text, event.parsed)
        self.query_one(self.TABLE).focus()

    def on_filter_left(self, event: FilterLeft) -> None:
        """The line was left."""
        self.query_one(self.TABLE).focus()

    def _apply(self, text: str, parsed: Filter | None) -> None:
        self.filter_text, self.wanted = text, parsed
        if parsed is not None and (misplaced := parsed.misplaced(self.FILTERS)):
            self.say(str(misplaced[0]), "warn")
        self.filter_changed()
        self.triage_app.case.take()

    def place(self) -> dict[str, Any]:
        """The filter, and the row under the cursor."""
        key = self.query_one(self.TABLE, RowsTable).cursor_key
        return {"filter": self.filter_text, "row": key if isinstance(key, int | str) else None}

    def return_to(self, place: Mapping[str, Any]) -> None:
        """The row under the cursor; the filter was there from the start."""
        if place.get("row") is not None:
            self.query_one(self.TABLE, RowsTable).move_to(place["row"])

    def chosen_columns(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """Those that the configuration names for this mode; all where it names none."""
        return only(columns, self.triage_app.investigation.request.columns.get(self.MODE, ()))

    def first_filter(self) -> str:
        """The filter that the screen begins with: of the case that is taken up, else the command line's."""
        request = self.triage_app.investigation.request
        if self.MODE in request.bottoms:
            return str(request.bottoms[self.MODE].get("filter", ""))
        return request.filter if bool(request.files) == (self.MODE == "capture") else ""

    def action_back(self) -> None:
        """Take the filter off, else go back."""
        if self.filter_text:
            self.apply_filter("")
        else:
            super().action_back()
