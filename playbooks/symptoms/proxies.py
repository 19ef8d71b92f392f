"""HAProxy's and Envoy's access logs: their own codes for how a connection ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playbooks.symptoms.addresses import mentions_of

if TYPE_CHECKING:
    from playbooks.symptoms.explanation import End


@dataclass(frozen=True, slots=True)
class Ended:
    """How a proxy says that a connection ended. `symptom` None: in order, or for a reason of no symptom."""

    source: str
    symptom: str | None
    local: End | None = None
    remote: End | None = None
    errno: str | None = None


# haproxy: client:port [date] frontend backend/server timers [status] bytes … state conns queues
_HAPROXY = re.compile(
    r"(?P<client>[\d.]+:\d+|[\da-f:]+:\d+) \[\d{2}/[a-z]{3}/\d{4}:[\d:.]+\] \S+ (?P<server>\S+/\S+) "
    r"(?P<timers>[+-]?\d+(?:/[+-]?\d+){2,4}) (?:(?P<status>-?\d{1,3}) )?[+-]?\d+ (?:\S+ \S+ )?"
    r"(?P<state>[\w-]{2}(?:[\w-]{2})?) \d+/"
)


_HAPROXY_JSON = re.compile(
    r'"(?:termination_?(?:state|code)?(?:_cookie)?|term_?(?:state|code)|tsc?|tstate)"\s*:\s*'
    r'"(?P<state>[a-z-]{2}(?:[a-z-]{2})?)"'
)
_HAPROXY_FIELDS = re.compile(
    r'haproxy|"\w*(?:frontend|backend|srv_?queue|actconn|feconn|beconn|ft_name|bk_name)\w*"\s*:'
)
_INSIDE = r'(?:\{[^{}]*"(?:ips?|addr|address|host)"\s*:\s*\[?)?'  # or a field of an object of that name
_CLIENT_FIELD = re.compile(rf'"(?:client|remote|src|source|c)_?(?:ip|addr|address|host|i)?"\s*:\s*{_INSIDE}"$')
_SERVER_FIELD = re.compile(
    r'"(?:server|srv|upstream|dst|dest|destination|backend|s)'
    rf'(?:_?(?:ip|addr|address|i)"\s*:\s*|"\s*:\s*(?=\{{){_INSIDE})"$'
)

FEWEST_SLASHES = 9  # date, backend/server, timers and connection counts hold that many


def read_haproxy(text: str, low: str) -> Ended | None:
    """A line of HAProxy's HTTP or TCP log; its termination state is read by case (`cD` is not `CD`)."""
    if '"t' in low:
        ended = _haproxy_json(text, low)
        if ended is not None:
            return ended
    if low.count("/") < FEWEST_SLASHES or " [" not in low:
        return None
    found = _HAPROXY.search(low)
    if found is None:
        return None
    state = text[found.start("state") : found.start("state") + 2]
    symptom = haproxy_symptom(state, no_server=found["server"].endswith("<nosrv>"))
    remote = None
    if symptom == "client_closed_request" or state[0] == "c":
        remote = next((m.end for m in mentions_of(found["client"] + " [")), None)
    return Ended("haproxy", symptom, remote=remote)


def _haproxy_json(text: str, low: str) -> Ended | None:
    """The same where the log's format is JSON, whose names each site chooses."""
    found = _HAPROXY_JSON.search(low)
    if found is None or not _HAPROXY_FIELDS.search(low):
        return None
    state = text[found.start("state") : found.start("state") + 2]
    symptom = haproxy_symptom(state, no_server="<nosrv>" in low)
    if symptom == "client_closed_request" or state[0] == "c":
        return Ended("haproxy", symptom, remote=_labelled_end(low, _CLIENT_FIELD))
    return Ended("haproxy", symptom, remote=_labelled_end(low, _SERVER_FIELD) if symptom else None)


def _labelled_end(low: str, label: re.Pattern[str]) -> End | None:
    return next((m.end for m in mentions_of(low) if label.search(m.before)), None)


def haproxy_symptom(state: str, *, no_server: bool) -> str | None:
    """What the first two letters of a termination state say: who ended it, and when."""
    who, phase = state[0], state[1]
    if who == "S":
        if phase in "CQ":
            return "no_live_upstreams" if no_server else "upstream_refused"
        return "upstream_closed" if phase in "HDLT" else None
    if who == "s":
        return "no_live_upstreams" if phase == "Q" and no_server else "upstream_timed_out"
    if who == "C":
        return "client_closed_request"
    if who == "c":
        return "client_closed_request" if phase in "DL" else "read_timed_out"
    if state == "RC":
        return "no_free_ports"
    return None


_ENVOY_FLAGS = {
    "UC": "upstream_closed",
    "UR": "connection_reset",
    "UT": "upstream_timed_out",
    "UH": "no_live_upstreams",
    "DC": "client_closed_request",
    "UF": "upstream_refused",
    "LR": "connection_reset",
    "SI": "read_timed_out",
    "DT": "read_timed_out",
    "UMSDR": "upstream_timed_out",
}
_FLAG = r"(?:[A-Z]{2,6}(?:,[A-Z]{2,6})*|-)"
_ENVOY_LINE = re.compile(rf'"[A-Z-]+ [^"]*(?: HTTP/[\d.]+| -)?" (?P<status>\d{{1,3}}) (?P<flags>{_FLAG})(?= )')
_ENVOY_BARE = re.compile(rf" HTTP/[\d.]+ (?P<status>\d{{1,3}}) (?P<flags>{_FLAG}) \d+ \d+ ")
_ENVOY_TCP = re.compile(rf'"- - -" 0 (?P<flags>{_FLAG}) ')
_ENVOY_JSON = re.compile(rf'"response_flags"\s*:\s*"(?P<flags>{_FLAG})"')
_ENVOY_PAIR = re.compile(rf"\b(?:response_flags|flags)=\"?(?P<flags>{_FLAG})\b")
_ENVOY_FORMS = (_ENVOY_LINE, _ENVOY_TCP, _ENVOY_JSON, _ENVOY_PAIR, _ENVOY_BARE)
_JSON_FIELD = r'"{name}"\s*:\s*"([^"]*)"'
_DETAILS = (
    (re.compile(r"delayed[_ ]connect[_ ]error:[_ ]111|connection refused"), "upstream_refused", "ECONNREFUSED"),
    (re.compile(r"delayed[_ ]connect[_ ]error:[_ ]113|no route to host"), "unreachable", "EHOSTUNREACH"),
    (re.compile(r"delayed[_ ]connect[_ ]error:[_ ]101|network is unreachable"), "unreachable", "ENETUNREACH"),
    (re.compile(r"cannot assign requested address|connect[_ ]error:[_ ]99"), "no_free_ports", "EADDRNOTAVAIL"),
    (re.compile(r"delayed[_ ]connect[_ ]error:[_ ]110"), "upstream_timed_out", "ETIMEDOUT"),
    (re.compile(r"delayed[_ ]connect[_ ]error:[_ ]104|connection reset by peer"), "connection_reset", "ECONNRESET"),
    (re.compile(r"connection[_ ]timeout|connect[_ ]timeout|timed[_ ]?out"), "upstream_timed_out", None),
    (re.compile(r"connection[_ ]termination"), "upstream_closed", None),
    (re.compile(r"remote[_ ]reset"), "connection_reset", None),
    (re.compile(r"tls[_ ]error|certificate|ssl"), None, None),
)


def read_envoy(text: str, low: str) -> Ended | None:
    """A line of Envoy's or Istio's access log, by its response flags; UF by its details."""
    if '" ' not in text and "flags" not in text and " HTTP/" not in text:
        return None
    found = next((found for form in _ENVOY_FORMS if (found := form.search(text))), None)
    if found is None:
        return None
    flags = [flag for flag in found["flags"].split(",") if flag in _ENVOY_FLAGS]
    if not flags:
        return Ended("envoy", None)
    symptom: str | None = _ENVOY_FLAGS[flags[0]]
    errno = None
    if flags[0] == "UF":
        for pattern, meant, number in _DETAILS:
            if pattern.search(low):
                symptom, errno = meant, number
                break
    if symptom is None:
        return Ended("envoy", None)
    local, remote = _envoy_ends(low, found.end(), symptom)
    return Ended("envoy", symptom, local, remote, errno)


def _envoy_ends(low: str, start: int, symptom: str) -> tuple[End | None, End | None]:
    of_client = symptom in ("client_closed_request", "read_timed_out")
    if '"response_flags"' in low:
        names = (
            ("downstream_local_address", "downstream_remote_address")
            if of_client
            else ("upstream_local_address", "upstream_host")
        )
        return _json_end(low, names[0]), _json_end(low, names[1])
    # "x-forwarded-for" "agent" "id" "authority" "upstream host"
    # cluster upstream_local downstream_local downstream_remote
    quoted = list(re.finditer(r'"([^"]*)"', low[start:]))
    host = quoted[-1] if quoted else None
    after = low[start + host.end() :].split() if host else []
    upstream_host = _first(host[1]) if host else None
    if of_client:
        return (_first(after[2]), _first(after[3])) if len(after) >= 4 else (None, None)
    local = _first(after[1]) if len(after) >= 4 else None
    return local, upstream_host


def _json_end(low: str, name: str) -> End | None:
    found = re.search(_JSON_FIELD.format(name=name), low)
    return _first(found[1]) if found else None


def _first(text: str) -> End | None:
    return next((m.end for m in mentions_of(text)), None)
