"""Every command by name, for the palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui.app import TriageApp

FILTERS = (
    ("live", "state:close-wait", "sockets whose peer closed and whose program did not"),
    ("live", "state:syn-sent", "connections that get no answer"),
    ("live", "state:listen", "listeners with their queues"),
    ("capture", "ended-by:rst", "connections that were reset"),
    ("capture", "ended-by:timeout", "connections that got no answer"),
)


def commands(app: TriageApp) -> Iterable[SystemCommand]:
    """(title, help, what to call)."""
    for key, mode, title in (
        ("1", "live", "this machine's connections now"),
        ("2", "capture", "a recording"),
        ("3", "playbooks", "what to check and what to do"),
        ("4", "evidence", "what was kept"),
    ):
        yield SystemCommand(f"Go to {mode}", f"{title} ({key})", partial(app.action_go, mode))
    yield SystemCommand("Explain log lines", "paste lines of a log (l)", app.action_paste_line)
    front = app.front
    if front is not None:
        if front.MODE == "live":
            yield SystemCommand("Thresholds of live findings", "see and set them (T)", partial(_thresholds, app))
        yield SystemCommand("Help", "this screen's keys and words (?)", front.action_help)
        yield SystemCommand("Copy", "send what the cursor is on (y)", front.action_copy)
        yield SystemCommand("Show plain", "for the terminal's own selection (v)", front.action_plain)
        yield SystemCommand("Keep as evidence", "what the cursor is on (a)", front.action_keep)
    for mode, text, what in FILTERS:
        yield SystemCommand(f"Filter {mode}: {text}", what, partial(app.filter_mode, mode, text))
    for name, title in playbook_titles():
        yield SystemCommand(f"Playbook: {name}", title, partial(app.open_playbook, name, {}))
    yield SystemCommand("Other colours", "dark or light", app.action_other_theme)
    yield SystemCommand("Quit", "leave (q)", app.action_leave)


def _thresholds(app: TriageApp) -> None:
    from tui.screens.live import LiveScreen

    app.action_go("live")
    if isinstance(app.screen, LiveScreen):
        app.screen.action_thresholds()


def playbook_titles() -> list[tuple[str, str]]:
    """(name, title) of every playbook."""
    from playbooks.loader import load_all

    return [(playbook.name, playbook.title) for playbook in load_all().values()]
