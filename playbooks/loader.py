"""Playbook files, read and held against the model: a bad one is named with the key and what was expected there."""

from __future__ import annotations

import difflib
import os
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import tomli

from capture.language import LANGUAGES, overlaid, overlay, per_language
from capture.safe_text import printable
from playbooks.model import SETTING_KEYS, FixTemplate, Outcome, Playbook
from playbooks.playbook_errors import PlaybookError, UnknownPlaybook

PLACEHOLDER = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")
FILLED = ("title", "why", "target", "current", "proposed", "snippet", "apply", "verify", "undo", "not_when")
"""The texts of a fix in which {{parameters}} are filled in."""
BUILT_IN = ("sudo", "write", "edit", "unedit", "target")
"""Parameters that every fix has (playbooks.fixing)."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\Z")
"""What a playbook may be called."""
_LARGEST_FILE = 1_000_000
_reading = threading.Lock()
_LIBRARY, _CURES = (str(Path(__file__).with_name(name)) for name in ("library", "cures"))
_OVERLAYS = tuple(f".{language}" for language in LANGUAGES)


class Library(msgspec.Struct, frozen=True):
    """All playbooks by name, those that ship first; `problems` says which of the user's files could not be used."""

    playbooks: dict[str, Playbook]
    problems: tuple[PlaybookError, ...]


def user_directory() -> Path:
    """Where a user's own playbooks lie (XDG base directories; ~/.config/tcptriage/playbooks)."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    root = Path(base if base.startswith("/") else os.path.expanduser("~/.config"))
    return root / "tcptriage" / "playbooks"


def load_library(directory: Path | None = None) -> Library:
    """Those that ship and those of the user. A user's file of the same name takes the place of one that ships."""
    found = dict(shipped())
    problems: list[PlaybookError] = []
    for path in _user_files(user_directory() if directory is None else directory):
        try:
            playbook = _read(path)
        except PlaybookError as error:
            problems.append(error)
        else:
            found[playbook.name] = playbook
    return Library(found, tuple(problems))


def load_all(directory: Path | None = None) -> dict[str, Playbook]:
    """Every playbook that can be used, by name."""
    return load_library(directory).playbooks


def load(name: str, directory: Path | None = None) -> Playbook:
    """One playbook. Raises PlaybookError where the user's file of that name is bad, UnknownPlaybook where none is."""
    own = (user_directory() if directory is None else directory) / f"{name}.toml"
    if NAME.match(name) and os.path.isfile(own):
        return _read(own)
    library = load_library(directory)
    if name in library.playbooks:
        return library.playbooks[name]
    close = difflib.get_close_matches(name, library.playbooks, 3, 0.5) or sorted(library.playbooks)
    raise UnknownPlaybook(f"no playbook is called {printable(name, 60)!r}; there is {', '.join(close)}")


def parse(text: str, file: str, own: bool = False, over: Mapping[str, Any] | None = None) -> Playbook:
    """A playbook of TOML text. `own`: a user's, which may have steps that run a command. `over`: its texts in another
    language. Raises PlaybookError."""
    where = printable(file)
    try:
        data = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise PlaybookError(f"{where}: not TOML: {printable(str(error), 200)}") from None
    try:
        playbook = msgspec.convert(overlaid(data, over) if over else data, Playbook)
    except msgspec.ValidationError as error:
        raise PlaybookError(f"{where}: {complaint(str(error))}") from None
    problem = next(problems_of(playbook, own), None)
    if problem is not None:
        raise PlaybookError(f"{where}: {problem}")
    return msgspec.structs.replace(playbook, origin=file if own else "")


def shipped() -> dict[str, Playbook]:
    """Those that ship, by name."""
    with _reading:  # a cache lets two threads read the same files at once
        return _readshipped()


@per_language
def _readshipped() -> dict[str, Playbook]:
    found = {}
    for name, text in _texts(_LIBRARY):
        over = overlay(_LIBRARY, name)
        found[name] = parse(text, f"playbooks/library/{name}.toml", over=over)
    of_topics = topics()
    cured = {name: _with_cures(playbook, of_topics, f"{name}.toml") for name, playbook in found.items()}
    return {name: _with_borrowed(playbook, cured, f"{name}.toml") for name, playbook in cured.items()}


class _Cures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of cures/: the same cure for each language and server. `common` holds what its fixes share."""

    fixes: tuple[dict[str, Any], ...]
    common: dict[str, Any] = {}


_HOW = "commands"
"""The file of cures/ that says how a change in each language is applied and taken back."""


@per_language
def topics() -> dict[str, tuple[FixTemplate, ...]]:
    """Fixes by topic, as cures/ holds them. Raises PlaybookError."""
    texts = dict(_texts(_CURES))
    how = tomli.loads(texts.pop(_HOW))
    return {name: tuple(_cures(text, name, how)) for name, text in texts.items()}


def _texts(folder: str) -> Iterator[tuple[str, str]]:
    """Name and text of each file that ships in a folder, by name; what lies over them in another language is none."""
    for file in sorted(Path(folder).iterdir()):
        if file.suffix == ".toml" and not file.stem.endswith(_OVERLAYS):
            yield file.stem, file.read_text(encoding="utf-8")


def _cures(text: str, topic: str, how: dict[str, dict[str, str]]) -> Iterator[FixTemplate]:
    where = f"playbooks/cures/{topic}.toml"
    try:
        cures = msgspec.convert(overlaid(tomli.loads(text), overlay(_CURES, topic)), _Cures)
        for one in cures.fixes:
            language = one.get("language", "text")
            own = {"apply": one["snippet"].strip()} if language == "shell" else {}
            defaults = cures.common.get("defaults", {}) | one.get("defaults", {})
            fix = msgspec.convert(
                cures.common | how.get(language, {}) | own | one | {"topic": topic, "defaults": defaults}, FixTemplate
            )
            unfilled = next((f"{key}: {{{{{name}}}}}" for name, key in _unfilled(fix)), None)
            if unfilled is not None:
                raise PlaybookError(f"{where}: {fix.id}.{unfilled} has no default")
            yield fix
    except (tomli.TOMLDecodeError, msgspec.ValidationError) as error:
        raise PlaybookError(f"{where}: {complaint(str(error))}") from None


def _with_cures(playbook: Playbook, of_topics: dict[str, tuple[FixTemplate, ...]], where: str) -> Playbook:
    """The playbook with the fixes of its topics after its own. Raises PlaybookError where a topic does not exist."""
    fixes = list(playbook.fixes)
    for number, topic in enumerate(playbook.cures):
        if topic not in of_topics:
            known = ", ".join(of_topics)
            raise PlaybookError(f"{printable(where)}: cures[{number}]: expected one of {known}; got {topic!r}")
        fixes += of_topics[topic]
    return msgspec.structs.replace(playbook, fixes=tuple(fixes))


def _with_borrowed(playbook: Playbook, lenders: dict[str, Playbook], where: str) -> Playbook:
    """The playbook with the fixes that it borrows, its own first. Raises PlaybookError where one is not to be had."""
    fixes = list(playbook.fixes)
    for number, name in enumerate(playbook.borrowed):
        lender, _, wanted = name.partition("/")
        lent = next((fix for fix in lenders[lender].fixes if fix.id == wanted), None) if lender in lenders else None
        if lent is None:
            raise PlaybookError(
                f"{printable(where)}: borrowed[{number}]: expected PLAYBOOK/FIX that exists, got {name!r}"
            )
        fixes.append(lent)
    return msgspec.structs.replace(playbook, fixes=tuple(fixes))


def _user_files(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.suffix == ".toml")
    except OSError:
        return []


def _read(path: Path) -> Playbook:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise PlaybookError(f"{printable(str(path))}: larger than {_LARGEST_FILE} bytes: not a playbook")
        playbook = parse(path.read_text(encoding="utf-8"), str(path), own=True)
    except OSError as error:
        raise PlaybookError(f"{printable(str(path))}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise PlaybookError(f"{printable(str(path))}: not UTF-8 at byte {error.start}") from None
    lenders = shipped()  # first: it reads the cures, under the lock
    playbook = _with_borrowed(_with_cures(playbook, topics(), str(path)), lenders, str(path))
    if playbook.name != path.stem:
        raise PlaybookError(f"{printable(str(path))}: name: expected {path.stem!r}, the file's own name")
    return playbook


def complaint(message: str) -> str:
    """msgspec's complaint, the key first: "steps[0].title: Expected `str`, got `int`"."""
    text, _, where = message.partition(" - at `")
    key = where.removesuffix("`").removeprefix("$").removeprefix(".")
    missing = re.match(r"Object (?:missing required|contains unknown) field `([^`]*)`", text)
    if missing:
        wanted = "expected, but missing" if "missing" in text else "not a key here; expected one of the documented ones"
        return printable(f"{f'{key}.' if key else ''}{missing[1]}: {wanted}", 300)
    return printable(f"{key or 'file'}: {text}", 300)


def problems_of(playbook: Playbook, own: bool) -> Iterator[str]:
    """What is wrong with a playbook whose types are right, the key first."""
    from playbooks.checks.registry import known_checks

    if not NAME.match(playbook.name):
        yield "name: expected lower-case letters, digits and hyphens"
    for number, key in enumerate(playbook.settings):
        if key not in SETTING_KEYS:
            yield f"settings[{number}]: expected one of {', '.join(SETTING_KEYS)}, got {key!r}"
    if not playbook.steps:
        yield "steps: expected at least one"
    ids = [step.id for step in playbook.steps]
    checks = known_checks()
    for number, step in enumerate(playbook.steps):
        at = f"steps[{number}]"
        if ids.index(step.id) != number:
            yield f"{at}.id: expected a new id, {step.id!r} is taken"
        if step.check and step.check not in checks:
            close = difflib.get_close_matches(step.check, checks, 3, 0.4) or sorted(checks)
            yield f"{at}.check: expected a built-in check, such as {', '.join(close[:6])}; got {step.check!r}"
        if step.check in checks:
            for argument in step.given.keys() - checks[step.check].arguments:
                takes = ", ".join(sorted(checks[step.check].arguments)) or "none"
                yield f"{at}.with.{argument}: not an argument of {step.check}; expected: {takes}"
        if step.run and step.check:
            yield f"{at}.run: expected either check or run, not both"
        if step.run and not own:
            yield f"{at}.run: only a user's own playbook runs commands"
        for outcome, goal in step.next.items():
            if goal not in ids and not NAME.match(goal):
                yield f"{at}.next.{Outcome(outcome).value}: expected the id of a step or the name of a playbook"
        known = {fix.id for fix in playbook.fixes} | {name.partition("/")[2] for name in playbook.borrowed}
        known = {name for name in known if name} | {f"topic:{topic}" for topic in playbook.cures}
        for outcome, names in step.offers.items():
            for name in names:
                if name not in known:
                    allowed = ", ".join(sorted(known)) or "none: the playbook has no fixes"
                    yield f"{at}.offers.{Outcome(outcome).value}: no fix {name!r}; expected one of {allowed}"
    for symptom in playbook.symptoms:
        from playbooks.symptoms.rules import symptoms

        if symptom not in symptoms():
            yield f"symptoms: {symptom!r} is no code; expected one of {', '.join(sorted(symptoms()))}"
    for number, fix in enumerate(playbook.fixes):
        for name, key in _unfilled(fix):
            yield f"fixes[{number}].{key}: {{{{{name}}}}} has no default; expected one under fixes.defaults"


def _unfilled(fix: FixTemplate):  # type: ignore[no-untyped-def]
    for key in FILLED:
        for name in PLACEHOLDER.findall(getattr(fix, key)):
            if name not in fix.defaults and name not in BUILT_IN:
                yield name, key


def own_for(symptom: str) -> list[str]:
    """The user's own playbooks that lines of a symptom lead to."""
    books = (path for path in _user_files(user_directory()))
    found = []
    for path in books:
        try:
            book = _read(path)
        except PlaybookError:
            continue
        if symptom in book.symptoms:
            found.append(book.name)
    return found
