"""Secrets in evidence: what a log line or a command line carries besides the fact. Masked before anything is shown."""

from __future__ import annotations

import re

MASK = "***"

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Header lines, also inside quotes or JSON: everything up to the end of the value.
    (
        re.compile(
            r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie2?|x-(?:api-key|auth-token|csrf-token|amz-security-token))"
            r"(\"?\s*[:=]\s*\"?)[^\"\r\n]+"
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {MASK}"),
    # Words that are ordinary English too: only before what is no word.
    (re.compile(r"(?i)\b(basic|digest|negotiate|token)\s+(?=\S*[0-9=+/])[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"), MASK),
    (
        re.compile(
            r"(?i)([A-Za-z0-9_-]*(?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
            r"|session(?:[_-]?id)?|sid|signature|credential|auth|jwt|otp)\"?\s*(?:=|:\s*(?=\")|%3[Dd])\s*\"?)[^\s\"'&;,<>]+"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)(--?(?:password|passwd|token|secret|api-key|auth)[ =])\S+"), rf"\1{MASK}"),
    (re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s/@:]*:[^\s/@]*@"), rf"\1{MASK}@"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{16,})"), MASK),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"), MASK),
)


def mask(text: str) -> str:
    """`text` with tokens, cookies, passwords and Authorization values replaced; names of fields stay."""
    for pattern, put in _PATTERNS:
        text = pattern.sub(put, text)
    return text
