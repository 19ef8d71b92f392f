"""The language of what people read, chosen once a process: text, Markdown, screens. JSON is always written in English.

Texts are in catalogues NAME.toml beside the code that names them; NAME.zh.toml overlays one key by key, and what it
lacks stays English. Sentences that are in the code are overlaid by their English words (Words).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

LANGUAGES: Final = ("en", "zh")
_SIMPLIFIED: Final = ("zh_cn", "zh_sg", "zh_hans", "zh-hans")
_process = ["en"]
T = TypeVar("T")
_here: ContextVar[str | None] = ContextVar("language", default=None)


def choose(language: str) -> None:
    """The language of this process, for all its threads. Raises ValueError."""
    if language not in LANGUAGES:
        raise ValueError(f"{language!r} is no language of this program: {' or '.join(LANGUAGES)}")
    _process[0] = language


def chosen() -> str:
    """The language of sentences from now on."""
    return _here.get() or _process[0]


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Another language meanwhile, in this thread: what goes into JSON is English also beside a screen."""
    before = _here.set(language)
    try:
        yield
    finally:
        _here.reset(before)


def of_locale(environment: Mapping[str, str]) -> str:
    """The language that the locale asks for (POSIX: LC_ALL, then LC_MESSAGES, then LANG; the first that is set).
    Chinese in another charset than UTF-8 (zh_CN.GB18030) is not written here."""
    names = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next((name for name in names if name), "").lower()
    name, _, charset = locale.partition("@")[0].partition(".")
    ours = (name == "zh" or name.startswith(_SIMPLIFIED)) and charset.replace("-", "") in ("", "utf8")
    return "zh" if ours else "en"


def per_language(make: Callable[[], T]) -> Callable[[], T]:
    """Made once for each language, when first asked for in it."""
    made: dict[str, T] = {}

    def asked() -> T:
        language = chosen()
        if language not in made:
            made[language] = make()
        return made[language]

    asked.__doc__ = make.__doc__
    return asked


def catalogue(folder: str, name: str) -> dict[str, Any]:
    """The texts of NAME.toml in the language that is chosen. Read anew at each call: see per_language."""
    texts = read_toml(os.path.join(folder, f"{name}.toml"))
    return overlaid(texts, overlay(folder, name))


def overlay(folder: str, name: str) -> dict[str, Any]:
    """What the chosen language puts over NAME.toml; empty in English, and where there is no such file."""
    language = chosen()
    path = os.path.join(folder, f"{name}.{language}.toml")
    return read_toml(path) if language != "en" and os.path.exists(path) else {}


def overlaid(texts: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Texts with those of another language over them, key by key. Of an array of tables each is named by the value of
    its first key (`id = "log"`); an array of texts is replaced as a whole."""
    made = dict(texts)
    for key, value in over.items():
        old = texts.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            made[key] = overlaid(old, value)
        elif isinstance(old, list) and isinstance(value, dict):
            made[key] = [overlaid(one, value.get(str(next(iter(one.values()))), {})) for one in old]
        else:
            made[key] = value
    return made


def read_toml(path: str) -> dict[str, Any]:
    """A catalogue as written: as a file, as importlib.resources loads zipfile and tempfile, 10 ms of a start."""
    import tomli

    with open(path, "rb") as stream:
        return tomli.load(stream)


class Words:
    """Sentences that stand in the code, by their English: `tr("{n} packets are left out", n=3)`.

    NAME.zh.toml holds those of the other language; English where it has none.
    """

    def __init__(self, folder: str, name: str) -> None:
        self._overlay = per_language(lambda: overlay(folder, name))

    def __call__(self, text: str, /, **facts: object) -> str:
        """The sentence in the chosen language with its facts filled in."""
        said: str = self._overlay().get(text, text)
        return said.format(**facts) if facts else said

    def count(self, number: int, noun: str) -> str:
        """A number with its noun: `1 socket`, `12 sockets`, `2 processes`; in Chinese with its measure word."""
        translated: str | None = self._overlay().get(f"{{n}} {noun}")
        if translated is not None:
            return translated.format(n=f"{number:,}")
        return f"{number:,} {noun}" + ("" if number == 1 else "es" if noun.endswith(("s", "x")) else "s")


tr = Words(os.path.dirname(__file__), "words")
"""The sentences in the code of `capture`: words.zh.toml."""
count_of = tr.count


def sentences(*each: str) -> str:
    """Sentences behind each other: Chinese ones need no space between them."""
    return ("" if chosen() == "zh" else " ").join(one for one in each if one)
