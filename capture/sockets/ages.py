"""How long a socket has been in its state, from what the kernel keeps: for sockets not seen entering it.

The kernel stores no such time. Its timers and the ages of the last segment tell, exactly for some states, as a minimum
for others. Measured on Linux 6.18; the rules and where they come from:

- TIME-WAIT: tcp_time_wait() starts 60 s; what is left of them is in the record. Exact.
- FIN-WAIT-2 without a process: the same kind of timer, of tcp_fin_timeout. Exact.
- ESTAB: lsndtime and lrcvtime start when the handshake ends (tcp_finish_connect, tcp_create_openreq_child) and move
  with data alone. Exact where one direction never carried data, else a minimum.
- CLOSE-WAIT, FIN-WAIT-2 with a process: at least since the last ACK came, for the FIN was or carried one. A minimum.
- SYN-SENT: the retransmission timer's history: how many were sent, and when the next is due. Exact.
- SYN-RECV: the same, a minimum: a SYN that the client repeats starts the timer anew.
- other closing states: at least the time the retransmissions took.
"""

from __future__ import annotations

from capture.sockets import inet_diag_msg as diag
from capture.sockets.row import FIRST_TIMEOUT_S, TIME_WAIT_S
from capture.sockets.sources.settings import KernelSettings
from capture.sockets.sources.tcpinfo import TcpInfo

_SANE_MS = 0x7FFFFFFF // 2


def age_of(raw: bytes, info: TcpInfo | None, settings: KernelSettings) -> tuple[float, bool]:
    """(seconds, whether it is only a minimum) in the state of a record; (0.0, True) where nothing tells."""
    state = raw[1]
    expires = diag.number_at(raw, 52) / 1000
    if state == diag.TIME_WAIT:
        return (max(0.0, TIME_WAIT_S - expires), False) if raw[2] == diag.TIMER_TIMEWAIT else (0.0, True)
    if state == diag.FIN_WAIT_2 and raw[2] == diag.TIMER_TIMEWAIT:
        left = settings.tcp_fin_timeout - expires
        return (left, False) if left >= 0 else (0.0, True)
    if state in (diag.SYN_RECV, diag.NEW_SYN_RECV):
        return _half_open_for(raw[3], expires), True
    if state == diag.SYN_SENT and raw[2] == diag.TIMER_ON:
        return max(0.0, _syn_timeouts(raw[3], settings.tcp_syn_linear_timeouts) - expires), False
    if info is None:
        return 0.0, True
    return _from_info(state, raw, expires, info)


def _from_info(state: int, raw: bytes, expires: float, info: TcpInfo) -> tuple[float, bool]:
    if state == diag.ESTABLISHED:
        exact = []
        if info.bytes_sent == 0:
            exact.append(_seconds(info.last_data_sent))
        if info.bytes_received == 0:
            exact.append(_seconds(info.last_data_received))
        if exact:
            return max(exact), False
        return max(_seconds(info.last_data_sent), _seconds(info.last_data_received)), True
    if state in (diag.CLOSE_WAIT, diag.FIN_WAIT_2):
        return _seconds(info.last_ack_received), True
    if state in (diag.FIN_WAIT_1, diag.LAST_ACK, diag.CLOSING):
        return _retransmitting_for(raw, expires, info), True
    return 0.0, True


def _seconds(milliseconds: int) -> float:
    """Ages the kernel never set come out as most of its clock: those say nothing."""
    return milliseconds / 1000 if milliseconds < _SANE_MS else 0.0


def _syn_timeouts(retransmits: int, linear: int) -> float:
    """When the timer after this many retransmissions of a SYN is due, in seconds after the first one.

    The first `linear` + 1 time-outs take 1 s each (tcp_syn_linear_timeouts, Linux 6.5), the later ones double.
    """
    turns = range(min(retransmits, 32) + 1)
    return sum([min(120.0, FIRST_TIMEOUT_S * float(1 << max(0, turn - linear))) for turn in turns])


def _half_open_for(retransmits: int, expires: float) -> float:
    """At least how long a SYN-ACK has been on its way: sent again so often, the timer due in `expires` seconds.

    A time-out of more than half of what the last doubling gives proves that each repetition was the timer's. Otherwise
    some answered a repeated SYN: of timer and client each has sent at most one a second, the first after a second, and
    each restarts the countdown.
    """
    turns = min(retransmits, 32)
    if turns == 0 or expires > float(1 << (turns - 1)):
        return max(0.0, _syn_timeouts(turns, 0) - expires)
    timeout = FIRST_TIMEOUT_S
    while timeout < expires:
        timeout *= 2
    return max(0.0, max((turns + 1) // 2, timeout - 1) + timeout - expires)


def _retransmitting_for(raw: bytes, expires: float, info: TcpInfo) -> float:
    """The time from the first sending to now: time-outs doubled each turn, the next is due in `expires`."""
    if raw[2] != diag.TIMER_ON or raw[3] == 0:
        return 0.0
    timeout = info.rto_us / 1e6
    turns = min(raw[3], 16)
    doubled = float(1 << turns)
    return max(0.0, timeout / doubled * (doubled - 1) + timeout - expires)
