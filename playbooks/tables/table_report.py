"""Pasted tables written out: as the keys of `explain --format json`, and as text."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from capture.cells import left
from capture.finding_document import finding_document
from capture.language import count_of
from capture.safe_text import printable
from playbooks.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from playbooks.tables.pasted_table import PastedTable, TableEnd, TableSocket


def document(tables: Sequence[tuple[str | None, PastedTable]]) -> dict[str, Any]:
    """`states`, `counters`, `findings`, `sockets` of the tables, with the log where there are several; or nothing."""
    if not tables:
        return {}
    states: dict[str, int] = {}
    for _, table in tables:
        for state, count in table.states.items():
            states[state] = states.get(state, 0) + count
    return {
        "states": states,
        "counters": {name: count for _, table in tables for name, count in table.counters.items()},
        "findings": [finding_document(one) | _log(log) for log, table in tables for one in table.findings],
        "sockets": [_socket(one) | _log(log) for log, table in tables for one in table.sockets],
    }


def text_lines(tables: Iterable[tuple[str | None, PastedTable]]) -> Iterator[str]:
    """What each table holds, and its findings with their playbooks."""
    for log, table in tables:
        yield ""
        states = ", ".join(f"{count:,} {state}" for state, count in table.states.items())
        where = tr(" in {log}", log=printable(log)) if log else ""
        sockets = count_of(len(table.sockets), "socket")
        head = tr("a table of {sockets}{where}: {states}", sockets=sockets, where=where, states=states)
        yield head if states else tr("counters{where}", where=where)
        for one in table.findings:
            yield f"{left(tr(one.severity.value), 8)}  {printable(one.title)}"
            yield f"          {printable(one.text)}  [tcptriage playbook {one.playbook}]"
        if not table.findings:
            yield "  " + tr(
                "no pile and no full queue among these; ages, and what was left out, such a table does not tell"
            )


def _socket(one: TableSocket) -> dict[str, Any]:
    owners = [] if one.pid is None and one.process is None else [{"pid": one.pid, "name": one.process}]
    return {
        "line": one.line,
        "state": one.state,
        "local": _end(one.local),
        "remote": _end(one.remote),
        "recv_q": one.recv_q,
        "send_q": one.send_q,
        "backlog_max": one.backlog_max,
        "owners": owners,
        "timer": one.timer,
        "retransmits": one.retransmits,
    }


def _end(end: TableEnd) -> dict[str, Any]:
    """A name that the table writes for an address is reported as `name`: it is not looked up."""
    try:
        return {"ip": str(ip_address(end.host)), "port": end.port}
    except ValueError:
        return {"ip": None, "name": end.host, "port": end.port}


def _log(log: str | None) -> dict[str, str]:
    return {} if log is None else {"log": log}
