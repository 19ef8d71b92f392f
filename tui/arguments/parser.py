"""What every parser of the command line shares: one-line complaints, the language, help in paragraphs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from capture.language import LANGUAGES, choose, of_locale
from tui.work.configuration_place import configuration_path


class Paragraphs(argparse.HelpFormatter):
    """Wraps a description or an epilog paragraph by paragraph, and leaves those with indented lines as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        told = text.split("\n\n")
        return "\n\n".join(
            one if "\n  " in one else super(Paragraphs, self)._fill_text(one, width, indent) for one in told
        )


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, and that chooses the language of what is told."""

    def __init__(self, *, examples: Sequence[str] = (), epilog: str = "", **told: Any) -> None:
        shown = ["\n".join(["examples:", *(f"  {line}" for line in examples)])] if examples else []
        told.setdefault("formatter_class", Paragraphs)
        super().__init__(epilog="\n\n".join([*shown, *([epilog] if epilog else [])]) or None, **told)
        self.add_argument(
            "--lang",
            choices=LANGUAGES,
            help="language of text, Markdown, screens; default: the locale's",
        )

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
        """argparse's own sentence, and the option that was perhaps meant."""
        mistyped = next((word.partition("=")[0] for word in words if word.startswith("--")), "")
        return f"unrecognized arguments: {' '.join(words)}{did_you_mean(mistyped, self._option_string_actions)}"

    def error(self, message: str) -> NoReturn:
        """One line on standard error, status 2."""
        self.exit(2, f"{self.prog}: {message}; see '{self.prog} --help'\n")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean X?" for what is close to a word that is not known, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, known, 1, 0.7)
    return f"; did you mean {close[0]}?" if close else ""


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
