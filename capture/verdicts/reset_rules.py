"""Causes of resets that took effect: the RST's shape, what was said before it, and the silence before that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.verdicts.codes import IDLE, PAUSE, Context, Kind, Mark
from capture.verdicts.diagnosis import CERTAIN, LIKELY, POSSIBLE, Diagnosis, proofs
from capture.verdicts.opening_rules import cancelled

if TYPE_CHECKING:
    from capture.model import Certainty
    from capture.verdicts.ending import End
    from capture.verdicts.story import Story

LAST_WORDS = Mark.SMALL | Mark.GOODBYE | Mark.PARTING  # of data: a remark that nobody misses
NEW_OR_REPEATED = Mark.LOST | Mark.REPEAT


def by_reset(story: Story, end: End) -> Diagnosis:
    """The cause of a reset connection: the first rule that knows it."""
    assert end.at is not None
    assert end.by is not None
    at, by = end.at, end.by
    if story.third_packet is None and by == 0:
        return cancelled(story, at)
    if all(event.kind is Kind.RST for event in story.events):
        if story.events[at].has(Mark.BARE):
            others = ("no_socket", "aborted", "middlebox_reset")
            return Diagnosis("unknown", POSSIBLE, "lone_reset", by, others, proofs((at, "reset")))
        return Diagnosis("aborted", POSSIBLE, "lone_abort", by, ("middlebox_reset",), proofs((at, "abort")))
    if end.forged:
        return _forged(story, at, by)
    for rule in (_overflow, _stalled, _peer_had_closed, _own_half_close, _before_any_word):
        found = rule(story, at, by)
        if found is not None:
            return found
    return _bare(story, at, by) if story.events[at].has(Mark.BARE) else _live(story, at, by)


def _forged(story: Story, at: int, by: int) -> Diagnosis:
    event = story.events[at]
    goes_on = event.has(Mark.AFTERLIFE)
    later = [i for i in range(at + 1, len(story.events)) if story.events[i].side == by]
    alive = next((i for i in later if story.events[i].kind is not Kind.RST), None)
    if event.has(Mark.FOREIGN):
        sentence, proof, sure = "middlebox_ttl", "foreign_reset", LIKELY
    elif goes_on:
        sentence, proof, sure = "middlebox_goes_on", "reset", LIKELY
    else:
        sentence, proof, sure = "middlebox_id", "odd_id_reset", POSSIBLE
    others = ("no_socket",) if event.has(Mark.BARE) else ("aborted",)
    evidence = proofs((story.last(Kind.DATA, 1 - by, before=at), "answered_by_reset"), (at, proof), (alive, "goes_on"))
    return Diagnosis("middlebox_reset", sure, sentence, by, others, evidence)


def _overflow(story: Story, at: int, by: int) -> Diagnosis | None:
    """The server repeated its SYN,ACK to a client that had answered it, and at last forgot the request."""
    again = story.accepted_again
    if by != 1 or not again or again[0] > at or not story.events[at].has(Mark.BARE):
        return None
    return Diagnosis(
        "accept_queue_overflow", LIKELY, "overflow_given_up", 1, ("accept_queue_reset",),
        proofs((story.third_packet, "third"), (again[0], "syn_ack_after_ack"), (at, "reset")),
    )  # fmt: skip


def _stalled(story: Story, at: int, by: int) -> Diagnosis | None:
    for side in (0, 1):
        run = story.stalled(side, at)
        probes = [i for i in run if story.events[i].kind is Kind.PROBE]
        if run and (len(probes) >= 2 or (probes and story.events[at].gap >= PAUSE)):
            return Diagnosis(
                "zero_window_stall", LIKELY, "stalled_reset" if by == side else "stalled_sender_reset", side,
                ("aborted",), proofs((run[0], "window_closed"), (probes[-1], "window_probe"), (at, "reset")),
            )  # fmt: skip
    return None


def _peer_had_closed(story: Story, at: int, by: int) -> Diagnosis | None:
    """The resetting side had sent its FIN before."""
    fin, other = story.fins[by], story.fins[1 - by]
    if fin is None or fin > at:
        return None
    if other is not None and other < fin and other < at:
        return None  # the other side closed first: see _own_half_close
    late = story.data(1 - by, before=at, after=fin)
    crossing = [i for i in story.data(1 - by, before=fin) if story.events[i].marks & NEW_OR_REPEATED == Mark.LOST]
    crossing += [i for i in late if not story.events[i].has(Mark.ACKS_FIN)]
    if late or crossing:
        parting = _parting(story, at, by, fin, [*crossing, *late])
        if parting is not None:
            return parting
        return _wrote_after_fin(story, at, by, fin, late, crossing)
    if other is not None and other < at:
        return _closed_late(story, at, by, fin, other)
    return _abort_after_fin(story, at, by, fin)


def _parting(story: Story, at: int, by: int, fin: int, late: list[int]) -> Diagnosis | None:
    """Both were leaving: what met the RST was a closing remark (a TLS alert, a goodbye), and nobody missed it."""
    other = story.fins[1 - by]
    remarks = [story.events[i] for i in late]
    if not all(e.marks & LAST_WORDS or not e.has(Mark.LOST) for e in remarks) or any(e.gap >= PAUSE for e in remarks):
        return None
    knew = all(e.has(Mark.ACKS_FIN) for e in remarks)
    if by == 1 and (other is None or (story.events[other].has(Mark.ACKS_FIN) and not knew)):
        return None  # it closed only because its peer had: what it had written before was meant
    if by == 0 and (_idle_before(story, fin) and story.waiting(0, at=fin) is not None):
        return None  # it had given up waiting
    if story.served(1, at=fin) is None:
        return None
    evidence = proofs((fin, "fin"), (late[0], "remark"), (other, "fin"), (at, "answering_reset"))
    if other is None or (by == 1 and knew):
        return Diagnosis("write_after_peer_close", LIKELY, "left", by, ("normal_close",), evidence, harmless=True)
    cause = "simultaneous_close" if story.first_closer == 2 else "normal_close"
    return Diagnosis(cause, LIKELY, "parted", by, ("write_after_peer_close",), evidence, harmless=True)


def _wrote_after_fin(
    story: Story, at: int, by: int, fin: int, late: list[int], crossing: list[int]
) -> Diagnosis | None:
    writer = 1 - by
    served = story.served(by, at=fin) is not None
    write = crossing[0] if crossing else late[0]
    evidence = proofs((fin, "fin"), (write, "crossing_write" if crossing else "late_write"), (at, "answering_reset"))
    request = _idle_before(story, write) or story.events[write].has(Mark.SIZED)
    if (
        by == 1
        and served
        and Context.UPLOAD in story.context
        and not (_idle_before(story, fin) or _idle_before(story, write))
    ):
        return Diagnosis(
            "early_response_reset", LIKELY, "early_response_fin", 1, ("write_after_peer_close", "stale_keepalive"),
            proofs((story.served(1, at=fin), "early_response"), *((p.at, p.code) for p in evidence)),
        )  # fmt: skip
    if by == 1 and served and (crossing or (_idle_before(story, fin) and request)):
        if crossing:
            return Diagnosis("stale_keepalive", LIKELY, "stale_crossing", by, ("write_after_peer_close",), evidence)
        return Diagnosis("stale_keepalive", LIKELY, "stale_reuse", by, ("write_after_peer_close",), evidence)
    if by == 0 and story.waiting(0, at=fin) is not None and (_idle_before(story, fin) or not story.data(1, before=fin)):
        return Diagnosis(
            "client_gave_up", LIKELY, "gave_up_late_response", 0, ("write_after_peer_close",),
            proofs((story.waiting(0, at=fin), "request"), *((p.at, p.code) for p in evidence)),
        )  # fmt: skip
    others: tuple[str, ...] = ("stale_keepalive",) if by == 1 else ("client_gave_up",)
    if by == 0 and _long_after(story, write):
        others = ("late_close", "client_gave_up")
    plain = story.whole and not crossing and not served and story.events[at].has(Mark.BARE)
    sure = CERTAIN if plain and by == 1 else LIKELY
    return Diagnosis("write_after_peer_close", sure, "wrote_after_fin", writer, others, evidence)


def _idle_before(story: Story, at: int) -> bool:
    return story.events[at].gap >= PAUSE


def _long_after(story: Story, at: int) -> bool:
    return story.events[at].gap >= IDLE


def _closed_late(story: Story, at: int, by: int, fin: int, other: int) -> Diagnosis:
    """Both FINs, but the second met a RST: the first closer no longer waited for it."""
    evidence = proofs((fin, "fin"), (other, "late_fin"), (at, "answering_reset"))
    if story.events[other].gap >= IDLE:
        return Diagnosis("late_close", LIKELY, "late_close", 1 - by, ("normal_close",), evidence)
    if by == 0 and story.waiting(0, at=fin) is not None and _idle_before(story, fin):
        return Diagnosis("client_gave_up", LIKELY, "gave_up", 0, ("normal_close",), evidence)
    return Diagnosis("normal_close", LIKELY, "closed_with_reset", by, ("late_close",), evidence, harmless=True)


def _abort_after_fin(story: Story, at: int, by: int, fin: int) -> Diagnosis | None:
    """A FIN and then a RST of the same side, with nothing of the peer's between: it closed, and did not wait."""
    if not story.events[at].has(Mark.BARE):
        return Diagnosis(
            "aborted", LIKELY, "fin_then_abort", by, ("write_after_peer_close",), proofs((fin, "fin"), (at, "abort"))
        )
    return Diagnosis(
        "write_after_peer_close", POSSIBLE, "reset_after_fin", by, ("aborted", "client_gave_up"),
        proofs((fin, "fin"), (at, "reset")),
    )  # fmt: skip


def _own_half_close(story: Story, at: int, by: int) -> Diagnosis | None:
    """The other side had sent its FIN, and this one answered with a RST."""
    fin, own = story.fins[1 - by], story.fins[by]
    if fin is None or fin > at:
        return None
    if own is not None and own < at:
        cause = "simultaneous_close" if story.first_closer == 2 else "normal_close"
        evidence = proofs((fin, "fin"), (own, "fin"), (at, "reset"))
        return Diagnosis(cause, LIKELY, "closed_with_reset", by, ("write_after_peer_close",), evidence, harmless=True)
    if story.events[at].has(Mark.BARE) and _answers_lost_data(story, at):
        return None  # not what a socket makes of a FIN: see _bare
    evidence = proofs((fin, "fin"), (at, "abort"))
    waiting = by == 1 and story.waiting(0, at=fin) is not None
    if waiting and _idle_before(story, fin):
        return Diagnosis("client_gave_up", LIKELY, "gave_up_reset", 0, ("aborted",), evidence)
    cut_short = [i for i in story.data(1 - by, before=at) if story.events[i].has(Mark.LOST)]
    if not waiting and not cut_short and story.data(1):
        return Diagnosis("aborted", LIKELY, "left_with_reset", by, ("normal_close",), evidence, harmless=True)
    return Diagnosis("aborted", LIKELY, "abort_after_peers_fin", by, ("normal_close", "client_gave_up"), evidence)


def _answers_lost_data(story: Story, at: int) -> bool:
    before, event = story.events[at - 1], story.events[at]
    return before.side != event.side and before.kind in (Kind.DATA, Kind.PROBE) and before.has(Mark.LOST)


def _before_any_word(story: Story, at: int, by: int) -> Diagnosis | None:
    """A RST before anything was exchanged."""
    if story.midstream:
        return None
    taken = [i for i in story.data(0, before=at) if not story.events[i].has(Mark.LOST)]
    if story.data(1, before=at) or taken:
        return None
    if by == 0:
        return cancelled(story, at) if not story.data(0, before=at) else None
    if not story.events[at].has(Mark.BARE):
        return None
    repeated = [i for i in story.data(0, before=at) if story.events[i].has(Mark.REPEAT)]
    if len(repeated) >= 2:
        return Diagnosis(
            "accept_queue_overflow", POSSIBLE, "overflow_given_up", 1, ("accept_queue_reset", "no_socket"),
            proofs((story.third_packet, "third"), (repeated[0], "ignored_data"), (at, "reset")),
        )  # fmt: skip
    if story.events[at].gap >= IDLE:
        return None
    return Diagnosis(
        "accept_queue_reset", LIKELY, "reset_at_accept", 1, ("aborted", "no_socket"),
        proofs((story.third_packet, "third"), (at, "reset")),
    )  # fmt: skip


def _bare(story: Story, at: int, by: int) -> Diagnosis:
    """A bare RST without a FIN before it: the host does not know the connection."""
    evidence = proofs((story.last(Kind.DATA, 1 - by, before=at), "answered_by_reset"), (at, "bare_reset"))
    answered = story.last(Kind.DATA, 1 - by, before=at)
    if answered is not None and answered == at - 1:
        return Diagnosis("no_socket", LIKELY, "no_socket", by, ("middlebox_reset", "idle_drop"), evidence)
    return Diagnosis("no_socket", POSSIBLE, "bare_reset", by, ("aborted", "middlebox_reset"), evidence)


def _live(story: Story, at: int, by: int) -> Diagnosis:
    """A RST,ACK of a living socket: closed with unread data, SO_LINGER 0, or its process ended."""
    event = story.events[at]
    response = story.served(by, at)
    request = story.waiting(1 - by, at)
    sure: Certainty = LIKELY
    if event.has(Mark.ANSWER) and Context.TIMESTAMPS in story.context:
        evidence = proofs((at, "odd_reset"))
        return Diagnosis("aborted", POSSIBLE, "odd_shape", by, ("middlebox_reset",), evidence)
    if event.has(Mark.CUT):
        sure = POSSIBLE
    if by == 1 and response is not None and request is None and Context.UPLOAD in story.context:
        return Diagnosis(
            "early_response_reset", sure, "early_response", by, ("aborted",),
            proofs((response, "early_response"), (at, "abort")),
        )  # fmt: skip
    if by == 0:
        return _live_client(story, at, sure)
    if request is not None:
        code = "abort_unanswered" if response is None else "abort_next_request"
        return Diagnosis("aborted", sure, code, by, ("no_response",), proofs((request, "request"), (at, "abort")))
    code = "abort_after_response" if response is not None else "abort"
    return Diagnosis("aborted", sure, code, by, (), proofs((response, "last_response"), (at, "abort")))


def _live_client(story: Story, at: int, sure: Certainty) -> Diagnosis:
    request, response = story.waiting(0, at), story.last(Kind.DATA, 1, before=at)
    if request is not None:
        evidence = proofs((request, "request"), (at, "abort"))
        return Diagnosis("aborted", sure, "client_abort_waiting", 0, ("client_gave_up",), evidence)
    if response is not None:
        evidence = proofs((response, "last_response"), (at, "abort"))
        if story.events[at].gap >= PAUSE and not story.events[response].has(Mark.LOST):
            return Diagnosis("aborted", sure, "abort_idle", 0, (), evidence, harmless=True)
        return Diagnosis("aborted", sure, "abort_reading", 0, ("client_gave_up",), evidence)
    return Diagnosis("aborted", sure, "abort", 0, (), proofs((at, "abort")))
