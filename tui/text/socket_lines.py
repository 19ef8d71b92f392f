"""One live socket in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.safe_text import printable
from tui.text.quantities import duration

if TYPE_CHECKING:
    from capture.sockets.row import SocketRow


def socket_line(row: SocketRow) -> str:
    """State, ends, owner, age and queues on one line."""
    owners = ", ".join(f"{printable(owner.name)}/{owner.pid}" for owner in row.owners) or f"({row.owner_missing})"
    age = duration(row.age_s, at_least=row.age_is_minimum)
    return f"{row.state.value} {row.local} -> {row.remote} {owners} age {age} recv-q {row.recv_q} send-q {row.send_q}"


def socket_facts(row: SocketRow) -> list[tuple[str, str]]:
    """Everything known of a socket, as (name, value)."""
    owners = ", ".join(f"{printable(o.name)} (pid {o.pid}, fd {o.fd})" for o in row.owners)
    timer = (
        f"{row.timer}, {duration(row.timer_s)} left" if row.timer and row.timer_s is not None else row.timer or "none"
    )
    facts = [
        ("state", row.state.value),
        ("local", str(row.local)),
        ("remote", str(row.remote)),
        ("owner", owners or f"none shown: {row.owner_missing}"),
        ("in this state", ("at least " if row.age_is_minimum else "") + duration(row.age_s)),
        (
            "recv-q",
            f"{row.recv_q:,}"
            + (
                " connections waiting to be accepted"
                if row.backlog is not None
                else " bytes unread (a FIN counts as one)"
            ),
        ),
        (
            "send-q",
            f"{row.send_q:,}" + (" the accept queue's maximum" if row.backlog is not None else " bytes unacknowledged"),
        ),
        ("timer", timer),
        ("retransmits", f"{row.retransmits}, {row.unanswered} of them unanswered now"),
        ("round trip", f"{row.rtt_ms:.1f} ms" if row.rtt_ms is not None else "unknown"),
        ("user id", str(row.uid)),
        ("cookie", row.cookie),
    ]
    if row.drops is not None:
        facts.append(("drops", f"{row.drops:,} connections dropped at this listener"))
    if row.scope is not None:
        facts.append(("interface", printable(row.scope)))
    if row.netns is not None:
        facts.append(("namespace", printable(str(row.netns))))
    return facts
