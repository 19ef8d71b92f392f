"""From when on sockets are a finding. Every number can be set, and says here why it is what it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Counts of sockets, seconds in a state, shares of a limit (0 to 1).

    The defaults let ordinary business pass: a server that takes a second to close, a client that closes slowly, short
    bursts. They are low enough to see a leak while it is small.
    """

    close_wait_s: float = 4.0
    """A healthy process closes within milliseconds of the peer's FIN, a handler still at work takes a second or two,
    and pools are reaped every few seconds. Where sockets are seen to be closed later, they are given longer."""
    close_wait_sockets: int = 10
    """Of one process. A few may be handlers that are slow by nature."""
    close_wait_critical_s: float = 60.0
    """No request takes this long after its client has gone: nobody will close these."""
    fin_wait_2_s: float = 4.0
    """The peer's close() should follow ours within a round trip and its work, or the next turn of its pool's reaper."""
    fin_wait_2_sockets: int = 10
    """Toward one remote host, or held by one process."""
    fin_wait_2_spread: int = 50
    """Of one port toward many hosts, and held by no process: a server that closes first always has some."""
    fin_wait_2_spread_s: float = 15.0
    """Browsers close within ten seconds or so."""
    ports_share: float = 0.7
    """Of the ephemeral ports, in use toward one destination. The kernel's search for a free one gets slow from here."""
    ports_critical_share: float = 0.95
    syn_recv_sockets: int = 16
    """Half-open connections on one port. On a healthy machine they last a round trip."""
    syn_recv_s: float = 0.5
    """Waited longer than any healthy round trip."""
    syn_recv_share: float = 0.75
    """Or this share of a listener's queue, where that is smaller (but at least 8)."""
    syn_queue_full: int = 50
    """SYNs between two looks that were dropped, or answered with a cookie, for a full queue. A small backlog may send a
    few cookies in any burst."""
    syn_sent_sockets: int = 3
    """Connection attempts toward one peer."""
    syn_sent_retransmissions: int = 2
    """Each of them sent again so often."""
    syn_sent_spread: int = 10
    """Of one process toward different peers: who talks to many hosts always finds some that are gone."""
    accept_queue_share: float = 1.0
    """Accept queue against its maximum: the kernel drops once the queue holds more than the maximum."""
    accept_wait_s: float = 3.0
    """A connection waits so long to be accepted: nobody calls accept(), or far too rarely."""
    accept_wait_many: int = 10
    """From so many on a hung listener is critical."""
    accept_wait_critical_s: float = 30.0
    """Or once one has waited so long: most clients have given up."""
    open_files_share: float = 0.8
    """Open descriptors against RLIMIT_NOFILE's soft limit."""
    open_files_critical_share: float = 0.95
    open_files_smallest_limit: int = 16
    """Sandboxes set tiny limits on purpose: those are left alone."""
    worker_connections_share: float = 0.8
    """Connections of an nginx worker against worker_connections."""
    zero_window_s: float = 1.5
    """No byte could be sent for this long because the peer's window is closed."""
    zero_window_sockets: int = 3
    """So many of them toward one host are more than a stream that pauses."""
    zero_window_many_s: float = 4.0
    """For so long."""
    zero_window_pause_s: float = 30.0
    """No pause of a single stream takes this long."""
    reader_s: float = 10.0
    """Bytes lie unread for so long: their process does not read."""
    reader_sockets: int = 5
    """On so many connections of one process."""
    reader_single_s: float = 60.0
    """Or on fewer, for so long, with"""
    reader_bytes: int = 32768
    """so many bytes unread on one of them: its queue is full, or near it."""
    keepalive_probes: int = 3
    """Keep-alive probes without an answer."""
    ports_bound_share: float = 0.8
    """Of the ephemeral ports of one local address, in use over all destinations, no two connections sharing one: they
    were chosen by bind(), which finds no further free one soon."""
    resets_a_second: float = 5.0
    """Connections of one service that are reset or refused."""
    resets_least: int = 10
    """And so many between two looks."""
    resets_share: float = 0.1
    """Of the connections that were opened meanwhile: some clients of any busy server abort theirs."""
    softnet_drops: int = 100
    """Received packets dropped between two looks because the processor's backlog was full."""
    retransmissions: int = 3
    """Unanswered retransmissions of one segment: single losses are repaired by the first or second."""
    send_queue_s: float = 15.0
    """The same bytes unacknowledged for this long without a timer that explains it."""

    def changed(self, settings: Iterable[str]) -> Thresholds:
        """These thresholds with some "name=value" set. Raises ValueError, one line, for what is no such setting."""
        known = {field.name: int if field.type == "int" else float for field in fields(self)}
        values: dict[str, float] = {}
        for setting in settings:
            name, _, text = setting.partition("=")
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                raise ValueError(f"there is no threshold {name!r}; {hint}")
            try:
                value = known[name](text)
            except ValueError:
                value = -1
            if not 0 <= value < 1e9:
                kind = "a whole number" if known[name] is int else "a number"
                raise ValueError(f"threshold {name}: {text!r} is not {kind} from 0 on")
            values[name] = value
        return replace(self, **values)  # type: ignore[arg-type]  # each value has its field's own type, checked above
