"""Live: what is wrong on this machine now, then its connections, refreshed by a worker."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.binding import Binding

from capture.safe_text import printable
from tui.rows.finding_rows import COLUMNS as FINDING_COLUMNS
from tui.rows.finding_rows import Found, found_live
from tui.rows.grouped_rows import GroupKey
from tui.rows.live_rows import rates
from tui.rows.settled_order import places_in
from tui.rows.socket_rows import COLUMNS, GROUPINGS, SORTS, SocketRows, badness, playbook_of
from tui.screens.flight_recorder import FlightRecorderScreen
from tui.screens.group_panes import GroupPanes
from tui.screens.recording import RecordingScreen
from tui.screens.views_of_looks import ScreenOfLooks
from tui.screens.with_findings import LOW, ScreenWithFindings
from tui.screens.with_order import ScreenWithOrder
from tui.text.glossary import meaning
from tui.text.language import count, tr
from tui.text.quantities import clock
from tui.widgets.row_table import RowsTable
from tui.widgets.text_lines import Lines
from tui.work.messages import LookingFailed, RowsPeeked, SnapshotTaken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from capture.sockets.findings.thresholds import Thresholds
    from tui.rows.live_look import Look
    from tui.screens.base import Keys
    from tui.text.column_layout import Column
    from tui.text.filter_choices import Values
    from tui.work.look_loop import LookLoop


class LiveScreen(RecordingScreen, FlightRecorderScreen, ScreenOfLooks, ScreenWithFindings, ScreenWithOrder):
    """Findings, groups, sockets. Tab goes between them, Enter drills, every row of a group is a filter."""

    MODE = "live"
    FILTERS = "socket"
    TABLE = "#sockets"
    KEYS: ClassVar[Keys] = (
        ("Enter", "open"),
        ("f", "fix"),
        ("/", "filter"),
        ("s", "sort"),
        ("b", "group by"),
        ("F", "all findings"),
        ("S", "reverse"),
        ("p", "pause"),
        ("t", "changes"),
        ("K", "kernel"),
        ("C", "charts"),
        ("W", "watch"),
        ("R", "record"),
        ("l", "log"),
        ("y", "copy"),
        ("c", "capture"),
        ("Tab", "pane"),
        ("a", "keep"),
        ("=", "rows like it"),
        ("T", "thresholds"),
        ("O", "own network"),
        (":", "commands"),
    )
    TOPICS = ("states", "sockets", "counters")
    ABOUT = "What is wrong on this machine now, most severe first; below, its connections by state, process and peer."
    AUTO_FOCUS = "#sockets"
    FINDINGS_TITLE = "What is wrong now"
    SORTS = SORTS
    GROUPINGS = GROUPINGS
    BINDINGS = [
        Binding("p", "pause", show=False),
        Binding("T", "thresholds", show=False),
        Binding("c", "capture_this", show=False),
        Binding("O", "namespaces", show=False),
        Binding("tab", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
    ]

    def __init__(self, replay: str | None = None) -> None:
        super().__init__()
        self._replay = replay
        self._peeks = False
        self._look_loop: LookLoop | None = None
        self._since: float | None = None  # when the first look was
        self._thresholds: Thresholds | None = None

    def body(self) -> Iterable[Widget]:
        """Findings, groups, sockets."""
        yield RowsTable(FINDING_COLUMNS, head=False, empty="looking …", id="findings")
        yield Lines(id="finding-text", most=6, low=2, least=LOW)
        yield GroupPanes(id="groups")
        yield Lines(id="counters", most=1, parts=" · ", least=LOW)
        yield RowsTable(self._columns(), empty="looking …", id="sockets")

    def _columns(self) -> tuple[Column, ...]:
        """A network namespace is shown beside each socket only where there are several."""
        alone = self._look is None or len(self._look.snapshot.namespaces) < 2
        return tuple(
            replace(one, hidden=True) if alone and one.key == "netns" else one for one in self.chosen_columns(COLUMNS)
        )

    def on_mount(self) -> None:
        """Start to look."""
        self._table("findings").set_title(self.FINDINGS_TITLE)
        self._table("sockets").set_title("Connections")
        self._table("sockets").set_order(*self.arrangement.sort)
        self._table("sockets").pids_here = self.is_of_now
        if wanted := self.first_filter():
            self.apply_filter(wanted)
        self.call_after_refresh(self._begin)  # its imports must not delay the first picture

    @property
    def look_loop(self) -> LookLoop | None:
        """What looks; None before the first picture."""
        return self._look_loop

    def make_look_loop(self) -> LookLoop:
        """What looks: at this machine, or at the hosts that were named."""
        from tui.work.look_loop import LookLoop
        from tui.work.look_source import opener

        request = self.triage_app.investigation.request
        self._peeks = self.wanted is None and self.is_of_now
        looker = opener(None, request.all_namespaces, request.hosts)
        return LookLoop(looker, request.interval, of_now=not request.hosts)

    def _begin(self) -> None:
        request = self.triage_app.investigation.request
        self._look_loop = self.make_look_loop()
        self._look_loop.want(self.wanted)
        self._look_loop.arrange(self.arrangement)
        if request.thresholds:
            self._judge_by(self._judged_by())
        self._watch(self._look_loop)

    def on_resize(self) -> None:
        """A tall screen shows more groups at once."""
        self.query_one(GroupPanes).fit(self.app.size.height)

    def on_unmount(self) -> None:
        """Let the worker end."""
        if self._looks_file is not None:
            self._looks_file.close()
        if self._look_loop is not None:
            self._look_loop.stop()

    def _table(self, name: str) -> RowsTable:
        return self.query_one(f"#{name}", RowsTable)

    # -- the worker

    @work(thread=True, exclusive=True, group="live", exit_on_error=False)
    def _watch(self, loop: LookLoop) -> None:
        try:
            if self._peeks:
                from tui.work.first_sockets import first_rows

                if (peek := first_rows()) is not None:
                    self.post_message(RowsPeeked(peek))
            for look in loop.looks():
                self.post_message(SnapshotTaken(look))
        except Exception as error:  # whatever the kernel answers must end as a line, not as a lost screen
            self.post_message(LookingFailed(f"{type(error).__name__}: {error}"))

    @on(LookingFailed)
    def _tell_failure(self, event: LookingFailed) -> None:
        for name in ("findings", "sockets"):
            self._table(name).set_empty("the live connections cannot be read")
        self.say(tr("The live connections cannot be read: {why}", why=printable(event.why)), "bad")

    @on(RowsPeeked)
    def _show_peek(self, event: RowsPeeked) -> None:
        if self._look is None:
            table = self._table("sockets")
            more = len(event.peek.rows) < event.peek.total
            table.set_title(tr("Connections: the first of {n}", n=f"{event.peek.total:,}") if more else "Connections")
            table.show(event.peek.rows)

    @on(SnapshotTaken)
    def _take_look(self, event: SnapshotTaken) -> None:
        """What was asked for, and the first look, are shown at once; what comes by itself when the line has room."""
        look = event.look
        if look.asked or self._since is None:
            is_first, self._since = self._since is None, self._since or look.snapshot.time
            self.drop_unpainted()
            self._show_look(look)
            if is_first:
                self.count_values_again()  # the filter's line may be open already
        elif not self._is_paused:
            self.paint_within_budget(lambda: self._show_look(look))

    @property
    def _is_paused(self) -> bool:
        return self._look_loop is not None and self._look_loop.paused

    def _show_look(self, look: Look) -> None:
        self._look = look
        with self.app.batch_update():
            self._tell_moment()
            self._show_findings()
            self._show_groups()
            filtered = self.filter_text
            table = self._table("sockets")
            table.set_columns(self._columns())
            table.set_empty("no socket matches the filter" if filtered else "no TCP sockets")
            title = self.titled("Connections", look.rows.matching)
            if filtered:
                table.set_title(tr("Connections: {filter}", filter=filtered))
            else:
                table.set_title(title, counted=not self.grouped_by)
            table.show(look.rows)
            self.rows_are_shown()

    def _tell_moment(self) -> None:
        self.title_bar.set_right(" · ".join(self.moment()))

    def moment(self) -> list[str]:
        """Host and time of the look that is shown, and whether more follow."""
        if self._look is None or self._look_loop is None:
            return []
        snapshot = self._look.snapshot
        parts = [printable(snapshot.host, 30), clock(snapshot.time)]
        parts += [tr("paused")] if self._look_loop.paused else []
        parts += [*self.recorded_so_far(), *self.watched_so_far()]
        parts += [count(len(snapshot.namespaces), "namespace")] if len(snapshot.namespaces) > 1 else []
        return parts

    def _show_findings(self) -> None:
        if self._look is None:
            return
        snapshot = self._look.snapshot
        total = sum(snapshot.states.values())
        nothing = tr("nothing asks for attention among {sockets}", sockets=count(total, "socket"))
        if snapshot.limits:
            nothing += tr("; {things} not seen", things=count(len(snapshot.limits), "thing"))
        places = places_in(self._table("findings").rows)
        self.show_findings(found_live(snapshot, self._since or 0.0, places), nothing)

    def text_without_finding(self) -> str:
        """What could not be seen."""
        return printable(_unseen(self._look.snapshot.limits)) if self._look is not None else ""

    def _show_groups(self) -> None:
        if self._look is None:
            return
        plain = self.triage_app.terminal.plain_charts
        self.query_one(GroupPanes).show(self._look, plain)
        self.query_one("#counters", Lines).set_text(rates(self._look, plain))

    # -- keys

    def filter_of_row(self) -> str:
        """A group's own; a socket's peer and state; of a listener its port."""
        if isinstance(self.focused, RowsTable) and self.focused.id in ("states", "processes", "peers"):
            return str(self.focused.cursor_key or "")
        row = self._row()
        if row is None:
            return ""
        if isinstance(key := self._table("sockets").cursor_key, GroupKey):
            from tui.rows.socket_groups import filter_of

            return filter_of(key, row)
        if row.state == "LISTEN":
            return f"port:{row.local.port}"
        return f"state:{row.state.value.lower()} peer:{row.remote.ip}"

    def filter_changed(self) -> None:
        """The loop filters."""
        if self._look_loop is not None:
            self._look_loop.want(self.wanted)

    def words_here(self) -> tuple[tuple[str, str], ...]:
        """The state of the socket under the cursor."""
        row = self._row()
        words = meaning("states", row.state.value) if row is not None else ""
        return ((row.state.value, words),) if row is not None and words else ()

    def values_here(self) -> Values:
        """Of all sockets of the last look."""
        from tui.rows.filter_values import socket_values

        return socket_values(self._look.snapshot.rows) if self._look is not None else {}

    def arrange_rows(self) -> None:
        """The loop sorts and groups."""
        if self._look_loop is not None:
            self._look_loop.arrange(self.arrangement)

    def seen_in(self) -> str:
        """The host that is looked at."""
        return printable(self._look.snapshot.host, 60) if self._look is not None else ""

    def action_pause(self) -> None:
        """Stop or go on looking."""
        if self._look_loop is None:
            return
        self._look_loop.pause(not self._look_loop.paused)
        self.drop_unpainted()  # a paused picture stays as it was when the key was pressed
        self._tell_moment()
        self.say("Paused: p goes on" if self._look_loop.paused else "Looking again")

    def action_namespaces(self) -> None:
        """This network namespace alone, or all that may be entered."""
        if self._look_loop is None or self._look_loop.ended or self._replay is not None:
            self.say("A recording holds the namespaces that were looked into", "warn")
            return
        self._look_loop.all_namespaces = not self._look_loop.all_namespaces
        self.say("All network namespaces" if self._look_loop.all_namespaces else "This network namespace alone")

    @property
    def is_of_now(self) -> bool:
        """Whether this machine is looked at, and now."""
        return self._replay is None and not self.triage_app.investigation.request.hosts

    def action_thresholds(self) -> None:
        """From when on it is a finding."""
        from tui.screens.thresholds import ThresholdsScreen

        self.app.push_screen(ThresholdsScreen(self._judged_by(), self._judge_by))

    def _judged_by(self) -> Thresholds:
        from capture.sockets.findings.thresholds import Thresholds

        asked = self.triage_app.investigation.request.thresholds
        return self._thresholds or Thresholds().changed(asked)

    def _judge_by(self, thresholds: Thresholds) -> None:
        self._thresholds = self.triage_app.investigation.thresholds = thresholds
        if self._look_loop is not None:
            self._look_loop.judge_by(thresholds)

    def action_capture_this(self) -> None:
        """How to record the connection under the cursor."""
        row = self._row()
        if row is None:
            self.say("Put the cursor on a connection first", "warn")
            return
        from tui.screens.record import RecordScreen

        self.app.push_screen(RecordScreen(row.local, row.remote))

    def _row(self) -> Any:
        rows = self._look.rows if self._look is not None else None
        key = self._table("sockets").cursor_key
        return rows.row(key) if isinstance(rows, SocketRows) and key is not None else None

    @on(RowsTable.Chosen, "#states,#processes,#peers")
    def _group_chosen(self, event: RowsTable.Chosen) -> None:
        self.apply_filter(str(event.key))

    def finding_of_row(self) -> Found | None:
        """The finding whose severity the row carries."""
        row = self._row()
        if row is None or self._look is None:
            return None
        from tui.rows.socket_findings import members

        known = [one for one in self._found.values() if not one.over]
        return next((one for one in known if row in members(one.finding, self._look.snapshot.rows)), None)

    def playbook_of_row(self) -> tuple[str, dict[str, str], str] | None:
        """What is done about a socket in such a state."""
        row = self._row() if isinstance(self.focused, RowsTable) and self.focused.id == "sockets" else None
        if row is None or not badness(row):
            return None
        from tui.text.socket_lines import socket_line

        asked = playbook_of(row)
        return (*asked, socket_line(row)) if asked is not None else None

    @on(RowsTable.Chosen, "#sockets")
    def _socket_chosen(self, event: RowsTable.Chosen) -> None:
        if self.toggle_group(event.key):
            return
        row = self._row()
        if row is not None:
            from tui.screens.socket import SocketScreen

            self.app.push_screen(SocketScreen(row))

    def copy_text(self) -> tuple[str, str]:
        """The row under the cursor as text, whichever pane has it."""
        if (found := self.found_here) is not None:
            return self.copy_of_finding(found)
        focused = self.focused
        if isinstance(focused, RowsTable) and focused.id != "sockets" and focused.cursor_key is not None:
            place = focused.rows.place_of(focused.cursor_key)
            if place is not None:
                return "Row", " ".join(text for text, _ in focused.rows.cells(place)[:2])
        row = self._row()
        if row is None:
            return "", ""
        if isinstance(self._table("sockets").cursor_key, GroupKey):
            return "Group", self._table("sockets").text_of_row()
        from tui.text.socket_lines import socket_line

        return "Connection", socket_line(row)

    def evidence(self) -> tuple[str, str, str]:
        """The finding, or the socket, under the cursor."""
        if (found := self.found_here) is not None:
            return self.evidence_of_finding(found)
        _, text = self.copy_text()
        return ("connection", text.split("\n")[0], f"```\n{text}\n```") if text else ("", "", "")


def _unseen(limits: Sequence[str]) -> str:
    """What could not be seen, as one sentence: shown where nothing asks for attention."""
    return tr("Not seen: {what}.", what="; ".join(limits)) if limits else ""
