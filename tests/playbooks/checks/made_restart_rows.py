"""Lost requests in logs at the edges for test_made_golden: as short, as many and as near as a restart makes them."""

from __future__ import annotations

from typing import Any

from capture.model import Endpoint
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import ErrorLine, ErrorLog, LogGroup, SymptomLog
from playbooks.facts.moments import Moment
from playbooks.facts.socket_facts import Holder, Process, Processes
from tests.playbooks.checks.made_rows import Row
from tests.playbooks.checks.making import changed, host, listener, row

T = 1_800_000_000.0
PEER = "10.0.0.1:8080"
HERE = (listener(owners=(Holder(813, "gunicorn", 5), Holder(812, "gunicorn", 5))), row(local=Endpoint("10.0.0.1", 22)))


def moment(count: int, first: float = 0.0, last: float = 2.0) -> Moment:
    return Moment(T + first, T + last, count)


def lost(*moments: Moment, symptom: str = "upstream_closed", more: int = 0, peer: str = PEER) -> LogGroup:
    return LogGroup(symptom, peer, sum(one.count for one in moments) + more, "", "", "a sample", 4, {}, (), moments)


def written(*groups: LogGroup, first: float | None = 0.0, last: float | None = 3600.0, **more: Any) -> Facts:
    span = {"first_time": None if first is None else T + first, "last_time": None if last is None else T + last}
    facts = changed(host(), log=SymptomLog("app.log", 900, groups, **span))
    return changed(facts, **more)


def served(*groups: LogGroup, started: float | None = None, **more: Any) -> Facts:
    """The same beside gunicorn, which listens there."""
    process = Process(
        812, "gunicorn", 1000, unit="app.service", identity=("python", "gunicorn"),
        started=None if started is None else T + started, **more,
    )  # fmt: skip
    return changed(host(*HERE, processes=Processes((process,), 0)), log=written(*groups, last=2.0).log)


def of_nginx(*kinds: tuple[str, dict[str, tuple[Moment, ...]]], **more: Any) -> Facts:
    lines = {
        kind: ErrorLine(kind, 9, {name: sum(one.count for one in found) for name, found in by.items()}, "l", "t", by)
        for kind, by in kinds
    }
    return changed(host(), error_log=ErrorLog(("error.log",), 900, 0, lines, first=T, last=T + 3600), **more)


REFUSED = lost(moment(4, 1.0, 1.5), symptom="upstream_refused")
MANY = tuple(moment(1, 60.0 * number, 60.0 * number) for number in range(30))

ROWS: dict[str, Row] = {
    name: ("log-restarts", {}, facts)
    for name, facts in {
        "restarts: no request was lost": written(lost(moment(9), symptom="too_many_open_files")),
        "restarts: lines without times": written(lost(more=9)),
        "restarts: all the time": written(lost(*MANY)),
        "restarts: three at once": written(lost(moment(3))),
        "restarts: two at once": written(lost(moment(2))),
        "restarts: as long as one lasts": written(lost(moment(9, 0.0, 30.0))),
        "restarts: longer than one lasts": written(lost(moment(9, 0.0, 31.0))),
        "restarts: four of five at once": written(lost(moment(4), moment(1, 99.0, 99.0))),
        "restarts: seven of nine at once": written(lost(moment(7), moment(2, 99.0, 99.0))),
        "restarts: five moments": written(lost(*(moment(3, 100.0 * n, 100.0 * n + 1) for n in range(5)))),
        "restarts: the log goes on for a minute": written(lost(moment(3)), last=60.0),
        "restarts: the log goes on for less": written(lost(moment(3)), last=59.0),
        "restarts: the log goes on for ten times as long": written(lost(moment(3, 0.0, 8.0)), last=80.0),
        "restarts: the log goes on for less than ten times": written(lost(moment(3, 0.0, 8.0)), last=79.0),
        "restarts: a log without its first time": written(lost(moment(3)), first=None),
        "restarts: refused meanwhile": written(lost(moment(3)), REFUSED, last=2.0),
        "restarts: refused first, cut afterwards": written(
            lost(moment(3, 5.0, 9.0)), lost(moment(3, 0.0, 2.0), symptom="connection_refused"), last=9.0),
        "restarts: cut for three seconds more than refused": written(
            lost(moment(9, 0.0, 4.5)), lost(moment(3, 1.5, 1.5), symptom="connection_refused"), last=9.0),
        "restarts: cut for longer than refused": written(
            lost(moment(9, 0.0, 4.6)), lost(moment(3, 1.5, 1.5), symptom="connection_refused"), last=9.0),
        "restarts: refused a little earlier": written(
            lost(moment(9, 1.0, 2.0)), lost(moment(3, 0.0, 2.0), symptom="connection_refused"), last=9.0),
        "restarts: started, and goes on for three seconds": served(lost(moment(9, 0.0, 4.0)), started=1.0),
        "restarts: started, and goes on": served(lost(moment(9, 0.0, 4.1)), started=1.0),
        "restarts: refused, and who listens is not seen": written(REFUSED),
        "restarts: refused, and it listens again": served(REFUSED, started=1.0),
        "restarts: the worst of two servers": written(
            lost(moment(3)), lost(moment(7), peer="10.0.0.2:8080", symptom="connection_reset")),
        "restarts: a server that is not named": written(lost(moment(3), peer="")),
        "restarts: started in it": served(lost(moment(3)), started=1.0),
        "restarts: started five seconds later": served(lost(moment(3)), started=7.0),
        "restarts: started six seconds later": served(lost(moment(3)), started=8.0),
        "restarts: started just before": served(lost(moment(3, 0.0, 1.0)), started=-1.0),
        "restarts: started earlier": served(lost(moment(3, 0.0, 1.0)), started=-1.1),
        "restarts: when it was started is hidden": served(lost(moment(3))),
        "restarts: in a pod": served(lost(moment(3)), started=1.0, container="kubernetes 3f2a"),
    }.items()
} | {
    name: ("error-log-restarts", {}, facts)
    for name, facts in {
        "restarts of nginx: one of two upstreams": of_nginx(
            ("prematurely_closed", {PEER: (moment(5),), "10.0.0.2:8080": MANY[:4]}), ("refused", {PEER: (moment(3),)})),
        "restarts of nginx: other kinds of lines": of_nginx(("timed_out", {PEER: (moment(5),)})),
    }.items()
}  # fmt: skip
