"""Names beside addresses, on every table: put on and off by a key. Only `ask` sends anything, and it asks first."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from tui.screens.base import TriageScreen
from tui.text.language import count, tr
from tui.widgets.row_table import RowsTable

if TYPE_CHECKING:
    from textual.app import App

    from capture.naming.name_book import NameBook
    from tui.screens.asked_app import AskedApp

MOST_ROWS = 2_000
"""Rows of a table in which addresses are looked for."""
NO, YES = "No", "Yes: send these addresses to the name servers"


class AddressNames:
    """The names of this run. `book` is None while they are off."""

    def __init__(self, app: App[int], asked: AskedApp) -> None:
        self._app, self._asked = app, asked
        self.book: NameBook | None = None
        self._kept: NameBook | None = None
        self._read: set[str] = set()
        self._lock = threading.Lock()

    def toggle(self) -> None:
        """On or off."""
        if self.book is not None:
            self.book = None
            self._draw()
            self._say("Addresses alone")
            return
        if self._kept is None:
            from capture.naming.name_book import NameBook

            self._kept = NameBook()
        self.book = self._kept
        self._draw()
        self._learn(tell=True)

    def capture_opened(self) -> None:
        """Its names, where names are on."""
        if self.book is not None:
            self._learn(tell=False)

    # -- what is at hand

    def _learn(self, *, tell: bool) -> None:
        book = self._kept
        assert book is not None
        paths = [triage.decoded.path for triage in self._asked.investigation.triages]

        def read() -> None:
            from capture.naming.pcapng_names import names_in

            with self._lock:
                if not self._read:
                    book.read_system()
                    self._read.add("")
                for path in paths:
                    if path not in self._read:
                        book.learn_of_capture(names_in(path, lambda: not self._app.is_running))
                        self._read.add(path)
            self._call(self._learned, tell)

        self._app.run_worker(read, thread=True, group="names", exit_on_error=False)

    def _learned(self, tell: bool) -> None:
        self._draw()
        if tell and self.book is not None:
            known = count(len(self.book), "address")
            self._say(
                tr("Names beside addresses: {n} known here (/etc/hosts, captures); : asks the DNS", n=known), "good"
            )

    # -- the DNS

    def ask(self) -> None:
        """Ask name servers for the addresses that the screen in front shows, if the user says so."""
        from capture.naming.reverse_dns import MOST, PATIENCE_S
        from tui.screens.choose import ChooseScreen

        addresses = self._unnamed()[:MOST]
        if not addresses:
            self._say("No address here is without a name", "warn")
            return
        question = tr("Ask the DNS for {n}? At most {s} s", n=count(len(addresses), "address"), s=f"{PATIENCE_S:.0f}")

        def answered(answer: str | None) -> None:
            if answer == YES:
                self._ask(addresses)

        self._app.push_screen(ChooseScreen(question, (NO, YES)), answered)

    def _unnamed(self) -> list[str]:
        from tui.text.names_column import ends_in

        front = self._front()
        found: dict[str, None] = {}
        for table in front.query(RowsTable) if front is not None else ():
            for index in range(min(MOST_ROWS, len(table.rows))):
                for text, _ in table.rows.cells(index):
                    found.update((ip, None) for ip, _ in ends_in(text))
        book = self._kept
        return [ip for ip in found if ip not in ("0.0.0.0", "::") and (book is None or not book.of_address(ip))]

    def _ask(self, addresses: list[str]) -> None:
        from capture.naming.name_book import NameBook
        from capture.naming.reverse_dns import reverse_names

        book = self._kept = self.book = self._kept or NameBook()
        self._say(tr("Asking for {n} …", n=count(len(addresses), "address")))
        self._learn(tell=False)

        def work() -> None:
            named = 0
            for ip, name in reverse_names(addresses, stopped=lambda: not self._app.is_running):
                if name:
                    named += 1
                    book.learn_of_dns({ip: name})
                    self._call(self._draw)
            self._call(self._answered, named, len(addresses))

        self._app.run_worker(work, thread=True, group="dns", exclusive=True, exit_on_error=False)

    def _answered(self, named: int, number: int) -> None:
        self._say(tr("The DNS named {named} of {n}", named=named, n=count(number, "address")), "good")

    # -- the screens

    def _call(self, function: object, *arguments: object) -> None:
        with suppress(RuntimeError):  # the app has ended
            self._app.call_from_thread(function, *arguments)  # type: ignore[arg-type]

    def _draw(self) -> None:
        for stack in self._app._screen_stacks.values():
            for screen in stack:
                if isinstance(screen, TriageScreen) and screen.is_mounted:
                    screen.names_changed()

    def _front(self) -> TriageScreen | None:
        return next((one for one in reversed(self._app.screen_stack) if isinstance(one, TriageScreen)), None)

    def _say(self, text: str, tone: str = "") -> None:
        front = self._front()
        if front is not None:
            front.say(text, tone)
