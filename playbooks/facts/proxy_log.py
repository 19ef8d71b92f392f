"""HAProxy's, Envoy's and Apache's logs: how each request through the proxy ended, by the proxy's own code."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from playbooks.facts.facts import Absence
from playbooks.facts.log_facts import ProxyEnd, ProxyLog
from playbooks.facts.log_files import last_lines
from playbooks.facts.percentiles import percentiles
from playbooks.language import tr

MOST_LINES = 200_000
MOST_SERVERS = 5
_HAPROXY = re.compile(
    r"\[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:[\d:.]+)\] (?P<front>\S+) (?P<server>[^\s/]+/\S+) "
    r"(?P<timers>[+-]?\d+(?:/[+-]?\d+){2,4}) (?:(?P<status>-?\d{1,3}) )?[+-]?\d+ (?:\S+ \S+ )?"
    r"(?P<state>[A-Za-z-]{2})[A-Za-z-]{0,2} \d+/\d+/"
)
_ENVOY = re.compile(
    r'(?:"?(?:[A-Z-]+ [^"]*?(?: HTTP/[\d.]+| -)|- - -)"?) (?P<status>\d{1,3}) (?P<flags>[A-Z]{2,6}(?:,[A-Z]{2,6})*|-) '
    r"(?P<rest>.*)$"
)
_ENVOY_TIMES = re.compile(r"(?:^| )\d+ \d+ (?P<duration>\d+) (?P<upstream>\d+|-) ")
_UPSTREAM = re.compile(r'"((?:[\d.]+|\[[\da-f:]+\]):\d+)" \S*(?:outbound|inbound)?')
_APACHE = re.compile(r"^\[[^\]]*\] \[(?P<module>[a-z_0-9]+)?:(?P<level>[a-z]+)\] \[pid ")
_APACHE_CODE = re.compile(r"\b(AH\d{5}):")
_APACHE_PEER = re.compile(
    r"remote server (?:at )?([\w.:\[\]-]+?)(?: \(|,|$)|attempt to connect to ([\w.:\[\]-]+)|backend: ([\w.:\[\]-]+)"
)
_STATE_KEYS = ("termination_state", "termination_code", "term_state", "term_code", "tsc", "ts", "t_state", "tstate")


@dataclass(slots=True)
class Ended:
    """One line: how it ended (a code; empty: in order), by which server, after how long (seconds)."""

    code: str
    server: str = ""
    total: float | None = None
    status: str = ""


def collect_proxy_log(log: str | None) -> ProxyLog | Absence:
    """The named log, if it is one of these proxies'. Absent (not_here) where it is another program's."""
    if log is None:
        return Absence("not_given", tr("no log was named: --set log=FILE reads HAProxy's, Envoy's or Apache's"))
    try:
        lines, cut = last_lines(log)
    except OSError as error:
        return Absence("unreadable", f"{log}: {error.strerror or error}")
    lines = [line for line in lines if line.strip()][-MOST_LINES:]
    program = program_of(lines)
    if program is None:
        return Absence("not_here", tr("{log}: no line reads as HAProxy's, Envoy's or Apache's", log=log))
    return _summed(program, log, lines, cut)


def program_of(lines: list[str]) -> str | None:
    """haproxy, envoy or apache, where most of the lines that can be read are that program's; None else."""
    step = max(1, len(lines) // 500)
    sample = lines[::step]
    counts = {name: sum(1 for line in sample if read(line) is not None) for name, read in READERS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def not_nginx(path: str, lines: list[str], wanted: str) -> Absence:
    """That a log is not what was wanted of nginx, and whose it is where that is known."""
    program = program_of([line for line in lines if line.strip()])
    if program is None:
        return Absence("unreadable", tr("{path}: no line reads as {wanted}", path=path, wanted=wanted))
    name = {"haproxy": "HAProxy", "envoy": "Envoy", "apache": "Apache"}[program]
    return Absence(
        "unreadable",
        tr(
            "{path}: no line reads as {wanted}: it is {name}'s (playbook proxy-upstream reads it)",
            path=path,
            wanted=wanted,
            name=name,
        ),
    )


def is_proxys(lines: list[str]) -> bool:
    """Whether it is a log of HAProxy, Envoy or Apache."""
    return program_of([line for line in lines if line.strip()]) is not None


@dataclass(slots=True)
class _Kind:
    count: int = 0
    servers: Counter[str] = field(default_factory=Counter)
    status: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    sample: str = ""


def _summed(program: str, path: str, lines: Iterable[str], cut: bool) -> ProxyLog:
    read = READERS[program]
    kinds: dict[str, _Kind] = defaultdict(_Kind)
    total = unread = 0
    for line in lines:
        one = read(line)
        if one is None:
            unread += 1
            continue
        total += 1
        kind = kinds[one.code]
        kind.count += 1
        kind.servers[one.server] += 1
        kind.status[one.status] += 1
        kind.sample = line[:500]
        if one.total is not None:
            kind.times.append(one.total)
    ended = [
        ProxyEnd(
            code=code,
            symptom=_symptom(kind.sample),
            count=kind.count,
            servers={name: n for name, n in kind.servers.most_common(MOST_SERVERS) if name},
            status={name: n for name, n in kind.status.most_common(5) if name},
            times=percentiles(kind.times),
            sample=kind.sample,
        )
        for code, kind in sorted(kinds.items(), key=lambda item: -item[1].count)
        if code
    ]
    served = percentiles(kinds[""].times) if "" in kinds else None
    return ProxyLog(program, path, total, unread, tuple(ended), served, cut)


def _symptom(line: str) -> str:
    from playbooks.symptoms.explain_line import explain_line

    explained = explain_line(line)
    return explained.symptom if explained is not None else ""


def haproxy_line(line: str) -> Ended | None:
    """HAProxy's HTTP or TCP log, text or JSON. Its first two letters: who ended it, and in which phase."""
    found = _HAPROXY.search(line)
    if found is None:
        return _haproxy_json(line) if "{" in line else None
    timers = [int(part) for part in found["timers"].split("/")]
    state = found["state"]
    server = "" if found["server"].endswith("<NOSRV>") else found["server"]
    return Ended("" if state == "--" else state, server or found["server"], timers[-1] / 1000, found["status"] or "")


def _haproxy_json(line: str) -> Ended | None:
    flat = flat_json(line)
    state = next((str(flat[key]) for key in _STATE_KEYS if key in flat), "")[:2]
    if len(state) != 2 or not any("backend" in key or "actconn" in key or "haproxy" in key for key in flat):
        return None
    total = next(
        (flat[key] for key in ("tt", "ta", "session_duration", "active_time", "total_time") if key in flat), ""
    )
    names = ("server_name", "srv_name", "upstream_addr", "backend_name", "server.ip", "server", "backend")
    server = next((str(flat[key]) for key in names if flat.get(key)), "")
    status = next((str(flat[key]) for key in ("status_code", "http_status", "status") if key in flat), "")
    return Ended("" if state == "--" else state, server, _milliseconds(total), status)


def _milliseconds(value: object) -> float | None:
    try:
        return float(str(value).lstrip("+")) / 1000
    except ValueError:
        return None


def envoy_line(line: str) -> Ended | None:
    """Envoy's or Istio's access log, text or JSON; the code is its first response flag."""
    if '"response_flags"' in line:
        flat = flat_json(line)
        flags = str(flat.get("response_flags") or "-")
        code = "" if flags == "-" else flags.partition(",")[0]
        status = str(flat.get("response_code", ""))
        return Ended(code, str(flat.get("upstream_host") or ""), _milliseconds(flat.get("duration")), status)
    found = _ENVOY.search(line)
    if found is None or " - - [" in line[:200]:
        return None
    times = _ENVOY_TIMES.search(found["rest"])
    server = _UPSTREAM.findall(found["rest"])
    code = "" if found["flags"] == "-" else found["flags"].partition(",")[0]
    return Ended(
        code, server[-1] if server else "", _milliseconds(times["duration"]) if times else None, found["status"]
    )


def apache_line(line: str) -> Ended | None:
    """Apache's error log; the code is the number that each of its messages has."""
    found = _APACHE.match(line)
    if found is None:
        return None
    code = _APACHE_CODE.search(line)
    peer = _APACHE_PEER.search(line)
    server = next((part for part in peer.groups() if part), "") if peer else ""
    wrong = found["level"] in ("error", "crit", "alert", "emerg", "warn")
    return Ended(code[1] if code and wrong else "", server)


def flat_json(line: str) -> dict[str, object]:
    """The fields of a line's JSON, those of inner objects too, by their own name (and once more as OUTER.NAME)."""
    start = line.find("{")
    try:
        found = msgspec.json.decode(line[start:]) if start >= 0 else None
    except msgspec.DecodeError:
        return {}
    flat: dict[str, object] = {}

    def walk(value: dict[str, object], outer: str) -> None:
        for key, inner in value.items():
            name = str(key).lower()
            if isinstance(inner, dict):
                walk(inner, name)
            else:
                flat.setdefault(name, inner)
                flat[f"{outer}.{name}"] = inner

    if isinstance(found, dict):
        walk(found, "")
    return flat


READERS = {"haproxy": haproxy_line, "envoy": envoy_line, "apache": apache_line}
