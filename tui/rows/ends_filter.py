"""A filter of sockets, asked of what is no socket any more: its ends, its owners, its state at most."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from capture.model import Endpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.filters import Filter
    from capture.filters.row_protocols import SocketLike
    from capture.kernel.event import EventOwner
    from capture.model import TcpState
    from capture.sockets.row import Namespace, Owner

NOWHERE = Endpoint("", 0)


def keeps(
    wanted: Filter | None,
    *,
    local: Endpoint | None,
    remote: Endpoint | None,
    owners: Sequence[Owner | EventOwner],
    netns: Namespace | str | None,
    cookie: str | None,
    state: TcpState | None = None,
    at: float | None = None,
    now: float | None = None,
) -> bool:
    """Whether the filter keeps it. Queues, ages and timers are unknown: terms on them match nothing of it.

    `at` is when it happened, `now` the end of what was seen: epoch seconds.
    """
    if wanted is None:
        return True
    like = SimpleNamespace(
        state=state,
        local=local or NOWHERE,
        remote=remote or NOWHERE,
        owners=owners,
        age_s=None,
        at=at,
        ago_s=None if at is None or now is None else now - at,
        netns=netns,
        cookie=cookie,
        recv_q=0,
        send_q=0,
        retransmits=None,
        rtt_ms=None,
        uid=None,
        timer=None,
    )
    return wanted.matches_socket(cast("SocketLike", like))
