"""What the words of a line mean, apart from its numbers: judged once for each shape, and logs have few shapes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from playbooks.symptoms.errnos import Errno, find_errno
from playbooks.symptoms.go_operations import Operation, operation_in
from playbooks.symptoms.long_patterns import asked
from playbooks.symptoms.ordinary_lines import is_code, is_ordinary
from playbooks.symptoms.rules import rules, source_of

if TYPE_CHECKING:
    from playbooks.symptoms.rules import Rule

_REQUEST = re.compile(r"\b(?:get|head|post|put|delete|options|patch) /.{0,4000}? http/[\d.]+")
_PATH = re.compile(r"(https?://[^\s/\"']+)/[^\s\"'>)]*")
# addresses (but for port 53: the name service), dates, times, process and connection numbers, very long numbers
_VARYING = re.compile(r"\d+(?:[./:,-]\d+){2,}|\b\d{6,}\b|\*\d+|\d+#\d+|(?<=\[)\d+(?=\])|\bpid[ :=]\d+")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_LONG = re.compile(r"(?<=\*)0+|0+(?=#)|(?<=#)0+|0{6,}")
_ZEROS = str.maketrans("123456789", "000000000")
SHAPES = 8192


@dataclass(frozen=True, slots=True)
class Judgement:
    """A symptom with what the words tell beside it; `side` "none" says that no peer is known."""

    symptom: str
    errno: str | None
    source: str | None
    side: str | None
    play: str | None


def judgement_of(low: str) -> Judgement | None:
    """What a line (small letters) says; None for one without a symptom."""
    words = _PATH.sub(r"\1/", _REQUEST.sub("request", low)) if "/" in low else low
    return _judged(_VARYING.sub(_without_digits, words))


def playbook_without_symptom(low: str) -> str | None:
    """The playbook of a line (small letters) that tells of a server, and of nothing that happened to a connection."""
    if is_code(low):
        return None
    return next((rule.play for rule in rules()[0].fitting(low) if not rule.symptom and rule.play), None)


def _without_digits(found: re.Match[str]) -> str:
    """The same for all addresses, and for all long numbers, however long they are written."""
    text = found[0]
    if text.endswith(":53") and "." in text:  # the name service is known by its port
        return text
    return (
        _ADDRESS.sub("0.0.0.0", text).translate(_ZEROS) if "." in text else _LONG.sub("000000", text.translate(_ZEROS))
    )


@lru_cache(maxsize=SHAPES)
def _judged(words: str) -> Judgement | None:
    operation = operation_in(words)
    if operation is not None:
        return None if is_code(words) else _operated(operation, words)
    specific, general = rules()
    hard = asked("evidence", "hard").found(words)
    rule = next((rule for rule in specific.fitting(words) if rule.symptom or not hard or rule.always), None)
    if rule is not None and not rule.symptom:
        return None
    errno = find_errno(words)
    if rule is None and errno is None:
        rule = general.first(words)
        if rule is None or not rule.symptom:
            return None
    if is_code(words) or (not hard and is_ordinary(words)):
        return None
    symptom = rule.symptom if rule else _symptom_of(errno, words)
    side = rule.side if rule and rule.side else _side_of(words)
    source = (rule.source if rule else None) or source_of(words)
    return Judgement(symptom, _stated(rule, errno, words), source, side, rule.play if rule else None)


_MORE_SPECIFIC = {
    "connection_refused": ("upstream_refused",),
    "connect_timed_out": ("upstream_timed_out",),
    "read_timed_out": ("upstream_timed_out",),
    "unexpected_eof": ("upstream_closed",),
}
"""What else the words around an operation may say: that its peer is a proxy's upstream."""


def _operated(operation: Operation, words: str) -> Judgement:
    better = _MORE_SPECIFIC.get(operation.symptom, ())
    rule = next((rule for rule in rules()[0].fitting(words) if rule.symptom in better), None) if better else None
    symptom = rule.symptom if rule else operation.symptom
    side = (rule.side if rule else None) or _side_of(words)
    errno = operation.errno.name if operation.errno else None
    return Judgement(symptom, errno, source_of(words) or "go", side, rule.play if rule else None)


def _side_of(low: str) -> str | None:
    if asked("side", "proxy").found(low):
        return "upstream"
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
