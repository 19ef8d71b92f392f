"""The result's tables beside the connections: the findings, and counts taken from the rows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from capture.report.document import seconds

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from capture.fleet.findings import FleetFinding, Listener
    from capture.fleet.model import ReadCapture
    from capture.fleet.stores import Store

FINDINGS = pa.schema(
    [
        ("code", pa.string()),
        ("severity", pa.string()),
        ("title", pa.string()),
        ("text", pa.string()),
        ("connections", pa.int64()),
        ("sample", pa.list_(pa.struct([("capture", pa.string()), ("id", pa.int64())]))),
        ("playbook", pa.string()),
        ("captures", pa.int64()),
        ("first_time", pa.string()),
        ("last_time", pa.string()),
    ]
)
"""One row a finding, most severe first, as in the report; times are epoch seconds as text."""


def findings_table(findings: Sequence[FleetFinding]) -> pa.Table:
    """Findings as rows."""
    return pa.Table.from_pylist([_row(finding) for finding in findings], schema=FINDINGS)


def _row(finding: FleetFinding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "title": finding.title,
        "text": finding.text,
        "connections": finding.connections,
        "sample": [{"capture": name, "id": number} for name, number in finding.sample],
        "playbook": finding.playbook,
        "captures": finding.captures,
        "first_time": seconds(finding.first_time),
        "last_time": seconds(finding.last_time),
    }


def write_table(store: Store, name: str, table: pa.Table) -> None:
    """Write a table whole."""
    with store.writing(name) as stream:
        pq.write_table(table, stream, compression="zstd")


def totals_of(store: Store, captures: Sequence[ReadCapture], listeners: Collection[Listener]) -> dict[Listener, int]:
    """How many connections each of these listeners has in all captures, second copies left out."""
    totals: Counter[Listener] = Counter()
    hosts = pa.array(sorted({ip for ip, _ in listeners}), pa.string())
    wanted = set(listeners)
    for part in (part for capture in captures for part in capture.parts) if wanted else ():
        with store.fs.open(store.path(f"connections/{part}"), "rb") as stream:
            for batch in pq.ParquetFile(stream).iter_batches(columns=["responder_ip", "responder_port", "same_as"]):
                rows = batch.filter(pc.and_(pc.is_null(batch["same_as"]), pc.is_in(batch["responder_ip"], hosts)))
                counted = pa.Table.from_batches([rows]).group_by(["responder_ip", "responder_port"])
                for row in counted.aggregate([([], "count_all")]).to_pylist():
                    listener = (row["responder_ip"], row["responder_port"])
                    if listener in wanted:
                        totals[listener] += row["count_all"]
    return totals
