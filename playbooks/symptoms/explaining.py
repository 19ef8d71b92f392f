"""One line in, what it says of a connection out."""

from __future__ import annotations

import re

from playbooks.symptoms.access_logs import read_access
from playbooks.symptoms.endpoints import ends_of
from playbooks.symptoms.errnos import Errno, find_errno
from playbooks.symptoms.model import End, Explained
from playbooks.symptoms.patterns import asked
from playbooks.symptoms.proxies import Ended, read_envoy, read_haproxy
from playbooks.symptoms.rules import Rule, rules, source_of, symptoms
from playbooks.symptoms.times import time_of
from playbooks.symptoms.vetoes import is_ordinary, is_sample

LONGEST = 16_384  # characters of a line that are looked at
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_REQUEST = re.compile(r"\b(?:get|head|post|put|delete|options|patch) /.{0,4000}? http/[\d.]+")
_PATH = re.compile(r"(https?://[^\s/\"']+)/[^\s\"'>)]*")


def explain_line(text: str) -> Explained | None:
    """What an error line says; None for a line without a symptom. Any text will do."""
    text = _ANSI.sub("", text[:LONGEST]).replace('\\"', '"').replace("\\/", "/").strip()
    low = text.lower()
    if len(low) != len(text):  # a few capitals grow when made small; places must stay comparable
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    if is_sample(low):
        return None
    ended = read_haproxy(text, low) or read_envoy(text, low)
    if ended is not None:
        return _of_proxy(ended, text)
    access = read_access(low)
    if access is not None:
        if access.symptom is None:
            return None
        of_client = access.symptom == "client_closed_request"
        remote = access.client if of_client else access.upstream
        side = "client" if of_client else "upstream"
        return _explained(access.symptom, None, source_of(low) or "nginx", None, remote, text, side)
    return _of_phrases(text, low)


def _of_proxy(ended: Ended, text: str) -> Explained | None:
    if ended.symptom is None:
        return None
    side = "client" if ended.symptom in ("client_closed_request", "read_timed_out") else "upstream"
    return _explained(ended.symptom, ended.errno, ended.source, ended.local, ended.remote, text, side)


def _of_phrases(text: str, low: str) -> Explained | None:
    words = _PATH.sub(r"\1/", _REQUEST.sub("request", low)) if "/" in low else low
    specific, general = rules()
    rule = specific.first(words)
    if rule is not None and not rule.symptom:
        return None
    errno = find_errno(words)
    if rule is None and errno is None:
        rule = general.first(words)
        if rule is None or not rule.symptom:
            return None
    if is_ordinary(words):
        return None
    side = rule.side if rule and rule.side else _side_of(words)
    symptom = rule.symptom if rule else _symptom_of(errno, words)
    local, remote = ends_of(low, symptom, side)
    if side is None and local is not None and remote is None and symptom == "no_free_ports":
        side = "local"
    number = _stated(rule, errno, words)
    source = (rule.source if rule else None) or source_of(words)
    return _explained(symptom, number, source, local, remote, text, side, rule.play if rule else None)


def _side_of(low: str) -> str | None:
    if asked("side", "client").found(low):
        return "client"
    return "upstream" if asked("side", "upstream").found(low) else None


def _symptom_of(errno: Errno | None, low: str) -> str:
    assert errno is not None
    if errno.name == "ECONNREFUSED" and asked("side", "refused_upstream").found(low):
        return "upstream_refused"
    if errno.name == "ETIMEDOUT":
        if asked("side", "upstream_wait").found(low):
            return "upstream_timed_out"
        if asked("side", "reading").found(low) and not asked("side", "connecting").found(low):
            return "read_timed_out"
    return errno.symptom


def _stated(rule: Rule | None, errno: Errno | None, low: str) -> str | None:
    if rule is not None and rule.errno is not None:
        return rule.errno or None
    if rule is not None and rule.errno_if is not None and not re.search(rule.errno_if, low):
        return None
    return errno.name if errno else None


def _explained(
    symptom: str,
    errno: str | None,
    source: str | None,
    local: End | None,
    remote: End | None,
    text: str,
    side: str | None,
    play: str | None = None,
) -> Explained:
    entry = symptoms()[symptom]
    shown = None if side == "none" else side
    return Explained(
        symptom=symptom,
        errno=errno,
        source=source,
        local=local,
        remote=remote,
        time=time_of(text),
        side=shown,
        playbook=play or entry.playbook,
        meaning=entry.meaning(side),
    )
