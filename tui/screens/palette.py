"""Every command by name, for the palette."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from tui.screens.commands import Command
from tui.terminal.theme_names import THEME_NAMES
from tui.text.glossary import meaning
from tui.text.key_meanings import MEANINGS, SIGNS, key_named
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.app import App

    from tui.screens.asked_app import AskedApp
    from tui.screens.base import TriageScreen

FILTERS = (
    ("live", "state:close-wait", "sockets whose peer closed and whose program did not"),
    ("live", "state:syn-sent", "connections that get no answer"),
    ("live", "state:listen", "listeners with their queues"),
    ("capture", "ended-by:rst", "connections that were reset"),
    ("capture", "ended-by:timeout", "connections that got no answer"),
)
OF_ANY_SCREEN = (
    ("y", "Copy", "send what the cursor is on", "copy"),
    ("v", "Show plain", "for the terminal's own selection", "plain"),
    ("a", "Keep as evidence", "what the cursor is on", "keep"),
    ("z", "Zoom", "the pane with the cursor on the whole screen, and back", "zoom"),
    ("question_mark", "Help", "this screen's keys and words", "help"),
)


def commands(app: App[Any], asked: AskedApp, screen: TriageScreen | None) -> Iterable[Command]:
    """(title, help, what to call), those of the screen first. Actions run by name, as keys run them."""
    if screen is not None:
        yield from of_the_screen(app, screen)
    for key, mode, title in (
        ("1", "live", "this machine's connections now"),
        ("2", "capture", "a recording"),
        ("3", "playbooks", "what to check and what to do"),
        ("4", "evidence", "what was kept"),
    ):
        go = partial(app.run_action, f"app.go('{mode}')")
        yield _command("Go to {mode} ({key})", title, go, mode=mode, key=key)
    for path in (one.path for triage in asked.investigation.triages for one in triage.incidents):
        yield from of_the_incident(app, path)
    yield _command("Explain log lines (l)", "paste lines of a log", partial(app.run_action, "app.paste_line"))
    yield _command("Names beside addresses (H)", "of /etc/hosts, captures, units", partial(app.run_action, "app.names"))
    dns = partial(app.run_action, "app.ask_names")
    yield _command(
        "Ask the DNS for names", "sends the addresses on this screen to the name servers, once you say so", dns
    )
    for mode, text, what in FILTERS:
        show = partial(asked.filter_mode, mode, text)
        yield _command("Filter {mode}: {text}", what, show, mode=mode, text=text)
    for name, title in playbook_titles():
        yield _command("Playbook: {name}", title, partial(asked.open_playbook, name, {}), name=name)
    for name in THEME_NAMES:
        yield _command(
            "Theme: {name}", "also for the next run", partial(app.run_action, f"app.theme('{name}')"), name=name
        )
    write = partial(app.run_action, "app.keep_settings")
    yield _command("Write the configuration", "theme, interval and thresholds as they are now, into config.toml", write)
    yield _command("Quit (q)", "leave", partial(app.run_action, "app.leave"))


def of_the_incident(app: App[Any], path: str) -> Iterable[Command]:
    """What lies beside the packets in an incident's folder."""
    from capture.recorder.incident_folder import LOG, LOOKS
    from tui.screens.explained import ExplainedScreen
    from tui.screens.replay import ReplayScreen

    looks, log = os.path.join(path, LOOKS), os.path.join(path, LOG)
    if os.path.isfile(looks):
        yield _command(
            "Incident: its looks", "play the live connections of then", lambda: app.push_screen(ReplayScreen(looks))
        )
    if os.path.isfile(log):
        yield _command(
            "Incident: its log", "explain the lines of then", lambda: app.push_screen(ExplainedScreen("", log))
        )


def of_the_screen(app: App[Any], screen: TriageScreen) -> Iterable[Command]:
    """What its keys do, as its footer and its help call it; then those of any screen that its footer leaves out."""
    done = {"colon", "tab", "escape"}
    for word, label in screen.KEYS:
        for key in word.split("/") if len(word) > 1 else (word,):
            name = key_named(key)
            title = MEANINGS.get(name)
            if title is not None and name not in done:
                done.add(name)
                press = partial(app.simulate_key, name)
                help = meaning("keys", label) or label
                yield _command("{what} ({key})", help, press, what=title, key=key)
    for name, title, help, action in OF_ANY_SCREEN:
        if name not in done:
            run = partial(app.run_action, action, screen)
            yield _command("{what} ({key})", help, run, what=title, key=SIGNS.get(name, name))


def _command(title: str, help: str, call: Callable[[], Any], **facts: str) -> Command:
    names = {name: tr(value) if name in ("what", "mode") else value for name, value in facts.items()}
    shown = tr(title, **names)
    return Command(shown[:1].upper() + shown[1:], tr(help), call, title.format(**facts))


def playbook_titles() -> list[tuple[str, str]]:
    """(name, title) of every playbook."""
    from playbooks.loader import load_all

    return [(playbook.name, playbook.title) for playbook in load_all().values()]
