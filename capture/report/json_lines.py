"""Connections as JSON, one line each, written from columns: a hundred thousand in a second or two.

A line says exactly what the plain document of tests/oracle says of the same connection; here no object is built for it.
What the connections of a signature share (cause, errors …) is made into text once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from capture.report.document import relations_document, seconds, verdict_document
from capture.report.forked_batches import rendered
from capture.report.line_columns import CountTexts, LineColumns
from capture.verdicts.json_members import members

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from capture.model import ChainLink
    from capture.triage import Triage
    from capture.wire.column_types import I64

BATCH = 512  # connections written at once: bounds memory, and fits the pipe of `twice`

_END = '{"ip":"%s","port":%d}'
_PAIR = '{"originator":%d,"responder":%d}'
_LINE = (
    f'{{"id":%d,"capture":%d,"originator":{_END},"responder":{_END}%s,"first_time":"%s","last_time":"%s",'
    f'"packets":{_PAIR},"bytes":{_PAIR},"unique_bytes":{_PAIR},"conn_state":"%s","history":"%s",'
    '"complete_handshake":%s,"first_fin":%s,"first_rst":%s,"counts":%s,"rtt_ms":%s,"longest_gap_ms":%s,%s}'
)


def connection_lines(
    triage: Triage, chosen: Sequence[int], separator: bytes = b"\n", ids: I64 | None = None
) -> Iterator[bytes]:
    """JSON objects of the chosen connections in the given order, in pieces; `separator` stands between two of them.

    `ids`: what each connection of the capture is called, where that is not its number.
    """
    if not len(chosen):
        return
    writer = _Lines(triage, ids)
    rows = np.asarray(chosen, np.int64)

    def render(batch: int) -> bytes:
        piece = separator.join(writer.batch(rows[batch * BATCH : (batch + 1) * BATCH]))
        return separator + piece if batch else piece

    yield from rendered(-(-len(rows) // BATCH), render)


class _Lines:
    """What all batches of one capture share."""

    def __init__(self, triage: Triage, ids: I64 | None = None) -> None:
        self.triage = triage
        self.ids = ids
        self.flows = triage.decoded.flows
        self.columns = LineColumns.of(self.flows)
        self.counts = CountTexts(self.flows)
        self.address: dict[int, str] = {}
        self.scope = [_scope_text(scope.vlan, scope.tunnel) for scope in self.flows.scopes.scopes]

    def batch(self, chosen: I64) -> list[bytes]:
        """The lines of some connections."""
        flows, columns = self.flows, self.columns
        ids = chosen.tolist()
        index = self.triage.index
        rows = zip(
            ids if self.ids is None else self.ids[chosen].tolist(),
            [index] * len(ids),
            self._addresses(flows.address[chosen, 0]),
            flows.port[chosen, 0].tolist(),
            self._addresses(flows.address[chosen, 1]),
            flows.port[chosen, 1].tolist(),
            self._beside(ids, flows.scope[chosen].tolist()),
            _seconds(columns.first_time[chosen]),
            _seconds(columns.last_time[chosen]),
            *_pair_columns(flows.packet_count[chosen]),
            *_pair_columns(flows.bytes[chosen]),
            *_pair_columns(flows.unique_bytes[chosen]),
            [flows.conn_state[i] for i in ids],
            [flows.history[i] for i in ids],
            ["true" if complete else "false" for complete in flows.complete_handshake[chosen].tolist()],
            [columns.first_fin[i] for i in ids],
            [columns.first_rst[i] for i in ids],
            self.counts.of(chosen),
            _milliseconds(flows.rtt_ns[chosen]),
            _milliseconds(flows.longest_gap_ns[chosen]),
            self._verdicts(ids),
            strict=True,
        )
        return [(_LINE % row).encode() for row in rows]

    def _beside(self, ids: list[int], scopes: list[int]) -> list[str]:
        """VLAN, tunnel and the connections that belong to each: nothing, of most."""
        relations = self.triage.verdicts.relations
        texts = [self.scope[scope] for scope in scopes]
        if relations.chains or relations.same_as:
            for place, connection in enumerate(ids):
                chain, same_as = self.triage.chain(connection), relations.same_as.get(connection)
                if self.ids is not None:
                    chain, same_as = _called(chain, same_as, self.ids)
                beside = relations_document(chain, same_as)
                if beside:
                    texts[place] += "," + _members(beside)
        return texts

    def _verdicts(self, ids: list[int]) -> list[str]:
        texts = members(self.triage.verdicts, ids)
        for place, connection in enumerate(ids):
            if connection in self.triage.told:
                texts[place] = _members(verdict_document(self.triage.verdict(connection)))
        return texts

    def _addresses(self, keys: I64) -> list[str]:
        known = self.address
        return [known.get(key) or self._address(key) for key in keys.tolist()]

    def _address(self, key: int) -> str:
        text = self.flows.addresses.text(key)
        if key in self.flows.addresses.names:  # of a printed capture: it may hold anything
            text = _json(text)[1:-1]
        self.address[key] = text
        return text


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _called(chain: ChainLink | None, same_as: int | None, ids: I64) -> tuple[ChainLink | None, int | None]:
    """The same, by what the connections are called."""
    if chain is not None:
        chain = replace(chain, front=int(ids[chain.front]), back=int(ids[chain.back]))
    return chain, None if same_as is None else int(ids[same_as])


def _members(value: Mapping[str, object]) -> str:
    return _json(value)[1:-1]


def _pair_columns(pairs: I64) -> tuple[list[int], list[int]]:
    return pairs[:, 0].tolist(), pairs[:, 1].tolist()


def _seconds(nanoseconds: I64) -> list[str]:
    if nanoseconds.min() < 0:  # before 1970: rare, and not worth a fast way
        return [str(seconds(time)) for time in nanoseconds.tolist()]
    whole, rest = np.divmod(nanoseconds, 1_000_000_000)
    return [f"{second}.{nano:09d}" for second, nano in zip(whole.tolist(), rest.tolist(), strict=True)]


def _milliseconds(nanoseconds: I64) -> list[str]:
    return [repr(value) if value >= 0 else "null" for value in (nanoseconds / 1e6).tolist()]


def _scope_text(vlan: str | None, tunnel: str | None) -> str:
    members = {name: value for name, value in (("vlan", vlan), ("tunnel", tunnel)) if value is not None}
    return f",{_members(members)}" if members else ""
