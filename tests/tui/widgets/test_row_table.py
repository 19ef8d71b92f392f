"""The table: 100,000 rows cost what is seen; the cursor stays on its row."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from textual.app import App, ComposeResult

from tui.rows.list_rows import Cell, ListRows
from tui.text.column_layout import Column
from tui.widgets.row_table import RowsTable


class Numbers:
    """Rows that are made when they are asked for, and remember which were."""

    def __init__(self, order: Sequence[int]) -> None:
        self.order = order
        self.asked: set[int] = set()

    def __len__(self) -> int:
        return len(self.order)

    def key(self, index: int) -> Hashable:
        return self.order[index]

    def place_of(self, key: Hashable) -> int | None:
        try:
            return self.order.index(key)  # type: ignore[arg-type]
        except ValueError:
            return None

    def cells(self, index: int) -> Sequence[Cell]:
        self.asked.add(index)
        return ((str(self.order[index]), ""), (f"row [b]{self.order[index]}[/b]", "dim"))


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield RowsTable((Column("n", "N", 6), Column("text", "Text", 20, most=40)), empty="nothing", id="t")


async def test_only_what_is_seen_is_formatted() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        table = app.query_one(RowsTable)
        rows = Numbers(range(100_000))
        table.show(rows)
        await pilot.pause()
        await pilot.press("end")
        await pilot.pause()
        assert table.cursor_key == 99_999
        assert len(rows.asked) < 100


async def test_cursor_follows_its_row() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        table = app.query_one(RowsTable)
        table.focus()
        table.show(Numbers(range(1000)))
        await pilot.press("down", "down", "down")
        assert table.cursor_key == 3
        line = table._cursor - int(table.scroll_offset.y)
        table.show(Numbers(list(reversed(range(1000)))))
        await pilot.pause()
        assert table.cursor_key == 3
        assert table._cursor == 996
        await pilot.pause()
        assert 0 <= table._cursor - int(table.scroll_offset.y) <= 18, line


async def test_untouched_cursor_stays_with_the_worst() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        table = app.query_one(RowsTable)
        table.show(Numbers([5, 6, 7]))
        await pilot.pause()
        table.show(Numbers([9, 5, 6]))
        assert table.cursor_key == 9


async def test_gone_row_leaves_the_cursor_in_its_place() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        table = app.query_one(RowsTable)
        table.focus()
        table.show(Numbers([1, 2, 3, 4]))
        await pilot.press("down", "down")
        table.show(Numbers([1, 2, 4]))
        assert table.cursor_key == 4


async def test_markup_is_dead() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        table = app.query_one(RowsTable)
        table.show(Numbers([1]))
        await pilot.pause()
        assert "row [b]1[/b]" in table.render_line(1).text


async def test_only_changed_lines_are_drawn_again() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)) as pilot:
        table = app.query_one(RowsTable)
        table.show(ListRows([(n, ((str(n), ""), ("same", ""))) for n in range(10)]))
        await pilot.pause()
        drawn: list[int] = []
        original = table.render_line

        def spy(y: int):  # type: ignore[no-untyped-def]
            drawn.append(y)
            return original(y)

        table.render_line = spy  # type: ignore[method-assign]
        table.show(ListRows([(n, ((str(n), ""), ("other" if n == 4 else "same", ""))) for n in range(10)]))
        await pilot.pause()
        assert set(drawn) == {5}


async def test_empty_says_so() -> None:
    app = Host()
    async with app.run_test(size=(60, 20)):
        assert "nothing" in app.query_one(RowsTable).render_line(1).text
