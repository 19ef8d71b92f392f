"""Causes of resets that followed a FIN: who had closed, what was still said, and whether anybody missed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from capture.verdicts.events.event_codes import IDLE, PAUSE, Context, Kind, Trait
from capture.verdicts.rules.diagnosis import LIKELY, POSSIBLE, Diagnosis, proofs

if TYPE_CHECKING:
    from capture.verdicts.events.event_codes import Event
    from capture.verdicts.events.history_facts import HistoryFacts
    from capture.verdicts.rules.diagnosis import Proof

NEW_OR_REPEATED = Trait.LOST | Trait.REPEAT
KNOWN_LAST_WORDS = Trait.GOODBYE | Trait.PARTING


def closed_unanswered(history: HistoryFacts) -> Diagnosis | None:
    """The responder's FIN came instead of an answer to a request that it had taken."""
    fin = history.fins[1]
    if fin is None or history.first_closer != 1 or history.opened_by_both:
        return None
    request = history.waiting(0, at=fin)
    if request is None or history.events[request].has(Trait.LOST) or history.said_why(1, fin):
        return None
    if not history.asked_for_sure(request):
        return None
    words = [i for i in history.data(1, before=fin, after=request) if not history.events[i].has(Trait.HANDSHAKE)]
    spoke = any(i < _closing_run(history, fin) for i in words)
    if spoke and not history.greeted(0):
        return None  # it said something of the protocol's own: that is life, and no close instead of an answer
    if Context.UPLOAD in history.context and history.spoken(1, before=fin):
        return None  # it had answered early, and the rest of the upload came after that
    return Diagnosis(
        "closed_unanswered", LIKELY, "closed_unanswered", 1, ("no_response", "normal_close"),
        proofs((request, "request"), (fin, "fin_unanswered")),
    )  # fmt: skip


def dismissed(history: HistoryFacts) -> Diagnosis | None:
    """The responder said goodbye instead of answering, and its client closed at once: that FIN came first, and asked
    for nothing (a TLS server's time-out)."""
    fin = history.fins[0]
    if fin is None or history.first_closer != 0 or history.closing_gap(fin) >= PAUSE:
        return None
    goodbyes = [i for i in history.data(1, before=fin) if history.events[i].has(Trait.GOODBYE)]
    if not goodbyes or history.events[goodbyes[-1]].gap < PAUSE:
        return None
    request = history.waiting(0, at=goodbyes[-1])
    if request is None or history.waiting(0, at=fin) != request or not history.asked_for_sure(request):
        return None
    return Diagnosis(
        "closed_unanswered", LIKELY, "dismissed", 1, ("no_response", "client_gave_up"),
        proofs((request, "request"), (goodbyes[-1], "goodbye_unanswered"), (fin, "fin")),
    )  # fmt: skip


def _closing_run(history: HistoryFacts, fin: int) -> int:
    """Where the goodbyes begin that are right before a FIN of the same side."""
    side, begin = history.events[fin].side, fin
    for i in range(fin - 1, -1, -1):
        event = history.events[i]
        if event.side == side and event.kind is Kind.DATA and event.has(Trait.GOODBYE):
            begin = i
        elif event.kind is not Kind.ACK:
            break
    return begin


def peer_had_closed(history: HistoryFacts, at: int, by: int) -> Diagnosis | None:
    """The resetting side had sent its FIN before."""
    fin, other = history.fins[by], history.fins[1 - by]
    if fin is None or fin > at:
        return None
    if other is not None and other < fin and other < at:
        return None  # the other side closed first: see own_half_close
    # what is captured after the RST, and was never taken, was on its way: its FIN may have overtaken it
    said = [i for i in history.data(1 - by, after=fin) if i < at or history.events[i].has(Trait.LOST)]
    late = [i for i in said if not _known_repeat(history, i)]
    crossing = [i for i in history.data(1 - by, before=fin) if history.events[i].traits & NEW_OR_REPEATED == Trait.LOST]
    crossing += [i for i in late if not history.events[i].has(Trait.ACKS_FIN)]
    meant = [i for i in [*crossing, *late] if not history.events[i].traits & KNOWN_LAST_WORDS]
    answered_by_nobody = history.events[at].has(Trait.BARE)
    if by == 0 and (unanswered := dismissed(history)) is not None:
        return unanswered
    if by == 1 and answered_by_nobody and not meant and (unanswered := closed_unanswered(history)) is not None:
        return unanswered
    if late or crossing:
        unread = by == 0 and not answered_by_nobody and any(_taken_unread(history.events[i]) for i in late)
        parting = None if unread else _parting(history, at, by, fin, sorted({*crossing, *late}))
        if parting is not None:
            return parting
        return _wrote_after_fin(history, at, by, fin, late, crossing)
    if other is not None and other < at:
        return _closed_late(history, at, by, fin, other)
    return _abort_after_fin(history, at, by, fin)


def _taken_unread(event: Event) -> bool:
    """It was acknowledged after a FIN: the socket lived, and if a RST that a live socket sends came next, nobody had
    read it."""
    return not event.traits & (NEW_OR_REPEATED | KNOWN_LAST_WORDS | Trait.SMALL)


def _known_repeat(history: HistoryFacts, index: int) -> bool:
    return history.events[index].has(Trait.REPEAT) and not history.events[index].has(Trait.LOST)


def _parting(history: HistoryFacts, at: int, by: int, fin: int, late: list[int]) -> Diagnosis | None:
    """Both were leaving: what met the RST was a goodbye (TLS's close_notify, QUIT), and nobody missed it."""
    other = history.fins[1 - by]
    waiting = history.waiting(0, at=fin) if by == 0 else None
    # a handshake that only lengths tell may be requests, and a client that sat there may have waited for an answer
    said = not history.events[late[0]].traits & KNOWN_LAST_WORDS
    asked = waiting is not None or (said and history.shook_by_length)
    if by == 0 and history.only_shook_hands and not (asked and _idle_before(history, fin)):
        evidence = proofs((fin, "fin"), (late[0], "remark"), (at, "answering_reset"))
        others = ("client_gave_up", "normal_close")
        return Diagnosis("write_after_peer_close", LIKELY, "left_unused", by, others, evidence, harmless=True)
    # where payloads were not captured, and what came is smaller than a request, it may have been a mere goodbye
    sized = not any(history.events[i].has(Trait.SMALL) and not history.events[i].has(Trait.SIZED) for i in late)
    sure = sized and waiting is not None and history.asked_for_sure(waiting)
    waited = waiting is not None and history.asked_for_sure(waiting) and history.closing_gap(fin) >= PAUSE
    if by == 0 and waiting is not None and (sure or waited or _idle_before(history, fin)):
        return None  # it had given up waiting
    if all(history.events[i].traits & KNOWN_LAST_WORDS or not history.events[i].has(Trait.LOST) for i in late):
        answered = waiting is None and not (by == 0 and _briefly_answered(history, fin))
        return _left(history, at, by, fin, late[0]) if answered else _parted_open(history, at, by, fin, late[0])
    remarks = [history.events[i] for i in late]
    if not all(e.traits & KNOWN_LAST_WORDS or _is_brief(e) or not e.has(Trait.LOST) for e in remarks):
        return None
    # what was said is not known, only that it was little
    if any(e.gap >= PAUSE for e in remarks):
        return None
    knew = all(e.has(Trait.ACKS_FIN) for e in remarks)
    if by == 1 and (other is None or (history.events[other].has(Trait.ACKS_FIN) and not knew)):
        return None  # it closed only because its peer had: what it had written before was meant
    if history.served(1, at=fin) is None:
        return None
    return _left(history, at, by, fin, late[0]) if waiting is None else _parted_open(history, at, by, fin, late[0])


def _is_brief(event: Event) -> bool:
    """So little of what was not captured that it may be a goodbye; as much as half of its side's first data may be a
    request."""
    return event.has(Trait.SMALL) and not event.has(Trait.SIZED)


def _briefly_answered(history: HistoryFacts, fin: int) -> bool:
    """The last that the server had said is as short as an HTTP/2 frame in TLS: it may have been no answer."""
    said = history.spoken(1, before=fin)
    asked = history.spoken(0, before=fin)
    return bool(said and asked) and said[-1] > asked[-1] and not history.asked_for_sure(said[-1])


def _left(history: HistoryFacts, at: int, by: int, fin: int, remark: int) -> Diagnosis:
    other = history.fins[1 - by]
    if history.goodbye_by_length:
        evidence = proofs((fin, "fin"), (remark, "remark_unread"), (other, "fin"), (at, "answering_reset"))
        others = ("write_after_peer_close", "stale_keepalive" if by == 1 else "client_gave_up")
        return Diagnosis("normal_close", POSSIBLE, "left_by_length", by, others, evidence, harmless=True)
    if by == 1 and history.events[remark].has(Trait.GOODBYE) and not history.said_goodbye(1, fin):
        # a process that dies closes without a goodbye: whether its answer was whole is unknown
        evidence = proofs((fin, "fin"), (remark, "remark"), (at, "answering_reset"))
        instead = ("aborted", "closed_unanswered", "write_after_peer_close")
        return Diagnosis("normal_close", LIKELY, "left_without_goodbye", by, instead, evidence)
    evidence = proofs((fin, "fin"), (remark, "remark"), (other, "fin"), (at, "answering_reset"))
    if other is None or (by == 1 and history.events[remark].has(Trait.ACKS_FIN)):
        return Diagnosis("write_after_peer_close", LIKELY, "left", by, ("normal_close",), evidence, harmless=True)
    cause = "simultaneous_close" if history.first_closer == 2 else "normal_close"
    return Diagnosis(cause, LIKELY, "parted", by, ("write_after_peer_close",), evidence, harmless=True)


def _parted_open(history: HistoryFacts, at: int, by: int, fin: int, remark: int) -> Diagnosis:
    """The same, but the last that the client had said may have been a short request, and so missed its answer."""
    evidence = proofs((fin, "fin"), (remark, "remark"), (history.fins[1 - by], "fin"), (at, "answering_reset"))
    others = ("client_gave_up", "write_after_peer_close")
    return Diagnosis("normal_close", LIKELY, "parted_open", by, others, evidence, harmless=True)


def _wrote_after_fin(
    history: HistoryFacts, at: int, by: int, fin: int, late: list[int], crossing: list[int]
) -> Diagnosis | None:
    writer = 1 - by
    served = history.served(by, at=fin) is not None
    meant = [i for i in [*crossing, *late] if not history.events[i].traits & KNOWN_LAST_WORDS] or [*crossing, *late]
    write = meant[0]
    evidence = proofs((fin, "fin"), (write, "crossing_write" if write in crossing else "late_write"),
                      (at, "answering_reset"))  # fmt: skip
    if by == 1:
        return _request_after_fin(history, fin, write, bool(crossing), served, evidence)
    brief = Context.LONG_ANSWER not in history.context
    if history.only_knocked and brief and not _idle_before(history, fin) and not history.spoken(1, before=fin):
        return knocked(proofs((fin, "fin"), (write, "greeting"), (at, "answering_reset")))
    waiting = history.waiting(0, at=fin)
    if waiting is not None:
        code = "gave_up_late_response" if _idle_before(history, fin) else "left_before_response"
        return Diagnosis(
            "client_gave_up", LIKELY, code, 0, ("write_after_peer_close",),
            proofs((waiting, "request"), *((p.at, p.code) for p in evidence)),
        )  # fmt: skip
    if Context.ANSWER_CUT_SHORT in history.context:
        return Diagnosis("client_gave_up", LIKELY, "left_mid_answer", 0, ("write_after_peer_close",), evidence)
    others: tuple[str, ...] = ("client_gave_up",)
    if _long_after(history, write):
        others = ("late_close", "client_gave_up")
    return Diagnosis("write_after_peer_close", LIKELY, "wrote_after_fin", writer, others, evidence)


def _request_after_fin(
    history: HistoryFacts, fin: int, write: int, crossing: bool, served: bool, evidence: tuple[Proof, ...]
) -> Diagnosis:
    """The client wrote to a server that had closed, or was closing."""
    idle = history.closing_gap(fin) >= PAUSE
    unanswered = closed_unanswered(history)
    if unanswered is not None and idle and not crossing and not _idle_before(history, write):
        # it had waited, had no answer, and spoke up at its end; who writes later by itself may not have waited
        others: tuple[str, ...] = ("write_after_peer_close", *unanswered.alternatives)
        return replace(unanswered, alternatives=others, proofs=proofs(*_pairs(unanswered.proofs), *_pairs(evidence)))
    request = _idle_before(history, write) or history.events[write].has(Trait.SIZED)
    if served and Context.UPLOAD in history.context and not (idle or _idle_before(history, write)):
        return Diagnosis(
            "early_response_reset", LIKELY, "early_response_fin", 1, ("write_after_peer_close", "stale_keepalive"),
            proofs((history.served(1, at=fin), "early_response"), *_pairs(evidence)),
        )  # fmt: skip
    if served and len(history.indexes(Kind.FIN, 1, before=write)) > 1 and not history.events[write].has(Trait.ACKS_FIN):
        others = ("silent_drop", "idle_drop", "write_after_peer_close")
        return Diagnosis("stale_keepalive", LIKELY, "stale_unheard", 1, others, evidence)
    if served and crossing:
        return Diagnosis("stale_keepalive", LIKELY, "stale_crossing", 1, ("write_after_peer_close",), evidence)
    if served and idle and request:
        return Diagnosis("stale_keepalive", LIKELY, "stale_reuse", 1, ("write_after_peer_close",), evidence)
    if history.midstream and not history.spoken(0, before=fin) and not history.spoken(1, before=fin) and request:
        # what was said before the capture began is not known; a server that closes and a client that asks are seen
        return Diagnosis("stale_keepalive", POSSIBLE, "stale_reuse", 1, ("write_after_peer_close",), evidence)
    others = ("closed_unanswered", "stale_keepalive") if unanswered else ("stale_keepalive", "aborted")
    return Diagnosis("write_after_peer_close", LIKELY, "wrote_after_fin", 0, others, evidence)


def _pairs(found: tuple[Proof, ...]) -> list[tuple[int | None, str]]:
    return [(proof.at, proof.code) for proof in found]


def knocked(evidence: tuple[Proof, ...]) -> Diagnosis:
    """A client that connected, said nothing and left at once: a port check, which a greeting met."""
    others = ("write_after_peer_close", "client_gave_up", "aborted")
    return Diagnosis("connect_cancelled", LIKELY, "knocked", 0, others, evidence, harmless=True)


def _idle_before(history: HistoryFacts, at: int) -> bool:
    return history.events[at].gap >= PAUSE


def _long_after(history: HistoryFacts, at: int) -> bool:
    return history.events[at].gap >= IDLE


def _closed_late(history: HistoryFacts, at: int, by: int, fin: int, other: int) -> Diagnosis:
    """Both FINs, but the second met a RST: the first closer no longer waited for it."""
    evidence = proofs((fin, "fin"), (other, "late_fin"), (at, "answering_reset"))
    if history.events[other].gap >= IDLE:
        return Diagnosis("late_close", LIKELY, "late_close", 1 - by, ("normal_close",), evidence)
    waiting = history.waiting(0, at=fin)
    if by == 0 and waiting is not None and _idle_before(history, fin) and history.asked_for_sure(waiting):
        return Diagnosis(
            "client_gave_up", LIKELY, "gave_up", 0, ("normal_close",),
            proofs((waiting, "request"), *((p.at, p.code) for p in evidence)),
        )  # fmt: skip
    return Diagnosis("normal_close", LIKELY, "closed_with_reset", by, ("late_close",), evidence, harmless=True)


def _abort_after_fin(history: HistoryFacts, at: int, by: int, fin: int) -> Diagnosis | None:
    """A FIN and then a RST of the same side, with nothing of the peer's between: it closed, and did not wait."""
    if not history.events[at].has(Trait.BARE):
        return Diagnosis(
            "aborted", LIKELY, "fin_then_abort", by, ("write_after_peer_close", "closed_unanswered"),
            proofs((fin, "fin"), (at, "abort")),
        )  # fmt: skip
    evidence = proofs((fin, "fin"), (at, "reset"))
    if by == 1 and history.served(1, at=fin) is not None and history.closing_gap(fin) >= PAUSE:
        # an ACK of the FIN is answered by nothing: what met the RST was said on an idle connection
        others: tuple[str, ...] = ("write_after_peer_close", "aborted")
        return Diagnosis("stale_keepalive", POSSIBLE, "reset_after_idle_fin", by, others, evidence)
    others = ("aborted", "client_gave_up", "stale_keepalive")
    return Diagnosis("write_after_peer_close", POSSIBLE, "reset_after_fin", by, others, evidence)


def own_half_close(history: HistoryFacts, at: int, by: int) -> Diagnosis | None:
    """The other side had sent its FIN, and this one answered with a RST."""
    fin, own = history.fins[1 - by], history.fins[by]
    if fin is None or fin > at:
        return None
    if own is not None and own < at:
        cause = "simultaneous_close" if history.first_closer == 2 else "normal_close"
        evidence = proofs((fin, "fin"), (own, "fin"), (at, "reset"))
        return Diagnosis(cause, LIKELY, "closed_with_reset", by, ("write_after_peer_close",), evidence, harmless=True)
    if history.events[at].has(Trait.BARE) and _answers_unheard(history, at):
        return None  # not what a socket makes of a FIN: see reset_rules._bare
    if by == 1 and (unanswered := dismissed(history)) is not None:
        return unanswered
    evidence = proofs((fin, "fin"), (at, "abort"))
    request = history.waiting(0, at=fin) if by == 1 else None
    goodbye = history.last(Kind.DATA, 0, before=fin)
    polite = goodbye is not None and history.events[goodbye].has(Trait.GOODBYE)
    if request is not None and (_idle_before(history, fin) or polite):
        asked = proofs((request, "request"), *((p.at, p.code) for p in evidence))
        return Diagnosis("client_gave_up", LIKELY, "gave_up_reset", 0, ("aborted",), asked)
    if by == 0 and (unanswered := closed_unanswered(history)) is not None:
        return unanswered
    # a client that closes right after a read acknowledges by the RST alone
    taken = by == 0 and history.events[at].has(Trait.TAKES)
    cut_short = [i for i in history.spoken(1 - by, before=at) if not taken and _is_lost_news(history, i)]
    meant = goodbye is not None and not _idle_before(history, goodbye) and not history.said_goodbye(1, at)
    if by == 1 and request is None and polite and meant:
        # it did not even read the goodbye: it was still sending, or had done so a moment ago
        others = ("normal_close", "aborted")
        return Diagnosis("client_gave_up", POSSIBLE, "left_while_sending", 0, others, evidence)
    if by == 0 and (late := history.waiting(0, at=at)) is not None and late > fin and history.asked_for_sure(late):
        # the request and the FIN crossed; a socket that only finished sending does not refuse what it will not read
        asked = proofs((fin, "fin"), (late, "request"), (at, "abort"))
        instead = ("stale_keepalive", "client_gave_up", "normal_close")
        return Diagnosis("aborted", LIKELY, "abort_after_peers_fin", by, instead, asked)
    if request is None and not cut_short and history.spoken(1) and not history.stalled(by, at):
        return Diagnosis("aborted", LIKELY, "left_with_reset", by, ("normal_close",), evidence, harmless=True)
    return Diagnosis("aborted", LIKELY, "abort_after_peers_fin", by, ("normal_close", "client_gave_up"), evidence)


def _is_lost_news(history: HistoryFacts, index: int) -> bool:
    event = history.events[index]
    return event.kind is Kind.DATA and event.has(Trait.LOST) and not event.has(Trait.PARTING)


def _answers_unheard(history: HistoryFacts, at: int) -> bool:
    """Right before the RST is data, a probe or a FIN of the other side that nobody acknowledged."""
    before, event = history.events[at - 1], history.events[at]
    if before.side == event.side:
        return False
    if before.kind is Kind.FIN:
        return history.fin_acked(before.side) is None
    return before.kind in (Kind.DATA, Kind.PROBE) and before.has(Trait.LOST)
