"""Causes of resets that took effect: the RST's shape, what was said before it, and the silence before that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from capture.verdicts.events.event_codes import IDLE, LONG_IDLE, PAUSE, Context, Kind, Trait
from capture.verdicts.rules.after_fin_rules import knocked, own_half_close, peer_had_closed
from capture.verdicts.rules.diagnosis import CERTAIN, LIKELY, POSSIBLE, Diagnosis, proofs
from capture.verdicts.rules.opening_rules import cancelled
from capture.verdicts.rules.refused_handshake import refused_handshake

if TYPE_CHECKING:
    from capture.model import Certainty
    from capture.verdicts.events.ending import End
    from capture.verdicts.events.history_facts import HistoryFacts
    from capture.verdicts.rules.diagnosis import Proof


def by_reset(history: HistoryFacts, end: End) -> Diagnosis:
    """The cause of a reset connection: the first rule that knows it."""
    assert end.at is not None
    assert end.by is not None
    at, by = end.at, end.by
    if history.third_packet is None and by == 0:
        return cancelled(history, at)
    if all(event.kind is Kind.RST for event in history.events):
        if history.events[at].has(Trait.BARE):
            others = ("no_socket", "aborted", "middlebox_reset")
            return Diagnosis("unknown", POSSIBLE, "lone_reset", by, others, proofs((at, "reset")))
        if history.events[at].has(Trait.ANSWER):
            evidence = proofs((at, "refusing_reset"))
            return Diagnosis("refused", POSSIBLE, "lone_refusal", by, ("aborted", "middlebox_reset"), evidence)
        return Diagnosis("aborted", POSSIBLE, "lone_abort", by, ("middlebox_reset",), proofs((at, "abort")))
    if end.forged:
        return _forged(history, at, by)
    if (refused := refused_handshake(history, end)) is not None:
        return refused
    for rule in (_overflow, _stalled, peer_had_closed, own_half_close, _before_any_word):
        found = rule(history, at, by)
        if found is not None:
            return found
    return _bare(history, at, by) if history.events[at].has(Trait.BARE) else _live(history, at, by)


def _forged(history: HistoryFacts, at: int, by: int) -> Diagnosis:
    event = history.events[at]
    goes_on = event.has(Trait.AFTERLIFE)
    later = [i for i in range(at + 1, len(history.events)) if history.events[i].side == by]
    alive = next((i for i in later if history.events[i].kind is not Kind.RST), None)
    if event.has(Trait.FOREIGN):
        sentence, proof, sure = "middlebox_ttl", "foreign_reset", LIKELY
    elif goes_on:
        sentence, proof, sure = "middlebox_goes_on", "reset", LIKELY
    else:
        sentence, proof, sure = "middlebox_id", "odd_id_reset", POSSIBLE
    others = ("no_socket",) if event.has(Trait.BARE) else ("aborted",)
    evidence = proofs(
        (history.last(Kind.DATA, 1 - by, before=at), "answered_by_reset"), (at, proof), (alive, "goes_on")
    )
    return Diagnosis("middlebox_reset", sure, sentence, by, others, evidence)


def _overflow(history: HistoryFacts, at: int, by: int) -> Diagnosis | None:
    """The server repeated its SYN,ACK to a client that had answered it, and at last forgot the request."""
    again = history.accepted_again
    if by != 1 or not again or again[0] > at or not history.events[at].has(Trait.BARE):
        return None
    return Diagnosis(
        "accept_queue_overflow", LIKELY, "overflow_given_up", 1, ("accept_queue_reset",),
        proofs((history.third_packet, "third"), (again[0], "syn_ack_after_ack"), (at, "reset")),
    )  # fmt: skip


def _stalled(history: HistoryFacts, at: int, by: int) -> Diagnosis | None:
    for side in (0, 1):
        run = history.stalled(side, at)
        probes = [i for i in run if history.events[i].side != side]
        if run and (len(probes) >= 2 or (probes and history.events[at].gap >= PAUSE)):
            return Diagnosis(
                "zero_window_stall", LIKELY, "stalled_reset" if by == side else "stalled_sender_reset", side,
                ("aborted",), proofs((run[0], "window_closed"), (probes[-1], "window_probe"), (at, "reset")),
            )  # fmt: skip
    unread = history.stalled(1 - by, at)
    if unread and history.events[at].has(Trait.BARE) and history.fins[by] is None and _may_be_answered(history, at):
        return Diagnosis(
            "zero_window_stall", LIKELY, "stalled_closed", 1 - by, ("aborted", "no_socket", "middlebox_reset"),
            proofs((unread[0], "window_closed"), (at - 1, "answered_by_reset"), (at, "bare_reset")),
        )  # fmt: skip
    return None


def _before_any_word(history: HistoryFacts, at: int, by: int) -> Diagnosis | None:
    """A RST before anything was exchanged."""
    if history.midstream:
        return None
    taken = [i for i in history.data(0, before=at) if not history.events[i].has(Trait.LOST)]
    if history.data(1, before=at) or taken:
        return None
    if by == 0:
        return cancelled(history, at) if not history.data(0, before=at) else None
    if not history.events[at].has(Trait.BARE):
        return None
    repeated = [i for i in history.data(0, before=at) if history.events[i].has(Trait.REPEAT)]
    if len(repeated) >= 2:
        return Diagnosis(
            "accept_queue_overflow", POSSIBLE, "overflow_given_up", 1, ("accept_queue_reset", "no_socket"),
            proofs((history.third_packet, "third"), (repeated[0], "ignored_data"), (at, "reset")),
        )  # fmt: skip
    if history.events[at].gap >= IDLE:
        return None
    return Diagnosis(
        "accept_queue_reset", LIKELY, "reset_at_accept", 1, ("aborted", "no_socket"),
        proofs((history.third_packet, "third"), (at, "reset")),
    )  # fmt: skip


def _bare(history: HistoryFacts, at: int, by: int) -> Diagnosis:
    """A bare RST without a FIN before it: the host does not know the connection, or something resets it unasked."""
    asked = at - 1 if at and _may_be_answered(history, at) else None
    evidence = proofs((asked, "answered_by_reset"), (at, "bare_reset"))
    if asked is None:
        return _unasked(history, at, by)
    if history.midstream and not any(e.side == by and e.kind is not Kind.RST for e in history.events[:at]):
        return _begun_before(history, at, by, evidence)
    idle = max(history.events[asked].gap, history.events[at].gap) >= PAUSE
    last = history.last(Kind.DATA, by, before=at)
    if not idle and last is not None and history.events[last].traits & (Trait.LOST | Trait.REPEAT) == Trait.LOST:
        # its data was on the way a moment ago: no host lost that; a closed socket that still sends resets what comes
        others: tuple[str, ...] = ("no_socket", "middlebox_reset")
        return Diagnosis("aborted", LIKELY, "closed_sending", by, others, proofs((last, "last_response"), *(
            (p.at, p.code) for p in evidence)))  # fmt: skip
    code = "no_socket_fin" if history.events[asked].kind is Kind.FIN else "no_socket_idle" if idle else "no_socket"
    others = ("middlebox_reset", "idle_drop", "aborted")
    if history.midstream:
        others = (*others, "write_after_peer_close")
    return Diagnosis("no_socket", LIKELY, code, by, others, evidence)


def _may_be_answered(history: HistoryFacts, at: int) -> bool:
    """Whether the event before a RST came from the other side and nothing else answered it."""
    before, event = history.events[at - 1], history.events[at]
    if before.side == event.side or event.gap >= IDLE:
        return False
    if before.kind is Kind.FIN:
        return history.fin_acked(before.side) is None
    if before.kind is Kind.DATA:
        heard = any(e.side == event.side and e.kind is not Kind.RST for e in history.events[:at])
        return before.has(Trait.LOST) or not heard
    return before.kind is Kind.PROBE


def _unasked(history: HistoryFacts, at: int, by: int) -> Diagnosis:
    """A bare RST that answers nothing: a host without the socket sends none."""
    gap = history.events[at].gap
    evidence = proofs((at, "unasked_reset"))
    if gap >= IDLE and history.waiting(0, at) is None:
        others = ("middlebox_reset", "aborted", "no_socket")
        return Diagnosis("idle_drop", LIKELY if gap >= LONG_IDLE else POSSIBLE, "idle_reset", by, others, evidence)
    return Diagnosis("no_socket", POSSIBLE, "bare_reset", by, ("aborted", "middlebox_reset", "idle_drop"), evidence)


def _begun_before(history: HistoryFacts, at: int, by: int, evidence: tuple[Proof, ...]) -> Diagnosis:
    """Of the side that reset nothing else was captured: whether it had closed before lies outside the capture."""
    if by == 0:
        others: tuple[str, ...] = ("client_gave_up", "no_socket", "middlebox_reset")
        return Diagnosis("write_after_peer_close", POSSIBLE, "begun_before", 1, others, evidence)
    others = ("write_after_peer_close", "stale_keepalive", "middlebox_reset", "idle_drop")
    return Diagnosis("no_socket", POSSIBLE, "begun_before", 0, others, evidence)


def _live(history: HistoryFacts, at: int, by: int) -> Diagnosis:
    """A RST,ACK of a living socket: closed with unread data, SO_LINGER 0, or its process ended."""
    found = _of_a_living_socket(history, at, by)
    if history.events[at].has(Trait.ANSWER) and "middlebox_reset" not in found.alternatives:
        # window 0 is nothing that Linux closes with; other systems do, and firewalls
        return replace(found, alternatives=(*found.alternatives, "middlebox_reset"))
    return found


def _of_a_living_socket(history: HistoryFacts, at: int, by: int) -> Diagnosis:
    event = history.events[at]
    response = history.served(by, at)
    request = history.waiting(1 - by, at)
    sure: Certainty = LIKELY
    if event.has(Trait.ANSWER) and Context.TIMESTAMPS in history.context:
        return _odd_shape(history, at, by)
    if event.has(Trait.CUT):
        sure = POSSIBLE
    if by == 1 and response is not None and request is None and Context.UPLOAD in history.context:
        return Diagnosis(
            "early_response_reset", sure, "early_response", by, ("aborted",),
            proofs((response, "early_response"), (at, "abort")),
        )  # fmt: skip
    if by == 0:
        return _live_client(history, at, sure)
    if request is not None:
        return _instead_of_an_answer(history, at, by, sure, request, response)
    others: tuple[str, ...] = ("stale_keepalive",) if event.gap >= PAUSE else ()
    if response is not None and event.gap >= IDLE and Context.ANSWER_CUT_SHORT not in history.context:
        evidence = proofs((response, "last_response"), (at, "abort"))
        return Diagnosis("aborted", sure, "abort_idle_server", by, others, evidence, variant="reset_when_idle")
    code = "abort_after_response" if response is not None else "abort"
    return Diagnosis("aborted", sure, code, by, others, proofs((response, "last_response"), (at, "abort")))


def _instead_of_an_answer(
    history: HistoryFacts, at: int, by: int, sure: Certainty, request: int, response: int | None
) -> Diagnosis:
    """The server reset while a request was open."""
    event, evidence = history.events[at], proofs((response, "last_response"), (request, "request"), (at, "abort"))
    asked_after = max((e.gap for e in history.events[(response or 0) + 1 : request + 1]), default=0)
    if response is not None and asked_after >= IDLE and history.events[at].gap < PAUSE:
        # its idle time-out closed the socket as the request came: a close with unread data makes a RST
        return Diagnosis("stale_keepalive", LIKELY, "stale_reset", by, ("aborted", "no_response"), evidence)
    if response is not None:
        others: tuple[str, ...] = ("no_response", "stale_keepalive") if asked_after >= PAUSE else ("no_response",)
        return Diagnosis("aborted", sure, "abort_next_request", by, others, evidence)
    at_server = history.whole and Context.AT_SERVER in history.context and not event.has(Trait.ANSWER)
    if sure is LIKELY and at_server and event.gap < LONG_IDLE:
        sure = CERTAIN  # a live socket's RST, captured where it was sent: nobody else can have made it
    return Diagnosis("aborted", sure, "abort_unanswered", by, ("no_response",), evidence)


def _odd_shape(history: HistoryFacts, at: int, by: int) -> Diagnosis:
    """A RST,ACK with neither timestamp nor window, though its claimed sender used timestamps."""
    evidence = proofs((at, "odd_reset"))
    if history.events[at].gap >= IDLE and history.waiting(0, at) is None:
        others = ("middlebox_reset", "aborted", "no_socket")
        return Diagnosis("idle_drop", POSSIBLE, "idle_reset", by, others, evidence)
    return Diagnosis("aborted", POSSIBLE, "odd_shape", by, ("middlebox_reset",), evidence)


def _live_client(history: HistoryFacts, at: int, sure: Certainty) -> Diagnosis:
    request, response = history.waiting(0, at), history.last(Kind.DATA, 1, before=at)
    if history.only_shook_hands and (request is None or history.events[at].gap < PAUSE):
        evidence = proofs((response, "last_response"), (at, "abort"))
        return Diagnosis("aborted", sure, "dropped_unused", 0, ("client_gave_up",), evidence, harmless=True)
    early = Context.UPLOAD in history.context and response is not None and history.events[at].gap < PAUSE
    if request is not None and history.asked_for_sure(request) and not early:  # else it had its answer, and sent on
        evidence = proofs((request, "request"), (at, "abort"))
        return Diagnosis("client_gave_up", sure, "client_abort_waiting", 0, ("aborted",), evidence)
    if response is not None:
        evidence = proofs((response, "last_response"), (at, "abort"))
        if history.only_knocked and history.events[at].gap < PAUSE and Context.LONG_ANSWER not in history.context:
            return knocked(proofs((response, "greeting"), (at, "abort")))
        # who closes right after a read acknowledges by the RST alone: whether the application read it, no packet tells
        acked = not history.events[response].has(Trait.LOST) or history.events[at].has(Trait.TAKES)
        taken = acked and not history.stalled(0, at)
        if Context.ANSWER_CUT_SHORT in history.context and request is None:
            return Diagnosis("client_gave_up", sure, "reset_mid_answer", 0, ("aborted",), evidence)
        if Context.ANSWER_WHOLE in history.context and taken and request is None:
            others, kind = ("client_gave_up",), "reset_when_answered"
            return Diagnosis("aborted", LIKELY, "abort_answered", 0, others, evidence, variant=kind)
        if history.events[at].gap >= IDLE and taken and request is None:
            return Diagnosis("aborted", sure, "abort_idle", 0, ("client_gave_up",), evidence, harmless=True)
        code = "abort_reading" if taken else "abort_unread"
        return Diagnosis("aborted", sure, code, 0, ("client_gave_up",), evidence)
    return Diagnosis("aborted", sure, "abort", 0, (), proofs((at, "abort")))
