"""Apache's waits for its backends and its clients: Timeout, ProxyTimeout, ProxyPass … timeout=, KeepAliveTimeout."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from playbooks.facts.config_facts import ProxyWait

DEFAULT_TIMEOUT_S, DEFAULT_KEEP_ALIVE_S = 60.0, 5.0
MOST_FILES, MOST_DEPTH = 200, 8
_TIME = re.compile(r"(\d+)(ms|s|mi)?")
_PASSES = ("proxypass", "proxypassmatch", "balancermember")


@dataclass(frozen=True, slots=True)
class Directive:
    """One line: its words, and where it is. `sections` are those around it, each as its place, the outermost first; the
    server's own have none. Conditions (IfModule) are no sections."""

    words: tuple[str, ...]
    file: str
    line: int
    sections: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """In small letters: Apache does not care."""
        return self.words[0].lower()


def apache_waits(path: str) -> tuple[list[ProxyWait], list[str]]:
    """(waits that apply; nothing is ever missing: Apache has a default for each). Raises OSError."""
    found = list(directives(path))
    waits: list[ProxyWait] = []
    for one in found:
        if one.name not in _PASSES or "!" in one.words:  # `ProxyPass /path !` passes nothing on
            continue
        to = next((word for word in one.words[1:] if "://" in word), "")
        own = next((word.partition("=")[2] for word in one.words if word.lower().startswith("timeout=")), None)
        connect = next(
            (word.partition("=")[2] for word in one.words if word.lower().startswith("connectiontimeout=")), None
        )
        place = f"{one.words[0]} {to}".strip()
        if own is not None:
            waits.append(ProxyWait("server", seconds(own), f"timeout={own}", one.file, one.line, place))
        else:
            proxy = _applied(found, "proxytimeout", one) or _applied(found, "timeout", one)
            waits.append(_default("server", proxy, "ProxyTimeout 60", DEFAULT_TIMEOUT_S, place))
        if connect is not None:
            waits.append(
                ProxyWait("connect", seconds(connect), f"connectiontimeout={connect}", one.file, one.line, place)
            )
    waits.append(_default("client", _last(found, "timeout"), "Timeout 60", DEFAULT_TIMEOUT_S, "server"))
    waits.append(
        _default("idle", _last(found, "keepalivetimeout"), "KeepAliveTimeout 5", DEFAULT_KEEP_ALIVE_S, "server")
    )
    return waits, []


def seconds(text: str) -> float | None:
    """A time of Apache's: 30, 30s, 500ms, 2mi (minutes)."""
    found = _TIME.fullmatch(text.lower())
    return int(found[1]) * {"ms": 1e-3, "mi": 60.0}.get(found[2] or "s", 1.0) if found else None


def _last(found: list[Directive], name: str) -> Directive | None:
    """The last one counts; of the server's own ones before those of sections."""
    every = [one for one in found if one.name == name and len(one.words) > 1]
    outer = [one for one in every if not one.sections]
    chosen = outer or every
    return chosen[-1] if chosen else None


def _applied(found: list[Directive], name: str, place: Directive) -> Directive | None:
    """The one that applies at another directive: of the innermost section around both, the last."""
    every = [one for one in found if one.name == name and len(one.words) > 1]
    around = [one for one in every if one.sections == place.sections[: len(one.sections)]]
    return max(around, key=lambda one: (len(one.sections), found.index(one)), default=None)


def _default(kind: str, line: Directive | None, usual: str, value: float, place: str) -> ProxyWait:
    if line is None:
        return ProxyWait(kind, value, usual, "", 0, place)
    return ProxyWait(kind, seconds(line.words[1]), " ".join(line.words[:2]), line.file, line.line, place)


def directives(path: str) -> Iterator[Directive]:
    """All directives in order, those of included files in their place. Raises OSError for the first file only."""
    root = os.path.dirname(path)
    yield from _of_file(path, root, [0], 0)


def _of_file(path: str, root: str, files: list[int], depth: int, around: tuple[str, ...] = ()) -> Iterator[Directive]:
    files[0] += 1
    opened: list[str] = []
    for number, line in _logical_lines(path):
        if line.startswith("</"):
            opened = opened[:-1]
            continue
        if line.startswith("<"):
            opened.append("" if line.lower().startswith("<if") else f"{path}:{number}")
            continue
        one = Directive(tuple(_words(line)), path, number, (*around, *filter(None, opened)))
        if one.name == "serverroot" and len(one.words) > 1:
            root = one.words[1]
        if one.name in ("include", "includeoptional") and len(one.words) > 1:
            yield from _included(os.path.join(root, one.words[1]), root, files, depth + 1, one.sections)
        elif one.words:
            yield one


def _included(pattern: str, root: str, files: list[int], depth: int, around: tuple[str, ...]) -> Iterator[Directive]:
    if depth > MOST_DEPTH:
        return
    for path in sorted(glob.glob(pattern)):
        if files[0] >= MOST_FILES or not os.path.isfile(path):
            continue
        try:
            yield from _of_file(path, root, files, depth, around)
        except OSError:
            continue  # what may not be read says nothing; the first file's absence is reported


def _logical_lines(path: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, text) without comments; a backslash joins the next line."""
    held, began = "", 0
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            text = line.rstrip("\n")
            began = began or number
            if text.endswith("\\"):
                held += text[:-1]
                continue
            whole, first, held, began = (held + text).strip(), began, "", 0
            if whole and not whole.startswith("#"):
                yield first, whole


def _words(line: str) -> list[str]:
    """Words of a line; quotes hold spaces together."""
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line)]
