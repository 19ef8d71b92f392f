"""Connections as JSON, one line each, written by the engine from columns: a hundred thousand in a tenth of a second.

A line says exactly what the plain document of tests/oracle says of the same connection; here no object is built for it.
What the connections of a template share (cause, errors …) is made into text once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from capture.engine.line_writer import Field, Kind, LineWriter
from capture.model import COUNT_NAMES, Side
from capture.report.document import relations_document, verdict_document
from capture.report.json_members import Blank, Place, pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    import numpy.typing as npt

    from capture.model import ChainLink
    from capture.triage import Triage
    from capture.verdicts.words.sentences import Wording
    from capture.wire.column_types import I64

    Part = str | Field

BATCH = 2048  # connections reported at once: bounds memory


def connection_lines(
    triage: Triage, chosen: Sequence[int], separator: bytes = b"\n", ids: I64 | None = None
) -> Iterator[bytes]:
    """JSON objects of the chosen connections in the given order, in pieces; `separator` is between two of them.

    `ids`: what each connection of the capture is called, where that is not its number.
    """
    if not len(chosen):
        return
    lines, rows, before = _Lines(triage, separator, ids), np.asarray(chosen, np.int64), len(separator)
    for at in range(0, len(rows), BATCH):
        for piece in lines.batch(rows[at : at + BATCH]):
            yield piece[before:]
            before = 0


class _Lines:
    """What all lines of one capture share."""

    def __init__(self, triage: Triage, separator: bytes, ids: I64 | None) -> None:
        self.triage, self.flows, self.ids = triage, triage.decoded.flows, ids
        self.writer = LineWriter(separator)
        self._row, self._beside, self._verdict = (self.writer.column_by_place() for _ in range(3))
        self._blanks: dict[Place, int] = {}
        self._head = self._beginning()
        self._shapes: dict[int, int] = {}  # by template
        self._told_apart = self.writer.shape([*self._head, Field(Kind.GIVEN, self._verdict), "}"])

    def batch(self, chosen: I64) -> Iterator[bytes]:
        """The lines of some connections, a separator before each."""
        shapes = np.empty(len(chosen), np.uint32)
        numbers: dict[int, npt.NDArray[Any]] = {self._row: chosen}
        texts = _Texts(len(chosen))
        for kind, places, wording in self.triage.verdicts.worded(chosen):
            shapes[places] = self._shape_of(kind, wording)
            for k, packets in enumerate(wording.packets):
                column = numbers.setdefault(self._blank(Place(Blank.PACKET, k)), np.zeros(len(chosen), np.int64))
                column[places] = packets
            for k, values in enumerate(wording.values):
                texts.put(self._blank(Place(Blank.VALUE, k)), places, [_inside(value) for value in values])
            hints = list(wording.hints)
            texts.put(self._blank(Place(Blank.HINT)), places[hints], [_inside(wording.hints[k]) for k in hints])
        self._put_what_few_have(chosen, shapes, texts)
        yield from self.writer.lines(chosen, shapes, numbers | texts.columns(self.writer))

    def _put_what_few_have(self, chosen: I64, shapes: npt.NDArray[np.uint32], texts: _Texts) -> None:
        """The connections that belong to each, and what the kernel said of them."""
        relations, kernel = self.triage.verdicts.relations, self.triage.kernel_events
        texts.put(self._beside, chosen[:0], [])
        if not (relations.chains or relations.same_as or kernel):
            return
        for place, connection in enumerate(chosen.tolist()):
            beside = self._related(connection)
            if beside:
                texts.put(self._beside, np.array([place]), ["," + _members(beside)])
            if connection in kernel:
                texts.put(
                    self._verdict, np.array([place]), [_members(verdict_document(self.triage.verdict(connection)))]
                )
                shapes[place] = self._told_apart

    def _related(self, connection: int) -> Mapping[str, object]:
        chain = self.triage.chain(connection)
        same_as = self.triage.verdicts.relations.same_as.get(connection)
        if self.ids is not None:
            chain, same_as = _called(chain, same_as, self.ids)
        return relations_document(chain, same_as)

    def _shape_of(self, kind: int, wording: Wording) -> int:
        """The shape of a template's lines."""
        shape = self._shapes.get(kind)
        if shape is None:
            parts = pieces(self.triage.verdicts.templates[kind], wording)
            verdict = [part if isinstance(part, str) else self._field(part) for part in parts]
            shape = self._shapes[kind] = self.writer.shape([*self._head, *verdict, "}"])
        return shape

    def _field(self, place: Place) -> Field:
        return Field(Kind.NUMBER if place.blank is Blank.PACKET else Kind.GIVEN, self._blank(place))

    def _blank(self, place: Place) -> int:
        """The column of a blank."""
        column = self._blanks.get(place)
        if column is None:
            column = self._blanks[place] = self.writer.column_by_place()
        return column

    def _beginning(self) -> list[Part]:
        """What is in all lines before the verdict."""
        flows, column = self.flows, self.writer.column
        addresses = self.writer.words([_inside(flows.addresses.text(key)) for key in flows.addresses.others])
        scopes = [_scope_text(scope.vlan, scope.tunnel) for scope in flows.scopes.scopes]
        named = Field(Kind.NUMBER, self._row if self.ids is None else column(self.ids))
        parts: list[Part] = ['{"id":', named, f',"capture":{self.triage.index},']
        for end, side in enumerate(Side):
            parts += [f'"{side.value}":{{"ip":"', Field(Kind.ADDRESS, column(flows.address[:, end]), addresses)]
            parts += ['","port":', Field(Kind.NUMBER, column(flows.port[:, end])), "}" if end else "},"]
        parts += [self._word(flows.scope, scopes), Field(Kind.GIVEN, self._beside)]
        parts += [',"first_time":"', Field(Kind.SECONDS, column(flows.lowest_time))]
        parts += ['","last_time":"', Field(Kind.SECONDS, column(flows.highest_time)), '",']
        for name, pair in (
            ("packets", flows.packet_count),
            ("bytes", flows.bytes),
            ("unique_bytes", flows.unique_bytes),
        ):
            parts += [f'"{name}":', *self._pair([self._number(pair[:, end])] for end in (0, 1)), ","]
        for name, of in (("conn_state", flows.conn_state), ("history", flows.history)):
            parts += [f'"{name}":"', self._word(of.of, of.texts), '",']
        parts += ['"complete_handshake":', self._word(flows.complete_handshake, ("false", "true"))]
        parts += [',"first_fin":', Field(Kind.FIRST, column(flows.first_fin))]
        parts += [',"first_rst":', Field(Kind.FIRST, column(flows.first_rst))]
        parts += [',"counts":', *self._pair(self._counts(end) for end in (0, 1))]
        parts += [',"rtt_ms":', Field(Kind.MILLISECONDS, column(flows.rtt_ns))]
        return [*parts, ',"longest_gap_ms":', Field(Kind.MILLISECONDS, column(flows.longest_gap_ns)), ","]

    def _word(self, values: npt.NDArray[Any], texts: Sequence[str]) -> Field:
        return Field(Kind.WORD, self.writer.column(values), self.writer.words(texts))

    def _counts(self, end: int) -> list[Part]:
        parts: list[Part] = []
        for name in COUNT_NAMES:
            counts = self.flows.counts[name][:, end]
            never = counts.strides[0] == 0 and not counts[0]
            parts += [f',"{name}":' if parts else f'{{"{name}":', "0" if never else self._number(counts)]
        return [*parts, "}"]

    def _number(self, values: npt.NDArray[Any]) -> Field:
        return Field(Kind.NUMBER, self.writer.column(values))

    @staticmethod
    def _pair(sides: Iterable[list[Part]]) -> list[Part]:
        """An object of both sides' members."""
        first, second = sides
        return [f'{{"{Side.ORIGINATOR.value}":', *first, f',"{Side.RESPONDER.value}":', *second, "}"]


class _Texts:
    """Texts that few of a batch's connections have, as columns."""

    def __init__(self, size: int) -> None:
        self._texts = [""]  # of all others
        self._size = size
        self._of: dict[int, npt.NDArray[np.int64]] = {}

    def put(self, column: int, places: npt.NDArray[np.int64], texts: Sequence[str]) -> None:
        """The texts of some places."""
        if column not in self._of:
            self._of[column] = np.zeros(self._size, np.int64)
        self._of[column][places] = np.arange(len(self._texts), len(self._texts) + len(texts))
        self._texts += texts

    def columns(self, writer: LineWriter) -> dict[int, npt.NDArray[Any]]:
        """The columns; they point into what the writer is given to keep."""
        table = writer.table(self._texts)
        return {column: table[of] for column, of in self._of.items()}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _inside(text: str) -> str:
    """A text as a JSON string holds it."""
    return _json(text)[1:-1]


def _called(chain: ChainLink | None, same_as: int | None, ids: I64) -> tuple[ChainLink | None, int | None]:
    """The same, by what the connections are called."""
    if chain is not None:
        chain = replace(chain, front=int(ids[chain.front]), back=int(ids[chain.back]))
    return chain, None if same_as is None else int(ids[same_as])


def _members(value: Mapping[str, object]) -> str:
    return _json(value)[1:-1]


def _scope_text(vlan: str | None, tunnel: str | None) -> str:
    members = {name: value for name, value in (("vlan", vlan), ("tunnel", tunnel)) if value is not None}
    return f",{_members(members)}" if members else ""
