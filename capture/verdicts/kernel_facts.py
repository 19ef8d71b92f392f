"""What the kernel said of a captured connection, put into its verdict: errors become facts, reasons raise certainty.

Where packets and events disagree, that is said, and neither is preferred in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from capture.kernel.event import KernelEvent, Kind
from capture.language import count_of, sentences, tr
from capture.model import Certainty, Evidence, Finding, NextCalls, Severity, Side, Verdict
from capture.safe_text import printable

CALLS: Final = {"send": "write", "recv": "read", "connect": "connect"}
REASONS: Final[Mapping[str, frozenset[str]]] = {
    "TCP_ABORT_ON_CLOSE": frozenset({"aborted", "client_gave_up", "early_response_reset"}),
    "TCP_ABORT_ON_LINGER": frozenset({"aborted", "client_gave_up", "connect_cancelled"}),
    "TCP_ABORT_ON_DATA": frozenset({"aborted", "client_gave_up"}),
    "TCP_TIMEWAIT_SOCKET": frozenset({"write_after_peer_close", "client_gave_up", "stale_keepalive"}),
    "TCP_KEEPALIVE_TIMEOUT": frozenset({"keepalive_timeout"}),
}
"""The causes that a reset with this reason, sent by this machine's kernel, can have. Others say nothing by themselves:
TCP_STATE is a linger of zero as well as a closed listener, NO_SOCKET a closed port as well as a socket that is gone."""

SAMPLE: Final = 20
SAID: Final = 4
"""Failed calls that the sentence tells of; all are evidence."""
EventAtSide = tuple[Side, KernelEvent]
"""An event and whose end of the connection it happened at."""


def with_kernel_facts(verdict: Verdict, events: Iterable[EventAtSide]) -> Verdict:
    """The verdict with the events of its connection, in order of time."""
    kept = list(events)
    if not kept:
        return verdict
    errors, disagree = _errors(verdict, kept)
    evidence = [*verdict.evidence, *(Evidence(None, _sentence(event)) for _, event in kept)]
    if disagree:
        evidence.append(Evidence(None, tr("packets and kernel disagree: {how}", how=disagree)))
    failed = [_sentence(event) for _, event in kept if event.kind is Kind.CALL_FAILED]
    return replace(
        verdict,
        errors=errors,
        evidence=tuple(evidence),
        certainty=_certainty(verdict, kept, bool(disagree)),
        sentence=sentences(
            verdict.sentence, *(tr("{said}.", said=text[0].upper() + text[1:]) for text in failed[:SAID])
        ),
    )


def disagreements(judged: Iterable[tuple[int, Verdict, Iterable[EventAtSide]]]) -> list[Finding]:
    """A finding on the connections whose packets say another error than the kernel returned; none where all agree."""
    found = {number: why for number, verdict, events in judged if (why := _errors(verdict, list(events))[1])}
    if not found:
        return []
    number, why = next(iter(found.items()))
    return [
        Finding(
            code="events_disagree",
            severity=Severity.WARNING,
            title=tr("packets and kernel disagree on {connections}", connections=count_of(len(found), "connection")),
            text=tr(
                "Connection {number}: {why}. What the kernel told is a fact: are packets missing, or was there another "
                "connection between the same ends?",
                number=number,
                why=why,
            ),
            connections=len(found),
            sample=tuple(found)[:SAMPLE],
            playbook=None,
        )
    ]


def _errors(verdict: Verdict, events: list[EventAtSide]) -> tuple[dict[Side, NextCalls], str]:
    """The first error that each call of each side got; the packets' answer where no call returned one."""
    found = dict(verdict.errors)
    disagree = ""
    seen: set[tuple[Side, str]] = set()
    for side, event in events:
        call = CALLS.get(event.call or "")
        if call is None or event.errno is None or (side, call) in seen:
            continue
        seen.add((side, call))
        inferred = getattr(found[side], call)
        if inferred is not None and inferred != event.errno and not disagree:
            disagree = tr(
                "originator's {call}: {packets} from the packets, {kernel} from the kernel"
                if side is Side.ORIGINATOR
                else "responder's {call}: {packets} from the packets, {kernel} from the kernel",
                call=call,
                packets=inferred,
                kernel=event.errno,
            )
        found[side] = replace(found[side], **{call: event.errno})
    return found, disagree


def _certainty(verdict: Verdict, events: list[EventAtSide], disagree: bool) -> Certainty:
    reasons = [REASONS[event.reason] for _, event in events if event.reason is not None and event.reason in REASONS]
    if disagree or any(verdict.cause not in causes for causes in reasons):
        return min(verdict.certainty, Certainty.LIKELY, key=_rank)
    return Certainty.CERTAIN if reasons and not _open(verdict, reasons) else verdict.certainty


def _open(verdict: Verdict, reasons: list[frozenset[str]]) -> bool:
    """Whether an alternative is left that the reasons do not exclude."""
    return any(all(other in causes for causes in reasons) for other in verdict.alternatives)


def _rank(certainty: Certainty) -> int:
    return [Certainty.POSSIBLE, Certainty.LIKELY, Certainty.CERTAIN].index(certainty)


def _sentence(event: KernelEvent) -> str:
    who = f"{printable(event.owner.name, 32)}[{event.owner.pid}]" if event.owner is not None else tr("this machine")
    times = tr(", {n} times", n=event.count) if event.count > 1 else ""
    return _what(event, who) + times


def _what(event: KernelEvent, who: str) -> str:
    match event.kind:
        case Kind.CALL_FAILED:
            return tr("the kernel told {who} {errno} at its {call}", who=who, errno=event.errno, call=event.call)
        case Kind.ERROR_REPORTED:
            at = tr(", at its connect") if event.call == "connect" else ""
            if event.owner is not None:
                return tr("the kernel put {errno} on the socket of {who}", errno=event.errno, who=who) + at
            return tr("the kernel put {errno} on the socket", errno=event.errno) + at
        case Kind.RESET_SENT:
            why = tr(", the kernel's reason {reason}", reason=event.reason) if event.reason else ""
            return tr("{who} sent a reset", who=who) + why
        case Kind.RESET_RECEIVED:
            return tr("a reset was taken in")
        case Kind.RETRANSMITTED:
            return tr("a segment was sent again")
        case Kind.DROPPED:
            return tr("the kernel dropped a packet: {reason}", reason=event.reason)
        case Kind.CLOSED:
            return tr("the socket was closed") + _last_words(event)


def _last_words(event: KernelEvent) -> str:
    last = event.last
    if last is None:
        return ""
    return tr(
        ": {sent} bytes sent, {received} received, {again} retransmissions",
        sent=last.bytes_sent,
        received=last.bytes_received,
        again=last.retransmits,
    )
