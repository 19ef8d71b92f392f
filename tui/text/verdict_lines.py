"""A connection in a few lines: cause, sentence, what else it could be, and what its programs get next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.model import Ending, Side
from capture.safe_text import printable
from tui.text.language import tr
from tui.text.quantities import duration

if TYPE_CHECKING:
    from capture.model import Connection

NO_ERROR = (None, "ok", "EOF")


def story(one: Connection) -> str:
    """Lines, the most needed first: a low screen cuts the last ones."""
    verdict = one.verdict
    lasted = duration((one.last_time - one.first_time) / 1e9)
    facts = [
        f"{verdict.cause} ({verdict.certainty.value})",
        f"conn_state {one.conn_state}",
        tr("lasted {time}", time=lasted),
    ]
    if one.vlan:
        facts.append(f"vlan {one.vlan}")
    if one.tunnel:
        facts.append(one.tunnel)
    if one.chain is not None:
        other = one.chain.back if one.chain.front == one.id else one.chain.front
        facts.append(tr("other hop #{id} (h)", id=other))
    elif one.same_as is not None:
        facts.append(tr("seen again as #{id} (h)", id=one.same_as))
    lines = ["  ".join(facts), printable(verdict.sentence)]
    if verdict.alternatives:
        could = tr("Could also be: {causes}", causes=", ".join(verdict.alternatives))
        lines.append(could + (tr(" — to decide: {how}", how=verdict.decide_by) if verdict.decide_by else ""))
    if after := next_calls(one):
        lines.append(after)
    return "\n".join(lines)


def next_calls(one: Connection) -> str:
    """What the programs' next calls get. A side that has closed makes none, unless it only stopped sending."""
    if one.verdict.ended_by is Ending.FIN and all(one.counts[side]["fin"] for side in range(2)):
        return tr("Both programs have closed: no call is left to fail")
    calls = [text for place, side in enumerate(Side) if (text := _of_side(one, place, side))]
    return tr("Next: {calls}", calls="; ".join(calls)) if calls else ""


def _of_side(one: Connection, place: int, side: Side) -> str:
    calls, who = one.verdict.errors.get(side), tr("the originator" if side is Side.ORIGINATOR else "the responder")
    if one.counts[place]["fin"]:
        read = calls.read if calls is not None else None
        if read in NO_ERROR:
            return tr("{who} has closed", who=who)
        return tr("{who} has closed; a read() it still makes gets {error}", who=who, error=read)
    if calls is None:
        return ""
    if calls.connect not in NO_ERROR:
        return tr("{who}'s {calls}", who=who, calls=_result("connect()", calls.connect))
    if calls.read is not None and calls.read == calls.write:
        if calls.read == "ok":
            return tr("{who} can read and write on", who=who)
        return tr("{who}'s read() and write() get {error}", who=who, error=calls.read)
    results = [_result(name, result) for name, result in (("read()", calls.read), ("write()", calls.write)) if result]
    return tr("{who}'s {calls}", who=who, calls=", ".join(results)) if results else ""


def _result(call: str, result: str | None) -> str:
    return tr("{call} works", call=call) if result == "ok" else tr("{call} gets {error}", call=call, error=result)
