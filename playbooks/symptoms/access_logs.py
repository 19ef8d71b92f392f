"""Access logs: only the status counts, never a word of the request. Common, combined, JSON, key=value, gin, ELB."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playbooks.symptoms.addresses import mentions_of

if TYPE_CHECKING:
    from playbooks.symptoms.explanation import End

STATUSES = {
    499: "client_closed_request",
    460: "client_closed_request",
    502: "upstream_closed",
    504: "upstream_timed_out",
}

_METHOD = r"(?:get|head|post|put|delete|options|patch|connect|trace|propfind|-)"
_QUOTED = re.compile(rf'"{_METHOD}\b[^"]*"\s+(?P<status>\d{{3}})\b(?=\s|$)')
_COMBINED = re.compile(
    r'^(?:\S+ +){0,6}?(?P<client>[0-9a-f.:]+)(?::\d+)? \S+ .{0,40}?\[[^\]]+\] "[^"]*" (?P<status>\d{3}) '
)
_GIN = re.compile(rf"\|\s*(?P<status>\d{{3}})\s*\|\s*[\d.]+\S*\s*\|\s*(?P<client>[0-9a-f.:]+)\s*\|\s*{_METHOD}\b")
_ELB = re.compile(
    r"^(?:https?|h2|wss?|grpcs?) \d{4}-\S+ \S+ (?P<client>[\d.]+:\d+) (?P<upstream>[\d.]+:\d+|-) "
    r"(?:-?[\d.]+ ){3}(?P<status>\d{3}|-) "
)
_SQUID = re.compile(
    r"(?:^|\s)\d+ (?P<client>[\d.:a-f]+) (?P<tag>(?:tcp|tag|none)_\w+)/(?P<status>\d{3}) "
    r"\d+ [a-z]+ \S+ \S+ \w+/(?P<upstream>\S+)"
)
_JSON_STATUS = re.compile(
    r'"(?:status|status_?code|http_?status|response_?(?:code|status)|statuscode|code|downstreamstatus|http\.status_code|sc-status)"\s*:\s*"?(?P<status>\d{3})\b'
)
_PAIR_STATUS = re.compile(r"(?<![\w.-])(?:status|status_?code|http_?status|code|response_code)=\"?(?P<status>\d{3})\b")
_REQUEST_FIELD = re.compile(
    r"[\"\s{,](?:request|uri|request_uri|path|method|request_method|requestpath|requestmethod|url|verb)\"?\s*[:=]"
)
_INGRESS = re.compile(r"\] \[[^\]]*\] ([\d.]+:\d+|\[[\da-f:]+\]:\d+)(?:, \S+)* \d+")
_TRAILING = re.compile(r'\b(?:upstream|ua|backend)\w*[=:]\s*"?([\d.:\[\]a-f]+:\d+)')
_ERROR_FIELD = re.compile(r'"(?:error|err|exception|error_message|message|msg)"\s*:\s*"(?P<text>[^"]{4,})"')
_BENIGN_MESSAGES = re.compile(
    r"^(handled request|request (completed|handled|finished|served)|access|http request|completed|incoming request|-)"
)


@dataclass(frozen=True, slots=True)
class Access:
    """One request as an access log tells of it; the ends only where the status matters.

    `upstream` only where a field of the log names it.
    """

    status: int
    client: End | None
    upstream: End | None

    @property
    def symptom(self) -> str | None:
        """What the status says of a connection; None for most."""
        return STATUSES.get(self.status)


def read_access(low: str) -> Access | None:
    """A line of an access log (in small letters); None where the line is something else."""
    found = (
        (_COMBINED.match(low) if '] "' in low else None)
        or (_GIN.search(low) if "|" in low else None)
        or _ELB.match(low)
        or (_SQUID.search(low) if "_" in low else None)
    )
    if found is None and '" ' in low:
        quoted = _QUOTED.search(low)
        if quoted and not _is_error_line(low):
            found = quoted
    if found is None:
        found = _structured(low)
    if found is None:
        return None
    status = _number(found["status"])
    if "aborted" in (found.groupdict().get("tag") or ""):  # Squid has a word for it and no status
        status = 499
    if status not in STATUSES:
        return Access(status, None, None)
    return Access(status, _client(low, found), _upstream(low, found))


def _structured(low: str) -> re.Match[str] | None:
    """JSON or key=value lines with a status and a request, unless they also carry an error's text."""
    found = _JSON_STATUS.search(low) if low.lstrip().startswith("{") or '":' in low else _PAIR_STATUS.search(low)
    if found is None or not _REQUEST_FIELD.search(low):
        return None
    error = _ERROR_FIELD.search(low)
    if error and not _BENIGN_MESSAGES.match(error["text"]):
        return None
    return found


def _is_error_line(low: str) -> bool:
    """An error log may quote the request, too."""
    return ", request: " in low or "[error]" in low or " upstream: " in low


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _client(low: str, found: re.Match[str]) -> End | None:
    groups = found.groupdict()
    mentions = mentions_of(low)
    if groups.get("client"):
        start = found.start("client")
        return next((m.end for m in mentions if m.start <= start < m.stop or m.start == start), None)
    labelled = re.compile(r"(?:client|remote)_?\w*['\"]?\s?[:=]\s?['\"]?$")
    chosen = next((m.end for m in mentions if labelled.search(m.before)), None)
    if chosen:
        return chosen
    first = next(iter(mentions), None)
    return first.end if first and not _TRAILING.search(low[max(0, first.start - 24) : first.stop]) else None


def _upstream(low: str, found: re.Match[str]) -> End | None:
    text = found.groupdict().get("upstream")
    if text is None:
        # ingress-nginx: [service] [alternative] address bytes seconds status id
        placed = _INGRESS.search(low)
        text = placed[1] if placed else None
    if text is None:
        named = re.search(
            r"\b(?:upstream(?:_addr|_host|addr|host)?|backend(?:_addr)?|serviceaddr|ua)['\"]?\s?[:=]\s?['\"]?(?:https?://)?([\d.]+:\d+|\[[\da-f:]+\]:\d+)",
            low,
        )
        text = named[1] if named else None
    return next((m.end for m in mentions_of(text)), None) if text else None
