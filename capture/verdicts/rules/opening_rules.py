"""Causes of connections that never opened, or whose opening failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.model import Ending
from capture.verdicts.events.ending import icmp_class
from capture.verdicts.events.event_codes import IDLE, Context, IcmpClass, Kind, Trait
from capture.verdicts.rules.diagnosis import CERTAIN, LIKELY, POSSIBLE, Diagnosis, proofs

if TYPE_CHECKING:
    from capture.verdicts.events.ending import End
    from capture.verdicts.events.history_facts import HistoryFacts


def flags_not_captured(at: int) -> Diagnosis:
    """A packet of it, at this index, may have been anything: its beginning or its end too."""
    return Diagnosis("unknown", POSSIBLE, "unread", None, ("still_open",), proofs((at, "unread")))


def never_answered(history: HistoryFacts, end: End) -> Diagnosis:
    """The SYN met a RST, an ICMP error, or nothing."""
    if end.ending is Ending.RST:
        return _syn_reset(history, end)
    if end.ending is Ending.ICMP and end.at is not None:
        return _syn_unreachable(history, end.at)
    if end.ending is Ending.TIMEOUT:
        return _syn_unanswered(history)
    if history.just_begun:
        return Diagnosis("still_open", POSSIBLE, "syn_yet", 0, ("syn_unanswered",), proofs((0, "syn")), harmless=True)
    return Diagnosis("unknown", POSSIBLE, "unknown", alternatives=("still_open",))


def _syn_reset(history: HistoryFacts, end: End) -> Diagnosis:
    assert end.at is not None
    event = history.events[end.at]
    syn = history.first(Kind.SYN)
    if syn is None:
        return Diagnosis("unknown", POSSIBLE, "lone_reset", end.by, ("no_socket", "aborted", "middlebox_reset"))
    if event.side == history.events[syn].side:
        return Diagnosis(
            "connect_cancelled", LIKELY, "cancelled_early", event.side, ("syn_unanswered",),
            proofs((syn, "syn"), (end.at, "cancelling_reset")),
        )  # fmt: skip
    evidence = proofs((history.last(Kind.SYN, before=end.at), "syn"), (end.at, "refusing_reset"))
    if event.has(Trait.FOREIGN):
        return Diagnosis(
            "refused_by_firewall", LIKELY, "refused_foreign", event.side, ("refused",),
            proofs((syn, "syn"), (end.at, "foreign_reset")),
        )  # fmt: skip
    sure = CERTAIN if Context.KNOWN_HOST in history.context and event.has(Trait.ANSWER) else LIKELY
    return Diagnosis("refused", sure, "refused", event.side, ("refused_by_firewall",), evidence)


def _syn_unreachable(history: HistoryFacts, at: int) -> Diagnosis:
    kind = icmp_class(history, at)
    evidence = proofs((history.first(Kind.SYN), "syn"), (at, "icmp"))
    if kind is IcmpClass.PORT:
        return Diagnosis(
            "refused_by_firewall", CERTAIN, "icmp_port", history.events[at].side, ("unreachable",), evidence
        )
    others = ("refused_by_firewall",) if kind in (IcmpClass.PROHIBITED, IcmpClass.PROHIBITED_V6) else ()
    return Diagnosis("unreachable", CERTAIN, "icmp_unreachable", history.events[at].side, others, evidence)


def _syn_unanswered(history: HistoryFacts) -> Diagnosis:
    syns = history.indexes(Kind.SYN)
    evidence = proofs((syns[0], "syn"), (syns[-1] if len(syns) > 1 else None, "syn_again"))
    if Context.CROWD_OF_SYNS in history.context and len(syns) == 1:
        return Diagnosis("syn_flood", POSSIBLE, "syn_flood_lonely", 0, ("syn_unanswered",), evidence)
    if Context.BUSY_LISTENER in history.context:
        others: tuple[str, ...] = ("accept_queue_overflow", "syn_flood")
    else:
        others = ("unreachable", "accept_queue_overflow", "connect_cancelled")
    sure = LIKELY if len(syns) > 1 or Context.QUIET_END in history.context else POSSIBLE
    if len(syns) > 1 and Context.ONE_SIDED not in history.context:
        sure = POSSIBLE
    sentence = "syn_unanswered" if len(syns) > 1 else "syn_unanswered_once"
    return Diagnosis("syn_unanswered", sure, sentence, history.events[syns[0]].side, others, evidence)


def half_open(history: HistoryFacts, end: End) -> Diagnosis:
    """A SYN,ACK went out and no third packet came."""
    accepted = history.first(Kind.SYN_ACK)
    evidence = proofs(
        (history.first(Kind.SYN), "syn"), (accepted, "syn_ack"), (history.last(Kind.SYN_ACK), "syn_ack_again")
    )
    if Context.CROWD_OF_SYNS in history.context:
        return Diagnosis("syn_flood", LIKELY, "syn_flood", 0, ("silent_drop",), evidence)
    if end.ending is Ending.TIMEOUT:
        asked = history.indexes(Kind.SYN, 0, after=accepted if accepted is not None else 0)
        if asked:  # the client goes on asking: the answers do not reach it
            evidence = proofs((accepted, "syn_ack"), (asked[0], "syn_after_syn_ack"), (asked[-1], "syn_after_syn_ack"))
            return Diagnosis("silent_drop", LIKELY, "answers_lost", 1, ("syn_unanswered",), evidence)
        return Diagnosis("silent_drop", POSSIBLE, "half_open", 1, ("syn_flood", "connect_cancelled"), evidence)
    if Context.ONE_SIDED in history.context:
        return Diagnosis("still_open", POSSIBLE, "one_sided_open", None, ("unknown",), evidence)
    return Diagnosis("still_open", POSSIBLE, "half_open_yet", 1, ("connect_cancelled", "syn_flood"), evidence)


def cancelled(history: HistoryFacts, at: int) -> Diagnosis:
    """The originator reset before it sent anything: it had given up, or was only probing the port."""
    accepted = history.first(Kind.SYN_ACK)
    if history.events[at].gap >= IDLE:  # it said nothing, but it stayed
        return Diagnosis(
            "connect_cancelled", POSSIBLE, "cancelled_late", history.events[at].side, ("aborted", "keepalive_timeout"),
            proofs((accepted, "syn_ack"), (at, "cancelling_reset")),
        )  # fmt: skip
    live = not history.events[at].traits & (Trait.BARE | Trait.ANSWER | Trait.CUT)
    own = (
        live and history.whole and Context.AT_CLIENT in history.context and not history.data(0) and not history.data(1)
    )
    return Diagnosis(  # captured where it was sent, nobody else can have made it
        "connect_cancelled", CERTAIN if own else LIKELY, "connect_cancelled", history.events[at].side, ("aborted",),
        proofs((accepted, "syn_ack"), (at, "cancelling_reset")), harmless=True,
    )  # fmt: skip
