"""Recorded failures of a real kernel, with the truth beside them: what the system calls got, and who did what."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capture.decode import decode
from capture.model import Certainty, Side, Verdict
from capture.verdicts.judge import judge

TESTS = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in (TESTS / "data" / "lab").glob("*/truth.json"))
ACCEPT: dict[str, list[str]] = tomllib.loads((TESTS / "lab" / "accept.toml").read_text())["accept"]
CALLS = {"recv": "read", "send": "write", "connect": "connect"}
ERRORS = {"EOF", "EPIPE", "ECONNRESET", "ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"}
GAVE_UP = {"ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"}
# A RST thrown away before the far side: what a capture there shows is one ACK too many, not enough to say more.
HIDDEN = {("16f-blind-rst-challenge-ack", "server.pcap")}


def verdicts_of(path: Path) -> dict[frozenset[tuple[str, int]], Verdict]:
    flows = decode([str(path)])[0].flows
    verdicts = judge(flows)
    ends = (
        frozenset((flows.addresses.text(int(flows.address[i, side])), int(flows.port[i, side])) for side in (0, 1))
        for i in range(len(flows))
    )
    return {pair: verdicts.of(i) for i, pair in enumerate(ends)}


def asked(folder: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any], Verdict]]:
    """Each connection that a capture shows: file, capture, truth, verdict."""
    truth = json.loads((folder / "truth.json").read_text())
    for capture in truth["captures"]:
        found = verdicts_of(folder / capture["file"])
        for connection in truth["connections"]:
            ends = frozenset((connection[side]["ip"], connection[side]["port"]) for side in ("client", "server"))
            packets = truth["signatures"][capture["file"]].get(connection["id"])
            if ends in found and packets and connection["cause"]:
                yield capture["file"], {**capture, "packets": packets}, connection, found[ends]


def shown(capture: dict[str, Any], truth: dict[str, Any]) -> bool:
    """Whether this capture can show how it ended: not the far side of a time-out, nor behind a RST."""
    sufferers = [side for side in ("client", "server") if truth[f"{side}_side"].get("first_error") in GAVE_UP]
    if truth["ended_by"] in ("timeout", "icmp") and sufferers:
        return capture["point"] not in ("client", "server") or capture["point"] in sufferers
    return not truth["rst_sent_by"] or "R" in capture["packets"].replace("RA", "R")


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_a_recording(folder: Path) -> None:
    sides = {"client": "originator", "server": "responder", "both": "both", "middlebox": "middlebox", None: None}
    compared = 0
    for file, capture, truth, verdict in asked(folder):
        if not shown(capture, truth):
            continue
        compared += 1
        where = (file, truth["id"], verdict)
        assert verdict.ended_by == truth["ended_by"], where
        assert verdict.closed_first == sides[truth["who_closed_first"]] or truth["who_closed_first"] is None, where
        assert verdict.reset_by == sides[truth["rst_sent_by"]] or truth["rst_sent_by"] is None, where
        accepted = set(ACCEPT[truth["cause"]])
        assert verdict.cause in accepted or (folder.name, file) in HIDDEN, where
        assert verdict.cause in accepted or verdict.certainty is not Certainty.CERTAIN
        for name, side in (("client", Side.ORIGINATOR), ("server", Side.RESPONDER)):
            error, call = truth[f"{name}_side"].get("first_error"), truth[f"{name}_side"].get("first_error_op")
            if error in ERRORS and not (
                error in GAVE_UP and capture["point"] == ("server" if name == "client" else "client")
            ):
                assert getattr(verdict.errors[side], CALLS[call.split("#")[0]]) == error, where
    assert compared


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_evidence_is_in_the_capture(folder: Path) -> None:
    for _, capture, _, verdict in asked(folder):
        assert all(evidence.packet and evidence.text for evidence in verdict.evidence), capture
