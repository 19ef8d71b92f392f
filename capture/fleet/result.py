"""A result as it is opened again: its rows as columns, so that they are filtered, sorted and shown as a capture's are.

What a table and a filter ask for is held in memory, some 150 bytes a row; the counts and the sentence of a row are read
when they are asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Struct

from capture.fleet.columns import BADNESS, ROWS, unpacked_badness
from capture.fleet.errors import FleetRefused
from capture.fleet.manifest import manifest_of
from capture.fleet.model import LeftOut
from capture.model import (
    COUNT_NAMES,
    Certainty,
    Closer,
    Connection,
    Ending,
    Endpoint,
    Evidence,
    Finding,
    NextCalls,
    Resetter,
    Severity,
    Side,
    Verdict,
)
from capture.wire.column_types import AddressTable, Scope, ScopeTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from capture.filters import Filter
    from capture.flows.connection_table import FlowTable
    from capture.wire.column_types import I64, Bool

CODES = ("closed_first", "ended_by", "reset_by", "cause", "certainty", "playbook")
_NEXT = ("connect", "read", "write")
CALLS = tuple(f"errors_{side.value}_{call}" for side in Side for call in _NEXT)
PLAIN = (
    "id", "originator_ip", "originator_port", "responder_ip", "responder_port", "vlan", "tunnel", "first_time",
    "last_time", "packets_originator", "packets_responder", "bytes_originator", "bytes_responder", "conn_state",
    "history", "complete_handshake", "rtt_ms", "longest_gap_ms",
)  # fmt: skip


class StoredCapture(Struct, frozen=True):
    """A capture of the result: `parts` are the files of its rows, in order of id; `first_time` epoch ns."""

    name: str
    paths: tuple[str, ...]
    parts: tuple[str, ...]
    connections: int
    first_time: int | None


class StoredFlows:
    """The columns of all rows by the names of FlowTable, as far as tables and filters ask for them."""

    def __init__(self, columns: pa.Table, counts: Mapping[str, I64]) -> None:
        self.counts = counts
        self.ids = columns["id"].to_numpy()
        self.addresses = AddressTable()
        self.port = _pair(columns, "originator_port", "responder_port").astype(np.uint16)
        ends = [_address_keys(columns[f"{side.value}_ip"], self.addresses) for side in Side]
        self.address = np.stack(ends, axis=1)
        self.packet_count = _pair(columns, "packets_originator", "packets_responder")
        self.bytes = _pair(columns, "bytes_originator", "bytes_responder")
        self.lowest_time = self.first_time = _nanoseconds(columns["first_time"])
        self.highest_time = self.last_time = _nanoseconds(columns["last_time"])
        self.conn_state, self.history = (columns[name].to_pylist() for name in ("conn_state", "history"))
        self.complete_handshake = columns["complete_handshake"].to_numpy()
        self.rtt_ns, self.longest_gap_ns = (_known_ms(columns[name]) for name in ("rtt_ms", "longest_gap_ms"))
        scopes, self.scope = _scopes(columns)
        self.scopes = ScopeTable.of(scopes)

    def __len__(self) -> int:
        return len(self.address)


class StoredVerdicts:
    """The verdicts' codes; connections that have the same share a number in `template_of`."""

    def __init__(self, columns: pa.Table, badness: I64) -> None:
        self.badness = badness  # how bad each end is, for "worst first"; shape (n,)
        texts, numbers = zip(*(_encoded(columns[name]) for name in (*CODES, *CALLS)), strict=True)
        kinds, self.template_of = np.unique(np.stack(numbers, axis=1), axis=0, return_inverse=True)
        self.template_of = self.template_of.ravel()
        names = (*CODES, *CALLS)
        words = [[of[at] for of, at in zip(texts, row, strict=True)] for row in kinds.tolist()]
        self._kinds = [_verdict(dict(zip(names, row, strict=True))) for row in words]

    def of(self, connection: int) -> Verdict:
        """The verdict of a row without its sentence and evidence."""
        return self._kinds[int(self.template_of[connection])]

    def of_kind(self, kind: int) -> Verdict:
        """What connections with this number share."""
        return self._kinds[kind]


class StoredFleet:
    """A result. Rows are numbered over all captures: that of connection i of capture k is starts[k] + i."""

    def __init__(self, path: str) -> None:
        """Read it; raises FleetRefused."""
        self.path = path
        document = manifest_of(path)
        if document is None:
            raise FleetRefused(f"{path}: it holds no fleet's result", "make one: tcptriage fleet PATH… --out DIR")
        self.left_out = tuple(LeftOut(one["path"], one["why"]) for one in document["left_out"])
        self.captures = [_capture(one) for one in document["captures"]]
        self.starts = [0, *np.cumsum([one.connections for one in self.captures]).tolist()]
        try:
            columns = self._table((*PLAIN, *CODES, *CALLS))
            self.findings = [self._finding(row) for row in pq.read_table(f"{path}/findings.parquet").to_pylist()]
        except (OSError, pa.ArrowException, KeyError) as error:
            raise FleetRefused(f"{path}: it cannot be read: {error}", "run tcptriage fleet again") from error
        if len(columns) != self.starts[-1]:
            raise FleetRefused(f"{path}: rows are missing", "run tcptriage fleet again")
        self.flows = StoredFlows(columns, _Counts(self))
        self.verdicts = StoredVerdicts(columns, self._badness())

    def __len__(self) -> int:
        return int(self.starts[-1])

    def capture_of(self, row: int) -> tuple[StoredCapture, int]:
        """Which capture a row is of, and its connection's id there."""
        at = int(np.searchsorted(np.asarray(self.starts), row, side="right")) - 1
        return self.captures[at], row - int(self.starts[at])

    @cached_property
    def of_capture(self) -> I64:
        """The capture of each row, by its place in `captures`. Shape (n,)."""
        return np.repeat(np.arange(len(self.captures)), np.diff(self.starts))

    def select(self, wanted: Filter) -> Bool:
        """Which rows a filter keeps. Shape (n,)."""
        return wanted.select(cast("FlowTable", self.flows), self.verdicts)

    def connection(self, row: int) -> Connection:
        """What a row's columns say; the sentence is read by `sentence_of`."""
        capture, number = self.capture_of(row)
        flows = self.flows
        ends = [Endpoint(flows.addresses.text(int(flows.address[row, at])), int(flows.port[row, at])) for at in (0, 1)]
        scope = flows.scopes.scopes[int(flows.scope[row])]
        rtt, gap = int(flows.rtt_ns[row]), int(flows.longest_gap_ns[row])
        first, second = ({name: int(flows.counts[name][row, at]) for name in COUNT_NAMES} for at in (0, 1))
        return Connection(
            id=number,
            capture=self.captures.index(capture),
            originator=ends[0],
            responder=ends[1],
            vlan=scope.vlan,
            tunnel=scope.tunnel,
            first_time=int(flows.first_time[row]),
            last_time=int(flows.last_time[row]),
            packets=_two(flows.packet_count[row]),
            bytes=_two(flows.bytes[row]),
            unique_bytes=(0, 0),
            conn_state=flows.conn_state[row],
            history=flows.history[row],
            complete_handshake=bool(flows.complete_handshake[row]),
            first_fin=None,
            first_rst=None,
            counts=(first, second),
            rtt_ms=rtt / 1e6 if rtt >= 0 else None,
            longest_gap_ms=gap / 1e6 if gap >= 0 else None,
            verdict=self.verdicts.of(row),
        )

    def sentence_of(self, row: int) -> tuple[str, tuple[Evidence, ...]]:
        """The sentence of a row, and its evidence."""
        capture, number = self.capture_of(row)
        columns = ["sentence", "evidence"]
        found = [
            row
            for part in capture.parts
            for row in pq.read_table(f"{self.path}/{part}", columns=columns, filters=[("id", "=", number)]).to_pylist()
        ]
        if not found:
            return "", ()
        evidence = tuple(Evidence(one["packet"], one["text"]) for one in found[0]["evidence"])
        return str(found[0]["sentence"]), evidence

    def _badness(self) -> I64:
        found = [np.zeros(0, np.int64)]
        for part in self._parts():
            footer = pq.read_metadata(f"{self.path}/{part}")
            try:
                badness = unpacked_badness((footer.metadata or {})[BADNESS.encode()])
            except (KeyError, ValueError, zlib.error):  # written by others
                badness = np.zeros(0, np.int64)
            found.append(badness if len(badness) == footer.num_rows else np.zeros(footer.num_rows, np.int64))
        return np.concatenate(found)

    def _parts(self) -> Iterator[str]:
        """All files of rows, in order of the rows' numbers."""
        yield from (part for capture in self.captures for part in capture.parts)

    def table(self, names: Sequence[str]) -> pa.Table:
        """These columns of all rows, in order of the rows' numbers."""
        return self._table(names)

    def _table(self, names: Sequence[str]) -> pa.Table:
        empty = pa.schema([ROWS.field(name) for name in names]).empty_table()
        parts = [
            pq.read_table(f"{self.path}/{part}", columns=list(names)).select(list(names)) for part in self._parts()
        ]
        return pa.concat_tables([empty, *parts])

    def _finding(self, row: dict[str, Any]) -> Finding:
        begins = {one.name: int(start) for one, start in zip(self.captures, self.starts, strict=False)}
        sample = tuple(begins[one["capture"]] + one["id"] for one in row["sample"] if one["capture"] in begins)
        return Finding(
            code=row["code"],
            severity=Severity(row["severity"]),
            title=row["title"],
            text=row["text"],
            connections=row["connections"],
            sample=sample,
            playbook=row["playbook"],
            facts={"captures": row["captures"]},
        )


class _Counts(Mapping[str, Any]):
    """The analysis counts, (n, 2) each, read when first asked for."""

    def __init__(self, fleet: StoredFleet) -> None:
        self._fleet = fleet
        self._known: dict[str, I64] = {}

    def __getitem__(self, name: str) -> I64:
        if name not in COUNT_NAMES:
            raise KeyError(name)
        if name not in self._known:
            names = [f"counts_{side.value}_{name}" for side in Side]
            counts = _pair(self._fleet.table(names), *names)
            small = counts.astype(np.uint16)
            self._known[name] = small if np.array_equal(small, counts) else counts  # type: ignore[assignment]
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COUNT_NAMES)

    def __len__(self) -> int:
        return len(COUNT_NAMES)


def _capture(one: dict[str, Any]) -> StoredCapture:
    time = one["first_time"]
    first = None if time is None else int(time.replace(".", ""))
    return StoredCapture(one["capture"], tuple(one["files"]), tuple(one["parts"]), one["connections"], first)


def _two(pair: I64) -> tuple[int, int]:
    return int(pair[0]), int(pair[1])


def _pair(columns: pa.Table, one: str, other: str) -> I64:
    return np.stack([columns[name].to_numpy().astype(np.int64) for name in (one, other)], axis=1)


def _encoded(column: Any) -> tuple[list[str | None], I64]:
    """The distinct texts of a column, and which one each row has; the last is that of rows without one."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    texts: list[str | None] = [*encoded.dictionary.to_pylist(), None]
    return texts, encoded.indices.fill_null(len(texts) - 1).to_numpy().astype(np.int64)


def _address_keys(column: Any, table: AddressTable) -> I64:
    texts, which = _encoded(column)
    return np.array([_address_key(text or "", table) for text in texts], np.int64)[which]


def _address_key(text: str, table: AddressTable) -> int:
    """The key of an address; a host that a printed capture named has a key of its own."""
    import hashlib
    from ipaddress import ip_address

    try:
        return table.key(ip_address(text).packed)
    except ValueError:
        key = table.key(hashlib.blake2b(text.encode(), digest_size=16).digest())
        table.names[key] = text
        return key


def _nanoseconds(column: Any) -> I64:
    """Epoch seconds as text with nine decimals, as numbers."""
    return cast("I64", pc.cast(pc.replace_substring(column, ".", ""), pa.int64()).to_numpy())


def _known_ms(column: Any) -> I64:
    """Milliseconds as nanoseconds, -1 where unknown."""
    values = column.to_numpy()
    return np.where(np.isnan(values), -1, np.rint(np.nan_to_num(values) * 1e6)).astype(np.int64)


def _scopes(columns: pa.Table) -> tuple[list[Scope], I64]:
    (vlans, vlan), (tunnels, tunnel) = (_encoded(columns[name]) for name in ("vlan", "tunnel"))
    kinds, which = np.unique(vlan * len(tunnels) + tunnel, return_inverse=True)
    scopes = [Scope(vlans[kind // len(tunnels)], tunnels[kind % len(tunnels)]) for kind in kinds.tolist()]
    return scopes, which.ravel()


def _verdict(columns: dict[str, str | None]) -> Verdict:
    calls = [NextCalls(*(columns[f"errors_{side.value}_{call}"] for call in _NEXT)) for side in Side]
    closed, reset = columns["closed_first"], columns["reset_by"]
    return Verdict(
        closed_first=Closer(closed) if closed else None,
        ended_by=Ending(columns["ended_by"] or "open"),
        reset_by=Resetter(reset) if reset else None,
        cause=columns["cause"] or "unknown",
        certainty=Certainty(columns["certainty"] or "possible"),
        alternatives=(),
        decide_by=None,
        sentence="",
        evidence=(),
        errors=dict(zip(Side, calls, strict=True)),
        playbook=columns["playbook"],
    )
