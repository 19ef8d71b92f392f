"""A screen whose rows can be filtered. The filter's line is made when it is first asked for: few need it at start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding

from capture.safe_text import printable
from tui.screens.base import TriageScreen
from tui.text.column_layout import Column, only
from tui.text.language import tr
from tui.widgets.bars import KeyBar
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.filters import Filter
    from capture.filters.terms import Kind
    from tui.text.filter_choices import Values
    from tui.widgets.filter_bar import FilterApplied, FilterLeft, FilterNamed, FilterTyped
    from tui.work.kept_filters import KeptFilters

LOW = 28
"""Lines of a screen on which panes give way to the line's list, so that rows are seen."""


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
        self._kept_filters: KeptFilters | None = None

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
        from tui.widgets.filter_bar import KEYS, FilterBar

        if not self.query(FilterBar):
            await self.mount(FilterBar(self.FILTERS, self._kept()))
        self.query_one(KeyBar).set_keys(KEYS)
        self.set_class(self.app.size.height < LOW, "filtering")
        self.query_one(FilterBar).open(self.filter_text)
        self._count_values()

    def _kept(self) -> KeptFilters:
        if self._kept_filters is None:
            from tui.work.kept_filters import KeptFilters, default_path

            self._kept_filters = KeptFilters(default_path())
        return self._kept_filters

    def show_keys(self) -> None:
        """The screen's own keys."""
        self.query_one(KeyBar).set_keys((*self.KEYS, *self.END_KEYS))

    def values_here(self) -> Values:
        """What there is to filter by in the present rows. Called in a worker."""
        return {}

    def count_values_again(self) -> None:
        """Other rows are there: where the line is open they are counted."""
        from tui.widgets.filter_bar import FilterBar

        if any(bar.display for bar in self.query(FilterBar)):
            self._count_values()

    @work(thread=True, exclusive=True, group="filter-values")
    def _count_values(self) -> None:
        values = self.values_here()
        self.app.call_from_thread(self._show_values, values)

    def _show_values(self, values: Values) -> None:
        from tui.widgets.filter_bar import FilterBar

        for bar in self.query(FilterBar):
            bar.set_values(values)

    def apply_filter(self, text: str) -> None:
        """Filter from elsewhere; a wrong one is reported and changes nothing."""
        from capture.filters import FilterError, parse

        try:
            self._apply(text, parse(text) if text else None)
        except FilterError as error:
            self.say(str(error), "bad")

    def on_filter_applied(self, event: FilterApplied) -> None:
        """The line was entered."""
        self._kept().use(self.FILTERS, event.text)
        self._apply(event.text, event.parsed)
        self._leave_line()

    def on_filter_typed(self, event: FilterTyped) -> None:
        """What is typed takes effect while it is written."""
        self.filter_text, self.wanted = event.text, event.parsed
        self.filter_changed()

    def on_filter_left(self, event: FilterLeft) -> None:
        """The line was left: the filter is what it was before."""
        if self.filter_text != event.text:
            self.apply_filter(event.text)
        self._leave_line()

    def _leave_line(self) -> None:
        self.remove_class("filtering")
        self.show_keys()
        self.query_one(self.TABLE).focus()

    def on_filter_named(self, event: FilterNamed) -> None:
        """A filter gets a name, or loses it."""
        from tui.screens.ask import AskScreen
        from tui.widgets.filter_bar import FilterBar

        def named(name: str | None) -> None:
            if name:
                self._kept().save(name, event.text)
                self.say(tr("Kept as {name}: / lists it", name=printable(name, 40)), "good")
            self.query_one(FilterBar).refresh_kept()

        if event.forget:
            self._kept().drop(event.forget)
            named(None)
        else:
            self.app.push_screen(AskScreen("A name for this filter", event.text), named)

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
        if isinstance(place.get("row"), int | str):
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
