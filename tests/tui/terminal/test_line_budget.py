"""What a screen paints by itself is bound, whatever happens on the machine."""

from __future__ import annotations

from tests.tui.screens.helping import INCIDENT, app_of, until
from tui.screens.base import PAINTED_S
from tui.terminal.line_budget import BYTES_A_SECOND, LineBudget


def test_a_second_of_bytes_is_paid_in_a_second() -> None:
    now = [100.0]
    budget = LineBudget(lambda: now[0])
    assert budget.wait_s() == 0
    budget.spend(int(3 * BYTES_A_SECOND))
    assert budget.wait_s() == 3.0
    now[0] += 2.0
    assert budget.wait_s() == 1.0
    budget.spend(int(BYTES_A_SECOND))  # before all was paid: it is added
    assert budget.wait_s() == 2.0
    now[0] += 60.0
    assert budget.wait_s() == 0
    budget.spend(int(BYTES_A_SECOND))  # a quiet minute saves nothing up
    assert budget.wait_s() == 1.0


async def test_what_comes_while_something_is_owed_waits_and_the_last_of_it_is_shown() -> None:
    app = app_of(INCIDENT)
    now = [100.0]
    app._line_budget = LineBudget(lambda: now[0])
    async with app.run_test(size=(80, 24)) as pilot:
        screen = app.screen_in_front
        assert screen is not None
        painted: list[str] = []
        screen.paint_within_budget(lambda: painted.append("first"))
        await pilot.pause(2 * PAINTED_S)
        app.line_budget.spend(int(BYTES_A_SECOND * 0.2))
        screen.paint_within_budget(lambda: painted.append("second"))
        screen.paint_within_budget(lambda: painted.append("third"))
        assert painted == ["first"]
        await until(pilot, lambda: len(painted) > 1)
        assert painted == ["first", "third"]
        app.line_budget.spend(int(BYTES_A_SECOND * 0.2))
        screen.paint_within_budget(lambda: painted.append("old"))
        screen.drop_unpainted()  # a key was answered meanwhile
        await until(pilot, lambda: screen._until_paid is None)
        assert painted == ["first", "third"]
