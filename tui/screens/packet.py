"""One packet in full: every layer, as dpkt reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.binding import Binding

from capture.reread import packets_of
from capture.safe_text import printable
from tui.screens.base import TriageScreen
from tui.text.language import tr
from tui.widgets.paper import Paper

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from capture.triage import Triage


class PacketScreen(TriageScreen):
    """The decode of one packet. n and N go to the connection's next and previous packet."""

    MODE = "capture"
    KEYS = (("n/N", "next/previous"), ("y", "copy"), ("v", "plain"), ("Esc", "back"))
    TOPICS = ("flags",)
    ABOUT = "One packet, every layer decoded."
    AUTO_FOCUS = "Paper"
    BINDINGS = [Binding("n", "step(1)", show=False), Binding("N", "step(-1)", show=False)]

    def __init__(self, triage: Triage, connection: int, number: int) -> None:
        super().__init__()
        self._triage = triage
        self._packets = packets_of(triage.decoded, connection)
        self._numbers: list[int] = self._packets.number.tolist()
        self._at = self._numbers.index(number)
        self._text = ""

    def body(self) -> Iterable[Widget]:
        """The page."""
        yield Paper("reading …", title=tr("Packet {n}", n=self._numbers[self._at]))

    def on_mount(self) -> None:
        """Decode it."""
        self._decode(self._at)

    def action_step(self, step: int) -> None:
        """Another packet of the connection."""
        at = self._at + step
        if not 0 <= at < len(self._numbers):
            self.say("No further packet in this connection")
            return
        self._at = at
        self._decode(at)

    @work(thread=True, exclusive=True, group="packet", exit_on_error=False)
    def _decode(self, at: int) -> None:
        number = self._numbers[at]
        try:
            lines = packet_lines(self._triage, number, int(self._packets.offset[at]))
        except Exception as error:  # the file may have changed, and dpkt raises what it likes on damaged packets
            lines = [tr("This packet cannot be shown: {why}", why=error or type(error).__name__)]
        self.app.call_from_thread(self._show, number, "\n".join(printable(line) for line in lines))

    def _show(self, number: int, text: str) -> None:
        self._text = text
        self.query_one(Paper).set_page(text, tr("Packet {n}", n=number))

    def copy_text(self) -> tuple[str, str]:
        """The decode as text."""
        return "Packet", self._text


def packet_lines(triage: Triage, number: int, offset: int) -> list[str]:
    """The lines of a packet's decode, layer by layer, and its bytes. Raises PacketUnreadable."""
    from capture.packet_layers import full_packet

    detail = full_packet(triage.decoded.file_of(number), offset, number)
    return [*detail.lines, "", *detail.dump]
