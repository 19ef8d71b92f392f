"""A line as the program meant it, without what terminals, syslog, JSON, HTML and word processors made of it."""

from __future__ import annotations

import html
import re

LONGEST = 16_384  # characters of a line that are looked at

# the escape character as itself, as rsyslog, JSON, shells and terminals write it; or lost, with the rest still there
_ANSI = re.compile(r"(?:\x1b|\\+(?:u001b|x1b|e|033)|#033|\^\[|␛)\[[0-9;?]*[A-Za-z]|\[\d{1,2}(?:;\d{1,3})*m(?!\])", re.I)
_PATH = re.compile(r"(https?://[^\s/\"']+/)[^\s\"'>),]+")
_PUBLISHED = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}):\S{2,45}:\d{1,5}/tcp\b")
"""Docker's published port: the address on the host that was to be bound, and the container's, which was not."""
_METHODS = ("GET ", "POST ", "PUT ", "DELETE ", "HEAD ", "OPTIONS ", "PATCH ")
_ENTITY = re.compile(
    r"&(?:amp;)?(?:gt|lt|amp|quot|apos|nbsp|[lr][sd]quo|rarr|[mn]dash|#\d{2,5}|#x[0-9a-f]{2,4});", re.I
)
_ESCAPES = {"n": " ", "r": " ", "t": " ", '"': '"', "'": "'", "/": "/"}
_ESCAPED = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\"'/nrt]))")
_RSYSLOG = re.compile(r"#0(?:1[0-5]|0\d)(?=\D|$)")  # control characters, as octal numbers
_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′ʼ", "'"),
        **dict.fromkeys("“”„‟″«»「」『』", '"'),
        **dict.fromkeys("‐‑‒–—−", "-"),
        **dict.fromkeys("\u00a0\u1680\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000", " "),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
        "：": ":",
        "（": "(",
        "）": ")",
        "，": ",",
        "；": ";",
        "【": "[",
        "】": "]",
        "→": "->",
        "⇒": "=>",
        "…": "...",
    }
)


def plain(text: str) -> str:
    """A line without terminal colours and requested paths, and with what JSON, HTML and word processors wrote undone.

    What somebody asked for is no word of the program that logs it: a path may hold any text, also that of an error.
    """
    text = text[:LONGEST]
    if "\\" in text:
        text = _ESCAPED.sub(_unescaped, _ANSI.sub("", text) if "[" in text else text)
    if "\x1b" in text or "[0m" in text:
        text = _ANSI.sub("", text)
    if "#0" in text:
        text = _RSYSLOG.sub(" ", _ANSI.sub("", text))
    if "&" in text:
        text = _ENTITY.sub(lambda found: html.unescape(html.unescape(found[0])), text)
    if not text.isascii():
        text = plain_quotes(_ANSI.sub("", text) if "␛" in text else text)
    if "/tcp" in text:
        text = _PUBLISHED.sub(r"\1", text)
    if "://" in text:
        text = _PATH.sub(lambda found: found[1], text)
    end = text.find(" HTTP/")
    if end > 0:
        start = text.rfind(" ", 0, end) + 1
        if text.startswith("/", start) and text.endswith(_METHODS, 0, start):
            text = f"{text[: start + 1]}{text[end:]}"
    return text.strip()


def plain_quotes(text: str) -> str:
    """Quotes, dashes, blanks and arrows of word processors, and of Chinese and Japanese, as programs write them."""
    return text.translate(_TYPOGRAPHY)


def small(text: str) -> str:
    """In small letters, each place as it was: a few capitals grow when made small."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _unescaped(found: re.Match[str]) -> str:
    if found[3]:
        return _ESCAPES[found[3]]
    character = chr(int(found[1] or found[2], 16))
    return character if character.isprintable() else " "
