"""Facts in few words, for tables of thresholds and for the files in recorded/."""

from __future__ import annotations

from typing import Any

import msgspec

from capture.model import Endpoint
from playbooks.facts.facts import Facts
from playbooks.facts.log_facts import LogGroup, SymptomLog
from playbooks.facts.measured_facts import LoadRun, Timing, UrlTimes
from playbooks.facts.packet_facts import Captured, CapturedConnection, Ended, Traffic
from playbooks.facts.socket_facts import Holder, Process, Processes, Socket, Sockets

JAVA = Holder(812, "java", 7)
KERNEL = {
    "net.core.somaxconn": "4096",
    "net.ipv4.tcp_abort_on_overflow": "0",
    "net.ipv4.tcp_fin_timeout": "60",
    "net.ipv4.tcp_keepalive_intvl": "75",
    "net.ipv4.tcp_keepalive_probes": "9",
    "net.ipv4.tcp_keepalive_time": "7200",
    "net.ipv4.tcp_max_orphans": "8192",
    "net.ipv4.tcp_max_syn_backlog": "512",
    "net.ipv4.tcp_max_tw_buckets": "8192",
    "net.ipv4.tcp_retries2": "15",
    "net.ipv4.tcp_synack_retries": "5",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_tw_reuse": "2",
    "net.ipv4.tcp_wmem": "4096 16384 4194304",
    "net.netfilter.nf_conntrack_count": "100",
    "net.netfilter.nf_conntrack_max": "65536",
}
TOTALS = dict.fromkeys(
    (
        *("AttemptFails", "EstabResets", "ListenDrops", "ListenOverflows", "SyncookiesSent", "TCPAbortOnClose"),
        *("TCPAbortOnData", "TCPAbortOnMemory", "TCPAbortOnTimeout", "TCPReqQFullDoCookies", "TCPReqQFullDrop"),
        *("TCPSynRetrans", "TCPTimeWaitOverflow", "TCPToZeroWindowAdv"),
    ),
    0,
) | {"ActiveOpens": 50, "InSegs": 900}


def row(state: str = "ESTAB", number: int = 0, **more: Any) -> Socket:
    """One socket of java[812], 30 s old."""
    values: dict[str, Any] = {
        "state": state,
        "local": Endpoint("10.0.0.1", 8080),
        "remote": Endpoint("10.0.0.7", 40000 + number),
        "age_s": 30.0,
        "age_is_minimum": False,
        "recv_q": 0,
        "send_q": 0,
        "owners": (JAVA,),
        "cookie": f"{number + 1:x}",
        "uid": 1000,
        "inode": 5000 + number,
    }
    return Socket(**(values | more))


def rows(state: str, count: int, **more: Any) -> list[Socket]:
    """Alike but for their ports and cookies."""
    return [row(state, number, **more) for number in range(count)]


def listener(port: int = 8080, waiting: int = 0, most: int = 128, ip: str = "0.0.0.0", **more: Any) -> Socket:
    """A listener of java[812]."""
    return row(
        "LISTEN", 900 + port, local=Endpoint(ip, port), remote=Endpoint(ip, 0), recv_q=waiting, send_q=most,
        backlog_max=most, drops=0, **more,
    )  # fmt: skip


def sockets(*found: Socket, moved: dict[str, int] | None = None, **more: Any) -> Sockets:
    """Two looks, 1 s apart."""
    values = {
        "elapsed_s": 1.0, "source": "sock_diag", "hidden_owners": 0, "limits": (), "rows": found,
        "counters": moved or {}, "totals": TOTALS | (moved or {}), "unix": (),
    }  # fmt: skip
    return Sockets(**(values | more))


def host(*found: Socket, moved: dict[str, int] | None = None, **more: Any) -> Facts:
    """A machine with these sockets and ordinary settings."""
    values: dict[str, Any] = {
        "host": "web1", "time": 1_800_000_004.0, "began": 1_800_000_000.0, "netns": "4026531840", "root": True,
        "settings": {}, "sockets": sockets(*found, moved=moved), "kernel": KERNEL, "firewall": (),
        "processes": Processes((process(),), 0),
    }  # fmt: skip
    return Facts(**(values | more))


def process(open_files: int | None = 40, soft: int = 1024, **more: Any) -> Process:
    """java[812]."""
    return Process(812, "java", 1000, open_files=open_files, soft_limit=soft, hard_limit=4096, **more)


def kernel(**more: str) -> dict[str, str]:
    """Ordinary settings but for these, named by their last part; an empty text takes one out."""
    changed = KERNEL | {name: more[name.rpartition(".")[2]] for name in KERNEL if name.rpartition(".")[2] in more}
    return {name: value for name, value in changed.items() if value}


def ended(cause: str, count: int, of: int, **more: Any) -> Ended:
    """Connections to 10.0.0.1:8080 that ended alike."""
    values = {"clients": {"10.0.0.7": count}, "carried": count}
    return Ended(cause, "10.0.0.1", 8080, count, of, **(values | more))


def traffic(*groups: Ended, connections: int = 40, **more: Any) -> Traffic:
    """Three seconds of packets."""
    return Traffic(3.0, 900, connections, more.pop("full", False), groups, **more)


def captured(causes: dict[str, int], **more: Any) -> Captured:
    """A capture with connections of these causes, and a sample of each."""
    return Captured("x.pcap", sum(causes.values()), causes, tuple(map(_sample, causes)), **more)


def _sample(cause: str) -> CapturedConnection:
    ends = Endpoint("10.0.0.7", 40000), Endpoint("10.0.0.1", 8080)
    return CapturedConnection(0, *ends, cause, "certain", "responder", "rst", None, "Said.", ("p",), None, (1, 2))


def log(*groups: tuple[str, str, int], lines: int = 100) -> SymptomLog:
    """(symptom, peer, count) of an application's log."""
    return SymptomLog("app.log", lines, tuple(LogGroup(s, p, n, "", "", f"sample of {s}", 4) for s, p, n in groups))


def url(*runs: Timing) -> UrlTimes:
    """Requests to one URL."""
    return UrlTimes("http://h/", "10.0.0.1", runs)


def run(total: float = 0.2, status: int | None = 200, error: str = "", connect: float | None = 0.01) -> Timing:
    """One request."""
    return Timing(0.001, connect, None, total if status else None, total, status, error)


def load(requests: int = 2000, **more: Any) -> LoadRun:
    """A bounded load."""
    values: dict[str, Any] = {
        "url": "http://h/", "workers": 8, "seconds": 4.0, "requests": requests, "errors": {},
        "status": {"200": requests}, "total": None, "close_wait_before": 0, "close_wait_after": 0, "counters": {},
    }  # fmt: skip
    return LoadRun(**(values | more))


def changed(facts: Facts, **more: Any) -> Facts:
    """The same but for these."""
    return msgspec.structs.replace(facts, **more)
