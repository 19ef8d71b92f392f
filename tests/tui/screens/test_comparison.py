"""Two captures compared on the screen: findings, connections, and the packets of one between both points."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from tests.capture.points.editing import frames, write
from tests.tui.screens.helping import app_of, screen_text, until
from tui.screens.findings import FindingsScreen
from tui.screens.fixes import FixesScreen

LAB = Path(__file__).parents[2] / "data" / "lab" / "16b-middlebox-rst"


async def test_from_the_finding_to_the_packet_that_was_put_in() -> None:
    app = app_of(compare=(str(LAB / "client.pcap"), str(LAB / "server.pcap")))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "was reset by something between the points" in screen_text(app))
        assert "in both: 1 connection" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "it never passed B" in screen_text(app))
        assert "middlebox_reset (certain)" in screen_text(app)
        await pilot.press("n", "n", "enter")
        await until(pilot, lambda: "Transmission Control Protocol" in screen_text(app) or "TCP" in screen_text(app))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: "What happened between the points" in screen_text(app))
        await pilot.press("a")
        await until(pilot, lambda: "Kept as evidence" in screen_text(app))


async def test_a_finding_is_listed_in_full_and_leads_to_its_fixes_as_everywhere() -> None:
    paths = (str(LAB / "client.pcap"), str(LAB / "server.pcap"))
    app = app_of(compare=paths)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "was reset by something between the points" in screen_text(app))
        assert "What happened between the points: " in screen_text(app)
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, FindingsScreen))
        assert "reset by something" in screen_text(app)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FixesScreen))
        assert isinstance(app.screen, FixesScreen)
        assert app.screen._settings == {"capture": paths[0]}


async def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "none.pcap"
    broken.write_bytes(b"no capture" * 10)
    app = app_of(compare=(str(LAB / "client.pcap"), str(broken)))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "none.pcap" in screen_text(app) and "not" in screen_text(app))


async def test_more_than_two_points_are_gone_through_two_by_two(tmp_path: Path) -> None:
    """The client's recording, one a µs further along its cable, and the server's: the reset was made between those."""
    first = frames(LAB / "client.pcap")
    client = next(frame.source for frame in first if frame.is_tcp)
    along = [replace(frame, time=frame.time + (1 if frame.source == client else -1)) for frame in first]
    behind = write(tmp_path / "cable.pcap", along, LAB / "client.pcap")
    app = app_of(compare=(str(LAB / "client.pcap"), str(behind), str(LAB / "server.pcap")))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "BETWEEN 1 (A) AND 2 (B), 1/2" in screen_text(app))
        assert "was reset by something between the points" not in screen_text(app)
        await pilot.press(">")
        await until(pilot, lambda: "BETWEEN 2 (A) AND 3 (B), 2/2" in screen_text(app))
        await until(pilot, lambda: "was reset by something between the points" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "it never passed B" in screen_text(app))
        await pilot.press("escape", "<")
        await until(pilot, lambda: "BETWEEN 1 (A) AND 2 (B), 1/2" in screen_text(app))
