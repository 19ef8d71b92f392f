"""Names beside addresses by a key, on every table and ladder; the DNS only where the user says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from capture.naming import reverse_dns, system_files, unit_names
from capture.naming.name_book import NameBook
from tests.capture.naming.test_pcapng_names import block, pcapng, record
from tests.tui.screens.helping import INCIDENT, app_of, in_rows, screen_text, until
from tui.screens.choose import ChooseScreen
from tui.screens.connection import ConnectionScreen
from tui.text.names_column import ends_in
from tui.widgets.row_table import RowsTable


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_files, "hosts_names", lambda root: {"10.1.1.2": "web.test", "127.0.0.1": "localhost"})
    monkeypatch.setattr(system_files, "service_names", lambda root: {80: "http", 443: "https"})


def test_ends_in_a_text() -> None:
    assert list(ends_in("▸ 20 from 10.1.1.1")) == [("10.1.1.1", None)]
    assert list(ends_in("10.0.0.5:443 [2001:db8::1]:80 [fe80::1%eth0]:22")) == [
        ("10.0.0.5", 443),
        ("2001:db8::1", 80),
        ("fe80::1", 22),
    ]
    assert list(ends_in("2001:db8::5")) == [("2001:db8::5", None)]
    assert list(ends_in("at 10:40:08 of 1.2.3.4.5, *")) == [] or list(ends_in("at 10:40")) == []


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=str)
async def test_a_key_puts_names_beside_a_captures_addresses_and_takes_them_off(size: tuple[int, int]) -> None:
    app = app_of(INCIDENT)
    async with app.run_test(size=size) as pilot:
        await in_rows(pilot, app, 128)
        table = app.screen.query_one("#connections", RowsTable)
        before = screen_text(app)
        assert "web.test" not in before
        await pilot.press("H")
        await until(pilot, lambda: "web.test:http" in screen_text(app))
        assert "Names" in screen_text(app)
        row = next(line for line in screen_text(app).splitlines() if "10.1.1.2:80 " in line and "web.test" in line)
        assert "client_gave_up" in row  # what it ended by is not pushed out
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConnectionScreen))
        await until(pilot, lambda: "? → web.test:http" in screen_text(app) or "web.test:http → ?" in screen_text(app))
        await pilot.press("H")
        await until(pilot, lambda: "web.test" not in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: table._names_at is None)


async def test_a_captures_own_names_are_read(tmp_path: Path) -> None:
    packet = Path(INCIDENT).read_bytes()[24:]
    frames, at = [], 0
    while at < len(packet) and len(frames) < 400:
        seconds, part, held, length = (int.from_bytes(packet[at + n : at + n + 4], "little") for n in (0, 4, 8, 12))
        when = seconds * 1_000_000 + part
        head = b"".join(n.to_bytes(4, "little") for n in (0, when >> 32, when & 0xFFFFFFFF, held, length))
        frames.append(block(6, head + packet[at + 16 : at + 16 + held], "<"))
        at += 16 + held
    link = int.from_bytes(Path(INCIDENT).read_bytes()[20:24], "little")
    section = pcapng("<")[:28]
    names = block(4, record(1, bytes((10, 1, 1, 2)) + b"as.captured\0", "<"), "<")
    interface = block(1, link.to_bytes(2, "little") + b"\0\0" + (65535).to_bytes(4, "little"), "<")
    path = tmp_path / "named.pcapng"
    path.write_bytes(section + interface + b"".join(frames) + names)
    app = app_of(str(path))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.investigation.triages)
        await pilot.press("H")
        await until(pilot, lambda: "as.captured:http" in screen_text(app))


async def test_live_sockets_show_the_unit_of_their_process(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(unit_names, "unit_of", lambda pid: "ours.service" if pid == os.getpid() else "")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = app_of(interval=60, filter=f"port:{listener.getsockname()[1]}")
        async with app.run_test(size=(120, 30)) as pilot:
            await until(pilot, lambda: str(os.getpid()) in screen_text(app))
            await pilot.press("H")
            await until(pilot, lambda: "localhost" in screen_text(app) and "ours.service" in screen_text(app))


async def test_the_dns_is_asked_only_after_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def names(addresses: list[str], **_: object) -> list[tuple[str, str]]:
        asked.extend(addresses)
        return [(ip, "asked.test" if ip == "10.1.2.2" else "") for ip in addresses]

    monkeypatch.setattr(reverse_dns, "reverse_names", names)
    app = app_of(INCIDENT)
    async with app.run_test(size=(120, 30)) as pilot:
        await in_rows(pilot, app, 128)
        await pilot.press("H")
        await until(pilot, lambda: "web.test" in screen_text(app))
        assert asked == []
        await app.run_action("ask_names")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        assert "Ask the DNS for" in screen_text(app)
        await pilot.press("enter")  # the first answer is No
        await until(pilot, lambda: not isinstance(app.screen, ChooseScreen))
        assert asked == []
        await app.run_action("ask_names")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: "asked.test" in screen_text(app))
        assert "10.1.1.2" not in asked  # it has a name already
        await until(pilot, lambda: "The DNS named 1 of" in screen_text(app))


def test_a_book_that_nobody_filled_names_nothing() -> None:
    assert NameBook().beside("10.0.0.5", 80) == ""
