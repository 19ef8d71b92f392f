"""A connection of the report as a plain dict, field by field: what capture.report.json_lines must say fast."""

from __future__ import annotations

from typing import Any

from capture.model import Connection, Endpoint, FirstSeen
from capture.report.document import relations_document, seconds, verdict_document


def connection_document(connection: Connection) -> dict[str, Any]:
    """One entry of `connections`."""
    document: dict[str, Any] = {
        "id": connection.id,
        "capture": connection.capture,
        "originator": _endpoint(connection.originator),
        "responder": _endpoint(connection.responder),
    }
    if connection.vlan is not None:
        document["vlan"] = connection.vlan
    if connection.tunnel is not None:
        document["tunnel"] = connection.tunnel
    document |= relations_document(connection.chain, connection.same_as)
    return document | {
        "first_time": seconds(connection.first_time),
        "last_time": seconds(connection.last_time),
        "packets": _pair(connection.packets),
        "bytes": _pair(connection.bytes),
        "unique_bytes": _pair(connection.unique_bytes),
        "conn_state": connection.conn_state,
        "history": connection.history,
        "complete_handshake": connection.complete_handshake,
        "first_fin": _first(connection.first_fin),
        "first_rst": _first(connection.first_rst),
        "counts": _pair(connection.counts),
        "rtt_ms": connection.rtt_ms,
        "longest_gap_ms": connection.longest_gap_ms,
        **verdict_document(connection.verdict),
    }


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return {"ip": endpoint.ip, "port": endpoint.port}


def _pair(pair: tuple[Any, Any]) -> dict[str, Any]:
    return {"originator": pair[0], "responder": pair[1]}


def _first(first: FirstSeen | None) -> dict[str, Any] | None:
    return None if first is None else {"by": first.by.value, "packet": first.packet}
