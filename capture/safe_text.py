"""Text from packets, processes, files and logs is hostile: what a terminal would obey is made visible instead."""

from __future__ import annotations

import re

# C0 and C1 controls, bidirectional and zero-width controls (Trojan Source), line and paragraph separators, surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)


def printable(text: str, most: int | None = None) -> str:
    """`text` on one line, each control or bidi character as `\\xNN` or `\\uNNNN`; cut at `most` characters with `…`."""
    safe = _UNSAFE.sub(_escape, text)
    if most is not None and len(safe) > most:
        return safe[: max(0, most - 1)] + "…"
    return safe


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    named = {9: "\\t", 10: "\\n", 13: "\\r", 27: "\\e"}.get(code)
    if named:
        return named
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
