"""What every parser of the command line shares: one-line complaints, the language, help in paragraphs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, NoReturn

from capture.language import LANGUAGES, choose, chosen, of_locale
from tui.text.language import tr
from tui.work.configuration_place import configuration_path

OF_ARGPARSE = (
    "usage: ",
    "positional arguments",
    "options",
    "show this help message and exit",
    "expected one argument",
    "expected at least one argument",
    "unrecognized arguments: %s",
    "the following arguments are required: %s",
    "invalid choice: %(value)r (choose from %(choices)s)",
    "not allowed with argument %s",
    "argument %(argument_name)s: %(message)s",
)
"""What argparse says by itself, through gettext."""


def _unknown_commands(option: str) -> Sequence[str]:
    return ()


commands_with: Callable[[str], Sequence[str]] = _unknown_commands
"""The commands that have an option: set by who knows them all (cli.py)."""


def speak(arguments: Sequence[str]) -> None:
    """Choose the language before any parser is made: help and complaints are in it, too."""
    named = next((two for one, two in pairwise(arguments) if one == "--lang"), None)
    named = named or next((one.partition("=")[2] for one in arguments if one.startswith("--lang=")), None)
    choose(named if named in LANGUAGES else configured_language() or of_locale(os.environ))
    argparse._ = tr  # type: ignore[attr-defined]  # gettext would look for a catalogue first, even of English


def _columns() -> int:
    """As shutil tells it, which takes longer to load than anything else here; argparse asks it for each option."""
    with suppress(KeyError, ValueError):
        if (columns := int(os.environ["COLUMNS"])) > 0:
            return columns
    with suppress(AttributeError, ValueError, OSError):
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    return 80


class Paragraphs(argparse.HelpFormatter):
    """Wraps a description or an epilog paragraph by paragraph, and leaves those with indented lines as they are."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)
        if chosen() != "en":  # argparse counts the usage's first word in characters, and it takes more cells
            self._width -= 3

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(self._paragraph(one, width, indent) for one in text.split("\n\n"))

    def _paragraph(self, text: str, width: int, indent: str) -> str:
        if "\n  " in text:
            return text
        if text.isascii():
            return super()._fill_text(text, width, indent)
        return "\n".join(indent + line for line in _wrapped(text, width - len(indent)))

    def _split_lines(self, text: str, width: int) -> list[str]:
        """Chinese takes two cells, and is broken between its characters."""
        return super()._split_lines(text, width) if text.isascii() else _wrapped(text, width)


def _wrapped(text: str, width: int) -> list[str]:
    """Lines that fit so many cells."""
    from tui.text.column_layout import wrap  # its dataclasses load inspect, 5 ms of a start

    return wrap(text, width)


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, and that chooses the language of its words."""

    def __init__(self, *, examples: Sequence[str] = (), epilog: str = "", **options: Any) -> None:
        shown = ["\n".join([tr("examples:"), *(f"  {line}" for line in examples)])] if examples else []
        options.setdefault("formatter_class", Paragraphs)
        super().__init__(epilog="\n\n".join([*shown, *([tr(epilog)] if epilog else [])]) or None, **options)
        self.add_argument(
            "--lang",
            choices=LANGUAGES,
            help="language of text, Markdown, screens; default: the locale's",
        )

    def format_help(self) -> str:
        """The description in the language that is chosen; so are the options' words."""
        self.description = tr(self.description) if self.description else self.description
        for action in self._actions:
            if action.help:
                action.help = tr(action.help)
        return super().format_help()

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The arguments; the language is chosen then. JSON is English, whatever is asked for."""
        given, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown))
        json = getattr(given, "format", None) in ("json", "jsonl", "openmetrics") or getattr(given, "follow", False)
        given.lang = "en" if json else given.lang or configured_language() or of_locale(os.environ)
        choose(given.lang)
        return given

    def _unknown(self, words: list[str]) -> str:
        """argparse's own sentence, and the option that was perhaps meant, or the commands that have it."""
        mistyped = next((word.partition("=")[0] for word in words if word.startswith("--")), "")
        complaint = tr("unrecognized arguments: %s") % " ".join(words)
        if mistyped and (commands := commands_with(mistyped)):
            return complaint + tr("; {option} belongs to {commands}", option=mistyped, commands=", ".join(commands))
        return complaint + did_you_mean(mistyped, self._option_string_actions)

    def error(self, message: str) -> NoReturn:
        """One line on standard error, status 2."""
        self.exit(2, tr("{prog}: {message}; see '{prog} --help'", prog=self.prog, message=message) + "\n")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean X?" for what is close to a word that is not known, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, known, 1, 0.7)
    return tr("; did you mean {word}?", word=close[0]) if close else ""


def configured_language() -> str | None:
    """The language that config.toml asks for."""
    path = configuration_path()
    if not path or not os.path.isfile(path):
        return None
    from tui.work.configuration import read_configuration

    return read_configuration().language


def complain(line: str) -> None:
    """One line on standard error, safe for a terminal."""
    from capture.safe_text import printable

    sys.stderr.write(printable(line) + "\n")
