"""The product's verdicts against the truth of a scenario.

What a capture cannot show is not asked of it: a connection that it holds no packet of, a RST that did not pass it, a
time-out (or the error that came of it) on the far side.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.lab.harness.truth import Outcome

ACCEPT: dict[str, list[str]] = tomllib.loads((Path(__file__).parent.parent / "accept.toml").read_text())["accept"]
CLEAN = {"normal_close", "still_open", "short_connection", "half_close", "simultaneous_close", "time_wait_reuse"}
ERRORS = {"EOF", "EPIPE", "ECONNRESET", "ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"}
GAVE_UP = {"ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"}
CALLS = {"recv": "read", "send": "write", "connect": "connect"}


def report(path: Path) -> list[dict[str, Any]]:
    """The connections of `tcptriage report PATH --format json`."""
    from tui.cli import main

    out = path.with_suffix(".json")
    status = main(["report", str(path), "--format", "json", "--output", str(out)])
    assert status == 0, f"report {path.name}: status {status}"
    found: list[dict[str, Any]] = json.loads(out.read_text())["connections"]
    return found


def compare(folder: Path, document: dict[str, Any], outcomes: list[Outcome]) -> list[str]:
    """Every difference between a verdict and the truth, one line each."""
    wrong: list[str] = []
    for capture in document["captures"]:
        found = report(folder / capture["file"])
        far = len(document["captures"]) > 1
        for outcome in outcomes:
            said = _of(found, outcome)
            seen = document["signatures"][capture["file"]][outcome.id]
            if said is None:
                if seen:
                    wrong.append(f"{capture['file']}:{outcome.id}: not in the report")
                continue
            label = f"{capture['file']}:{outcome.id} ({seen[-200:]})"
            wrong += [f"{label}: {what}" for what in _differences(said, outcome, capture["point"], seen, far)]
    return wrong


def _of(found: list[dict[str, Any]], outcome: Outcome) -> dict[str, Any] | None:
    """The report's connection between these ends; of several (a reused 4-tuple) the first not yet asked for."""
    ends = {outcome.client, outcome.server}
    for at, one in enumerate(found):
        if {(one[side]["ip"], one[side]["port"]) for side in ("originator", "responder")} == ends:
            return found.pop(at)
    return None


def _differences(said: dict[str, Any], truth: Outcome, point: str, seen: str, far: bool) -> Iterator[str]:
    if truth.role == "background":
        if said["cause"] not in CLEAN:
            yield f"an ordinary connection is called {said['cause']}"
        return
    swapped = (said["originator"]["ip"], said["originator"]["port"]) != truth.client
    side = (
        {"originator": "server", "responder": "client"} if swapped else {"originator": "client", "responder": "server"}
    )
    gave_up = [each for each in ("client", "server") if any(call.result in GAVE_UP for call in truth.calls[each])]
    at_an_end = far and point in ("client", "server")
    if (at_an_end and truth.ended_by in ("timeout", "icmp") and gave_up and point not in gave_up) or (
        truth.reset_by and not any("R" in word.split("[")[0] for word in seen.split())
    ):
        return
    if said["ended_by"] != truth.ended_by:
        yield f"ended_by {said['ended_by']}, truth {truth.ended_by}"
    if truth.who and side.get(said["closed_first"], said["closed_first"]) != truth.who:
        yield f"closed_first {said['closed_first']}, truth {truth.who}"
    if truth.reset_by and side.get(said["reset_by"], said["reset_by"]) not in _resetters(truth):
        yield f"reset_by {said['reset_by']}, truth {truth.reset_by}"
    if said["cause"] not in (accepted := ACCEPT[truth.cause]):
        yield f"cause {said['cause']} ({said['certainty']}), accepted for {truth.cause}: {', '.join(accepted)}"
    if not CLEAN & set(accepted) and "harmless" in said["sentence"].lower():
        yield f"told as harmless: {said['sentence']}"
    for role in ("originator", "responder"):
        error = truth.first_error(side[role])
        call = CALLS.get(error.op.split("#")[0]) if error else None
        if error is None or call is None or error.result not in ERRORS:
            continue
        if at_an_end and point != side[role] and error.result in GAVE_UP:
            continue
        got = ((said["errors"] or {}).get(role) or {}).get(call)
        if got not in _near(truth, error.result):
            yield f"{side[role]}'s {error.op} got {error.result}, the report says {got}"


def _resetters(truth: Outcome) -> set[str | None]:
    """A firewall's RST may carry the host's own TTL; then no capture tells them apart."""
    return {truth.reset_by, "server" if truth.cause == "firewall_reject_rst" else truth.reset_by}


def _near(truth: Outcome, result: str) -> set[str | None]:
    """A dead host is a time-out or unreachable, by whether ARP had failed yet."""
    either = truth.cause in ("host_dead", "arp_failure")
    return {result, "ETIMEDOUT", "EHOSTUNREACH"} if either else {result}
