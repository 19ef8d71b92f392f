"""Binary records of the kernel's tracepoints, decoded by each event's `format` file."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from capture.kernel.formats import Format
from capture.model import Endpoint

TCP: Final = 6
AF_INET, AF_INET6 = 2, 10
SYN_SENT: Final = 2
IN_INTERRUPT: Final = 0x18
"""common_flags: TRACE_FLAG_HARDIRQ | TRACE_FLAG_SOFTIRQ. Then common_pid is whoever happened to run."""
RESTARTED: Final = 512
"""ERESTARTSYS and the like: the call goes on, the application learns nothing."""
MAPPED: Final = bytes(10) + b"\xff\xff"

DROPS: Final = (
    "NETFILTER_DROP",
    "SOCKET_RCVBUFF",
    "SOCKET_BACKLOG",
    "PROTO_MEM",
    "TCP_CSUM",
    "IP_RPFILTER",
    "TCP_LISTEN_OVERFLOW",
    "TCP_ZEROWINDOW",
    "TCP_MD5NOTFOUND",
    "TCP_MD5FAILURE",
    "TCP_AUTH_HDR",
    "TCP_RFC7323_PAWS",
    "TCP_OFO_QUEUE_PRUNE",
    "SOCKET_FILTER",
    "BPF_CGROUP_EGRESS",
    "IP_OUTNOROUTES",
    "IP_INNOROUTES",
    "NEIGH_FAILED",
    "NEIGH_QUEUEFULL",
    "NEIGH_DEAD",
    "TC_INGRESS",
    "TC_EGRESS",
    "XDP",
    "QDISC_DROP",
    "QDISC_OVERLIMIT",
    "CPU_BACKLOG",
    "FULL_RING",
    "NOMEM",
    "PKT_TOO_BIG",
)
"""Reasons that cost somebody a packet that he wanted; the others are the noise of normal work."""


class TraceRecord(NamedTuple):
    """One record: `socket` is the kernel's address of it (0 unknown), `thread` who called (0 in an interrupt).

    `late`: format and bytes of a record whose ends few will ask for.
    """

    what: str
    socket: int = 0
    thread: int = 0
    local: Endpoint | None = None
    remote: Endpoint | None = None
    error: int = 0
    reason: str | None = None
    cookie: int = 0
    state: int = 0
    late: tuple[Format, bytes] | None = None


Decode = Callable[[Format, bytes], TraceRecord]


class Wanted(NamedTuple):
    """A tracepoint: its place under events/, the fields without which it says nothing, and a filter for its format.

    A filter of None takes every record; "" as an answer of the function means that this kernel's event is of no use.
    """

    path: str
    needs: tuple[str, ...]
    filter: Callable[[Format], str | None]
    decode: Decode


def thread_of(form: Format, record: bytes) -> int:
    """The thread that called; 0 in an interrupt, where it is whoever ran."""
    if form.number(record, "common_flags") & IN_INTERRUPT:
        return 0
    return form.number(record, "common_pid", signed=True)


def ends_of(form: Format, record: bytes) -> tuple[Endpoint, Endpoint]:
    """Local and remote end of a record that has them as numbers, as most events do."""
    six = form.number(record, "family") == AF_INET6
    names = ("saddr_v6", "daddr_v6") if six else ("saddr", "daddr")
    ports = (form.number(record, "sport"), form.number(record, "dport"))
    local, remote = (_endpoint(form.octets(record, name), port) for name, port in zip(names, ports, strict=True))
    return local, remote


def _endpoint(packed: bytes, port: int) -> Endpoint:
    if len(packed) == 16 and packed.startswith(MAPPED):
        packed = packed[12:]
    return Endpoint(socket.inet_ntop(socket.AF_INET6 if len(packed) == 16 else socket.AF_INET, packed), port)


def _sockaddr(octets: bytes) -> Endpoint | None:
    """A struct sockaddr_in or sockaddr_in6; None where the kernel left it empty."""
    family = int.from_bytes(octets[:2], sys.byteorder)
    port = int.from_bytes(octets[2:4], "big")
    if family == AF_INET:
        return _endpoint(octets[4:8], port)
    return _endpoint(octets[8:24], port) if family == AF_INET6 else None


def _send_reset(form: Format, record: bytes) -> TraceRecord:
    local: Endpoint | None
    remote: Endpoint | None
    if form.has("sport", "dport"):  # before 6.10
        local, remote = ends_of(form, record)
    else:
        local, remote = (_sockaddr(form.octets(record, name)) for name in ("saddr", "daddr"))
    reason = _symbol(form, record, "reason")
    return TraceRecord(
        "send_reset", form.number(record, "skaddr"), thread_of(form, record), local, remote, reason=reason
    )


def _receive_reset(form: Format, record: bytes) -> TraceRecord:
    local, remote = ends_of(form, record)
    cookie = form.number(record, "sock_cookie") if form.has("sock_cookie") else 0
    return TraceRecord("receive_reset", form.number(record, "skaddr"), 0, local, remote, cookie=cookie)


def _set_state(form: Format, record: bytes) -> TraceRecord:
    if form.number(record, "newstate", signed=True) == SYN_SENT:
        return TraceRecord("connecting", form.number(record, "skaddr"), thread_of(form, record))
    state, socket_at = form.number(record, "oldstate", signed=True), form.number(record, "skaddr")
    if state != SYN_SENT:
        return TraceRecord("set_state", socket_at, state=state, late=(form, record))
    local, remote = ends_of(form, record)
    return TraceRecord("set_state", socket_at, 0, local, remote, state=state)


def _error_report(form: Format, record: bytes) -> TraceRecord:
    local, remote = ends_of(form, record)
    return TraceRecord(
        "error_report", 0, thread_of(form, record), local, remote, form.number(record, "error", signed=True)
    )


def _call(what: str) -> Decode:
    def decode(form: Format, record: bytes) -> TraceRecord:
        failed = -form.number(record, "ret", signed=True)
        return TraceRecord(what, form.number(record, "sk"), thread_of(form, record), error=failed)

    return decode


def _retransmit(form: Format, record: bytes) -> TraceRecord:
    local, remote = ends_of(form, record)
    return TraceRecord("retransmit", form.number(record, "skaddr"), 0, local, remote)


def _drop(form: Format, record: bytes) -> TraceRecord:
    held = form.number(record, "rx_sk") if form.has("rx_sk") else 0
    return TraceRecord("drop", held, reason=_symbol(form, record, "reason"))


def _symbol(form: Format, record: bytes, field: str) -> str | None:
    if not form.has(field):
        return None
    number = form.number(record, field)
    return form.symbols.get(field, {}).get(number, str(number))


def _everything(_: Format) -> str | None:
    return None


def _tcp_errors(_: Format) -> str:
    return f"protocol=={TCP} && error!=0"


def _failed_calls(_: Format) -> str:
    """Not those that only had nothing to do, or that a signal broke off and the kernel restarts."""
    again = " && ".join(f"ret!=-{number}" for number in (errno.EAGAIN, errno.EINTR, errno.EINPROGRESS))
    return f"protocol=={TCP} && ret<0 && ret>-{RESTARTED} && {again}"


def _abnormal_ends(_: Format) -> str:
    """Into CLOSE from where a normal end does not come (states 1 to 4 and 8): they name the addresses of a socket whose
    calls fail from then on. And into SYN-SENT: that names who called connect(), which an answer that comes in an
    interrupt does not. All changes of state are ten a connection, and even its own FIN would cost too much.
    """
    normal = " && ".join(f"oldstate!={state}" for state in (5, 7, 9, 10, 11))
    return f"protocol=={TCP} && (newstate=={SYN_SENT} || (newstate==7 && {normal}))"


def _unwanted_drops(form: Format) -> str:
    numbers = {name: number for number, name in form.symbols.get("reason", {}).items()}
    chosen = sorted(numbers[name] for name in DROPS if name in numbers)
    return (
        "(protocol==0x800 || protocol==0x86dd) && (" + " || ".join(f"reason=={n}" for n in chosen) + ")"
        if chosen
        else ""
    )


ADDRESSES: Final = ("family", "sport", "dport", "saddr", "daddr", "saddr_v6", "daddr_v6")
WANTED: Final[Mapping[str, Wanted]] = {
    one.path.split("/")[1]: one
    for one in (
        Wanted("sock/inet_sock_set_state", ("skaddr", "oldstate", "newstate", *ADDRESSES), _abnormal_ends, _set_state),
        Wanted("sock/inet_sk_error_report", ("error", *ADDRESSES), _tcp_errors, _error_report),
        Wanted("sock/sock_send_length", ("sk", "ret", "protocol"), _failed_calls, _call("send")),
        Wanted("sock/sock_recv_length", ("sk", "ret", "protocol"), _failed_calls, _call("recv")),
        Wanted("tcp/tcp_send_reset", ("skaddr", "saddr", "daddr"), _everything, _send_reset),
        Wanted("tcp/tcp_receive_reset", ("skaddr", *ADDRESSES), _everything, _receive_reset),
        Wanted("tcp/tcp_retransmit_skb", ("skaddr", *ADDRESSES), _everything, _retransmit),
        Wanted("tcp/tcp_retransmit_synack", ("skaddr", *ADDRESSES), _everything, _retransmit),
        Wanted("skb/kfree_skb", ("protocol", "reason"), _unwanted_drops, _drop),
    )
}
"""Tracepoints by name. First seen upstream: send_reset 4.15, set_state 4.16, error_report 5.14, drop reasons 5.17,
send/recv_length 6.3, a reset's reason 6.10; decided by the format files, for distributions carry them back."""
