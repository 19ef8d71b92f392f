"""nginx's access log: statuses, and times where the format has them."""

from __future__ import annotations

import re
from collections import Counter, deque

from playbooks.facts.log_files import access_time, chosen_logs, is_error_log, last_lines
from playbooks.facts.model import Absence, AccessLog, Nginx, NginxServer, Route, Times
from playbooks.facts.statistics import percentiles

COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)
MOST_LINES = 200_000
ROUTES = 5
_GUESSED = re.compile(
    r'"(?P<request>(?:[A-Z]{3,10} [^"]*|[^"]*))" (?P<status>[1-5]\d\d) (?P<body_bytes_sent>\d+|-)(?P<rest>.*)$'
)
_TIME_PAIR = re.compile(r"\b(?:rt|request_time|req_time|duration)[=:]\"?(?P<rt>[\d.]+)", re.I)
_UPSTREAM_PAIR = re.compile(r"\b(?:urt|upstream_response_time|upstream_time|uht?)[=:]\"?(?P<urt>[\d., :-]+)", re.I)
_JSON = re.compile(r'"(status|request_time|upstream_response_time|request|uri|request_uri)"\s*:\s*"?([^",}]*)')
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
    formats = _formats(nginx.servers) if isinstance(nginx, Nginx) else []
    rows: list[Row] = []
    sample: deque[str] = deque(maxlen=3)
    older = unread = 0
    times: list[float] = []
    for path, start in chosen:
        try:
            lines, _ = last_lines(path)
        except OSError as error:
            return Absence("unreadable", f"{path}: {error.strerror or error}")
        lines = [line for line in lines if line][-MOST_LINES:]
        if log is not None and is_error_log(lines):
            return Absence("not_given", f"{path} is an error log: the access log was not named")
        for line in lines:
            when = access_time(line)
            if when is not None:
                if when < int(start):
                    older += 1
                    continue
                times.append(when)
            row = _row(line, formats)
            if row is None:
                unread += 1
                continue
            rows.append(row)
            if row.status == "499":
                sample.append(line[:400])
    if not rows and unread:
        return Absence("unreadable", f"{chosen[0][0]}: no line reads as an access log's")
    return _summed(tuple(path for path, _ in chosen), rows, unread, older, times, tuple(sample))


def _summed(
    paths: tuple[str, ...], rows: list[Row], unread: int, older: int, times: list[float], sample: tuple[str, ...]
) -> AccessLog:
    by_path: dict[str, Counter[str]] = {}
    for row in rows:
        by_path.setdefault(row.path, Counter())[row.status] += 1
    worst = sorted(by_path.items(), key=lambda item: (-(item[1]["499"] + item[1]["504"]), -item[1].total(), item[0]))
    closed = [row for row in rows if row.status == "499"]
    served = [row for row in rows if row.status not in ("499", "504", "502")]
    return AccessLog(
        paths=paths,
        lines=len(rows),
        unread=unread,
        older=older,
        status=dict(Counter(row.status for row in rows).most_common()),
        routes=tuple(Route(path, c.total(), c["499"], c["504"]) for path, c in worst[:ROUTES]),
        request=_times([row.request_time for row in served]),
        upstream=_times([row.upstream_time for row in served]),
        closed_request=_times([row.request_time for row in closed]),
        closed_upstream=_times([row.upstream_time for row in closed]),
        first=_clock(min(times, default=None)),
        last=_clock(max(times, default=None)),
        sample=sample,
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
    for text in [*texts, COMBINED]:
        names: Counter[str] = Counter()

        def group(match: re.Match[str], names: Counter[str] = names) -> str:
            names[match[1]] += 1
            kind = r"[^\"]*" if match[1] in ("request", "http_user_agent", "http_referer") else r".*?"
            return f"(?P<{match[1]}>{kind})" if names[match[1]] == 1 else kind

        try:
            found.append(re.compile(_VARIABLE.sub(group, re.escape(text)) + r"\Z"))
        except re.error:
            continue
    return found


def _row(line: str, formats: list[re.Pattern[str]]) -> Row | None:
    for pattern in formats:
        found = pattern.match(line)
        if found and (row := _made(found.groupdict())) is not None:
            return row
    if line.startswith("{"):
        return _made(dict(_JSON.findall(line)))
    found = _GUESSED.search(line)
    if not found:
        return None
    fields = found.groupdict()
    pair = _TIME_PAIR.search(fields["rest"])
    if pair:
        fields["request_time"] = pair["rt"]
    pair = _UPSTREAM_PAIR.search(fields["rest"])
    if pair:
        fields["upstream_response_time"] = pair["urt"]
    return _made(fields)


def _made(fields: dict[str, str]) -> Row | None:
    status = fields.get("status", "")
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
