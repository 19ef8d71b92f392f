"""The report as plain dicts, field by field as the published schema `tcptriage.report/1` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.finding_document import finding_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.decode import DecodedCapture
    from capture.model import ChainLink, Finding, Verdict

SCHEMA = "tcptriage.report/1"


def seconds(nanoseconds: int | None) -> str | None:
    """Epoch seconds as text with all nine decimals: a float would lose the last ones."""
    if nanoseconds is None:
        return None
    sign, nanoseconds = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    return f"{sign}{nanoseconds // 1_000_000_000}.{nanoseconds % 1_000_000_000:09d}"


def capture_document(decoded: DecodedCapture) -> dict[str, Any]:
    """One entry of `captures`."""
    return {
        "path": decoded.path,
        "format": decoded.format,
        "link_types": list(decoded.link_types),
        "packets": decoded.packets,
        "tcp_packets": decoded.tcp_packets,
        "first_time": seconds(decoded.first_time),
        "last_time": seconds(decoded.last_time),
        "notices": [{"code": n.code, "packet": n.packet, "text": n.text} for n in decoded.notices],
    }


def findings_document(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """`findings`, most severe first, the larger group first among equals."""
    return [finding_document(f) for f in sorted(findings, key=lambda f: (f.severity.rank, -f.connections))]


def relations_document(chain: ChainLink | None, same_as: int | None) -> dict[str, Any]:
    """Which other connections of the capture belong to this one: nothing of most."""
    document: dict[str, Any] = {}
    if chain is not None:
        document["chain"] = {
            "front": chain.front,
            "back": chain.back,
            "proxy": chain.proxy,
            "certainty": chain.certainty.value,
        }
    if same_as is not None:
        document["same_as"] = same_as
    return document


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """The part of a connection that the verdict fills."""
    return {
        "closed_first": verdict.closed_first,
        "ended_by": verdict.ended_by,
        "reset_by": verdict.reset_by,
        "cause": verdict.cause,
        "certainty": verdict.certainty,
        "alternatives": list(verdict.alternatives),
        "decide_by": verdict.decide_by,
        "sentence": verdict.sentence,
        "evidence": [{"packet": e.packet, "text": e.text} for e in verdict.evidence],
        "errors": {
            side.value: {"connect": calls.connect, "read": calls.read, "write": calls.write}
            for side, calls in verdict.errors.items()
        },
        "playbook": verdict.playbook,
    }
