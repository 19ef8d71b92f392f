"""All errors of a user's playbook at once, each with its key and what is allowed there."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Iterator, Mapping
from enum import EnumMeta
from typing import Any, Literal

import msgspec
import tomli

from capture.safe_text import printable
from playbooks.loader import complaint, load_library, problems_of, shipped, topics
from playbooks.model import FixTemplate, Outcome, Playbook, Step

ROWS: Mapping[str, type[msgspec.Struct]] = {"steps": Step, "fixes": FixTemplate}
STAND_INS: Mapping[str, Any] = {"risk": "none", "lasts": "now"}
"""In place of what is missing or wrong, so that the rest can be looked at; an empty text for all others."""
NOT_YOURS = ("origin", "topic")
"""Fields that the loader sets."""


def lint(text: str, file: str) -> list[str]:
    """Every error of a user's playbook, the key first and what is allowed there; empty where it is whole."""
    where = printable(file)
    try:
        data = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        return [f"{where}: not TOML: {printable(str(error), 200)}"]
    shipped()
    found: list[str] = []
    for key, kind in ROWS.items():
        rows = data.get(key, [])
        if isinstance(rows, list):
            data[key] = [_repaired(row, kind, f"{key}[{number}].", found) for number, row in enumerate(rows)]
    whole = _repaired(data, Playbook, "", found)
    try:
        playbook = msgspec.convert(whole, Playbook)
    except msgspec.ValidationError as error:  # what no field alone tells
        return [f"{where}: {one}" for one in (*found, complaint(str(error)))]
    named = {one.partition(": ")[0] for one in found}
    of_names = (*problems_of(playbook, own=True), *_unknown_names(playbook))
    found += [one for one in of_names if one.partition(": ")[0] not in named]
    return [f"{where}: {printable(one, 1500)}" for one in dict.fromkeys(found)]


def _repaired(row: Any, kind: type[msgspec.Struct], at: str, found: list[str]) -> Any:
    """A table with what is wrong taken out or stood in for; each error goes to `found`."""
    if not isinstance(row, dict):
        found.append(f"{at.rstrip('.')}: expected a table, got {type(row).__name__}")
        needed = [one.encode_name for one in msgspec.structs.fields(kind) if one.required]
        return {key: STAND_INS.get(key, "") for key in needed}
    fields = {one.encode_name: one for one in msgspec.structs.fields(kind) if one.name not in NOT_YOURS}
    good = {}
    for key, value in row.items():
        if key not in fields:
            close = difflib.get_close_matches(key, fields, 1)
            meant = f"did you mean {close[0]}? " if close else ""
            found.append(f"{at}{key}: no key here; {meant}expected one of {', '.join(fields)}")
        else:
            errors = list(_of_value(value, fields[key].type, f"{at}{key}"))
            found += errors
            if not errors:
                good[key] = value
            elif isinstance(value, dict) and typing.get_origin(fields[key].type) is dict:
                bad = {one.partition(": ")[0] for one in errors}
                good[key] = {name: one for name, one in value.items() if f"{at}{key}.{name}" not in bad}
    for key, one in fields.items():
        if one.required and key not in good:
            if key not in row:
                found.append(f"{at}{key}: expected, but missing")
            good[key] = [] if key in ROWS else STAND_INS.get(key, "")
    return good


def _of_value(value: Any, kind: Any, at: str) -> Iterator[str]:
    """What is wrong with one value; of a table each of its keys by itself."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is dict and isinstance(value, dict):
        for key, one in value.items():
            yield from _of_scalar(key, arguments[0], f"{at}.{key}")
            yield from _of_scalar(one, arguments[1], f"{at}.{key}")
    elif at.rpartition(".")[2] not in ROWS:  # rows were looked at one by one
        yield from _of_scalar(value, kind, at)


def _of_scalar(value: Any, kind: Any, at: str) -> Iterator[str]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        allowed = _allowed(kind)
        if allowed:
            yield f"{at}: expected one of {', '.join(allowed)}; got {value!r}"
        else:
            text, _, inside = str(error).partition(" - at `$")
            yield f"{at}{inside.removesuffix('`')}: {text}"


def _allowed(kind: Any) -> list[str]:
    if isinstance(kind, EnumMeta):
        return [str(one.value) for one in typing.cast("Iterable[Outcome]", kind)]
    return [str(one) for one in typing.get_args(kind)] if typing.get_origin(kind) is Literal else []


def _unknown_names(playbook: Playbook) -> Iterator[str]:
    """Names of playbooks, fixes, topics and settings that do not exist."""
    books = load_library().playbooks
    ids = {step.id for step in playbook.steps}
    for number, step in enumerate(playbook.steps):
        for outcome, goal in step.next.items():
            if goal not in ids and goal not in books:
                near = _near(goal, (*ids, *books))
                yield f"steps[{number}].next.{outcome.value}: no step and no playbook is called {goal!r}{near}"
    for number, name in enumerate(playbook.see_also):
        if name not in books and name != playbook.name:
            yield f"see_also[{number}]: no playbook is called {name!r}{_near(name, books)}"
    for number, topic in enumerate(playbook.cures):
        if topic not in topics():
            yield f"cures[{number}]: expected one of {', '.join(topics())}; got {topic!r}"
    for number, name in enumerate(playbook.borrowed):
        lender, _, wanted = name.partition("/")
        there = [f"{lender}/{fix.id}" for fix in books[lender].fixes] if lender in books else list(books)
        if f"{lender}/{wanted}" not in there:
            yield f"borrowed[{number}]: expected PLAYBOOK/FIX that exists, got {name!r}{_near(name, there)}"
    for number, fix in enumerate(playbook.fixes):
        for key in fix.sets:
            if key not in _settings():
                yield f"fixes[{number}].sets.{key}: expected SERVICE:NAME, one of {', '.join(sorted(_settings()))}"


def _settings() -> set[str]:
    """The settings of servers that are read: those that a fix that ships names."""
    return {key for book in shipped().values() for fix in book.fixes for key in fix.sets}


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 2, 0.5)
    return f"; did you mean {' or '.join(close)}?" if close else ""
