"""A bounded load and what came of it."""

from __future__ import annotations

from typing import Any

from playbooks.checks.fact_words import times_text
from playbooks.checks.registry import Judgement, check, failed, look, unknown, warned
from playbooks.evidence_words import percent, say
from playbooks.facts.facts import Facts

LEFT_BEHIND = 5
ERRORS = 0.001
TELLING = (
    "ListenOverflows",
    "ListenDrops",
    "TCPTimeouts",
    "TCPAbortOnData",
    "TCPAbortOnClose",
    "TCPAbortOnTimeout",
    "EstabResets",
)


@check("load-run", needs=("load",))
def load_run(facts: Facts, **given: Any) -> Judgement:
    """Errors and times of the load, and connections it left in CLOSE-WAIT."""
    run = facts.load
    if run is None:
        return unknown(say("no_url"))
    bad = sum(run.errors.values()) + sum(count for status, count in run.status.items() if status >= "500")
    evidence = [
        say(
            "load",
            requests=run.requests,
            seconds=f"{run.seconds:.1f}",
            workers=run.workers,
            url=run.url,
            rate=f"{run.requests / max(0.1, run.seconds):.0f}",
        )
    ]
    if run.status:
        evidence.append(
            say("load_status", status=", ".join(f"{status}: {count}" for status, count in run.status.items()))
        )
    if run.total is not None:
        evidence.append(say("served_request", times=times_text(run.total)))
    if run.errors:
        evidence.append(say("load_errors", errors=", ".join(f"{name} {count}" for name, count in run.errors.items())))
    moved = {name: run.counters[name] for name in TELLING if run.counters.get(name)}
    if moved:
        evidence.append(say("load_counters", moved=", ".join(f"{name} +{count}" for name, count in moved.items())))
    left = run.close_wait_after - run.close_wait_before
    if left >= LEFT_BEHIND:
        return failed(*evidence, say("load_leak", left=left))
    if not run.requests or bad / run.requests > ERRORS:
        return failed(*evidence, say("load_bad", bad=bad, share=percent(bad / max(1, run.requests))))
    if bad or moved:
        return warned(*evidence)
    return look(facts, "load").passed(*evidence, seen=run.requests)
