"""One line of a pasted table → a socket. The form tells the program that wrote it; no header is needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.sockets import inet_diag_msg
from capture.sockets.sources import procfs
from playbooks.tables.end_formats import end_of
from playbooks.tables.pasted_table import TableEnd, TableSocket

if TYPE_CHECKING:
    from collections.abc import Callable

_SS_STATES = "ESTAB|SYN-SENT|SYN-RECV|FIN-WAIT-1|FIN-WAIT-2|TIME-WAIT|CLOSE-WAIT|LAST-ACK|LISTEN|CLOSING"
STATES = {
    **{state: state for state in _SS_STATES.split("|")},
    "ESTABLISHED": "ESTAB",
    "LISTENING": "LISTEN",
    "SYN_RECEIVED": "SYN-RECV",
    "SYN_RCVD": "SYN-RECV",
    **{state.replace("-", "_"): state for state in _SS_STATES.split("|")},
    "FIN_WAIT1": "FIN-WAIT-1",
    "FIN_WAIT2": "FIN-WAIT-2",
    "CLOSED": "UNCONN",
    # German netstat: of Linux, then of Windows
    "VERBUNDEN": "ESTAB",
    "HERGESTELLT": "ESTAB",
    "ABHÖREN": "LISTEN",
    "WARTEND": "TIME-WAIT",
    "SCHLIESSEN_WARTEN": "CLOSE-WAIT",
    "FIN_WARTEN_1": "FIN-WAIT-1",
    "FIN_WARTEN_2": "FIN-WAIT-2",
}
"""The states' names of every program, in ss's spelling."""

_POWERSHELL_STATES = {
    "Established": "ESTAB",
    "Listen": "LISTEN",
    "SynSent": "SYN-SENT",
    "SynReceived": "SYN-RECV",
    "FinWait1": "FIN-WAIT-1",
    "FinWait2": "FIN-WAIT-2",
    "TimeWait": "TIME-WAIT",
    "CloseWait": "CLOSE-WAIT",
    "LastAck": "LAST-ACK",
    "Closing": "CLOSING",
}

_STATE = "|".join(sorted(map(re.escape, STATES), key=len, reverse=True))
_SS = re.compile(
    rf"^\s*(?:tcp6?\s+)?(?P<state>{_SS_STATES})\s+(?P<recv>\d+)\s+(?P<send>\d+)\s+"
    r"(?P<local>\S+)\s+(?P<remote>\S+)(?P<rest>.*)$"
)
_NETSTAT = re.compile(
    rf"^\s*(?P<proto>tcp(?:4|6|46)?)\s+(?P<recv>\d+)\s+(?P<send>\d+)\s+(?P<local>\S+)\s+(?P<remote>\S+)\s+"
    rf"(?P<state>{_STATE})\b(?P<rest>.*)$"
)
_WINDOWS = re.compile(
    rf"^\s*TCP\s+(?P<local>\S+:[\w-]+)\s+(?P<remote>\S+:[\w-]+)\s+(?P<state>{_STATE})\b"
    r"(?:\s+(?P<pid>\d+))?(?:\s+(?:In[Hh]ost|Offloaded))?\s*$"
)
_POWERSHELL = re.compile(
    r"^(?P<local>[\da-f.:%]+)\s+(?P<local_port>\d{1,5})\s+(?P<remote>[\da-f.:%]+)\s+(?P<remote_port>\d{1,5})\s+"
    r"(?P<state>[A-Z]\w+)(?:\s+(?:Internet|Datacenter|Compat|Custom|Automatic)\w*)?(?:\s+(?P<pid>\d+))?\s*$"
)
"""Get-NetTCPConnection's columns."""
_LSOF = re.compile(
    r"^(?P<process>\S+)\s+(?P<pid>\d+)\s.*\sTCP\s+(?P<local>[^\s>]+?)(?:->(?P<remote>\S+))?\s+"
    rf"\((?P<state>{_STATE})\)\s*$"
)
_PROCFS = re.compile(
    r"^\s*\d+: (?P<local>[0-9A-F]{8}|[0-9A-F]{32}):[0-9A-F]{4} [0-9A-F]{8,32}:[0-9A-F]{4} [0-9A-F]{2} "
)
_USERS = re.compile(r'users:\(\("(?P<process>[^"]*)",(?:pid=)?(?P<pid>\d+)')
_HOLDER = re.compile(r"\s(?P<pid>\d+)/(?P<process>\S+)")
_TIMER = re.compile(r"timer:\((?P<name>\w+),[^,)]*,(?P<count>\d+)\)")
_DOTTED = re.compile(r"^(?:[^:]*|[\da-f]*:[\da-f:]*(?:%\w+)?)\.(\d+|\*)$")


def socket_of(line: str, number: int) -> TableSocket | None:
    """The socket of a line; None for a line that is no row. A container's or a prompt's prefix is none's concern."""
    for form, read in _FORMS:
        found = form.match(line)
        if found:
            return read(found, number)
    return None


def _of_ss(found: re.Match[str], number: int) -> TableSocket | None:
    return _queued(found, number, _USERS.search(found["rest"]), backlog=found["state"] == "LISTEN")


def _of_netstat(found: re.Match[str], number: int) -> TableSocket | None:
    return _queued(found, number, _HOLDER.search(found["rest"]), backlog=False)


def _queued(found: re.Match[str], number: int, holder: re.Match[str] | None, *, backlog: bool) -> TableSocket | None:
    ends = _ends(found["local"], found["remote"])
    if ends is None:
        return None
    timer = _TIMER.search(found["rest"])
    send = int(found["send"])
    return TableSocket(
        number,
        STATES[found["state"]],
        *ends,
        recv_q=int(found["recv"]),
        send_q=0 if backlog else send,
        pid=int(holder["pid"]) if holder else None,
        process=holder["process"].rstrip(":") if holder else None,
        timer=timer["name"] if timer else None,
        retransmits=int(timer["count"]) if timer else None,
        backlog_max=send if backlog else None,
    )


def _of_windows(found: re.Match[str], number: int) -> TableSocket | None:
    ends = _ends(found["local"], found["remote"])
    pid = int(found["pid"]) if found["pid"] else None
    return None if ends is None else TableSocket(number, STATES[found["state"]], *ends, pid=pid)


def _of_powershell(found: re.Match[str], number: int) -> TableSocket | None:
    state = _POWERSHELL_STATES.get(found["state"])
    ends = _ends(f"[{found['local']}]:{found['local_port']}", f"[{found['remote']}]:{found['remote_port']}")
    pid = int(found["pid"]) if found["pid"] else None
    return None if ends is None or state is None else TableSocket(number, state, *ends, pid=pid)


def _of_lsof(found: re.Match[str], number: int) -> TableSocket | None:
    ends = _ends(found["local"], found["remote"] or "*:*")
    if ends is None:
        return None
    return TableSocket(number, STATES[found["state"]], *ends, pid=int(found["pid"]), process=found["process"])


def _of_procfs(found: re.Match[str], number: int) -> TableSocket | None:
    family = 2 if len(found["local"]) == 8 else 10
    raw = next(procfs.parse_table(f"\n{found.string}", family), None)
    if raw is None:
        return None
    fields = inet_diag_msg.RECORD.unpack(raw)
    state, listens = inet_diag_msg.state_of(raw[1]).value, raw[1] == inet_diag_msg.LISTEN
    local, remote = inet_diag_msg.local_of(raw), inet_diag_msg.remote_of(raw)
    return TableSocket(
        number,
        state,
        TableEnd(local.ip, local.port),
        TableEnd(remote.ip, remote.port or None),
        recv_q=fields[11],
        send_q=0 if listens else fields[12],
        timer=inet_diag_msg.TIMERS[raw[2]] if raw[2] < len(inet_diag_msg.TIMERS) else None,
        retransmits=raw[3],
    )


def _ends(local: str, remote: str) -> tuple[TableEnd, TableEnd] | None:
    dotted = bool(_DOTTED.match(local))
    first, second = end_of(local, dotted=dotted), end_of(remote, dotted=dotted)
    return None if first is None or second is None else (first, second)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], int], TableSocket | None]], ...] = (
    (_SS, _of_ss),
    (_NETSTAT, _of_netstat),
    (_WINDOWS, _of_windows),
    (_PROCFS, _of_procfs),
    (_LSOF, _of_lsof),
    (_POWERSHELL, _of_powershell),
)
