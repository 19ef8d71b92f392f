"""nginx's access log: statuses, and times where the format has them."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from playbooks.facts.facts import Absence
from playbooks.facts.log_facts import AccessLog, Route, Times
from playbooks.facts.log_files import access_time, chosen_logs, is_error_log, is_own, last_lines
from playbooks.facts.nginx_facts import Nginx, NginxServer
from playbooks.facts.percentiles import percentiles
from playbooks.facts.proxy_log import flat_json, is_proxys, not_nginx
from playbooks.language import tr

COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)
INGRESS = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" '
    "$request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr "
    "$upstream_response_length $upstream_response_time $upstream_status $req_id"
)
"""ingress-nginx's log-format-upstream as it is where nobody sets one."""
MOST_LINES = 200_000
ROUTES = 5
_GUESSED = re.compile(
    r'"(?P<request>(?:[A-Z]{3,10} [^"]*|[^"]*))" (?P<status>[1-5]\d\d) (?P<body_bytes_sent>\d+|-)(?P<rest>.*)$'
)
_TIME_PAIR = re.compile(r"\b(?:rt|request_time|req_time|duration)[=:]\"?(?P<rt>[\d.]+)", re.I)
_UPSTREAM_PAIR = re.compile(r"\b(?:urt|upstream_response_time|upstream_time|uht?)[=:]\"?(?P<urt>[\d., :-]+)", re.I)
_QUOTED = re.compile(r'"([^"]*)"')
_TIME = re.compile(r"(?<![^\s\",=:|\[])\d+\.\d{3}(?![^\s\",;|\]])")
"""nginx writes its times, and nothing else, with exactly three decimals."""
_JSON_NAMES = {
    "status": ("status", "http_status", "status_code", "response_code"),
    "request": ("request", "request_uri", "uri", "path", "url"),
    "request_time": ("request_time", "requesttime", "req_time", "rt"),
    "upstream_response_time": ("upstream_response_time", "upstreamresponsetime", "upstream_time", "urt"),
}
_VARIABLE = re.compile(r"\\\$(?:\\\{)?([a-z0-9_]+)(?:\\\})?")


class Row:
    """What is taken of one line."""

    __slots__ = ("path", "request_time", "status", "upstream_time")

    def __init__(self, status: str, path: str, request_time: float | None, upstream_time: float | None) -> None:
        self.status, self.path = status, path
        self.request_time, self.upstream_time = request_time, upstream_time


def collect_access_log(log: str | None, nginx: Nginx | Absence | None, since: float | None) -> AccessLog | Absence:
    """The last 200,000 lines of each log, from when on they count."""
    chosen = chosen_logs("access_log", log, nginx, since)
    if isinstance(chosen, Absence):
        return chosen
    formats = _formats(nginx.servers if isinstance(nginx, Nginx) else ())
    read = _Read()
    for path, start in chosen:
        try:
            lines, _ = last_lines(path)
        except OSError as error:
            return Absence("unreadable", f"{path}: {error.strerror or error}")
        lines = [line for line in lines if line][-MOST_LINES:]
        if log is not None and is_error_log(lines):
            return Absence("not_given", tr("{path} is an error log: the access log was not named", path=path))
        if log is not None and is_proxys(lines):
            return not_nginx(path, lines, tr("nginx's access log"))
        for line in lines:
            read.add(line, int(start), formats)
    if not read.rows and not read.older and read.unread:
        return Absence("unreadable", tr("{path}: no line reads as an access log's", path=chosen[0][0]))
    since_when = min(start for _, start in chosen) or None
    own = is_own("access_log", log, nginx)
    return _summed(tuple(path for path, _ in chosen), read, since_when, own)


@dataclass(slots=True)
class _Read:
    rows: list[Row] = field(default_factory=list)
    sample: deque[str] = field(default_factory=lambda: deque(maxlen=3))
    older: int = 0
    older_status: Counter[str] = field(default_factory=Counter)
    unread: int = 0
    times: list[float] = field(default_factory=list)

    def add(self, line: str, start: int, formats: list[re.Pattern[str]]) -> None:
        """One line; those before `start` (epoch seconds) count apart."""
        when = access_time(line)
        row = _row(line, formats)
        if when is not None and when < start:
            self.older += 1
            if row is not None:
                self.older_status[row.status] += 1
        elif row is None:
            self.unread += 1
        else:
            self.rows.append(row)
            if when is not None:
                self.times.append(when)
            if row.status == "499":
                self.sample.append(line[:400])


def _summed(paths: tuple[str, ...], read: _Read, since: float | None, own: bool) -> AccessLog:
    rows = read.rows
    by_path: dict[str, Counter[str]] = {}
    for row in rows:
        by_path.setdefault(row.path, Counter())[row.status] += 1
    worst = sorted(by_path.items(), key=lambda item: (-(item[1]["499"] + item[1]["504"]), -item[1].total(), item[0]))
    closed = [row for row in rows if row.status == "499"]
    served = [row for row in rows if row.status not in ("499", "504", "502")]
    return AccessLog(
        paths=paths,
        lines=len(rows),
        unread=read.unread,
        older=read.older,
        status=dict(Counter(row.status for row in rows).most_common()),
        routes=tuple(Route(path, c.total(), c["499"], c["504"]) for path, c in worst[:ROUTES]),
        request=_times([row.request_time for row in served]),
        upstream=_times([row.upstream_time for row in served]),
        closed_request=_times([row.request_time for row in closed]),
        closed_upstream=_times([row.upstream_time for row in closed]),
        first=_clock(min(read.times, default=None)),
        last=_clock(max(read.times, default=None)),
        sample=tuple(read.sample),
        older_status=dict(read.older_status.most_common()),
        since=since,
        own=own,
    )


def _times(values: list[float | None]) -> Times | None:
    return percentiles([value for value in values if value is not None])


def _clock(seconds: float | None) -> str:
    from datetime import UTC, datetime

    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _formats(servers: tuple[NginxServer, ...]) -> list[re.Pattern[str]]:
    """Patterns of the configuration's log_format directives, those with times first."""
    texts = ["".join(one.args[1:]) for server in servers for one in server.directives if one.name == "log_format"]
    texts = [text.removeprefix("escape=json").removeprefix("escape=default") for text in texts]
    texts.sort(key=lambda text: "_time" not in text)
    found = []
    for text in [*texts, INGRESS, COMBINED]:
        names: Counter[str] = Counter()

        def group(match: re.Match[str], names: Counter[str] = names) -> str:
            names[match[1]] += 1
            kind = _value(match[1], quoted=match.string[: match.start()].endswith('"'))
            return f"(?P<{match[1]}>{kind})" if names[match[1]] == 1 else kind

        try:
            found.append(re.compile(_VARIABLE.sub(group, re.escape(text)) + r"\Z"))
        except re.error:
            continue
    return found


def _value(name: str, *, quoted: bool) -> str:
    """What a variable of a log_format may be: the next one must not be swallowed."""
    if quoted or name in ("request", "http_user_agent", "http_referer"):
        return r"[^\"]*"
    if name.startswith("upstream_"):  # one for each that was tried
        return r"[^\s\",]+(?:(?:, | : )[^\s\",]+)*"
    return r".*?" if name in ("remote_addr", "remote_user", "time_local") else r"[^\s\"\]]*"


def _row(line: str, formats: list[re.Pattern[str]]) -> Row | None:
    for pattern in formats:
        found = pattern.match(line)
        if found and (row := _made(found.groupdict())) is not None:
            return row
    if "{" in line and (row := _from_json(line)) is not None:
        return row
    found = _GUESSED.search(line.replace('\\"', '"') if "{" in line else line)
    if not found:
        return None
    fields = found.groupdict()
    pair, upstream = _TIME_PAIR.search(fields["rest"]), _UPSTREAM_PAIR.search(fields["rest"])
    if pair or upstream:
        fields["request_time"] = pair["rt"] if pair else None
        fields["upstream_response_time"] = upstream["urt"] if upstream else None
    else:
        fields |= _unlabelled(fields["rest"])
    return _made(fields)


def _from_json(line: str) -> Row | None:
    flat = flat_json(line)
    fields = {
        wanted: str(next((flat[name] for name in names if flat.get(name) is not None), ""))
        for wanted, names in _JSON_NAMES.items()
    }
    return _made(fields)


def _unlabelled(rest: str) -> dict[str, str]:
    """Times without a name: a request takes at least as long as its upstream's answer. Quoted texts (an
    agent, a page) are passed over, but for those that are nothing but times."""
    plain = _QUOTED.sub(lambda found: found[1] if not re.search(r"[^\d.,: -]", found[1]) else " ", rest)
    values = sorted(_TIME.findall(plain), key=float)
    fields = {}
    if values:
        fields["request_time"] = values[-1]
    if len(values) > 1:
        fields["upstream_response_time"] = values[-2]
    return fields


def _made(fields: Mapping[str, str | None]) -> Row | None:
    status = fields.get("status") or ""
    if len(status) != 3 or not status.isdigit():
        return None
    request = fields.get("request") or fields.get("request_uri") or fields.get("uri") or ""
    words = request.split(" ")
    path = (words[1] if len(words) > 1 else words[0]).partition("?")[0][:120]
    return Row(status, path, _seconds(fields.get("request_time")), _seconds(fields.get("upstream_response_time")))


def _seconds(text: str | None) -> float | None:
    """One time, or the sum of several (nginx writes one for each upstream tried: "0.001, 2.003")."""
    if not text:
        return None
    parts = [part for part in re.split(r"[,: ]+", text.strip()) if part and part != "-"]
    try:
        return sum(float(part) for part in parts) if parts else None
    except ValueError:
        return None
