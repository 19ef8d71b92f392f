"""One verdict of two captures: what a packet's absence proves is added to what each capture tells alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

from capture.language import catalogue as texts
from capture.language import per_language, sentences, tr
from capture.model import Certainty, Ending, Side
from capture.verdicts import catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.points.briefs import Brief
    from capture.points.compared import SeenPacket
    from capture.points.differences import Fate
    from capture.verdicts.rules.diagnosis import Diagnosis

DEAD = ("silent_drop", "idle_drop", "keepalive_timeout", "no_response", "path_mtu_black_hole", "unreachable")
_SURE = (Certainty.POSSIBLE, Certainty.LIKELY, Certainty.CERTAIN)
_PLACE = {"a": "A", "b": "B"}


@per_language
def _sentences() -> dict[str, str]:
    return texts(os.path.dirname(__file__), "sentences")


def sentence(code: str, **facts: object) -> str:
    """A sentence of sentences.toml with its facts filled in."""
    return _sentences()[code].format(**facts)


class Joint(Struct, frozen=True):
    """What both captures say together."""

    cause: str
    certainty: Certainty
    sentence: str
    died: bool = False  # between the points


class Ends(Struct, frozen=True):
    """How far each side's packets got: of each side (originator, responder) whether any, its SYN, and its last packet
    was seen at both points.
    """

    syn_met: tuple[bool, bool]
    last_met: tuple[bool, bool]


def judged(a: Brief, b: Brief, fate: Fate | None, ends: Ends) -> Joint:
    """One verdict for a connection that both points saw."""
    if fate is not None:
        joint = _forged(a, b, fate) or _syn_lost(fate, ends) or _path_died(a, b, fate, ends)
        if joint is not None:
            return joint
    return _better(a, b, fate)


def _forged(a: Brief, b: Brief, fate: Fate) -> Joint | None:
    resets = [packet for packet in fate.injected if "R" in packet.flags]
    for packet in resets:
        seen = a if packet.seen_at == "a" else b
        if seen.ended_by is Ending.RST and seen.cause != "reset_ignored":
            return Joint("middlebox_reset", Certainty.CERTAIN, _forged_sentence(packet, resets))
    return None


def _forged_sentence(packet: SeenPacket, resets: Sequence[SeenPacket]) -> str:
    here, there = _PLACE[packet.seen_at], _PLACE["b" if packet.seen_at == "a" else "a"]
    both = {other.seen_at for other in resets} == {"a", "b"}
    code = "forged_of_originator" if packet.sender is Side.ORIGINATOR else "forged_of_responder"
    forged = sentence(code, here=here, there=there, packet=packet.packet)
    return sentences(forged, sentence("forged_both") if both else "")


def _syn_lost(fate: Fate, ends: Ends) -> Joint | None:
    for side, what in ((Side.ORIGINATOR, "SYN"), (Side.RESPONDER, "SYN,ACK")):
        lost = [p for p in fate.lost if p.sender is side and "S" in p.flags]
        if lost and not ends.syn_met[side is Side.RESPONDER]:
            return Joint("syn_unanswered", Certainty.CERTAIN, syn_sentence(what, lost))
    return None


def syn_sentence(what: str, lost: Sequence[SeenPacket]) -> str:
    """That an opening packet did not arrive."""
    here, there = _PLACE[lost[0].seen_at], _PLACE["b" if lost[0].seen_at == "a" else "a"]
    code = "syn_lost_often" if len(lost) > 1 else "syn_lost"
    return sentence(code, what=what, n=len(lost), here=here, there=there, packets=packets_text(lost))


def _path_died(a: Brief, b: Brief, fate: Fate, ends: Ends) -> Joint | None:
    """From some packet on nothing of a side arrived, and it gave up."""
    for index, side in enumerate((Side.ORIGINATOR, Side.RESPONDER)):
        lost = [packet for packet in fate.lost if packet.sender is side and not packet.missing]
        if not lost or ends.last_met[index]:
            continue
        sender = a if lost[-1].seen_at == "a" else b
        if sender.cause not in DEAD and sender.ended_by is not Ending.TIMEOUT:
            continue
        cause = sender.cause if sender.cause in DEAD else "silent_drop"
        here, there = _PLACE[lost[0].seen_at], _PLACE["b" if lost[0].seen_at == "a" else "a"]
        code = "died_of_originator" if side is Side.ORIGINATOR else "died_of_responder"
        text = sentence(code, packet=lost[0].packet, here=here, there=there, packets=packets_text(lost))
        return Joint(cause, Certainty.CERTAIN, text, died=True)
    return None


def packets_text(packets: Sequence[SeenPacket], most: int = 6) -> str:
    """Packet numbers in words."""
    numbers = ", ".join(str(packet.packet) for packet in packets[:most])
    more = tr(" and {n} more", n=len(packets) - most) if len(packets) > most else ""
    return tr("packet {numbers}" if len(packets) == 1 else "packets {numbers}", numbers=numbers) + more


def _better(a: Brief, b: Brief, fate: Fate | None) -> Joint:
    """The verdict of the point that saw all; else the surer, else the graver one."""
    first, sure = better(a, b, fate)
    chosen = a if first else b
    return Joint(chosen.cause, sure, _with_differences(chosen.sentence, fate))


def better(a: Brief | Diagnosis, b: Brief | Diagnosis, fate: Fate | None) -> tuple[bool, Certainty]:
    """Whether a's is taken, and how sure both together are."""
    first = _is_first_better(a, b, fate)
    chosen, other = (a, b) if first else (b, a)
    sure = Certainty(chosen.certainty)
    if chosen.cause == other.cause:
        sure = max(sure, Certainty(other.certainty), key=_SURE.index)
    elif sure is Certainty.CERTAIN and Certainty(other.certainty) is Certainty.CERTAIN and not _saw_more(fate):
        sure = Certainty.LIKELY  # two captures that contradict each other
    return first, sure


def judged_through_proxy(front: Brief, back: Brief, at_front: str, *, shared: bool) -> Joint:
    """Two connections of a proxy, likely of one request: what the client's side got, unless that ended well. How the
    one behind ended is not asked where it went on to serve others.
    """
    here, there = _PLACE[at_front], _PLACE["b" if at_front == "a" else "a"]
    if shared:
        sure = min(Certainty.LIKELY, Certainty(front.certainty), key=_SURE.index)
        return Joint(front.cause, sure, sentences(sentence("proxied_shared", there=there), f"{here}: {front.sentence}"))
    causes = catalogue.causes()
    chosen = back if causes[front.cause].clean and not causes[back.cause].clean else front
    sure = min(Certainty.LIKELY, Certainty(chosen.certainty), key=_SURE.index)
    text = sentences(sentence("proxied"), f"{here}: {front.sentence}", f"{there}: {back.sentence}")
    return Joint(chosen.cause, sure, text)


def _with_differences(text: str, fate: Fate | None) -> str:
    """What one capture calls whole had losses, or packets of another's, that it could not see."""
    if fate is None:
        return text
    if fate.lost:
        code = "lost_one" if len(fate.lost) == 1 else "lost_some"
        lost = sentence(code, n=len(fate.lost), lost=_places(fate.lost))
        text = sentences(text.replace(catalogue.nothing_lost(), ""), lost)
    if fate.injected:
        code = "put_in_one" if len(fate.injected) == 1 else "put_in_some"
        text = sentences(text, sentence(code, n=len(fate.injected), put_in=_places(fate.injected)))
    return text


def _places(packets: Sequence[SeenPacket]) -> str:
    """Packet numbers by point in words."""
    by_point = ((name, [packet for packet in packets if packet.seen_at == name]) for name in ("a", "b"))
    return "; ".join(
        tr("at {place} {packets}", place=_PLACE[name], packets=packets_text(some)) for name, some in by_point if some
    )


def _saw_more(fate: Fate | None) -> str | None:
    """The point that holds all that was sent, where the other lacks some of it."""
    if fate is None:
        return None
    more = {packet.seen_at for packet in (*fate.lost, *fate.missed, *fate.undecided)}
    return more.pop() if len(more) == 1 and not fate.injected else None


def _is_first_better(a: Brief | Diagnosis, b: Brief | Diagnosis, fate: Fate | None) -> bool:
    saw_more = _saw_more(fate)
    if saw_more is not None and a.cause != b.cause:
        return saw_more == "a"
    causes = catalogue.causes()
    weight = [(_SURE.index(Certainty(v.certainty)), v.cause != "unknown", causes[v.cause].cost) for v in (a, b)]
    return weight[0] >= weight[1]
