"""A connection in a few lines: cause, sentence, what else it could be, and what its programs get next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.model import Ending, Side
from capture.safe_text import printable
from tui.text.quantities import duration

if TYPE_CHECKING:
    from capture.model import Connection

HAS_CLOSED = " has closed"
NO_ERROR = (None, "ok", "EOF")


def story(one: Connection) -> str:
    """Lines, the most needed first: a low screen cuts the last ones."""
    verdict = one.verdict
    lasted = duration((one.last_time - one.first_time) / 1e9)
    facts = [f"{verdict.cause} ({verdict.certainty.value})", f"conn_state {one.conn_state}", f"lasted {lasted}"]
    if one.vlan:
        facts.append(f"vlan {one.vlan}")
    if one.tunnel:
        facts.append(one.tunnel)
    if one.chain is not None:
        other = one.chain.back if one.chain.front == one.id else one.chain.front
        facts.append(f"other hop #{other} (h)")
    elif one.same_as is not None:
        facts.append(f"seen again as #{one.same_as} (h)")
    lines = ["  ".join(facts), printable(verdict.sentence)]
    if verdict.alternatives:
        could = f"Could also be: {', '.join(verdict.alternatives)}"
        lines.append(could + (f" — to decide: {verdict.decide_by}" if verdict.decide_by else ""))
    if after := next_calls(one):
        lines.append(after)
    return "\n".join(lines)


def next_calls(one: Connection) -> str:
    """What the programs' next calls get. A side that has closed makes none, unless it only stopped sending."""
    if one.verdict.ended_by is Ending.FIN and all(one.counts[side]["fin"] for side in range(2)):
        return "Both programs have closed: no call is left to fail"
    said = [f"the {side.value}{text}" for place, side in enumerate(Side) if (text := _of_side(one, place, side))]
    return f"Next: {'; '.join(said)}" if said else ""


def _of_side(one: Connection, place: int, side: Side) -> str:
    calls = one.verdict.errors.get(side)
    if one.counts[place]["fin"]:
        read = calls.read if calls is not None else None
        return HAS_CLOSED if read in NO_ERROR else f"{HAS_CLOSED}; a read() it still makes gets {read}"
    if calls is None:
        return ""
    if calls.connect not in NO_ERROR:
        return f"'s connect() gets {calls.connect}"
    if calls.read is not None and calls.read == calls.write:
        return f"'s read() and write() get {calls.read}" if calls.read != "ok" else " can read and write on"
    named = (("read()", calls.read), ("write()", calls.write))
    told = [f"{name} gets {result}" if result != "ok" else f"{name} works" for name, result in named if result]
    return f"'s {', '.join(told)}" if told else ""
