"""Connections that one point alone saw: lost on the way where the way is known, else merely elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.language import sentences
from capture.model import Certainty, Side
from capture.points.compared import SeenPacket
from capture.points.differences import SIDES, Fate, letters
from capture.points.joint_verdict import Joint, sentence, syn_sentence
from capture.points.windows import Window, window_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from capture.points.briefs import Brief
    from capture.points.compared import Point
    from capture.points.match_captures import Matched

    I64 = npt.NDArray[np.int64]


class Alone:
    """The connections that only one point has."""

    def __init__(self, matched: Matched) -> None:
        self._matched = matched
        paired = {"a": matched.pairs.a, "b": matched.pairs.b}
        self.ids: dict[str, list[int]] = {}
        self._order: dict[str, tuple[I64, I64]] = {}
        for point in (matched.a, matched.b):
            there = np.bincount(point.rows["connection"], minlength=len(point.triage.decoded.flows)) > 0
            there[paired[point.name]] = False
            self.ids[point.name] = np.flatnonzero(there).tolist()
        self._on_path = {point.name: self._responders(point, paired[point.name]) for point in (matched.a, matched.b)}
        self._windows: dict[str, Window] = {}

    def _responders(self, point: Point, connections: I64) -> set[int]:
        return set(np.unique(point.triage.decoded.flows.address[connections, 1]).tolist())

    def fate(self, name: str, connection: int) -> Fate | None:
        """What became of a connection's packets, where the other point would have seen them."""
        point, other = self._of(name)
        flows = point.triage.decoded.flows
        silent = not len(other.rows)  # no TCP at all there: nothing came, or nothing was recorded
        if not silent and not self._leads_there(name, int(flows.address[connection, 1])):
            return None
        if int(flows.bytes[connection, 1]) or not int(flows.packet_count[connection, 0]):
            return None  # it was answered: by another way
        rows = self._rows(point, connection)
        if not silent:
            rows = rows[self._recorded(name, rows)]
        sent = [self._seen_packet(point, row) for row in rows.tolist()]
        lost = [packet for packet in sent if packet.sender is Side.ORIGINATOR]
        answers = [packet for packet in sent if packet.sender is Side.RESPONDER]
        return Fate(lost, answers if not silent else []) if lost else None

    def judged(self, name: str, verdict: Brief, fate: Fate | None) -> Joint:
        """The verdict of such a connection."""
        if fate is None:
            return Joint(verdict.cause, Certainty(verdict.certainty), verdict.sentence)
        here, there = ("A", "B") if name == "a" else ("B", "A")
        silent = not len(self._of(name)[1].rows)
        resets = [packet for packet in fate.injected if "R" in packet.flags]
        if resets:
            text = sentence("refused_between", here=here, there=there, packet=resets[0].packet)
            return Joint("refused_by_firewall", Certainty.CERTAIN, text)
        syns = [packet for packet in fate.lost if "S" in packet.flags]
        if len(syns) == len(fate.lost):
            sure, text = Certainty.CERTAIN, syn_sentence("SYN", syns)
            if silent:
                sure = Certainty.LIKELY
                text = sentences(text, sentence("if_recording", there=there))
            cause = verdict.cause if verdict.cause in ("unreachable", "connect_cancelled") else "syn_unanswered"
            return Joint(cause, sure, text)
        return Joint(verdict.cause, Certainty(verdict.certainty), verdict.sentence)

    def _of(self, name: str) -> tuple[Point, Point]:
        m = self._matched
        return (m.a, m.b) if name == "a" else (m.b, m.a)

    def _leads_there(self, name: str, responder: int) -> bool:
        """Whether connections to this responder pass this point first and the other one then."""
        near = int(np.sign(self._matched.near_a.astype(np.int64).sum()))
        return near == (1 if name == "a" else -1) and responder in self._on_path[name]

    def _rows(self, point: Point, connection: int) -> I64:
        if point.name not in self._order:
            order = np.argsort(point.rows["connection"], kind="stable")
            count = len(point.triage.decoded.flows)
            self._order[point.name] = order, np.searchsorted(point.rows["connection"][order], np.arange(count + 1))
        order, begin = self._order[point.name]
        return order[begin[connection] : begin[connection + 1]]

    def _recorded(self, name: str, rows: I64) -> npt.NDArray[np.bool_]:
        if name not in self._windows:
            self._windows[name] = window_of(self._matched, "b" if name == "a" else "a")
        w, times = self._windows[name], self._of(name)[0].rows["time"][rows]
        if name == "b":
            times = self._matched.clock.as_a(times)
        known: npt.NDArray[np.bool_] = ((times >= w.first) | (not w.begun)) & ((times <= w.last) | (not w.stopped))
        return known

    def _seen_packet(self, point: Point, row: int) -> SeenPacket:
        r = point.rows[row]
        return SeenPacket(SIDES[int(r["side"])], point.name, int(r["number"]), letters(int(r["flags"])), int(r["time"]),
                       int(r["payload"]))  # fmt: skip
