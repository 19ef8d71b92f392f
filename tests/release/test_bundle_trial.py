"""What the trial of a bundle looks for is what the screen shows first."""

from __future__ import annotations

from release.bundle_trial import ROW
from tests.tui.screens.helping import EXAMPLES, app_of, screen_text, until


async def test_the_row_that_the_trial_waits_for_is_on_the_first_screen() -> None:
    app = app_of(str(EXAMPLES / "incident.pcap"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ROW.search(screen_text(app)) is not None)
