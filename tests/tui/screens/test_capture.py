"""The capture screen, on the recording that ships."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.tui.screens.helping import INCIDENT, app_of, in_rows, screen_text, until
from tui.screens.capture import CaptureScreen
from tui.screens.connection import ConnectionScreen
from tui.screens.playbook import PlaybookScreen
from tui.widgets.row_table import RowsTable
from tui.widgets.text_lines import Lines


def connections(app: object) -> RowsTable:
    return app.screen_stack[0].query_one("#connections", RowsTable)  # type: ignore[attr-defined]


async def test_worst_first_and_a_group_speaks_for_many() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        text = screen_text(app)
        assert "20 clients of 10.1.1.2:80 gave up before the answer was complete" in text
        assert "client_gave_up" in text
        assert "RST" in text
        assert connections(app).rows.cells(0)[0][0] == "!!"
        assert connections(app).rows.cells(127)[0][0] == ""


async def test_a_pane_fills_the_screen_and_esc_gives_the_others_back() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "client_gave_up" in screen_text(app))
        await pilot.press("z")
        await until(pilot, lambda: "What is wrong" not in screen_text(app))
        assert "connections by cause" in screen_text(app)
        assert "q quit" in screen_text(app)  # the keys stay
        await pilot.press("escape")
        await until(pilot, lambda: "What is wrong" in screen_text(app))


async def test_enter_opens_the_ladder_and_esc_comes_back() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConnectionScreen))
        text = screen_text(app)
        for expected in ("SYN-SENT", "FIN-WAIT-1", "CLOSE-WAIT", "RST", "of silence", "gave up waiting"):
            assert expected in text
        await pilot.press("n")
        assert "the last data" in app.screen.query_one("#packet", Lines).text
        await pilot.press("escape")
        assert isinstance(app.screen, CaptureScreen)


async def test_filter_narrows_and_a_wrong_one_points_at_the_word() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(100, 30)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("slash", *"ended-by", "colon", *"rts", "enter")
        assert "^^^" in screen_text(app)
        assert len(connections(app).rows) == 128
        await pilot.press("backspace", "backspace", *"st", "enter")
        await until(pilot, lambda: len(connections(app).rows) == 20)
        await pilot.press("escape")
        await in_rows(pilot, app, 128)


async def test_a_sort_goes_to_the_top_and_a_refresh_keeps_the_row() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(100, 30)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("down", "down")
        key, before = connections(app).cursor_key, connections(app).rows
        app.screen.arrange_rows()  # type: ignore[attr-defined]
        await until(pilot, lambda: connections(app).rows is not before)
        assert connections(app).cursor_key == key
        before = connections(app).rows
        await pilot.press("s")
        await until(pilot, lambda: connections(app).rows is not before)
        assert connections(app).cursor_key == connections(app).rows.key(0)


async def test_finding_opens_its_playbook_with_the_capture() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        app.screen.query_one("#findings", RowsTable).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PlaybookScreen))
        assert isinstance(app.screen, PlaybookScreen)
        assert "gave up" not in app.screen._book
        await pilot.press("escape")
        assert isinstance(app.screen, CaptureScreen)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (160, 45), (20, 6)])
async def test_any_size_shows_something_and_survives_a_change(size: tuple[int, int]) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=size) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConnectionScreen))
        await pilot.resize_terminal(60, 20)
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert "1 Live" in screen_text(app)


async def test_failure_is_a_message_inside_and_status_2(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(Path(INCIDENT).read_bytes()[:12])
    app = app_of(str(path))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.failure is not None)
        assert "cannot read" in screen_text(app)
        await pilot.press("q")
    assert app.return_value == 2


async def test_copy_and_keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("enter", "y")
        copied = tmp_path / "tcptriage" / "copied.txt"
        await until(pilot, copied.exists)
        assert copied.read_text().isascii()
        assert "FIN" in copied.read_text()
        await pilot.press("a")
        assert [item.kind for item in app.investigation.items] == ["connection"]
        assert "```" in app.investigation.items[0].body


async def test_esc_stops_a_reading_that_would_not_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pcap"
    os.mkfifo(pipe)
    head = Path(INCIDENT).read_bytes()[:24]
    released = threading.Event()

    def feed() -> None:
        with open(pipe, "wb") as file:
            file.write(head)
            file.flush()
            released.wait(20)

    threading.Thread(target=feed, daemon=True).start()
    app = app_of(str(pipe))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen._reading)  # type: ignore[attr-defined]
        await pilot.press("escape")
        released.set()
        await until(pilot, lambda: not app.screen._reading)  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [(60, 20), (120, 40)])
async def test_tells_from_where_the_capture_was_taken(size: tuple[int, int]) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "seen from" in screen_text(app))
        await in_rows(pilot, app, 128)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConnectionScreen))
        assert "seen from " in screen_text(app)


async def test_the_dialog_opens_several_as_one(tmp_path: Path) -> None:
    body = Path(INCIDENT).read_bytes()
    for name in ("ring 0.pcap", "ring 1.pcap"):
        (tmp_path / name).write_bytes(body)
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        for words, captures in ((f"'{tmp_path}'/ring*", 2), (f"'{tmp_path}'/ring* --join", 1)):
            await pilot.press("o")
            app.screen.query_one(Input).value = words
            await pilot.press("enter")
            await until(pilot, lambda: not app.screen._reading and app.investigation.triages)  # type: ignore[attr-defined]
            assert len(app.investigation.triages) == captures


async def test_a_reading_that_was_replaced_says_nothing_more(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pcap"
    os.mkfifo(pipe)
    app = app_of(str(pipe))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen._reading)  # type: ignore[attr-defined]
        app.open_capture([INCIDENT])
        await in_rows(pilot, app, 128)
        pipe.open("wb").close()
        await pilot.pause(0.5)
        assert len(connections(app).rows) == 128


async def test_a_file_that_grows_is_followed_until_a_key_stops_it(tmp_path: Path) -> None:
    data = Path(INCIDENT).read_bytes()
    path = tmp_path / "grows.pcap"
    path.write_bytes(data[:6000])
    app = app_of(str(path))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: 0 < len(connections(app).rows) < 20)
        assert "following" not in screen_text(app)
        few = len(connections(app).rows)
        await pilot.press("down")
        key = connections(app).cursor_key
        with path.open("ab") as file:
            file.write(data[6000:30001])  # within a packet
        await until(pilot, lambda: len(connections(app).rows) > few)
        assert "grows.pcap · following" in screen_text(app)
        assert connections(app).cursor_key == key
        with path.open("ab") as file:
            file.write(data[30001:])
        await in_rows(pilot, app, 128)
        assert "20 clients of 10.1.1.2:80 gave up before the answer was complete" in screen_text(app)
        await pilot.press("p")
        assert "no longer followed" in screen_text(app)
        with path.open("ab") as file:
            file.write(data[24:6000])
        await pilot.pause(0.8)
        assert "4,0" not in screen_text(app)
        packets = app.investigation.triages[0].decoded.packets
        await pilot.press("p")
        await until(pilot, lambda: app.investigation.triages[0].decoded.packets > packets)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConnectionScreen))


@pytest.mark.parametrize(
    ("change", "said"),
    [("shrink", "became shorter"), ("replace", "was replaced"), ("anew", "was written anew"), ("remove", "has gone")],
)
async def test_a_file_that_is_another_one_now_is_said(tmp_path: Path, change: str, said: str) -> None:
    data = Path(INCIDENT).read_bytes()
    path = tmp_path / "file.pcap"
    path.write_bytes(data)
    app = app_of(str(path))
    async with app.run_test(size=(120, 30)) as pilot:
        await in_rows(pilot, app, 128)
        if change == "shrink":
            os.truncate(path, 6000)
        elif change == "replace":
            (tmp_path / "new").write_bytes(data[:6000])
            os.replace(tmp_path / "new", path)
        elif change == "anew":
            path.write_bytes(data[:24] + bytes(16) + data)
        else:
            path.unlink()
        await until(pilot, lambda: said in screen_text(app))
        assert len(connections(app).rows) == 128


async def test_a_followed_file_that_is_replaced_is_said_and_followed(tmp_path: Path) -> None:
    data = Path(INCIDENT).read_bytes()
    path = tmp_path / "file.pcap"
    path.write_bytes(data[:6000])
    app = app_of(str(path))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: len(connections(app).rows) > 0)
        few = len(connections(app).rows)
        with path.open("ab") as file:
            file.write(data[6000:30000])
        await until(pilot, lambda: len(connections(app).rows) > few)
        (tmp_path / "new").write_bytes(data)
        os.replace(tmp_path / "new", path)
        await in_rows(pilot, app, 128)
        assert "was replaced while it was followed" in " ".join(screen_text(app).split())


async def test_h_goes_to_the_other_hop_of_a_proxys_request_and_back() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.investigation.triages)
        triage = app.investigation.triages[0]
        front, chain = next(iter(triage.verdicts.relations.chains.items()))
        app.push_screen(ConnectionScreen(triage, chain.front))
        await until(pilot, lambda: f"connection {chain.front}" in screen_text(app))
        assert f"other hop #{chain.back} (h)" in screen_text(app)
        await pilot.press("h")
        await until(pilot, lambda: f"connection {chain.back}" in screen_text(app))
        await pilot.press("h")
        await until(pilot, lambda: f"connection {chain.front}" in screen_text(app))
        assert front in (chain.front, chain.back)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ConnectionScreen))


async def test_it_opens_grouped_and_keys_open_close_and_group_otherwise() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "▸ 20 from 10.1.1.1" in screen_text(app))
        table = connections(app)
        assert len(table.rows) == 4
        await pilot.press("enter")
        await until(pilot, lambda: len(table.rows) == 24)
        await pilot.press("down", "down", "left")  # from a member to its group
        await until(pilot, lambda: table.cursor_key == table.rows.key(0))
        await pilot.press("left")
        await until(pilot, lambda: len(table.rows) == 4)
        await pilot.press("right")
        await until(pilot, lambda: len(table.rows) == 24)
        await pilot.press("equals_sign")  # the group as a filter
        await until(pilot, lambda: app.screen.filter_text == "cause:client_gave_up responder:10.1.1.2:80")  # type: ignore[attr-defined]
        await until(pilot, lambda: len(table.rows) == 20)
        await pilot.press("escape", "b", "b", "b", "b")
        await until(pilot, lambda: len(table.rows) == 128)
        assert "No groups" in screen_text(app)


async def test_s_and_the_head_sort_both_ways() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(120, 40)) as pilot:
        await in_rows(pilot, app, 128)
        table = connections(app)
        orders = [("start", False), ("start", True)]
        for order in (*orders, orders[0]):  # pressed again it turns round, as S does
            await pilot.press("s" if order != orders[0] or table.sorted_by != orders[1] else "S")
            await until(pilot, lambda order=order: table.sorted_by == order)  # type: ignore[misc]
        await pilot.press("S")
        await until(pilot, lambda: table.sorted_by == ("start", True) and "Start▼" in screen_text(app))
        await pilot.press("s")
        await until(pilot, lambda: table.sorted_by is not None and table.sorted_by[0] != "start")
        head = next(y for y, line in enumerate(screen_text(app).split("\n")) if "Originator" in line)
        x = screen_text(app).split("\n")[head].index("Bytes")
        for order in (True, False):
            await pilot.click(offset=(x, head))
            await until(pilot, lambda order=order: table.sorted_by == ("bytes", order))  # type: ignore[misc]
        assert "Bytes▲" in screen_text(app)
        await pilot.click(offset=(screen_text(app).split("\n")[head].index("Ended"), head))
        await until(pilot, lambda: "This column is no order" in screen_text(app))


async def test_help_explains_the_words_under_the_cursor_first() -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("question_mark")
        await until(pilot, lambda: "Under the cursor" in screen_text(app))
        text = " ".join(screen_text(app).split())
        assert "S SYN (originator), h SYN,ACK (responder)" in text
        assert "established and ended by FINs" in text
        assert "compare A B" in text  # what to do about an unknown place
