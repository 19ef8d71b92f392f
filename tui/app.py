"""The program with a screen: its beginning and end, and what any screen may ask of it."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import SuspendNotSupported
from textual.binding import Binding
from textual.events import InputEvent, Key

from capture.safe_text import printable
from tui.screens.address_names import AddressNames
from tui.screens.modes import MODES, first_mode, first_screen
from tui.screens.resuming import CaseTracker
from tui.terminal.clean_app import CleanApp
from tui.terminal.detection import Terminal
from tui.terminal.themes import THEMES, next_theme
from tui.text.key_meanings import given_keys
from tui.text.language import tr
from tui.work.investigation import Investigation, Request
from tui.work.messages import TextSent
from tui.work.process_settings import collect_garbage_again

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.screen import Screen

    from tui.screens.base import TriageScreen


class TriageApp(CleanApp):
    """The app. It owns the investigation; screens ask it to copy, to keep, to go elsewhere."""

    TITLE = "tcptriage"
    CSS_PATH = "styles/tcptriage.tcss"
    ENABLE_COMMAND_PALETTE = False  # Textual's own: ours is quieter on the line, and knows the keys
    BINDINGS: ClassVar = [
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("ctrl+q", "leave", show=False, priority=True),
        Binding("ctrl+p", "command_palette", show=False),
        Binding("ctrl+l", "redraw", show=False, priority=True),
        Binding("ctrl+t", "other_theme", "Next theme", show=False),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]

    def __init__(self, request: Request, terminal: Terminal | None = None) -> None:
        # Starting in the right mode, with the right theme, spares three passes over all styles.
        self.DEFAULT_MODE = first_mode(request)  # type: ignore[misc]
        super().__init__(terminal or Terminal())
        self.investigation = Investigation(request)
        self.case = CaseTracker(self, self)
        self.naming = AddressNames(self, self)
        self.reopen = ""  # a case to go on with instead, once this screen is gone
        self._given_keys, self.key_words = given_keys(request.keys)
        for theme in THEMES:
            self.register_theme(theme)
        self.set_reactive(TriageApp.theme, f"tcptriage-{self.terminal.theme}")
        self.set_class(self.terminal.few_colours, "-few-colours")
        self.stylesheet.set_variables(self.get_css_variables())
        for mode in MODES:
            if mode != self.DEFAULT_MODE:
                self.add_mode(mode, partial(first_screen, mode, request))

    def get_default_screen(self) -> Screen[Any]:
        """The first mode's. It becomes a mode now: made as one, it would have all styles parsed a second time."""
        self.add_mode(self.DEFAULT_MODE, partial(first_screen, self.DEFAULT_MODE, self.investigation.request))
        return first_screen(self.DEFAULT_MODE, self.investigation.request)

    # -- beginning and end

    def on_mount(self) -> None:
        """Take the signals; open the demo if it was asked for."""
        request = self.investigation.request
        self.case.begin()
        if request.warnings:
            self.call_after_refresh(self._tell_warnings)
        if request.demo:
            from tui.screens.demo import DemoScreen

            self.push_screen(DemoScreen(request.examples))
        if request.log is not None:
            from tui.screens.explained import ExplainedScreen

            self.push_screen(ExplainedScreen("", request.log))
        if request.compare is not None:
            self.open_comparison(*request.compare)
        if not self.is_headless:
            self.call_after_refresh(collect_garbage_again)
            self.watch_terminal()

    def _tell_warnings(self) -> None:
        first, *more = self.investigation.request.warnings
        rest = tr("; and {n} more: `tcptriage info` tells them", n=len(more)) if more else ""
        self.say(printable(first, 300) + rest, "warn")

    async def on_event(self, event: events.Event) -> None:
        """Keys that the configuration gave away do what they were given, except where text is typed."""
        if isinstance(event, InputEvent):
            self.line_budget.answers += 1
        if self._given_keys and isinstance(event, Key) and not event.is_forwarded and not self._is_typed_in():
            event = Key(self._given_keys.get(event.key, event.key), event.character)
        await super().on_event(event)

    def _is_typed_in(self) -> bool:
        """Whether a key is text of an input, or nobody is there to take it."""
        from textual.widgets import Input, TextArea  # asked of every key where keys are given away, and nowhere else

        return not self._screen_stack or isinstance(self.focused, Input | TextArea)

    def exit(self, *arguments: Any, **options: Any) -> None:
        """Leave; where the user was is kept before the screens go."""
        self.case.take()
        super().exit(*arguments, **options)

    def on_unmount(self) -> None:
        """All is written: another process may go on with the case."""
        self.case.end()

    def action_interrupt(self) -> None:
        """Ctrl-C: the shell learns that this was one."""
        self.exit(130)

    def action_command_palette(self) -> None:
        """Every command by name."""
        from tui.screens.commands import CommandsScreen
        from tui.screens.palette import commands

        if (screen := self.screen_in_front) is self.screen:
            self.push_screen(CommandsScreen(list(commands(self, self, screen))))

    def action_names(self) -> None:
        """Names beside addresses, or addresses alone."""
        self.naming.toggle()

    def action_ask_names(self) -> None:
        """The DNS, for the names of the addresses that are shown."""
        self.naming.ask()

    def names_of_captures(self) -> None:
        """Captures were opened: they may name addresses."""
        self.naming.capture_opened()

    def action_other_theme(self) -> None:
        """The next of the themes."""
        self.action_theme(next_theme(self.theme).removeprefix("tcptriage-"))

    def action_theme(self, name: str) -> None:
        """Another theme, also for the next run."""
        from tui.work.configuration_writing import keep_theme

        self.say(tr("Theme {name}; {kept}", name=name, kept=keep_theme(name)), "good")
        # The sentence may take a line from the table: both paints would be whole ones.
        self.call_after_refresh(self.put_on_theme, f"tcptriage-{name}")

    def put_on_theme(self, theme: str) -> None:
        """The theme, by its whole name."""
        self.theme = theme

    def action_keep_settings(self) -> None:
        """What this run has, also for the next ones."""
        from tui.work.configuration_writing import keep_settings

        kept = keep_settings(self.investigation, self.theme.removeprefix("tcptriage-"))
        self.say(tr("Theme, interval, thresholds: {kept}", kept=kept), "good" if kept.startswith("kept") else "warn")

    def action_leave(self) -> None:
        """Quit."""
        self.exit(2 if self.failure else 0)

    # -- going elsewhere

    @property
    def screen_in_front(self) -> TriageScreen | None:
        """The screen in front, if it is one of ours (the palette is not)."""
        from tui.screens.base import TriageScreen

        return next((s for s in reversed(self.screen_stack) if isinstance(s, TriageScreen)), None)

    def action_go(self, mode: str) -> None:
        """One of the four modes, where it was left; once more: its first screen."""
        if mode != self.current_mode:
            self.switch_mode(mode)
            return
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def open_playbook(self, name: str, settings: dict[str, str], *, found: str = "") -> None:
        """A playbook with facts filled in, over the screen that led to it."""
        from tui.screens.playbook import PlaybookScreen

        self.push_screen(PlaybookScreen(name, settings, found))

    def action_demo_stop(self, by: int) -> None:
        """The demo's next stop or the one before, from any screen over its list."""
        from tui.screens.demo import DemoScreen

        for mode in MODES:
            with suppress(KeyError):
                for screen in self.get_screen_stack(mode):
                    if isinstance(screen, DemoScreen):
                        if mode != self.current_mode:
                            self.switch_mode(mode)
                        screen.action_stop(by)

    def open_capture(self, paths: Sequence[str], wanted: str = "") -> None:
        """Read captures, in the capture mode."""
        from tui.screens.capture import CaptureScreen

        self.switch_mode("capture")
        bottom = self.screen_stack[0]
        while len(self.screen_stack) > 1:
            self.pop_screen()
        if isinstance(bottom, CaptureScreen):
            bottom.open(tuple(paths), wanted)

    def open_comparison(self, *paths: str) -> None:
        """The same connections at two points or more."""
        from tui.screens.comparison import ComparisonScreen

        self.push_screen(ComparisonScreen(*paths))

    def open_help(self) -> None:
        """The keys and words of the screen in front."""
        from tui.screens.help import help_for

        if (screen := self.screen_in_front) is not None:
            self.push_screen(help_for(screen))

    def capture_holding(self, wanted: str) -> str | None:
        """The path of the open capture with connections that a filter keeps; None where none has, or none is open.

        A log and a capture may be of different hosts: only one that holds the line's own connection goes with it.
        """
        from tui.screens.capture import CaptureScreen

        try:
            screens = self.get_screen_stack("capture")
        except KeyError:
            return None
        return next((one.holding(wanted) for one in screens if isinstance(one, CaptureScreen)), None)

    def filter_mode(self, mode: str, text: str) -> None:
        """Show a mode with a filter on: the join from a line, a finding or a step to sockets or packets."""
        self.action_go(mode)
        while len(self.screen_stack) > 1:
            self.pop_screen()
        bottom: Any = self.screen_stack[0]
        self.call_after_refresh(bottom.apply_filter, text)

    def action_paste_line(self) -> None:
        """A box for lines of a log."""
        from tui.screens.paste import PasteScreen

        self.push_screen(PasteScreen())

    def explain_text(self, text: str) -> None:
        """What lines of a log say."""
        from tui.screens.explained import ExplainedScreen

        self.push_screen(ExplainedScreen(text))

    def on_paste(self, event: events.Paste) -> None:
        """Text pasted anywhere but into an input is a log line to explain."""
        if event.text.strip() and self.screen_in_front is self.screen:
            self.explain_text(event.text)

    # -- saying, copying, keeping

    def tell(self, text: str) -> None:
        """Show a sentence on the screen in front, once there is one."""
        self.call_after_refresh(self.say, text)

    def say(self, text: str, tone: str = "") -> None:
        """Answer on the screen in front."""
        if (screen := self.screen_in_front) is not None:
            screen.say(text, tone)

    def send(self, what: str, text: str) -> None:
        """Send a text to every clipboard within reach; the answer says where it went."""
        from tui.terminal.clipboard import safe_to_paste

        self._send(what, safe_to_paste(text))

    @work(thread=True, exclusive=True, group="clipboard")
    def _send(self, what: str, text: str) -> None:
        from tui.terminal.clipboard import copy

        driver = self._driver
        write = None if driver is None or self.is_headless else driver.write
        self.post_message(TextSent(what, copy(text, write)))

    def on_text_sent(self, event: TextSent) -> None:
        """Say it in honest words."""
        self.say(f"{tr(event.what)}: {event.sent.sentence}", "good" if event.sent.path or event.sent.ways else "bad")

    def keep(self, kind: str, title: str, body: str) -> None:
        """Add to the evidence."""
        screen = self.screen_in_front
        self.investigation.keep(kind, title, body, screen.seen_in() if screen is not None else "")
        kept = tr(
            "Kept as evidence ({n}): {title}. 4 shows and exports it", n=len(self.investigation.items), title=title
        )
        if why := self.case.trouble:
            self.say(kept + tr("; not on disk: {why}", why=why), "warn")
        else:
            self.say(kept, "good")

    def show_plain(self, text: str) -> None:
        """The text alone on the terminal, nothing tracking the mouse: select it with the terminal's own means."""
        from tui.terminal.clipboard import safe_to_paste

        try:
            with self.suspend():
                sys.stdout.write(f"\n{safe_to_paste(text)}\n\n{tr('(Enter returns to tcptriage)')} ")
                sys.stdout.flush()
                with suppress(EOFError, KeyboardInterrupt):
                    sys.stdin.readline()
            self.action_redraw()
        except SuspendNotSupported:
            from tui.screens.plain import PlainScreen

            self.push_screen(PlainScreen(text))
