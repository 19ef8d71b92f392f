"""What there is to filter by: the values of the present rows by term, each with its count, the most frequent first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capture.fleet.result import StoredFleet
    from capture.sockets.row import SocketRow
    from capture.triage import Triage
    from tui.text.filter_choices import Values

MOST = 1000
LAST = {"1s": 1, "10s": 10, "1m": 60, "10m": 600, "1h": 3600}


def socket_values(rows: Iterable[SocketRow]) -> Values:
    """Of live sockets."""
    found: dict[str, Counter[str]] = {name: Counter() for name in ("state", "port", "peer", "process", "pid", "timer")}
    for row in rows:
        found["state"][row.state.value.lower()] += 1
        found["port"][str(row.local.port)] += 1
        if row.state != "LISTEN":
            found["peer"][row.remote.ip] += 1
        for owner in row.owners[:1]:
            found["process"][owner.name] += 1
            found["pid"][str(owner.pid)] += 1
        if row.timer:
            found["timer"][row.timer] += 1
    return _ordered(found)


def connection_values(triages: Sequence[Triage]) -> Values:
    """Of captured connections. For the worker: it asks columns, 100,000 connections take some tens of milliseconds."""
    import numpy as np

    from tui.rows.connection_labels import addresses_of

    found: dict[str, Counter[str]] = {}
    for triage in triages:
        flows, verdicts = triage.decoded.flows, triage.verdicts
        of_templates = np.bincount(verdicts.template_of, minlength=len(verdicts.templates)).tolist()
        for template, number in zip(verdicts.templates, of_templates, strict=True):
            for term, code in (
                ("cause", template.diagnosis.cause),
                ("ended-by", template.ended_by),
                ("closed-first", template.closed_first),
                ("reset-by", template.reset_by),
                ("certainty", template.diagnosis.certainty),
            ):
                value = "none" if code is None else str(getattr(code, "value", code))
                found.setdefault(term, Counter())[value] += number
        for term, side in (("originator", 0), ("responder", 1)):
            found.setdefault(term, Counter()).update(addresses_of(triage, side))
        ports, counts = np.unique(flows.port[:, 1], return_counts=True)
        found.setdefault("port", Counter()).update(dict(zip(map(str, ports.tolist()), counts.tolist(), strict=True)))
        found.setdefault("conn-state", Counter()).update(list(flows.conn_state))
    found |= _times(triages)
    found["peer"] = found.get("originator", Counter()) + found.get("responder", Counter())
    return _ordered(found)


def fleet_values(fleet: StoredFleet) -> Values:
    """Of a fleet's connections; for the worker."""
    import numpy as np

    from tui.rows.fleet_rows import grouped

    found: dict[str, Counter[str]] = {name: Counter() for name in ("cause", "ended-by", "closed-first", "reset-by")}
    kinds, counts = np.unique(fleet.verdicts.template_of, return_counts=True)
    for kind, number in zip(kinds.tolist(), counts.tolist(), strict=True):
        verdict = fleet.verdicts.of_kind(kind)
        for term in found:
            value = getattr(verdict, term.replace("-", "_"))
            found[term]["none" if value is None else str(getattr(value, "value", value))] += number
    for side in ("originator", "responder"):
        numbers, names = grouped(fleet, np.arange(len(fleet)), side)
        ips = [name.rpartition(":")[0].strip("[]") if side == "responder" else name for name in names]
        found[side] = Counter()
        for ip, number in zip(ips, np.bincount(numbers, minlength=len(ips)).tolist(), strict=True):
            found[side][ip] += number
    ports, counts = np.unique(fleet.flows.port[:, 1], return_counts=True)
    found["port"] = Counter(dict(zip(map(str, ports.tolist()), counts.tolist(), strict=True)))
    found["peer"] = found["originator"] + found["responder"]
    return _ordered(found)


def _times(triages: Sequence[Triage]) -> dict[str, Counter[str]]:
    """The whole span that there is, to be narrowed, and the last seconds of it."""
    from tui.rows.time_spans import FINE_S, TimeSpans

    spans = TimeSpans(triages)
    if not spans:
        return {}
    wide = spans.end - spans.start
    after = spans.end + (0.001 if wide < FINE_S else 1.0)  # the last unit that is written belongs to a span
    last = {text: spans.living(spans.end - seconds, after) for text, seconds in LAST.items() if seconds < wide}
    return {
        "time": Counter({spans.text(spans.start, after): spans.living(spans.start, after)}),
        "last": Counter(last),
    }


def _ordered(found: Mapping[str, Counter[str]]) -> Values:
    return {
        term: [(value, number) for value, number in counts.most_common(MOST) if number and '"' not in value]
        for term, counts in found.items()
    }
