"""Where the user is, as a case keeps it, and the way back there in a later run."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual.css.query import QueryError

from capture.safe_text import printable
from tui.screens.base import TriageScreen
from tui.text.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.app import App

    from tui.screens.asked_app import AskedApp
    from tui.work.case_file import Place
    from tui.work.case_keeper import CaseKeeper

LOOK_S = 2.0  # between two looks at where the user is: what a kill loses at most, of the place alone
WAIT_S = 0.1  # between two looks whether a capture that is reopened was read
PATIENCE_S = 600.0
BOTTOMS = ("live", "capture")  # the modes whose first screens can be narrowed


class CaseTracker:
    """Tells the keeper of every change. Where no case is kept it does nothing."""

    def __init__(self, app: App[int], asked: AskedApp) -> None:
        """The app, as Textual knows it and as screens do."""
        self._app, self._asked = app, asked
        self._keeper = asked.investigation.request.keeper
        self._there = self._keeper is None  # else the old place must not be lost before it is reached

    def begin(self) -> None:
        """After the first picture: its imports must not delay that."""
        request = self._asked.investigation.request
        if self._keeper is None and not request.keep_case:
            return
        self._app.call_after_refresh(self._begin)

    def _begin(self) -> None:
        keeper = self._keeper
        if keeper is None:
            from tui.work.case_of_request import keeper_of

            keeper = self._keeper = keeper_of(self._asked.investigation.request)
        if keeper is None:
            return
        keeper.tell = self._complain
        self._asked.investigation.changed = self.take
        self._app.set_interval(LOOK_S, self.take)
        if self._there:
            self.take()
        else:
            Return(self._app, self._asked, keeper.case.place, self._arrived).begin()

    @property
    def name(self) -> str:
        """Of the case that is on disk; empty where there is none."""
        return self._keeper.case.name if self._keeper is not None and self._keeper.kept else ""

    @property
    def trouble(self) -> str:
        """Why what was kept last is not on disk; empty where it is, or where no case is kept."""
        return self._keeper.trouble if self._keeper is not None else ""

    def take(self) -> None:
        """What there is now goes to disk."""
        if self._keeper is None:
            return
        place = self._keeper.case.place
        with suppress(LookupError, QueryError):  # screens may be half made, or half gone at the end
            place = place_of(self._app, self._asked) if self._there else place
        now = self._asked.investigation
        self._keeper.take(now.items, now.dropped, place)

    def end(self) -> None:
        """The program ends."""
        if self._keeper is not None:
            self._keeper.end()

    def _arrived(self) -> None:
        self._there = True
        self._app.set_timer(WAIT_S, self._welcome)  # once the last screen of the way is there

    def _complain(self, text: str) -> None:
        if (front := front_of(self._app)) is not None:
            front.say(text, "warn")

    def _welcome(self) -> None:
        front = front_of(self._app)
        if self._keeper is not None and front is not None and not front.says:
            front.say(_welcome(self._keeper), "good")


class Return:
    """The way back: the first screen of each mode, then what lay over the one that was in front."""

    def __init__(self, app: App[int], asked: AskedApp, place: Place, arrived: Callable[[], None]) -> None:
        self._app, self._asked, self._place, self._arrived = app, asked, place, arrived
        self._until = time.monotonic() + PATIENCE_S

    def begin(self) -> None:
        """Now, or once the capture was read."""
        front = front_of(self._app)
        if front is not None and front.is_reading and time.monotonic() < self._until:
            self._app.set_timer(WAIT_S, self.begin)
            return
        mode = self._app.current_mode
        if front is not None:
            front.return_to(self._place.bottoms.get(mode, {}))
        if mode == self._place.mode and len(self._app.screen_stack) == 1:
            for shown in self._place.over:
                screen = _screen_of(self._asked, shown)
                if screen is None:
                    break
                self._app.push_screen(screen)
        self._arrived()


def front_of(app: App[int]) -> TriageScreen | None:
    """The screen in front, if it is one of ours; at the very end there is none."""
    front = next(reversed(app.screen_stack), None)
    return front if isinstance(front, TriageScreen) else None


def place_of(app: App[int], asked: AskedApp) -> Place:
    """Where the user is now. Raises LookupError or QueryError where screens are half made."""
    from tui.work.case_file import Place

    bottoms = {mode: dict(shown) for mode, shown in asked.investigation.request.bottoms.items()}
    for mode in BOTTOMS:
        with suppress(KeyError):
            stack = app.get_screen_stack(mode)
            bottom = stack[0]
            if isinstance(bottom, TriageScreen) and bottom.is_mounted:
                bottoms[mode] = bottom.place()
    over = []
    for screen in app.screen_stack[1:]:
        shown = screen.place() if isinstance(screen, TriageScreen) else {}
        if not shown:
            break
        over.append(shown)
    return Place(app.current_mode, bottoms, tuple(over))


def _screen_of(asked: AskedApp, shown: Mapping[str, Any]) -> TriageScreen | None:
    """The screen that a place's entry describes; None where it can no longer be made."""
    try:
        if shown["kind"] == "connection":
            from tui.screens.connection import ConnectionScreen

            triage = asked.investigation.triages[int(shown["capture"])]
            number = int(shown["number"])
            return ConnectionScreen(triage, number) if 0 <= number < len(triage.decoded.flows) else None
        if shown["kind"] == "playbook":
            from playbooks.loader import load
            from tui.screens.playbook import PlaybookScreen

            load(str(shown["name"]))
            return PlaybookScreen(str(shown["name"]), dict(shown["settings"]), str(shown["found"]))
        if shown["kind"] == "lines":
            from tui.screens.explained import ExplainedScreen

            return ExplainedScreen(str(shown["text"]), shown["path"])
        if shown["kind"] == "looks":
            from tui.screens.replay import ReplayScreen

            return ReplayScreen(str(shown["path"]))
    except Exception:  # of another version, or edited: the evidence must open all the same, whatever the screen
        return None
    return None


def _welcome(keeper: CaseKeeper) -> str:
    case = keeper.case
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(case.changed))
    return tr(
        "Case {name} of {when}: {opened}; evidence: {number} (4)",
        name=case.name,
        when=when,
        opened=printable(case.opened.sentence, 80),
        number=len(case.items),
    )
