"""The live screen, on a recording and on this machine."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from pathlib import Path

import pytest

from tests.tui.screens.helping import LOOKS, app_of, screen_text, until
from tui.screens.event_connections import EventConnectionScreen, EventConnectionsScreen
from tui.screens.fixes import FixesScreen
from tui.screens.kernel_events import KernelEventsScreen
from tui.screens.live import LiveScreen
from tui.screens.record import RecordScreen
from tui.screens.socket import SocketScreen
from tui.widgets.row_table import RowsTable


def sockets(app: object) -> RowsTable:
    return app.screen_stack[0].query_one("#sockets", RowsTable)  # type: ignore[attr-defined]


async def test_recording_is_shown_to_its_end() -> None:
    app = app_of(replay=LOOKS, interval=0.1)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "its end" in screen_text(app))
        text = screen_text(app)
        assert "gin_server" in text
        assert "recorded" in text
        assert "LISTEN" in text


async def test_own_sockets_appear_and_a_state_is_a_filter() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        port = server.getsockname()[1]
        # another test's thousands in TIME-WAIT may have had the same port
        app = app_of(interval=0.2, all_namespaces=False, filter=f"port:{port} -state:time-wait")
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: len(sockets(app).rows) == 3)
            assert f"127.0.0.1:{port}" in screen_text(app)
            states = app.screen.query_one("#states", RowsTable)
            states.focus()
            assert states.move_to("state:listen")
            await pilot.press("enter")
            await until(pilot, lambda: "state:listen" in screen_text(app))
            await pilot.press("escape")
            await until(pilot, lambda: "state:listen" not in str(sockets(app).border_title))


async def test_pause_stops_the_looks_and_not_the_keys() -> None:
    app = app_of(interval=0.2)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen._look is not None)  # type: ignore[attr-defined]
        await pilot.press("p")
        await pilot.pause(0.4)
        screen = app.screen
        assert isinstance(screen, LiveScreen)
        look = screen._look
        await pilot.pause(0.6)
        assert screen._look is look
        assert "paused" in screen_text(app)
        await pilot.press("p")
        await until(pilot, lambda: screen._look is not look)


async def test_socket_leads_to_the_command_that_records_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        app = app_of(interval=0.2, filter=f"port:{port}")
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: len(sockets(app).rows) == 1)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, SocketScreen))
            assert "waits for connections" in screen_text(app)
            await pilot.press("c")
            await until(pilot, lambda: isinstance(app.screen, RecordScreen))
            assert f"tcp port {port}" in " ".join(screen_text(app).split())


@pytest.mark.parametrize(("height", "least"), [(20, 5), (24, 5), (40, 15)])
async def test_a_low_screen_keeps_rows_of_sockets(height: int, least: int) -> None:
    """Findings, their text and the groups leave some; a column that says nothing is not there."""
    app = app_of(replay=LOOKS)
    async with app.run_test(size=(160, height)) as pilot:
        await until(pilot, lambda: "CLOSE-WAIT" in screen_text(app))
        assert sockets(app).size.height - 1 >= least
        head = next(line for line in screen_text(app).split("\n") if "Recv-Q" in line)
        assert "Network" not in head
        assert "Timer" in head


async def test_f_on_a_socket_goes_to_the_fixes_for_its_state() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        app = app_of(interval=0.2, filter=f"port:{server.getsockname()[1]}")
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: len(sockets(app).rows) == 1)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, SocketScreen))
            await pilot.press("f")
            await until(pilot, lambda: isinstance(app.screen, FixesScreen))
            assert "accept-queue" in screen_text(app)


async def test_looking_fails_as_a_line() -> None:
    app = app_of(replay="/does/not/exist")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "cannot be read" in screen_text(app))


async def test_help_explains_the_words_of_the_screen() -> None:
    app = app_of(interval=5)
    async with app.run_test(size=(80, 90)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        text = screen_text(app)
        assert "CLOSE-WAIT" in text
        assert "Keys here" in text
        await pilot.press("q")
        assert isinstance(app.screen, LiveScreen)


async def test_palette_lists_commands() -> None:
    app = app_of(interval=5)
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.press("colon")
        await pilot.press(*"evid")
        await until(pilot, lambda: "Go to evidence" in screen_text(app))
        await pilot.press("ctrl+u", *"ask the dns")
        await until(pilot, lambda: "to the name servers, once you say" in screen_text(app))


async def test_transitions_are_logged_paused_and_filtered() -> None:
    """On an address of its own: whatever else comes and goes on this machine would push it off the screen."""
    address = "127.73.1.9"
    app = app_of(interval=0.2, all_namespaces=False)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.screen._look is not None)  # type: ignore[attr-defined]
        await pilot.press("t")
        await until(pilot, lambda: app.screen.query("#transitions"))
        table = app.screen.query_one("#transitions", RowsTable)
        app.screen.apply_filter(address)  # type: ignore[attr-defined]
        with socket.create_server((address, 0)) as server:
            local = f"{address}:{server.getsockname()[1]}"
            await until(pilot, lambda: local in screen_text(app) and "+ LISTEN" in screen_text(app))
            await pilot.press("p")
            await until(pilot, lambda: "paused" in screen_text(app))
        await pilot.press("p")
        await until(pilot, lambda: "- LISTEN" in screen_text(app))
        assert len(table.rows) == 2
        app.screen.apply_filter(f"{address} -state:listen")  # type: ignore[attr-defined]
        await until(pilot, lambda: not len(table.rows))


async def test_own_network_alone_or_all() -> None:
    app = app_of(interval=0.2)
    async with app.run_test(size=(100, 30)) as pilot:
        live = app.screen
        assert isinstance(live, LiveScreen)
        await until(pilot, lambda: live._look is not None)
        await pilot.press("O")
        await until(pilot, lambda: live._look is not None and len(live._look.snapshot.namespaces) == 1)
        assert "This network namespace alone" in screen_text(app)
        limits = live._look.snapshot.limits if live._look is not None else ()
        if limits and not live._found:
            await until(pilot, lambda: "Not seen: " in screen_text(app))
        await pilot.press("O")
        assert live._look_loop is not None
        assert live._look_loop.all_namespaces


async def test_findings_that_are_over_stay_in_the_list() -> None:
    app = app_of(interval=0.3, all_namespaces=False)
    async with app.run_test(size=(100, 30)) as pilot:
        live = app.screen
        assert isinstance(live, LiveScreen)
        await until(pilot, lambda: live._look is not None)
        with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
            clients = [socket.create_connection(server.getsockname()) for _ in range(2)]
            name = f"127.0.0.1:{server.getsockname()[1]} ("
            await until(pilot, lambda: "critical" in screen_text(app) and name in screen_text(app))
            assert re.search(r"What is wrong now: .*[1-9]\d* critical", screen_text(app))
        await until(pilot, lambda: any(" over " in line and name in line for line in screen_text(app).splitlines()))
        for client in clients:
            client.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="kernel events need root")
async def test_a_kernel_event_leads_to_its_connection_and_that_to_the_playbook() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        app = app_of(interval=0.2, all_namespaces=False)
        async with app.run_test(size=(110, 30)) as pilot:
            await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen._look is not None)
            live = app.screen
            assert isinstance(live, LiveScreen)
            await until(pilot, lambda: live._look is not None and live._look.history.kernel.limits is not None)
            clients = [socket.create_connection(server.getsockname()) for _ in range(2)]
            for client in clients:
                server.accept()[0].close()
                time.sleep(0.05)
                for _ in range(2):
                    with contextlib.suppress(OSError):
                        client.send(b"x")
                    time.sleep(0.02)
            await pilot.press("K")
            await until(pilot, lambda: isinstance(app.screen, KernelEventsScreen))
            app.screen.apply_filter(f"port:{port} pid:{os.getpid()}")  # type: ignore[attr-defined]
            await until(pilot, lambda: "2 writes failed, EPIPE, to 127.0.0.1" in screen_text(app))
            table = app.screen.query_one("#kernel-events", RowsTable)
            key = next(table.rows.key(at) for at in range(len(table.rows)) if "EPIPE" in table.rows.cells(at)[1][0])
            assert table.move_to(key)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, EventConnectionsScreen))
            assert f"127.0.0.1:{clients[1].getsockname()[1]}" in screen_text(app)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, EventConnectionScreen))
            text = screen_text(app)
            assert "1 write failed, EPIPE" in text
            assert "reset" in text  # what the kernel said beside it
            await pilot.press("B")
            await until(pilot, lambda: "Broken pipe" in screen_text(app) or "broken-pipe" in screen_text(app))
            for client in clients:
                client.close()


@pytest.mark.parametrize(("height", "lines"), [(24, 4), (50, 8)])
async def test_charts_show_what_the_looks_counted(height: int, lines: int) -> None:
    app = app_of(replay=LOOKS)
    async with app.run_test(size=(100, height)) as pilot:
        await until(pilot, lambda: "ESTAB" in screen_text(app))
        await pilot.press("C")
        await until(pilot, lambda: "The last five minutes" in screen_text(app))
        await until(pilot, lambda: " most" in screen_text(app))
        assert "-5m00" in screen_text(app)
        shown = screen_text(app).split("\n")
        top, bottom, *_ = (at for at, line in enumerate(shown) if "┤" in line)
        assert lines <= bottom - top + 1 <= 8  # as high as all of them may be on this screen
        await pilot.press("escape")
        await until(pilot, lambda: "-5m00" not in screen_text(app))


async def test_a_running_flight_recorder_is_told_in_the_title(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tui.work.watch_child.incidents_folder", lambda: tmp_path / "incidents")
    app = app_of(interval=0.2, all_namespaces=False)
    async with app.run_test(size=(120, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen._look is not None)
        assert "flight recorder" not in screen_text(app).split("\n")[0]
        await pilot.press("W")
        await until(pilot, lambda: "flight recorder" in screen_text(app).split("\n")[0])
