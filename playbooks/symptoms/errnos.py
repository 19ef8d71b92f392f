"""Error numbers as lines state them: by name, by number with a marker, by strerror's text in many languages."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache

from capture.language import read_toml
from playbooks.symptoms.normalising import plain_quotes


@dataclass(frozen=True, slots=True)
class Errno:
    """An error number: its POSIX name and the symptom it is by itself."""

    name: str
    symptom: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """errnos.toml, ready to look things up."""

    by_name: dict[str, Errno]
    by_number: dict[int, Errno]  # Linux's and WSA's
    by_bsd: dict[int, Errno]
    by_kind: dict[str, Errno]
    by_text: dict[str, Errno]
    texts: tuple[str, ...]  # longest first, so that "… in system" wins
    plain_texts: tuple[str, ...]  # those in ASCII


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The catalogue, loaded once."""
    table = read_toml(os.path.join(os.path.dirname(__file__), "errnos.toml"))
    known = {name: Errno(name, entry["symptom"]) for name, entry in table.items()}
    by_text = {plain_quotes(text): known[name] for name, entry in table.items() for text in entry["texts"]}
    texts = tuple(sorted(by_text, key=len, reverse=True))
    return Catalogue(
        by_name=known,
        by_number={table[n][key]: e for n, e in known.items() for key in ("linux", "wsa") if key in table[n]},
        by_bsd={table[n]["bsd"]: e for n, e in known.items() if "bsd" in table[n]},
        by_kind={table[n]["kind"]: e for n, e in known.items() if "kind" in table[n]},
        by_text=by_text,
        texts=texts,
        plain_texts=tuple(filter(str.isascii, texts)),
    )


_NAME = re.compile(
    r"(?<![a-z0-9_$/-])(?:(?<!\.)|(?<=unix\.))(?:wsa)?(e(?:pipe|conn(?:reset|aborted|refused)|timedout|(?:host|net)(?:unreach|down)|netreset"
    r"|[mn]file|addrinuse|addrnotavail|notconn|shutdown|nobufs))(?![a-z0-9_])"
)
_NUMBER = re.compile(
    r"(?:\berrno[ :=\]\[(]{0,3}|\bos error |\bsystem error:? |\bsocketexception ?\(|\bsyscall returned=-?\d+ errno="
    r"|\bwsagetlasterror\(\)? ?[:=]? ?|\bwinerror |\breturned error |\b(?:return code|rc) = (?=-)"
    r"|\berror code:? |\bcode:? ?|\berror:? #?|\(|\[)"
    r"(-?\d{2,5})(?=[\s:,)\]};'\"]|\.(?!\d)|$)"
)
_MARKED = re.compile(
    r"errno|os error|system error|winerror|wsagetlasterror|socketexception|socket error|returned error"
    r"|\b(?:return code|rc) = "  # the kernel's: negative
)
_WSA = re.compile(r"(?<![\d.:])(10024|1003[58]|10048|10049|1005[0-8]|1006[0145])(?![\d.:]\d|\d)")
_KIND = re.compile(
    r"(?:kind: |kind\(|errorkind::|socketerror\.|errorcode: ?)(\w+)"
    r"|\b(brokenpipe|connection(?:reset|aborted|refused))error\b"  # Python's classes
)
_WSA_CONTEXT = re.compile(r"wsa|winsock|socket|winerror|connect|send|recv|error|os error|ssl")


def names_in(low: str) -> list[str]:
    """The different error names spelled out in a line (small letters), in order of appearance."""
    return list(dict.fromkeys(found[1].upper() for found in _NAME.finditer(low)))


def find_errno(low: str) -> Errno | None:
    """The error number that a line (in small letters) states, the most explicit statement first; None where none."""
    known = catalogue()
    named = _NAME.search(low)
    if named:
        return known.by_name[named[1].upper()]
    texts = texts_in(low)
    if texts:
        return known.by_text[texts[0]]
    return _numbered(low, known) or _of_kind(low, known)


def errno_at(low: str, start: int) -> Errno | None:
    """The error number whose text is at a place of a line (small letters)."""
    known = catalogue()
    for text in known.texts:
        if low.startswith(text, start) and not (text.isascii() and low[start + len(text) :][:1].isalpha()):
            return known.by_text[text]
    return None


def texts_in(low: str) -> list[str]:
    """The texts of error numbers that a line (in small letters) holds as whole words, the longest first."""
    known = catalogue()
    held = [text for text in (known.plain_texts if low.isascii() else known.texts) if text in low]
    whole = [text for text in held if not (text.isascii() and low[low.find(text) + len(text) :][:1].isalpha())]
    return [text for text in whole if not any(text != other and text in other for other in whole)]


def _numbered(low: str, known: Catalogue) -> Errno | None:
    for found in _NUMBER.finditer(low):
        number = abs(int(found[1]))
        marker = low[found.start() : found.start(1)]
        if number in known.by_number and (number >= 10_000 or _MARKED.search(marker) or _quoted_number(low, found)):
            return known.by_number[number]
        if number in known.by_bsd and _MARKED.search(marker):
            return known.by_bsd[number]
    windows = _WSA.search(low)
    if windows and _WSA_CONTEXT.search(low):
        return known.by_number.get(int(windows[1]))
    return None


def _quoted_number(low: str, found: re.Match[str]) -> bool:
    """A number in parentheses where libraries put an errno: `(104, '…')`, `(111)`, rsync's `(32)`."""
    after = low[found.end() : found.end() + 2]
    if low[found.start()] == "(" and after.startswith(","):
        return bool(re.match(r",\s*['\"]", low[found.end() : found.end() + 3]))
    if low[found.start()] == "(" and after == ": ":  # nginx: the number and the system's text for it
        return low[max(0, found.start() - 7) : found.start()] in ("failed ", "ed out ", "ection ", "dshake ")
    if low.startswith("code", found.start()) and "rsync" in low:  # what rsync exits with
        return False
    return after.startswith(")") and bool(re.search(r"(mysql|connect|rsync|socket|recv|send|read|write)", low))


def _of_kind(low: str, known: Catalogue) -> Errno | None:
    found = _KIND.search(low)
    return known.by_kind.get(found[1] or found[2]) if found else None
