"""Small recordings of other programs against what strace saw: cause, errors, certainty, and who may be waved away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from capture.decode import DecodedCapture, decode
from capture.model import Severity, Side
from capture.verdicts import catalogue
from capture.verdicts.groups.group_findings import find_groups
from capture.verdicts.judge import Verdicts, judge

RECORDED = Path(__file__).parents[2] / "data" / "recorded"
CALLS = {"recv": "read", "read": "read", "send": "write", "write": "write", "connect": "connect"}
ENDS = {"client": Side.ORIGINATOR, "server": Side.RESPONDER}
ERRNOS = ("EOF", "EPIPE", "ECONNRESET", "ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH")


def asked() -> list[Any]:
    """Each connection of each capture."""
    cases = []
    for path in sorted(RECORDED.glob("*/truth.json")):
        truth = json.loads(path.read_text())
        for capture in truth["captures"]:
            for connection in truth["connections"]:
                name = f"{path.parent.name}/{capture['file']}:{connection['id']}"
                cases.append(pytest.param(path.parent / capture["file"], capture["point"], connection, id=name))
    return cases


def judged(path: Path, truth: dict[str, Any]) -> tuple[DecodedCapture, Verdicts, int]:
    """The capture, its verdicts, and which connection of them is meant."""
    capture = decode([str(path)])[0]
    flows = capture.flows
    wanted = [(truth[side]["ip"], truth[side]["port"]) for side in ("client", "server")]
    for i in range(len(flows)):
        if [(flows.addresses.text(int(flows.address[i, s])), int(flows.port[i, s])) for s in (0, 1)] == wanted:
            return capture, judge(flows), i
    raise AssertionError(wanted)


@pytest.mark.parametrize(("path", "point", "truth"), asked())
def test_a_recording(path: Path, point: str, truth: dict[str, Any]) -> None:
    _, verdicts, i = judged(path, truth)
    verdict, diagnosis = verdicts.of(i), verdicts.template(i).diagnosis
    if truth["healthy"]:
        assert catalogue.causes()[verdict.cause].clean or diagnosis.harmless, verdict.sentence
    else:
        assert verdict.cause in truth["accepted"], verdict.sentence
    failed = not truth["healthy"] and not any(catalogue.causes()[cause].clean for cause in truth["accepted"])
    assert not (failed and diagnosis.harmless), verdict.sentence
    assert not (failed and "harmless" in verdict.sentence.lower())
    for name, side in ENDS.items():
        got = truth[f"{name}_got"]
        if got is None or got["error"] not in ERRNOS or got["call"] not in CALLS:
            continue
        told = getattr(verdict.errors[side], CALLS[got["call"]])
        # at the far side some errors cannot be seen: then none is told, but never another
        assert told == got["error"] or (point != name and told is None), (name, got, verdict)


@pytest.mark.parametrize(("path", "point", "truth"), [case for case in asked() if case.values[2]["ended_by"]])
def test_how_it_ended(path: Path, point: str, truth: dict[str, Any]) -> None:
    _, verdicts, i = judged(path, truth)
    verdict = verdicts.of(i)
    sides = {"client": "originator", "server": "responder"}
    assert verdict.ended_by == truth["ended_by"]
    if truth["closed_first"]:
        assert verdict.closed_first == sides[truth["closed_first"]]
    if truth["reset_by"] and (truth["reset_by"] != "middlebox" or point == "client"):  # it reset the client
        assert verdict.reset_by == sides.get(truth["reset_by"], truth["reset_by"])


HEALTHY = [
    path
    for path in sorted(RECORDED.glob("*/*.pcap"))
    if all(each["healthy"] for each in json.loads((path.parent / "truth.json").read_text())["connections"])
]


@pytest.mark.parametrize("path", HEALTHY, ids=[path.parent.name for path in HEALTHY])
def test_healthy_traffic_makes_no_finding_above_info(path: Path) -> None:
    capture = decode([str(path)])[0]
    found = find_groups(capture.flows, judge(capture.flows))
    assert [finding for finding in found if finding.severity is not Severity.INFO] == []
