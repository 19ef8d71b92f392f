"""Events beside verdicts: errors become facts, reasons raise certainty, disagreement is said."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from capture.kernel.event import EventOwner, KernelEvent, Kind, LastWords
from capture.model import Certainty, Closer, Ending, NextCalls, Resetter, Side, Verdict
from capture.verdicts.kernel_facts import EventAtSide, disagreements, with_kernel_facts

A, B = Side.ORIGINATOR, Side.RESPONDER
OWNER = EventOwner(7, "writer")
VERDICT = Verdict(
    closed_first=Closer.RESPONDER,
    ended_by=Ending.RST,
    reset_by=Resetter.RESPONDER,
    cause="aborted",
    certainty=Certainty.LIKELY,
    alternatives=("no_response",),
    decide_by=None,
    sentence="The server reset the connection.",
    evidence=(),
    errors={A: NextCalls(connect="ok", read="ECONNRESET"), B: NextCalls()},
    playbook="connection-reset",
)


def call(side: Side, errno: str, how: str = "send", count: int = 1) -> EventAtSide:
    return side, KernelEvent(1.0, Kind.CALL_FAILED, errno=errno, call=how, owner=OWNER, count=count)


def reset(reason: str) -> EventAtSide:
    return B, KernelEvent(1.0, Kind.RESET_SENT, reason=reason, owner=OWNER)


def test_the_first_failed_call_of_a_kind_is_the_error() -> None:
    found = with_kernel_facts(VERDICT, [call(A, "ECONNRESET"), call(A, "EPIPE", count=2)])
    assert found.errors == {A: NextCalls(connect="ok", read="ECONNRESET", write="ECONNRESET"), B: NextCalls()}
    assert found.sentence.endswith("The kernel told writer[7] EPIPE at its send, 2 times.")
    assert found.certainty is Certainty.LIKELY


@pytest.mark.parametrize(
    ("cause", "reason", "alternatives", "certainty"),
    [
        ("aborted", "TCP_ABORT_ON_CLOSE", ("no_response",), Certainty.CERTAIN),
        ("aborted", "TCP_ABORT_ON_CLOSE", ("client_gave_up",), Certainty.LIKELY),  # the reason fits both
        ("aborted", "TCP_STATE", (), Certainty.LIKELY),  # a linger of zero, or a closed listener: says nothing
        ("aborted", "TCP_TIMEWAIT_SOCKET", (), Certainty.LIKELY),
        ("write_after_peer_close", "TCP_TIMEWAIT_SOCKET", (), Certainty.CERTAIN),
        ("keepalive_timeout", "TCP_KEEPALIVE_TIMEOUT", (), Certainty.CERTAIN),
    ],
)
def test_a_reason_makes_certain_what_it_alone_fits(
    cause: str, reason: str, alternatives: tuple[str, ...], certainty: Certainty
) -> None:
    verdict = replace(VERDICT, cause=cause, alternatives=alternatives)
    assert with_kernel_facts(verdict, [reset(reason)]).certainty is certainty


def test_a_reason_that_does_not_fit_takes_certainty_away() -> None:
    certain = replace(VERDICT, certainty=Certainty.CERTAIN)
    assert with_kernel_facts(certain, [reset("TCP_TIMEWAIT_SOCKET")]).certainty is Certainty.LIKELY
    assert with_kernel_facts(certain, [reset("TCP_ABORT_ON_LINGER")]).certainty is Certainty.CERTAIN


def test_disagreement_is_evidence_a_finding_and_never_certain() -> None:
    told = [call(A, "ETIMEDOUT", "recv"), reset("TCP_ABORT_ON_CLOSE")]
    found = with_kernel_facts(replace(VERDICT, certainty=Certainty.CERTAIN), told)
    assert found.certainty is Certainty.LIKELY
    assert found.errors[A].read == "ETIMEDOUT"
    assert any("ECONNRESET from the packets, ETIMEDOUT from the kernel" in one.text for one in found.evidence)
    (finding,) = disagreements([(4, VERDICT, told), (5, VERDICT, [call(A, "ECONNRESET", "recv")])])
    assert (finding.code, finding.sample) == ("events_disagree", (4,))
    assert disagreements([(5, VERDICT, [call(A, "ECONNRESET", "recv")])]) == []


def test_nothing_told_changes_nothing() -> None:
    assert with_kernel_facts(VERDICT, []) is VERDICT


@pytest.mark.parametrize(
    ("kind", "told", "said"),
    [
        (Kind.ERROR_REPORTED, {"errno": "EPIPE"}, "the kernel put EPIPE on the socket"),
        (Kind.ERROR_REPORTED, {"errno": "EPIPE", "owner": OWNER}, "the kernel put EPIPE on the socket of writer[7]"),
        (
            Kind.ERROR_REPORTED,
            {"errno": "ECONNREFUSED", "call": "connect"},
            "ECONNREFUSED on the socket, at its connect",
        ),
        (Kind.RESET_SENT, {}, "this machine sent a reset"),
        (Kind.RESET_SENT, {"reason": "TCP_STATE", "count": 2}, "a reset, the kernel's reason TCP_STATE, 2 times"),
        (Kind.RESET_RECEIVED, {}, "a reset was taken in"),
        (Kind.RETRANSMITTED, {"count": 1}, "a segment was sent again"),
        (Kind.DROPPED, {"reason": "NO_SOCKET"}, "the kernel dropped a packet: NO_SOCKET"),
        (Kind.CLOSED, {}, "the socket was closed"),
        (
            Kind.CLOSED,
            {"last": LastWords(5, 6, 7, None)},
            "the socket was closed: 5 bytes sent, 6 received, 7 retransmissions",
        ),
    ],
)
def test_each_event_is_evidence(kind: Kind, told: dict[str, Any], said: str) -> None:
    found = with_kernel_facts(VERDICT, [(B, KernelEvent(1.0, kind, **told))])
    assert found.evidence[-1].text.endswith(said)
    assert found.sentence == VERDICT.sentence


def test_whose_call_disagrees_is_said() -> None:
    refused = replace(VERDICT, errors={A: NextCalls(), B: NextCalls(write="EPIPE")})
    found = with_kernel_facts(refused, [call(B, "ECONNRESET"), call(B, "ETIMEDOUT", "recv")])
    assert "responder's write: EPIPE from the packets, ECONNRESET from the kernel" in found.evidence[-1].text


def test_four_failed_calls_are_told_and_all_are_evidence() -> None:
    calls = [call(A, "EPIPE", count=number) for number in range(2, 7)]
    found = with_kernel_facts(VERDICT, calls)
    assert "5 times" in found.sentence
    assert "6 times" not in found.sentence
    assert len([one for one in found.evidence if "EPIPE at its send" in one.text]) == 5
