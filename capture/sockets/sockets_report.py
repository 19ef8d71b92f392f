"""The documents of a look: `sockets --format json` (schema tcptriage.sockets/1) and its text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any

import msgspec

from capture.cells import cells, left
from capture.finding_document import finding_document
from capture.language import count_of, tr
from capture.safe_text import printable
from capture.sockets.finding_lives import Life, identity
from capture.sockets.findings.finding_words import since_text
from capture.sockets.inet_diag_msg import LISTEN, RECORD, address_bytes, address_text, state_of
from capture.sockets.row import SocketRow
from capture.sockets.snapshot import Group, Snapshot
from capture.sockets.sources.unix_listeners import UnixListener

SCHEMA = "tcptriage.sockets/1"
LARGEST_GROUPS = 10
PAST_SHOWN = 10
_encoder = msgspec.json.Encoder()


def document(snapshot: Snapshot, keep: Callable[[SocketRow], bool] | None = None) -> dict[str, Any]:
    """The look as one JSON object; `keep` chooses the sockets that are listed (states and findings are of all)."""
    return head(snapshot) | {"sockets": [socket_object(row) for row in snapshot.rows if keep is None or keep(row)]}


def head(snapshot: Snapshot) -> dict[str, Any]:
    """Everything of the document but the sockets."""
    return {
        "schema": SCHEMA,
        "time": round(snapshot.time, 6),
        "host": snapshot.host,
        "source": snapshot.source,
        "limits": list(snapshot.limits),
        "states": dict(snapshot.states),
        "counters": dict(snapshot.counters),
        "findings": _findings(snapshot),
        "past": [_past(life) for life in snapshot.lives if life.over],
        "unix_listeners": [unix_object(listener) for listener in snapshot.unix_listeners],
    }


def socket_object(row: SocketRow) -> dict[str, Any]:
    """One socket of the document."""
    # Unpacked at once, rather than field by field through the row's properties: there may be 100,000 of these.
    fields = RECORD.unpack(row.raw)
    family, state, local_port, remote_port, local, remote = fields[0], fields[1], *fields[4:8]
    entry: dict[str, Any] = {
        "local": _end(family, local, local_port),
        "remote": _end(family, remote, remote_port),
        "state": state_of(state).value,
        "age_s": round(row.age_s, 3),
        "age_is_minimum": row.age_is_minimum,
        "recv_q": fields[11],
        "send_q": row.send_q if state == LISTEN else fields[12],
        "owners": [{"pid": owner.pid, "name": owner.name, "fd": owner.fd} for owner in row.owners],
        "owner_missing": row.owner_missing,
        "uid": fields[13],
        "netns": None if row.netns is None else str(row.netns),
        "timer": row.timer,
        "rtt_ms": row.rtt_ms,
        "retransmits": row.retransmits,
        "cookie": row.cookie,
    }
    if row.scope is not None:
        entry["interface"] = row.scope
    if state == LISTEN:
        entry["backlog"] = row.backlog
        entry["backlog_max"] = row.backlog_max
        entry["drops"] = row.drops
        entry["v6_only"] = row.v6_only
    return entry


def unix_object(listener: UnixListener) -> dict[str, Any]:
    """One listening unix socket, with its accept queue."""
    return {
        "path": listener.path,
        "backlog": listener.waiting,
        "backlog_max": listener.most,
        "owners": [{"pid": owner.pid, "name": owner.name, "fd": owner.fd} for owner in listener.owners],
        "owner_missing": listener.owner_missing,
        "netns": None if listener.netns is None else str(listener.netns),
        "cookie": listener.cookie,
    }


def _end(family: int, address: bytes, port: bytes) -> dict[str, Any]:
    return {"ip": address_text(address_bytes(family, address)), "port": port[0] << 8 | port[1]}


def _findings(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The findings of a look, each with the time of the first look that had it."""
    began = {life.key: life.first_seen for life in snapshot.lives if not life.over}
    return [
        finding_document(finding) | {"first_seen": began.get(identity(finding), snapshot.time)}
        for finding in snapshot.findings
    ]


def _past(life: Life) -> dict[str, Any]:
    """A finding that is over: as it was last seen, its gravest severity, most connections, from when to when."""
    return finding_document(life.finding) | {
        "severity": life.worst.value,
        "connections": life.most,
        "first_seen": life.first_seen,
        "last_seen": life.last_seen,
        "times": life.times,
    }


def write_json(
    snapshot: Snapshot,
    stream: IO[str],
    keep: Callable[[SocketRow], bool] | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Writes the document and a newline, socket by socket: 100,000 of them take no memory of their own.

    `more` are keys that other parts add: kernel events, with the limits of seeing them.
    """
    body = _encoder.encode(_merged(head(snapshot), more or {})).decode()
    stream.write(body[:-1] + ',"sockets":[')
    separator = ""
    for batch in _batches(snapshot.rows, keep):
        stream.write(separator + _encoder.encode(batch).decode()[1:-1])
        separator = ","
    stream.write("]}\n")


def _merged(body: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    return body | dict(more) | {"limits": [*body["limits"], *more.get("limits", ())]}


def _batches(rows: Iterable[SocketRow], keep: Callable[[SocketRow], bool] | None) -> Iterable[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        if keep is None or keep(row):
            batch.append(socket_object(row))
            if len(batch) == 500:
                yield batch
                batch = []
    if batch:
        yield batch


def text(snapshot: Snapshot) -> str:
    """States, findings and the largest groups of a look, for people; controls in foreign text are made visible."""
    lines = [f"{snapshot.host}  {count_of(len(snapshot.rows), 'socket')}  {tr('source')} {snapshot.source}"]
    lines.append(
        left(tr("states"), 10) + ("  ".join(f"{state} {count}" for state, count in _ordered(snapshot)) or tr("none"))
    )
    if snapshot.counters:
        lines.append(
            left(tr("counters"), 10) + "  ".join(f"{name} +{value}" for name, value in snapshot.counters.items())
        )
    lines += _attention(snapshot)
    for finding in snapshot.findings:
        advice = f"  [tcptriage playbook {finding.playbook}]" if finding.playbook else ""
        lines += [f"{left(tr(finding.severity.value), 8)}  {finding.title}", f"          {finding.text}{advice}"]
    lines += _past_lines([life for life in snapshot.lives if life.over])
    groups = snapshot.groups
    for title, kind in (
        ("processes", groups.processes),
        ("listeners", groups.listeners),
        ("remote hosts", groups.hosts),
        ("peers", groups.peers),
    ):
        lines += _group_lines(tr(title), kind)
    lines += _unix_lines(snapshot)
    return "\n".join(printable(line) for line in lines) + "\n"


def _unix_lines(snapshot: Snapshot) -> list[str]:
    """Unix listeners in whose accept queue somebody waits, the longest queues first."""
    waiting = sorted((one for one in snapshot.unix_listeners if one.waiting), key=lambda one: (-one.waiting, one.path))
    lines = [
        "  " + tr("{path}  {n} of {most} waiting", path=one.path, n=one.waiting, most=one.most)
        for one in waiting[:LARGEST_GROUPS]
    ]
    if len(waiting) > LARGEST_GROUPS:
        lines.append("  " + tr("and {n} more", n=len(waiting) - LARGEST_GROUPS))
    return [tr("unix listeners"), *lines] if lines else []


def _attention(snapshot: Snapshot) -> list[str]:
    """How many findings follow; where there are none, that nothing asks for attention and what was not looked at."""
    found, sockets = len(snapshot.findings), count_of(sum(snapshot.states.values()), "socket")
    said = count_of(found, "finding") if found else tr("nothing asks for attention among {sockets}", sockets=sockets)
    if not snapshot.limits:
        return [left(tr("findings"), 10) + said]
    return [
        left(tr("findings"), 10) + tr("{said}; not seen:", said=said),
        *(f"          - {limit}" for limit in snapshot.limits),
    ]


def _past_lines(past: list[Life]) -> list[str]:
    """What came and went since the first look, the last one first."""
    lines = [
        left(tr("over"), 10)
        + tr("{begin} to {end}", begin=since_text(life.first_seen), end=since_text(life.last_seen))
        + (tr(", {n} times", n=life.times) if life.times > 1 else "")
        + f": {tr(life.worst.value)}: {life.finding.title}"
        for life in past[:PAST_SHOWN]
    ]
    if len(past) > PAST_SHOWN:
        lines.append(" " * 10 + tr("and {n} more that are over", n=len(past) - PAST_SHOWN))
    return lines


def _ordered(snapshot: Snapshot) -> list[tuple[str, int]]:
    return sorted(snapshot.states.items(), key=lambda item: (-item[1], item[0]))


def _group_lines(title: str, groups: tuple[Group, ...]) -> list[str]:
    if not groups:
        return []
    width = min(44, max(cells(group.label) for group in groups[:LARGEST_GROUPS]))
    lines = [title]
    for group in groups[:LARGEST_GROUPS]:
        states = sorted(group.states.items(), key=lambda item: (-item[1], item[0]))
        spelled = "  ".join(f"{state} {count}" for state, count in states)
        lines.append(f"  {left(group.label, width)}  {group.sockets:>6}  {spelled}")
    if len(groups) > LARGEST_GROUPS:
        lines.append("  " + tr("and {n} more", n=len(groups) - LARGEST_GROUPS))
    return lines
