"""Causes of connections that timed out, closed with FINs, or were open when the capture ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.verdicts.events.ending import icmp_class
from capture.verdicts.events.event_codes import IDLE, LONG_IDLE, PAUSE, Context, IcmpClass, Kind, Trait
from capture.verdicts.rules.after_fin_rules import closed_unanswered, dismissed
from capture.verdicts.rules.diagnosis import CERTAIN, LIKELY, POSSIBLE, Diagnosis, proofs
from capture.verdicts.rules.refused_handshake import refused_handshake

if TYPE_CHECKING:
    from capture.model import Certainty
    from capture.verdicts.events.ending import End
    from capture.verdicts.events.history_facts import HistoryFacts
    from capture.verdicts.rules.diagnosis import Proof


MOST_LOST = 2  # repetitions of the first data: so often in a row hardly any path loses it


def by_timeout(history: HistoryFacts, end: End) -> Diagnosis:
    """A side repeated itself without an answer until it gave up."""
    assert end.by is not None
    assert end.at is not None
    side = end.by
    event = history.events[end.at]
    if event.kind is Kind.RST and (probes := history.probes_before(side, end.at)):
        return Diagnosis(
            "keepalive_timeout", LIKELY, "keepalive_timeout", side, ("silent_drop", "idle_drop"),
            proofs((probes[0], "keepalive"), (probes[-1], "keepalive_again"), (end.at, "prober_reset")),
        )  # fmt: skip
    run = history.silence[1] if history.silence is not None else [end.at]
    first, last = run[0], run[-1]
    again = history.accepted_again
    if again and not history.data(1):
        return overflow(history)
    if history.icmp:
        # a router says that it cannot reach the host, and nothing came of what was sent after that
        unreachable = (
            icmp_class(history, history.icmp[-1]) in (IcmpClass.HOST, IcmpClass.NET) and history.icmp[-1] < last
        )
        return Diagnosis(
            "unreachable", CERTAIN if unreachable and history.whole else LIKELY, "unreachable_midway", side,
            ("silent_drop",),
            proofs((first, "unanswered"), (history.icmp[-1], "icmp"), (last, "unanswered_again")),
        )  # fmt: skip
    if history.events[first].kind is Kind.PROBE:
        return _probes_unanswered(history, side, first, last)
    return _unheard(history, side, run)


def _unheard(history: HistoryFacts, side: int, run: list[int]) -> Diagnosis:
    """Data or a FIN repeated without an answer."""
    first, last = run[0], run[-1]
    evidence = proofs((first, "unanswered"), (last, "unanswered_again"))
    one_sided = Context.ONE_SIDED in history.context
    full_size = any(history.events[i].has(Trait.BIG) and history.events[i].has(Trait.REPEAT) for i in run)
    if history.too_big:
        proof = proofs((first, "unanswered"), (history.too_big[0], "too_big"), (last, "unanswered_again"))
        # what the router calls too large is what was lost
        return Diagnosis("path_mtu_black_hole", CERTAIN if full_size and history.whole else LIKELY, "mtu_told", side,
                         ("silent_drop",), proof)  # fmt: skip
    if full_size:
        return Diagnosis("path_mtu_black_hole", LIKELY, "mtu", side, ("silent_drop",), evidence)
    if meanwhile := history.repeats_meanwhile(side, run):
        both = proofs((first, "unanswered"), (meanwhile[0], "still_asking"), (last, "unanswered_again"))
        return Diagnosis("silent_drop", LIKELY, "one_way", side, ("unreachable",), both)
    sure = POSSIBLE if one_sided else LIKELY
    if history.events[first].gap >= LONG_IDLE:
        return Diagnosis("idle_drop", sure, "idle_drop", side, ("silent_drop",), evidence)
    if side == 0 and history.whole and first == (history.first(Kind.DATA) or 0):
        return _ignored_from_the_start(history, first, last)
    if history.events[first].gap >= IDLE:
        # a pause of seconds: no NAT forgets so soon, but a test's or a firewall's might
        return Diagnosis("silent_drop", sure, "silent_drop_idle", side, ("idle_drop", "unreachable"), evidence)
    return Diagnosis("silent_drop", sure, "silent_drop", side, ("unreachable",), evidence)


def _ignored_from_the_start(history: HistoryFacts, first: int, last: int) -> Diagnosis:
    """Not even the first data was acknowledged: dropped on the way, or by a full queue behind SYN cookies."""
    evidence = proofs((history.third_packet, "third"), (first, "unanswered"), (last, "unanswered_again"))
    if Context.BUSY_LISTENER in history.context:
        return Diagnosis("accept_queue_overflow", POSSIBLE, "ignored", 1, ("silent_drop",), evidence)
    return Diagnosis("silent_drop", POSSIBLE, "silent_drop", 0, ("accept_queue_overflow", "unreachable"), evidence)


def _probes_unanswered(history: HistoryFacts, side: int, first: int, last: int) -> Diagnosis:
    closed = history.stalled(1 - side, last)
    if closed and history.events[closed[0]].kind is Kind.SYN_ACK:
        return Diagnosis(
            "zero_window_stall", POSSIBLE, "never_opened", 1 - side, ("silent_drop", "unreachable"),
            proofs((closed[0], "window_closed"), (last, "window_probe")),
        )  # fmt: skip
    if closed:
        return Diagnosis(
            "zero_window_stall", LIKELY, "stalled_gone", 1 - side, ("silent_drop",),
            proofs((closed[0], "window_closed"), (last, "window_probe")),
        )  # fmt: skip
    return Diagnosis(
        "keepalive_timeout", POSSIBLE, "keepalive_unanswered", side, ("silent_drop", "idle_drop"),
        proofs((first, "keepalive"), (last, "keepalive_again")),
    )  # fmt: skip


def overflow(history: HistoryFacts) -> Diagnosis:
    """The server's accept queue was full."""
    ignored = history.first(Kind.DATA, 0)
    if not history.accepted_again:
        repeated = history.ignored_at_first
        return Diagnosis(
            "accept_queue_overflow", LIKELY, "overflow_cookies", 1, ("silent_drop", "no_response"),
            proofs((ignored, "ignored_data"), (repeated[0], "ignored_data"), (repeated[-1], "ignored_data")),
        )  # fmt: skip
    again = history.accepted_again[0]
    return Diagnosis(
        "accept_queue_overflow", LIKELY, "overflow", 1, ("silent_drop",),
        proofs((history.third_packet, "third"), (ignored, "ignored_data"), (again, "syn_ack_after_ack")),
    )  # fmt: skip


def overflowed(history: HistoryFacts) -> bool:
    """The handshake's last ACK and the data after it were not taken: not a mere ACK lost on the way.

    The SYN,ACK was repeated after the third packet, and the client had to repeat data, or the SYN,ACK came twice again;
    or, behind SYN cookies, which repeat nothing, the client's first data was repeated more often than a path loses it.
    """
    again = history.accepted_again
    if len(again) >= 2 or (repeats_ignored(history) and Context.ONLY_CLIENT not in history.context):
        return True
    return bool(again) and _data_ignored(history, again[0])


def repeats_ignored(history: HistoryFacts) -> bool:
    """The first data was repeated more often than a path loses it, and it was the first: the handshake was captured."""
    return not history.midstream and len(history.ignored_at_first) >= MOST_LOST


def _data_ignored(history: HistoryFacts, again: int) -> bool:
    """Data had to be repeated: a SYN,ACK that was only on its way as they were sent says nothing."""
    asked = any(i < again for i in history.data(0)) and not any(i < again for i in history.data(1))
    return asked and any(history.events[i].has(Trait.REPEAT) for i in history.data(0))


def by_fin(history: HistoryFacts, end: End) -> Diagnosis:
    """Both sides closed with FIN; nearly always that is all."""
    if overflowed(history):
        return overflow(history)
    if history.ignored_resets:
        rst = history.ignored_resets[0]
        return Diagnosis(
            "reset_ignored", LIKELY, "reset_ignored", history.events[rst].side, ("middlebox_reset",),
            proofs((rst, "ignored_reset"), (end.at, "closed")),
        )  # fmt: skip
    first = history.first_closer
    fins = [i for i in history.fins if i is not None]
    evidence = proofs(*((i, "fin") for i in fins), (end.at, "closed"))
    if (unanswered := refused_handshake(history, end) or closed_unanswered(history) or dismissed(history)) is not None:
        return unanswered
    if history.time_wait_challenge is not None:
        return Diagnosis(
            "time_wait_reuse", LIKELY, "time_wait_challenge", 0, ("normal_close",),
            proofs((history.time_wait_challenge, "time_wait_reset"), *((i, "fin") for i in fins)), harmless=True,
        )  # fmt: skip
    if (unheard := _answer_unheard(history)) is not None:
        return unheard
    if first == 2 and _answered_its_goodbye(history) and _waited_in_vain(history):
        return _gave_up(history)
    if first == 2:
        # neither FIN acknowledges the other; but on a path that reorders or loses one may have been sent long before
        return Diagnosis("simultaneous_close", LIKELY, "simultaneous_close", None, ("normal_close",), evidence)
    if first == 0 and _waited_in_vain(history):
        return _gave_up(history)
    if first == 1 and history.heard_of is not None and (wrote := history.news(0, after=history.fins[1] or 0)):
        return _wrote_unseen(history, history.fins[1] or 0, wrote[0])
    whole = history.both_acked is not None and history.whole
    sure: Certainty = CERTAIN if whole else LIKELY
    if first is not None and (spoke := history.news(1 - first, after=history.fins[first] or 0)):
        if first == 1 and (late := _asked_too_late(history, history.fins[1] or 0, spoke[0])) is not None:
            return late
        if any(history.events[i].has(Trait.LOST) for i in spoke):
            others = ("normal_close", "client_gave_up" if first == 0 else "write_after_peer_close")
            rest = proofs((spoke[0], "after_half_close"), *((i, "fin") for i in fins))
            return Diagnosis("half_close", LIKELY, "half_close_unheard", first, others, rest)
        # it may also have waited in vain, shut its half, and thrown away what came then: a lingering close reads, too
        patient = first == 0 and history.closing_gap(history.fins[0] or 0) >= PAUSE
        waited = patient and history.waiting(0, at=history.fins[0] or 0) is not None
        instead = ("normal_close", "client_gave_up") if waited else ("normal_close",)
        return Diagnosis(
            "half_close", sure if first == 0 and not waited else LIKELY, "half_close", first, instead,
            proofs((history.fins[first], "fin"), (spoke[0], "after_half_close"), (end.at, "closed")), harmless=True,
        )  # fmt: skip
    return _normal(history, first, sure, evidence)


def _answer_unheard(history: HistoryFacts) -> Diagnosis | None:
    """The client closed with its answer sent again and never acknowledged: a kernel acknowledges what arrives, so that
    it closed without."""
    fin = history.fins[0]
    asked = history.spoken(0, before=fin)
    if fin is None or not asked or history.heard_of is not None:
        return None
    answers = [i for i in history.repeated_in_vain(1, before=fin) if i > asked[-1] and history.is_meant(i)]
    if not answers:
        return None
    return Diagnosis(
        "client_gave_up", LIKELY, "gave_up_unheard", 0, ("silent_drop", "normal_close"),
        proofs((asked[-1], "request"), *((i, "unanswered_again") for i in (answers[0], answers[-1])), (fin, "fin")),
    )  # fmt: skip


def _asked_too_late(history: HistoryFacts, fin: int, request: int) -> Diagnosis | None:
    """The client asked on a connection that the server had closed while it was idle, and no RST showed it: a server
    that lingers reads on, and throws away what it reads."""
    if history.served(1, at=fin) is None or history.closing_gap(fin) < PAUSE or history.heard_of is not None:
        return None
    if not history.asked_for_sure(request):
        return None
    evidence = proofs((fin, "fin"), (request, "late_write"), (history.fins[0], "fin"))
    others = ("half_close", "write_after_peer_close")
    return Diagnosis("stale_keepalive", LIKELY, "stale_unread", 1, others, evidence)


def _wrote_unseen(history: HistoryFacts, fin: int, wrote: int) -> Diagnosis:
    """The client wrote after the server's FIN, and only one direction was captured: no answer can be seen."""
    evidence = proofs((fin, "fin"), (wrote, "late_write"))
    idle = history.served(1, at=fin) is not None and history.closing_gap(fin) >= PAUSE
    causes = ("stale_keepalive", "write_after_peer_close") if idle else ("write_after_peer_close", "stale_keepalive")
    return Diagnosis(causes[0], POSSIBLE, "wrote_unseen", 0, (causes[1], "half_close"), evidence)


def _normal(history: HistoryFacts, first: int | None, sure: Certainty, evidence: tuple[Proof, ...]) -> Diagnosis:
    """FINs both ways. Certain only where nothing was left open and nothing speaks for another reading."""

    def close(certainty: Certainty, *others: str, sentence: str = "normal_close") -> Diagnosis:
        return Diagnosis("normal_close", certainty, sentence, first, others, evidence, harmless=True)

    if Context.ONE_SIDED in history.context:  # that nothing was left open, only the other direction could show
        proof = "one_sided_end" if None not in history.fins else "one_sided_close"
        return Diagnosis("normal_close", POSSIBLE, proof, first, ("client_gave_up", "late_close"), evidence)
    if any(e.has(Trait.STRAY) for e in history.events if e.kind is Kind.ACK):
        # a challenge ACK looks like this: a RST may have been thrown away at the side that sent it
        return close(LIKELY, "reset_ignored")
    if repeats_ignored(history):
        return close(LIKELY, "accept_queue_overflow")
    if first == 1 and history.whole and not history.data(0) and not history.data(1):
        return close(LIKELY, "accept_queue_reset", sentence="shed")
    if history.window_probed is not None:
        side, closed, probe = history.window_probed
        stall = proofs((closed, "window_closed"), (probe, "window_probe"), *((p.at, p.code) for p in evidence))
        if Context.ANSWER_CUT_SHORT in history.context and first is not None:
            return _cut_short(history, first, history.fins[first] or 0, evidence)
        if side == 0 and first == 1 and Context.ANSWER_WHOLE not in history.context:
            others = ("zero_window_stall", "aborted")
            return Diagnosis("normal_close", LIKELY, "cut_off_after_stall", side, others, stall)
        return Diagnosis(
            "normal_close", LIKELY, "normal_after_stall", side, ("zero_window_stall",), stall, harmless=True
        )
    if first is None or history.fins[first] is None:
        return close(LIKELY)
    fin = history.fins[first] or 0
    waiting = history.waiting(0, at=fin)
    if vain := history.repeated_in_vain(1 - first):
        # its last FIN, or a goodbye: the first closer had all that it wanted, and is gone
        unheard = proofs((fin, "fin"), (vain[0], "unanswered_again"), (vain[-1], "unanswered_again"))
        harmless = not any(history.is_meant(i) for i in vain)
        return Diagnosis("normal_close", LIKELY, "normal_unheard", first, ("silent_drop",), unheard, harmless=harmless)
    if first == 0 and waiting is not None:
        return close(LIKELY, "client_gave_up")
    if first == 1 and waiting is not None:
        return close(LIKELY, "closed_unanswered", sentence="normal_unanswered")
    if Context.ANSWER_CUT_SHORT in history.context:
        return _cut_short(history, first, fin, evidence)
    if Context.ANSWER_WHOLE in history.context and not history.late_syn_ack:
        return close(sure)
    if first == 0 and history.events[fin].gap >= PAUSE:
        # an idle connection thrown away, or a client that had waited for the rest of an answer: they look the same
        return close(LIKELY, "client_gave_up")
    if first == 0 and Context.LONG_ANSWER in history.context:
        # it may have left in the middle: the length that was promised is not read
        return close(LIKELY, "client_gave_up")
    if history.late_syn_ack:
        return close(sure if first == 0 else LIKELY, sentence="normal_late_syn")
    if first == 1 and not history.said_why(1, fin):
        # a process that dies with nothing unread closes in the same way
        return close(LIKELY, "aborted", sentence="normal_server_first")
    return close(sure)


def _cut_short(history: HistoryFacts, first: int, fin: int, evidence: tuple[Proof, ...]) -> Diagnosis:
    """FINs both ways, and the last HTTP/1 answer's header had promised more than came."""
    answer = proofs((history.last(Kind.DATA, 1), "cut_answer"), *((p.at, p.code) for p in evidence))
    if first == 1:
        others = ("closed_unanswered", "normal_close")
        return Diagnosis("aborted", LIKELY, "closed_mid_answer", 1, others, answer, variant="answer_cut_short")
    return Diagnosis("client_gave_up", LIKELY, "left_mid_answer", 0, ("normal_close",), answer)


def _gave_up(history: HistoryFacts) -> Diagnosis:
    fins = [(i, "fin") for i in history.fins if i is not None]
    evidence = proofs((history.waiting(0, at=history.fins[0] or 0), "request"), *fins)
    return Diagnosis("client_gave_up", LIKELY, "gave_up", 0, ("normal_close",), evidence)


def _answered_its_goodbye(history: HistoryFacts) -> bool:
    """The client said goodbye and closed; the server's FIN answers that goodbye, and only seems to cross the FIN."""
    fin, other = history.fins
    return fin is not None and other is not None and fin < other and history.said_goodbye(0, fin)


def _waited_in_vain(history: HistoryFacts) -> bool:
    """A request, a pause, and the client's FIN before any response; then the server closed too."""
    fin, other = history.fins
    if fin is None or (other is None and history.heard_of is not None):
        return False
    if history.took_after_fin(0):
        return False
    # it went on working for a client that had left; one that leaves at once had sent what needs no answer
    busy = other is not None and history.events[other].gap >= PAUSE and Context.LEFT_AT_ONCE not in history.context
    if history.closing_gap(fin) < PAUSE and not busy:
        return False
    waiting = history.waiting(0, at=fin)
    return waiting is not None and history.asked_for_sure(waiting)


def still_open(history: HistoryFacts, end: End) -> Diagnosis:
    """No end was captured: which is an end of its own where somebody waits."""
    quiet = Context.QUIET_END in history.context and Context.LAST_OF_ALL not in history.context
    if overflowed(history):
        return overflow(history)
    for side in (0, 1):
        run = history.stalled(side, len(history.events))
        if run and any(history.events[i].side != side for i in run):
            return Diagnosis(
                "zero_window_stall", LIKELY, "stalled_yet", side, (),
                proofs((run[0], "window_closed"), (run[-1], "window_probe")),
            )  # fmt: skip
    if history.ignored_resets:
        rst = history.ignored_resets[0]
        return Diagnosis("reset_ignored", LIKELY, "reset_ignored", history.events[rst].side, ("middlebox_reset",),
                         proofs((rst, "ignored_reset")))  # fmt: skip
    first = history.first_closer
    if first is not None:
        return _half_closed(history, first, quiet)
    request = history.waiting(0, at=len(history.events))
    # who records one exchange stops when nothing more comes: a request that was taken counts also where it came last
    lasted = Context.QUIET_END in history.context
    if request is not None and lasted and history.whole and _taken(history, request):
        return Diagnosis("no_response", POSSIBLE, "no_response_yet", 1, ("still_open",), proofs((request, "request")))
    third = history.third_packet
    silent = not history.data(0) and not history.data(1)
    if silent and third is not None and third >= 0 and Context.BUSY_LISTENER in history.context:
        return Diagnosis(
            "no_response", POSSIBLE, "queued", 1, ("accept_queue_overflow", "still_open"), proofs((third, "third"))
        )
    if request is not None and not history.data(1):
        evidence = proofs((request, "request"))
        return Diagnosis("still_open", POSSIBLE, "still_waiting", 0, ("no_response",), evidence, harmless=True)
    return Diagnosis("still_open", LIKELY, "still_open", None, (), (), harmless=True)


def _half_closed(history: HistoryFacts, first: int, quiet: bool) -> Diagnosis:
    fin = history.fins[first]
    assert fin is not None
    if (unanswered := closed_unanswered(history) or dismissed(history) or _answer_unheard(history)) is not None:
        return unanswered
    if history.heard_of is not None and (wrote := history.news(1 - first, after=fin)):
        if first == 1:
            return _wrote_unseen(history, fin, wrote[0])
        if (asked := history.waiting(0, at=fin)) is not None:
            evidence = proofs((asked, "request"), (fin, "fin"), (wrote[0], "late_write"))
            others = ("half_close", "write_after_peer_close")
            return Diagnosis("client_gave_up", POSSIBLE, "gave_up_unseen", 0, others, evidence)
    request = history.waiting(0, at=fin)
    paused = history.events[fin].gap >= PAUSE
    if first == 0 and request is not None and _taken(history, request) and (quiet or paused):
        evidence = proofs((request, "request"), (fin, "fin"))
        others = ("client_gave_up", "late_close")
        if not quiet:  # the answer may come yet
            return Diagnosis("no_response", POSSIBLE, "no_response_then", 1, others, evidence)
        return Diagnosis("no_response", LIKELY if paused else POSSIBLE, "no_response", 1, others, evidence)
    if quiet and history.fin_acked(first) is not None:
        return Diagnosis(
            "late_close", POSSIBLE, "late_close_yet", 1 - first, ("still_open", "half_close"),
            proofs((fin, "fin"), (history.fin_acked(first), "fin_acked")),
        )  # fmt: skip
    return Diagnosis("still_open", POSSIBLE, "half_closed_yet", first, ("late_close",), proofs((fin, "fin")))


def _taken(history: HistoryFacts, request: int) -> bool:
    """The responder's kernel acknowledged the request, and its application had not said a word."""
    answered = bool(history.data(1)) or Context.ONE_SIDED in history.context
    return not answered and not history.events[request].has(Trait.LOST)
