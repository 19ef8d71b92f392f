"""Logs and captures told apart by what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.screens.helping import INCIDENT, app_of, screen_text, until
from tui.work.named_files import is_log

TCPDUMP = "10:40:08.123456 IP 10.0.0.1.5000 > 10.0.0.2.80: Flags [S], seq 1, win 64240, length 0\n"
TEXTS = {
    "nginx": ("2026/11/21 10:40:09 [error] 7#7: *1 upstream prematurely closed connection\n", True),
    "without times": ("dial tcp 10.0.0.1:80: connect: connection refused\n", True),
    "tcpdump": (TCPDUMP * 3, False),
    "a letter": ("these are not packets, and nothing failed\n" * 10, False),
    "empty": ("", False),
    "a line with NUL": ("10:40:09 [error] 7#7: *1 connection reset by peer\n" * 9 + "a \0 name\n", True),
    "binary": ("10:40:09\0" * 20, False),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_log_is_a_text_with_times_or_errors_that_is_no_capture(kind: str, tmp_path: Path) -> None:
    text, log = TEXTS[kind]
    path = tmp_path / "file"
    path.write_text(text)
    assert is_log(str(path)) is log


def test_a_capture_a_folder_and_nothing_are_no_logs(tmp_path: Path) -> None:
    assert not is_log(str(INCIDENT))
    assert not is_log(str(tmp_path))
    assert not is_log(str(tmp_path / "none"))


async def test_a_log_that_is_named_is_explained() -> None:
    log = str(Path(INCIDENT).with_name("incident-nginx.log"))
    app = app_of(log=log)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "client_closed_request" in screen_text(app))
