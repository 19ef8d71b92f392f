"""One playbook: its steps run on this machine, what they found, and the fixes to copy."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.list_rows import ListRows
from tui.rows.playbook_steps import (
    OTHERS,
    AskedWrongly,
    Entry,
    Run,
    accepted,
    ask,
    carried,
    fix_markdown,
    joins,
    planned,
)
from tui.screens.base import TriageScreen
from tui.text.column_layout import Column
from tui.text.language import tr
from tui.widgets.paper import Paper
from tui.widgets.row_table import RowsTable
from tui.widgets.text_lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.widget import Widget

    from playbooks.model import CheckReport, Fix, StepResult
    from tui.rows.list_rows import Cell

COLUMNS = (
    Column("mark", "", 2, rank=0),
    Column("outcome", "Outcome", 8, rank=0),
    Column("title", "Step", 30, most=300, rank=0),
)
MARKS = {
    "pass": ("+ ", "good"),
    "warn": ("! ", "warn"),
    "fail": ("!!", "bad"),
    "unknown": ("? ", "warn"),
    "manual": ("· ", "dim"),
    "fix": ("→ ", "strong"),
    "other": ("○ ", "dim"),
    "none": ("- ", "warn"),
    "checks": ("≡ ", "dim"),
    "waiting": ("  ", "dim"),
}
LABELS = {"waiting": "…", "other": "fix?"}  # known to the playbook, not asked for by what was found here
RISKY = ("medium", "high")


class PlaybookScreen(TriageScreen):
    """Steps and fixes in one list; the page below is about the one under the cursor."""

    MODE = "playbooks"
    KEYS = (
        ("Enter", "open"),
        ("y", "copy"),
        ("f", "fixes"),
        ("B", "go on"),
        ("r", "run again"),
        ("E", "settings"),
        ("v", "plain"),
        ("w", "sockets"),
        ("P", "packets"),
        ("Esc", "back"),
        ("x", "export"),
    )
    ABOUT = (
        "The steps of a playbook, run on this machine; what each found; below them the fixes. Nothing is changed by it."
    )
    AUTO_FOCUS = "#steps"
    LIST_COLUMNS = COLUMNS
    EMPTY = "checking …"
    BINDINGS = [
        Binding("r", "run", show=False),
        Binding("E", "settings", show=False),
        Binding("f", "fixes", show=False),
        Binding("B", "go_on", show=False),
        Binding("w", "sockets", show=False),
        Binding("P", "packets", show=False),
        Binding("x", "export", show=False),
        Binding("tab", "app.focus_next", show=False),
    ]

    def __init__(self, name: str, settings: dict[str, str], found: str = "") -> None:
        super().__init__()
        self._book = name
        self._settings = accepted(name, settings)
        self._found = found
        self._outcome: Run | None = None
        self._entries: dict[str, Entry] = {}
        self._warned: str | None = None
        self._wish: Callable[[], None] | None = None  # a key that came before the checks had ended
        self._touched = False
        self._since: float | None = None  # when the checks began; None: none are running
        self._heard = ""  # the step that ended last

    def body(self) -> Iterable[Widget]:
        """What led here, the list, the page."""
        yield Lines(id="found", most=6, low=3)
        yield RowsTable(self.LIST_COLUMNS, empty=self.EMPTY, id="steps")
        yield Paper(id="page")

    def on_mount(self) -> None:
        """Run at once: the steps only read."""
        self.query_one("#steps", RowsTable).set_title(self._book)
        self.action_run()
        self.set_interval(1.0, self._tell_progress)

    # -- running

    def action_run(self) -> None:
        """Run the steps (again)."""
        self._since = time.monotonic()
        self._heard = ""
        self._tell_progress()
        before = self._outcome.report if self._outcome is not None else None
        same = before is not None and before.settings == self._settings
        self._ask(dict(self._settings), before if same else None)

    @work(thread=True, exclusive=True, group="check", exit_on_error=False)
    def _ask(self, settings: dict[str, str], before: CheckReport | None) -> None:
        def heard(step: StepResult) -> None:
            self.app.call_from_thread(self._hear, f"{printable(step.title, 50)}: {tr(step.outcome)}")

        try:
            if self._outcome is None:
                self.app.call_from_thread(self._plan, planned(self._book))
            outcome = ask(self._book, settings, before, heard)
        except AskedWrongly as error:
            self.app.call_from_thread(self._failed, str(error))
        except Exception as error:  # a check met what nobody foresaw: the screen stays, and says so
            self.app.call_from_thread(self._failed, f"{type(error).__name__}: {error}")
        else:
            self.app.call_from_thread(self._show, outcome)

    def _plan(self, steps: tuple[Entry, ...]) -> None:
        """What is being checked."""
        if self._outcome is None:
            self._list(steps)
            self._show_entry()

    def _hear(self, step: str) -> None:
        self._heard = step
        self._tell_progress()

    def _tell_progress(self) -> None:
        """Some steps watch for seconds: that something goes on must be seen."""
        if self._since is None:
            return
        seconds = int(time.monotonic() - self._since)
        waited = tr("{n} s, some steps watch for a while; Esc leaves", n=seconds) if seconds else ""
        self._tell_head("checking … " + (self._heard or waited))

    def _failed(self, why: str) -> None:
        self._since = None
        self._tell_head("")
        self.query_one("#steps", RowsTable).set_empty("the checks could not be run")
        self.say(printable(why), "bad")

    def _show(self, outcome: Run) -> None:
        self._since = None
        self._outcome = outcome
        self._list(self.listed(outcome))
        self.query_one("#steps", RowsTable).set_title(f"{self._book}: {outcome.title}", counted=False)
        self._tell_head("")
        self._show_entry()
        if outcome.cured:
            self.say(tr("Cured: {what}", what=printable("; ".join(outcome.cured))), "good")
        self.triage_app.investigation.keep("check", f"{self._book} {outcome.tally}", outcome.markdown, self.seen_in())
        if not self._touched:
            self._to_first_trouble()
        wish, self._wish = self._wish, None
        if wish is not None and self.is_current:
            wish()

    def _list(self, entries: Iterable[Entry]) -> None:
        self._entries = {entry.key: entry for entry in entries}
        rows = [(entry.key, self.cells_of(entry)) for entry in self._entries.values()]
        self.query_one("#steps", RowsTable).show(ListRows(rows))

    def listed(self, outcome: Run) -> Iterable[Entry]:
        """The rows of a run, in order."""
        return outcome.entries

    def cells_of(self, entry: Entry) -> tuple[Cell, ...]:
        """In the order of LIST_COLUMNS."""
        mark = MARKS[entry.outcome]
        return (mark, (tr(LABELS.get(entry.outcome, entry.outcome)), mark[1]), (entry.title, ""))

    def _open_row(self, row: Entry) -> None:
        """Put what is behind a row in its place."""
        kept = [entry for entry in self._entries.values() if entry is not row]
        self._list((*kept, *row.behind))
        self.query_one("#steps", RowsTable).move_to(row.behind[0].key)
        self._show_entry()

    def _to_first_trouble(self) -> None:
        """The cursor starts where something is wrong."""
        worst = next((e.key for e in self._entries.values() if e.outcome == "fail"), None)
        if worst is not None:
            self.query_one("#steps", RowsTable).move_to(worst)

    def _tell_head(self, doing: str) -> None:
        settings = "  ".join(f"{key}={printable(value, 60)}" for key, value in self._settings.items())
        tally = doing or (self._outcome.tally if self._outcome else "")
        lines = [line for line in (self._found, f"{tally}   {settings}".strip()) if line]
        self.query_one("#found", Lines).set_text("\n".join(lines))

    # -- the entry under the cursor

    def _entry(self) -> Entry | None:
        return self._entries.get(str(self.query_one("#steps", RowsTable).cursor_key))

    @on(RowsTable.Moved, "#steps")
    def _show_entry(self) -> None:
        entry = self._entry()
        self._warned = None
        if entry is not None:
            self.query_one("#page", Paper).set_page(entry.page, entry.heading)

    @on(RowsTable.Chosen, "#steps")
    def _chosen(self) -> None:
        """Enter reads the page: its keys scroll it."""
        self._touched = True
        entry = self._entry()
        if entry is not None and entry.behind:
            self._open_row(entry)
            return
        self.query_one("#page", Paper).focus()

    def action_back(self) -> None:
        """From the page to the list, from the list to where one came from."""
        if isinstance(self.focused, Paper):
            self.query_one("#steps", RowsTable).focus()
        else:
            super().action_back()

    def action_fixes(self) -> None:
        """The first fix."""
        if self._still_checking(self.action_fixes):
            return
        fixes = [key for key, entry in self._entries.items() if entry.fix is not None or key == OTHERS]
        table = self.query_one("#steps", RowsTable)
        at = fixes.index(table.cursor_key) + 1 if table.cursor_key in fixes else 0  # once more: the next one
        first = fixes[at % len(fixes)] if fixes else None
        if first is None:
            self.say("These checks propose no fix", "warn")
            return
        table.focus()
        table.move_to(first)

    def action_go_on(self) -> None:
        """The next playbook: the one that the step leads to, else one of those that the playbook names."""
        if self._still_checking(self.action_go_on) or self._outcome is None:
            return
        entry = self._entry()
        if entry is not None and entry.next:
            self._went_on(entry.next)
            return
        failed = [e.next for e in self._entries.values() if e.next]
        names = list(dict.fromkeys((*failed, *self._outcome.see_also)))
        if not names:
            self.say("No other playbook goes on from here")
            return
        from tui.screens.choose import ChooseScreen

        self.app.push_screen(ChooseScreen("Go on with playbook", names), self._went_on)

    def _still_checking(self, wish: Callable[[], None]) -> bool:
        """Before the checks have ended a key is kept for then."""
        if self._outcome is not None:
            return False
        self._wish = wish
        self.say("Still checking: it follows when the checks have ended")
        return True

    def _went_on(self, name: str | None) -> None:
        if name:
            settings = carried(self._settings, self._book, name)
            self.triage_app.open_playbook(name, settings, found=self._found)

    def copy_text(self) -> tuple[str, str]:
        """A step's command, a fix's snippet."""
        entry = self._entry()
        if entry is None:
            return "", ""
        return ("Fix" if entry.fix else "Command"), entry.copyable

    def action_copy(self) -> None:
        """What is risky says so before it is copied."""
        entry = self._entry()
        if entry is not None and not entry.copyable and any(one.fix for one in self._entries.values()):
            self.say("Nothing to copy in this row: f goes to the fixes that are known for such trouble", "warn")
            return
        if entry is not None and entry.fix is not None:
            fix = entry.fix
            self.triage_app.investigation.keep("fix", printable(fix.title), fix_markdown(fix), self.seen_in())
            if fix.risk in RISKY and self._warned != entry.key:
                self._warned = entry.key
                self.say(
                    tr("Risk {risk}: {why} Press y again to copy it", risk=tr(fix.risk), why=risk_words(fix)), "warn"
                )
                return
        super().action_copy()

    def evidence(self) -> tuple[str, str, str]:
        """The check, or the fix."""
        entry = self._entry()
        if entry is not None and entry.fix is not None:
            return "fix", printable(entry.fix.title), fix_markdown(entry.fix)
        return (
            ("check", f"{self._book} {self._outcome.tally}", self._outcome.markdown) if self._outcome else ("", "", "")
        )

    def place(self) -> dict[str, Any]:
        """The playbook and its settings."""
        return {"kind": "playbook", "name": self._book, "settings": self._settings, "found": self._found}

    def seen_in(self) -> str:
        """The capture and the log that the checks read, else this machine."""
        files = [Path(self._settings[key]).name for key in ("capture", "log") if self._settings.get(key)]
        return printable(", ".join(files), 60) or socket.gethostname()

    # -- going on

    def action_settings(self) -> None:
        """Narrow the checks."""
        from tui.rows.playbook_steps import keys_of
        from tui.screens.ask import AskScreen

        value = " ".join(f"{key}={value}" for key, value in self._settings.items())
        keys = ", ".join(keys_of(self._book))
        self.app.push_screen(
            AskScreen("Settings", "port=8080 capture=file.pcap", value, meaning=tr("KEY=VALUE … of {keys}", keys=keys)),
            self._set,
        )

    def _set(self, text: str | None) -> None:
        if text is None:
            return
        pairs = (part.partition("=") for part in text.split())
        self._settings = {key: value for key, equals, value in pairs if equals}
        self.action_run()

    def action_sockets(self) -> None:
        """The sockets that the step speaks of."""
        live, _ = joins(self._book, self._settings)
        self.triage_app.filter_mode("live", live)

    def action_packets(self) -> None:
        """The packets that the step speaks of."""
        path = self._settings.get("capture")
        _, wanted = joins(self._book, self._settings)
        open_now = {triage.decoded.path for triage in self.triage_app.investigation.triages}
        if path and path not in open_now:
            self.triage_app.open_capture((path,), wanted)
        elif open_now:
            self.triage_app.filter_mode("capture", wanted)
        else:
            self.say("No capture is open: 2 then o opens one; c on a live socket records one", "warn")

    def action_export(self) -> None:
        """The check as a Markdown file."""
        from tui.work.saved_files import save

        if self._outcome is None:
            return
        path = save(f"tcptriage-{self._book}.md", self._outcome.markdown)
        self.say(
            tr("Written: {path}", path=path) if path else "No folder here can be written to", "good" if path else "bad"
        )


def risk_words(fix: Fix) -> str:
    """What could go wrong, and for how long."""
    lasts = {
        "now": tr("it lasts until the next restart"),
        "reboot": tr("it lasts until the next boot"),
        "permanent": tr("it stays"),
    }
    undo = tr(" Undo: {how}.", how=printable(fix.undo, 80)) if fix.undo else ""
    return f"{printable(fix.why, 120)}; {lasts.get(fix.lasts, fix.lasts)}.{undo}"
