"""Notices of captures stay on the screen: as rows behind the findings, or behind the row that there is none."""

from __future__ import annotations

from pathlib import Path

from capture.triage import triage
from tests.tui.screens.helping import INCIDENT, app_of, screen_text, until
from tui.rows.capture_notices import nothing_wrong, notices_of
from tui.rows.finding_rows import finding_cells, severity_bar


def cut_short(folder: Path, keep: int = 0) -> str:
    """The example, its last record cut; of `keep` bytes."""
    whole = Path(INCIDENT).read_bytes()
    path = folder / "cut.pcap"
    path.write_bytes(whole[: keep or -7])
    return str(path)


def test_a_notice_is_a_row_that_counts_as_nothing_wrong(tmp_path: Path) -> None:
    (one,) = triage([cut_short(tmp_path)])
    (told,) = [found for found in notices_of([one]) if found.finding.code == "cut_short"]
    sign, word, title = finding_cells(told)
    assert (sign[0], word[0]) == ("· ", "notice")
    assert one.decoded.notices[0].text in title[0]
    assert severity_bar([told, nothing_wrong("all well")], ascii=False) == "1 notice"


async def test_notices_stay_after_their_message(tmp_path: Path) -> None:
    app = app_of(cut_short(tmp_path))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: "1 warning" in screen_text(app) and "1 notice" in screen_text(app))
        assert any(line.startswith("·  notice") for line in screen_text(app).split("\n"))
        await pilot.press("F")
        await until(pilot, lambda: "Findings: " in screen_text(app))
        await pilot.press("end")
        await until(pilot, lambda: screen_text(app).count("which is left out") == 2)  # row and page


async def test_where_nothing_is_wrong_that_is_said_over_the_notices(tmp_path: Path) -> None:
    app = app_of(cut_short(tmp_path, 9000))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: "notice" in screen_text(app) and "reading" not in screen_text(app))
        lines = screen_text(app).split("\n")
        first = next(at for at, line in enumerate(lines) if "asks for attention" in line)
        assert lines[first + 1].startswith("·  notice")
