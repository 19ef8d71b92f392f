"""Whole logs, fast: the literals of the rules find the lines that could be errors; only those are read closely."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from playbooks.symptoms.access_logs import STATUSES
from playbooks.symptoms.decoding import decoded, encoded_needles, spellings
from playbooks.symptoms.explanation import Explained
from playbooks.symptoms.log_blocks import blocks_of
from playbooks.symptoms.multiline_entries import Entry, entry_after, entry_of, goes_on
from playbooks.symptoms.rules import literals
from playbooks.symptoms.shape_cache import Memo
from playbooks.symptoms.times import time_of
from playbooks.symptoms.trigrams import left_to_find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_STATUSES = tuple(
    f"{before}{status}{after}"
    for status in STATUSES
    for before, after in ((" ", " "), (":", ""), (": ", ""), ("=", ""), ('"', '"'))
)
STEMS = (
    *("verbind", "netzwerk", "adresse", "rechner", "socket ist", "dateien", "zeitspanne", "remotehost", "connession"),
    *(
        "demasiados",
        "abertos",
        "aperti",
        "ouverts",
        "bestanden",
        "bereikbaar",
        "overdrachts",
        "richiesto",
        "interrotta",
    ),
    *("conntrack", "worker_connections", "delayed", "connection_", "no live", "no healthy", "no server", "brokers"),
    *("unreach", "orphaned", "deadline", "premature", "descriptor", "mysql server", "err_", "proxy error", "reverse"),
    *("can't ", "could not", "couldn't", "unable to connect", "port exhaust", "out of ", "free ", "while connecting"),
    *("disponib", "cancel", "incomplete", "without sending", "communication", "remote server", "layer"),
    *("ah0", " 502", " 504", "error in the pu", " in use", "the peer"),
    *("not re", "no re", "s available", "stale c", " exhaust", "unexpected e", "terminat"),
)
"""Short pieces that stand for many literals: fewer to look for, and rare enough in ordinary lines."""

_QUIET = re.compile(
    rb"^[^\"\n\[]{1,120}\[[^\]\n]{10,40}\] \"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|-)[^\"\n]*\" "
    rb"(?!" + b"|".join(str(status).encode() for status in STATUSES) + rb")\d{3} (?:\d+|-)(?: [^\n]*)?\r?$",
    re.MULTILINE,
)
"""A line of a common or combined access log with a status that tells nothing of a connection."""

_NUMBERS = re.compile(rb"\((?:2[348]|32|9[89]|1[01]\d|70007)[),:]|(?<!\d)100[2-6]\d(?!\d)")
_STATES = re.compile(rb" [SsCcR][CQHDTLR](?:[-NIVOUE~][-NRPIDUF])? \d+/\d+/")
_BARE_FLAGS = re.compile(rb" HTTP/[\d.]{1,3} \d{1,3} [A-Z]{2,6}[ ,]")
_FLAGS = re.compile(rb'" \d{1,3} [A-Z]{2,6}[ ,]|response_flags"?[:=] ?"[A-Z]')
_PROXIES_TOO = re.compile(rb'"(?:[Tt]erm\w*|tsc?|tstate)" ?: ?"[SsCcR]|_ABORTED/|[A-Z]/50[24] \d')
_PATTERNS = (_NUMBERS, _STATES, _FLAGS, _BARE_FLAGS, _PROXIES_TOO)
_NEWLINE = re.compile(rb"\n")
_METHODS = ("GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH")
_REQUEST = re.compile(r"\b(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) (/[^\s?\"]*)")
_DUMPED = re.compile(
    r"^(?:\S+ )?(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) (/[^\s?\"]*)[^\n]* HTTP/[\d.]+\s*$", re.MULTILINE
)
SAMPLE = 1 << 16
"""Bytes at the beginning of a block that show how many of its lines could be errors."""
DENSE = 3
"""Where one line in so many could be one, all are looked at."""
_DUMP_END = re.compile(rb" HTTP/[\d.]+\s*\n")
LOOK_AROUND = 12
"""Lines before one without a time in which its time is looked for."""


class Match(NamedTuple):
    """A recognised line of a log. `near` is the time of a line shortly before, where the line itself has none; `entry`
    the ends that an earlier line of the same entry names, where the line itself names none."""

    log: int
    line: int
    text: str
    explained: Explained
    near: str | None
    request: str | None
    entry: Entry | None = None


def scan_log(
    path: str,
    log: int = 0,
    progress: Callable[[int, int], None] | None = None,
    beside: Callable[[bytes, int], None] | None = None,
) -> Iterator[Match]:
    """All recognised lines of a log, in order; `log` is its number among several.

    `progress` gets the bytes and lines read so far after each block; `beside` is given each block and the number of
    lines before it. Raises LogUnreadable.
    """
    lines = 0
    size = 0
    memo = Memo(may_tell)
    for block in blocks_of(path):
        if beside is not None:
            beside(block, lines)
        yield from _scan_block(block, log, lines, memo)
        lines += block.count(b"\n")
        size += len(block)
        if progress is not None:
            progress(size, lines)


def _scan_block(block: bytes, log: int, lines_before: int, memo: Memo) -> Iterator[Match]:
    block = _QUIET.sub(b"", block)  # most of most logs; the newlines stay, so that line numbers do
    at, number = 0, lines_before + 1
    near: str | None = None
    last: Explained | None = None
    last_line, last_entry = 0, None
    told_until = 0
    for start in _candidates(block):
        end = block.find(b"\n", start)
        text = decoded(block[start:end])
        explained = memo.explain(text)
        if explained is None:
            continue
        number += block.count(b"\n", at, start)
        at = start
        near = explained.time or _time_before(block, told_until, start) or near
        told_until = end + 1
        entry = None
        if explained.remote is None and explained.local is None and goes_on(text):
            if last is not None and last_line == number - 1:
                entry = entry_after(last_line, last, last_entry)
            else:
                entry = entry_of(explained, _lines_before(block, start, number), memo.explain)
        last_line, last, last_entry = number, explained, entry
        yield Match(log, number, text, explained, near, _request_near(text, block, end), entry)


@lru_cache(maxsize=1)
def _needles() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a line that matters holds, in small letters: plain ASCII, and the rest."""
    texts = {next((stem for stem in STEMS if stem in text), text) for text in literals()}
    texts |= set(_STATUSES)
    fewest = [text for text in texts if not any(other != text and other in text for other in texts)]
    return tuple(filter(str.isascii, fewest)), tuple(text for text in fewest if not text.isascii())


@lru_cache(maxsize=1)
def _needle_bytes() -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    plain, foreign = _needles()
    return tuple(map(str.encode, plain)), tuple(spelled.encode() for text in foreign for spelled in spellings(text))


def may_tell(text: str) -> bool:
    """Whether a line could be an error: the same question as for blocks, asked of one line."""
    low = text.lower()
    plain, foreign = _needles()
    if any(needle in low for needle in plain):
        return True
    if not low.isascii() and any(needle in low for needle in foreign):
        return True
    raw = text.encode("utf-8", "replace")
    return any(pattern.search(raw) for pattern in _PATTERNS)


def _candidates(block: bytes) -> list[int]:
    """Where the lines begin that could be errors, in order; where many could be, all lines: asking is dearer then."""
    sample = block[: block.find(b"\n", SAMPLE) + 1]
    if len(sample) < len(block) and len(_possible(sample)) * DENSE > sample.count(b"\n"):
        return [0, *(found.end() for found in _NEWLINE.finditer(block, 0, len(block) - 1))]
    return _possible(block)


def _possible(block: bytes) -> list[int]:
    low = block.lower()
    plain, foreign = _needle_bytes()
    starts: set[int] = set()
    for needle in left_to_find(low, (*plain, *foreign, *encoded_needles(block)) if not low.isascii() else plain):
        found = low.find(needle)
        while found >= 0:
            starts.add(low.rfind(b"\n", 0, found) + 1)
            found = low.find(needle, low.find(b"\n", found))
    for pattern in _PATTERNS:
        starts.update(block.rfind(b"\n", 0, found.start()) + 1 for found in pattern.finditer(block))
    return sorted(starts)


def _time_before(block: bytes, floor: int, start: int) -> str | None:
    """The time of the nearest of the few lines before one that has none itself."""
    stop = start
    for _ in range(LOOK_AROUND):
        if stop <= floor:
            return None
        begin = block.rfind(b"\n", floor, stop - 1) + 1 or floor
        found = time_of(block[begin : min(stop, begin + 512)].decode("utf-8", "replace"))
        if found:
            return found
        stop = begin
    return None


def _lines_before(block: bytes, start: int, number: int) -> Iterator[tuple[int, str]]:
    """The lines of a block before a place with their numbers, the nearest first."""
    stop = start - 1
    while stop >= 0:
        begin = block.rfind(b"\n", 0, stop) + 1
        number -= 1
        yield number, decoded(block[begin : min(stop, begin + 4096)])
        stop = begin - 1


def _request_near(text: str, block: bytes, end: int) -> str | None:
    """The path of the request that a line names, or the few lines after it (a recovered panic dumps its request)."""
    at = text.find(" /")
    while at > 0:
        if text.endswith(_METHODS, 0, at):
            found = _REQUEST.search(text, max(0, at - 8))
            if found:
                return found[1]
        at = text.find(" /", at + 1)
    stop = end
    for _ in range(3):
        stop = block.find(b"\n", stop + 1)
        if stop < 0:
            break
    if not _DUMP_END.search(block, end, stop + 1 if stop > 0 else len(block)):
        return None
    after = block[end : stop if stop > 0 else len(block)][:2048]
    found = _DUMPED.search(after.decode("utf-8", "replace"))
    return found[1] if found else None
