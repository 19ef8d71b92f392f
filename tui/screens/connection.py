"""One connection: its sentence, its ladder, and what the packet under the cursor says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on
from textual.binding import Binding

from capture.ladder import ladder_rows
from capture.report.ladder_text import ladder_lines
from capture.safe_text import printable
from tui.rows.ladder_rows import CLOCKS, SINCE_START, LadderLines, columns_for
from tui.screens.with_playbook import ScreenWithPlaybook
from tui.text.language import count, tr
from tui.text.vantage_words import seen_from
from tui.text.verdict_lines import story
from tui.widgets.row_table import RowsTable
from tui.widgets.text_lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from capture.ladder import LadderRow
    from capture.model import Connection
    from capture.triage import Triage


ROWS_ELSEWHERE = 7
"""Lines of the screen that are neither the sentence's nor the ladder's: title, border, head, the packet's, keys."""
CLOCKS_TOLD = ("seconds since the first packet", "of day, UTC", "seconds since the packet before")


class ConnectionScreen(ScreenWithPlaybook):
    """The ladder. n and N go to the next and previous problem, Enter decodes a packet in full."""

    MODE = "capture"
    KEYS = (
        ("Enter", "decode"),
        ("n/N", "problem"),
        ("e", "every packet"),
        ("m", "clock"),
        ("i", "to scale"),
        ("f", "fix"),
        ("B", "playbook"),
        ("h", "other hop"),
        ("y", "copy"),
        ("x", "SVG"),
        ("a", "keep"),
        ("Esc", "back"),
        ("w", "live sockets"),
    )
    TOPICS = ("flags", "ladder", "states", "conn_state", "causes")
    ABOUT = "One connection as a ladder: time runs down, each arrow is a packet, each side's state is beside it."
    AUTO_FOCUS = "#ladder"
    BINDINGS = [
        Binding("n", "problem(1)", show=False),
        Binding("N", "problem(-1)", show=False),
        Binding("e", "fold", show=False),
        Binding("m", "clock", show=False),
        Binding("i", "scale", show=False),
        Binding("f", "fix", show=False),
        Binding("B", "playbook", show=False),
        Binding("h", "hop", show=False),
        Binding("x", "picture", show=False),
        Binding("w", "live", show=False),
    ]

    def __init__(self, triage: Triage, connection: int) -> None:
        super().__init__()
        self._triage = triage
        self._connection = connection
        self._one = triage.connection(connection)
        self._fold = True
        self._view = SINCE_START
        self._rows: list[LadderRow] = []
        self._lines: LadderLines | None = None
        self._width = 0

    def body(self) -> Iterable[Widget]:
        """The sentence, the ladder, the packet."""
        yield Lines(id="story", most=8, low=4)
        yield RowsTable((), id="ladder")
        yield Lines(id="packet", most=3)

    def on_mount(self) -> None:
        """Draw it, with the cursor on the first packet that carries the verdict."""
        one = self._one
        self.title_bar.set_right(
            f"{printable(Path(self._triage.decoded.path).name, 40)} · {tr('connection {id}', id=one.id)}"
        )
        self.query_one("#story", Lines).set_text(story(one))
        self._tell_names()
        self.query_one("#ladder", RowsTable).set_note(seen_from([self._triage]))
        self._rows = ladder_rows(self._triage, self._connection, fold=self._fold)
        self._draw()
        self._to_proof()

    def names_changed(self) -> None:
        """The ends' names stand over the ladder."""
        super().names_changed()
        self._tell_names()

    def _tell_names(self) -> None:
        names, one = self.triage_app.naming.book, self._one
        ends = [] if names is None else [names.beside(end.ip, end.port) for end in (one.originator, one.responder)]
        title = tr("Ladder: {ends}", ends=" → ".join(name or "?" for name in ends)) if any(ends) else "Ladder"
        self.query_one("#ladder", RowsTable).set_title(title)

    def on_resize(self) -> None:
        """Arrows are as wide as the screen allows."""
        self._draw()

    def _draw(self) -> None:
        width = self.app.size.width
        if not self._rows or not self.is_mounted:
            return
        table = self.query_one("#ladder", RowsTable)
        columns = columns_for(width, self._one.originator, self._one.responder, self._view)
        self._lines = LadderLines(self._rows, columns, self._view)
        table.set_columns(columns)
        table.show(self._lines)
        self.query_one("#story", Lines).set_room(self.app.size.height - ROWS_ELSEWHERE - len(self._lines))
        self._tell_packet()

    def words_here(self) -> tuple[tuple[str, str], ...]:
        """Those of the connection."""
        from tui.rows.connection_rows import ended
        from tui.text.row_words import words_of

        place = self._triage.verdicts.vantage.place
        return words_of(self._one, ended(self._one.verdict.ended_by), place)

    def _to_proof(self) -> None:
        """Only where the end would be out of sight: a short ladder is read from its top."""
        table = self.query_one("#ladder", RowsTable)
        if self._lines is None:
            return
        place = self._lines.problem_from(-1, 1)
        if place is not None and place > 4:
            self.call_after_refresh(table.move_to, self._lines.key(place))

    def _row(self) -> LadderRow | None:
        table = self.query_one("#ladder", RowsTable)
        if self._lines is None or table.cursor_key is None:
            return None
        place = self._lines.place_of(table.cursor_key)
        return None if place is None else self._lines.row_at(place)

    @on(RowsTable.Moved, "#ladder")
    def _tell_packet(self) -> None:
        row = self._row()
        self.query_one("#packet", Lines).set_text(packet_line(row, self._one) if row is not None else "")

    @on(RowsTable.Chosen, "#ladder")
    def _decode(self) -> None:
        row = self._row()
        if row is not None:
            from tui.screens.packet import PacketScreen

            self.app.push_screen(PacketScreen(self._triage, self._connection, row.number))

    def action_problem(self, step: int) -> None:
        """The next or previous packet that shows trouble or carries the verdict."""
        table = self.query_one("#ladder", RowsTable)
        if self._lines is None:
            return
        place = self._lines.place_of(table.cursor_key) if table.cursor_key is not None else 0
        found = self._lines.problem_from(place or 0, step)
        if found is None:
            self.say("No further problem " + ("below" if step > 0 else "above"))
            return
        table.move_to(self._lines.key(found))

    def action_fold(self) -> None:
        """Long data runs as one row each, or every packet."""
        self._fold = not self._fold
        self._rows = ladder_rows(self._triage, self._connection, fold=self._fold)
        self._draw()
        self.say("Long data runs are folded" if self._fold else "Every packet is shown; e folds again")

    def action_clock(self) -> None:
        """Times since the first packet, of day, or since the packet before."""
        self._view = self._view.other_clock()
        self._draw()
        self.say(tr("Times: {which}", which=tr(CLOCKS_TOLD[CLOCKS.index(self._view.clock)])))

    def action_scale(self) -> None:
        """Silences as long on the screen as they were, or a line each."""
        self._view = replace(self._view, to_scale=not self._view.to_scale)
        self._draw()
        self.say("Silences are drawn to scale; i: a line each" if self._view.to_scale else "Silences take a line each")

    def asked_playbook(self) -> tuple[str, dict[str, str], str] | None:
        """That of its ending."""
        name = self._one.verdict.playbook
        if name is None:
            self.say("No playbook speaks of this ending: nothing is wrong with it, or nothing is known", "warn")
            return None
        return name, {"capture": self._triage.decoded.path}, printable(self._one.verdict.sentence)

    def action_hop(self) -> None:
        """The same request on the other side of the proxy: from the front connection to the back one, and back."""
        other = other_hop(self._one)
        if other is None:
            self.say("This capture shows no other hop of its requests: no proxy's other side, and no second sight")
            return
        self.app.switch_screen(ConnectionScreen(self._triage, other))

    def place(self) -> dict[str, Any]:
        """The connection."""
        return {"kind": "connection", "capture": self._triage.index, "number": self._connection}

    def seen_in(self) -> str:
        """The capture."""
        return printable(Path(self._triage.decoded.path).name, 60)

    def action_live(self) -> None:
        """The same endpoints among this machine's live sockets."""
        port = self._one.responder.port
        self.triage_app.filter_mode("live", f"port:{port}")

    def action_picture(self) -> None:
        """The ladder as an SVG file in the current folder."""
        from tui.rows.ladder_svg import ladder_svg
        from tui.work.saved_files import save

        picture = ladder_svg(self._rows, self._one.originator, self._one.responder, self._one.verdict.sentence)
        path = save(f"ladder-{self._one.id}.svg", picture)
        self.say(
            tr("Written: {path}", path=path) if path else "No folder here can be written to", "good" if path else "bad"
        )

    def copy_text(self) -> tuple[str, str]:
        """The ladder as text, for a ticket."""
        return "Ladder", ladder_text(self._triage, self._connection, self._rows)

    def evidence(self) -> tuple[str, str, str]:
        """The connection with its ladder."""
        title, body = connection_markdown(self._triage, self._connection)
        return "connection", title, body


def other_hop(one: Connection) -> int | None:
    """The connection that carries the same request beyond the proxy, or that this one is seen again as."""
    if one.chain is not None:
        return one.chain.back if one.chain.front == one.id else one.chain.front
    return one.same_as


def packet_line(row: LadderRow, one: Connection) -> str:
    """Everything of one row in words: the arrow may have had no room for it."""
    sender, receiver = (one.originator, one.responder) if row.side == 0 else (one.responder, one.originator)
    numbers = f"#{row.number}" if row.count == 1 else f"#{row.number}–{row.last_number} ({count(row.count, 'packet')})"
    ack = f" ack {row.ack}" if row.ack is not None else ""
    carried = f"seq {row.seq}{ack}  {count(row.payload, 'byte')}  {tr('window')} {row.window}"
    text = f"{numbers}  {sender} → {receiver}  {row.flags}  {carried}"
    tail = [part for part in (", ".join(row.notes), row.evidence or "") if part]
    after = f"{row.originator_state} | {row.responder_state}"
    return f"{text}\n{tr('after it: {states}', states=after)}" + (f"   {printable('; '.join(tail))}" if tail else "")


def ladder_text(triage: Triage, connection: int, rows: list[LadderRow] | None = None) -> str:
    """Sentence and ladder in ASCII, about 90 columns."""
    one = triage.connection(connection)
    drawn = rows if rows is not None else ladder_rows(triage, connection)
    return "\n".join([one.verdict.sentence, "", *ladder_lines(drawn, one.originator, one.responder)])


def connection_markdown(triage: Triage, connection: int) -> tuple[str, str]:
    """(title, body) of a connection for a ticket."""
    one = triage.connection(connection)
    title = f"{one.originator} → {one.responder}: {one.verdict.cause}"
    verdict = one.verdict
    facts = f"`{one.conn_state}`, {verdict.cause} ({verdict.certainty.value}); {Path(triage.decoded.path).name}"
    ladder = "\n".join(ladder_lines(ladder_rows(triage, connection), one.originator, one.responder))
    return title, f"{verdict.sentence}\n\n{facts}\n\n```\n{ladder}\n```"
