"""One live socket in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.text.language import count, tr
from tui.text.quantities import duration

if TYPE_CHECKING:
    from capture.sockets.row import SocketRow


def socket_line(row: SocketRow) -> str:
    """State, ends, owner, age and queues on one line."""
    owners = (
        ", ".join(f"{printable(owner.name)}/{owner.pid}" for owner in row.owners)
        or f"({tr(row.owner_missing or 'unknown')})"
    )
    age = duration(row.age_s, at_least=row.age_is_minimum)
    return f"{row.state.value} {row.local} -> {row.remote} {owners} age {age} recv-q {row.recv_q} send-q {row.send_q}"


def socket_facts(row: SocketRow) -> list[tuple[str, str]]:
    """Everything known of a socket, as (name, value)."""
    owners = ", ".join(f"{printable(o.name)} (pid {o.pid}, fd {o.fd})" for o in row.owners)
    timer = (
        tr("{timer}, {time} left", timer=row.timer, time=duration(row.timer_s))
        if row.timer and row.timer_s is not None
        else row.timer or tr("none")
    )
    listens = row.backlog is not None
    waiting = "{n} connections waiting to be accepted" if listens else "{n} unread (a FIN counts as one)"
    most = "{n}, the accept queue's maximum" if listens else "{n} unacknowledged"
    age = duration(row.age_s)
    facts = [
        ("state", row.state.value),
        ("local", str(row.local)),
        ("remote", str(row.remote)),
        ("owner", owners or tr("none shown: {why}", why=tr(row.owner_missing or "unknown"))),
        ("in this state", tr("at least {time}", time=age) if row.age_is_minimum else age),
        ("recv-q", tr(waiting, n=f"{row.recv_q:,}" if listens else count(row.recv_q, "byte"))),
        ("send-q", tr(most, n=f"{row.send_q:,}" if listens else count(row.send_q, "byte"))),
        ("timer", timer),
        ("retransmits", tr("{n}, {unanswered} of them unanswered now", n=row.retransmits, unanswered=row.unanswered)),
        ("round trip", f"{row.rtt_ms:.1f} ms" if row.rtt_ms is not None else tr("unknown")),
        ("user id", str(row.uid)),
        ("cookie", row.cookie),
    ]
    if row.drops is not None:
        facts.append(("drops", tr("{n} connections dropped at this listener", n=f"{row.drops:,}")))
    if row.scope is not None:
        facts.append(("interface", printable(row.scope)))
    if row.netns is not None:
        facts.append(("namespace", printable(str(row.netns))))
    return [(tr(name), value) for name, value in facts]
