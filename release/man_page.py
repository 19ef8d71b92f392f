"""tcptriage(1), written from the parsers (man(7)): each command and option is in it, and none that is gone.

python3 -m release.man_page >tcptriage.1; the build backend does the same for a wheel's share/man/man1.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator

from tui.arguments.screen_commands import dashboard_parser
from tui.arguments.shell_words import ABOUT, parsers

DESCRIPTION = """\
From a log line (broken pipe, connection reset by peer, 499, upstream timed out) to the socket, the packets, the cause,
and the line of configuration to change. Without a command it opens a screen: of captures, or of this machine's live
connections. The commands do the same without a screen, as text, JSON or Markdown. It reads; it changes no setting."""
STATUS = (
    ("0", "done, nothing of the asked-for severity found"),
    ("1", "found: check: a step failed; with --fail-on: a finding as severe"),
    ("2", "usage, or an input that cannot be read (one line on standard error)"),
    ("3", "check could not decide a step"),
    ("130", "interrupted by Ctrl-C"),
)
FILES = (
    ("~/.config/tcptriage/playbooks/*.toml", "own playbooks (XDG_CONFIG_HOME)"),
    ("~/.cache/tcptriage", "the last text copied and the last log lines pasted (XDG_CACHE_HOME)"),
    ("share/tcptriage/tcptriage-watch.service", "a systemd unit for watch, below the installation's prefix"),
)
ENVIRONMENT = (
    ("LC_ALL, LC_MESSAGES, LANG", "the language of text, where --lang names none"),
    ("TCPTRIAGE_DEBUG", "where set, a defect of the program shows its traceback"),
)


def man_page(version: str) -> str:
    """The page as roff."""
    return "\n".join(_lines(version)) + "\n"


def _lines(version: str) -> Iterator[str]:
    yield f'.TH TCPTRIAGE 1 "" "tcptriage {_text(version)}" "User Commands"'
    yield from (".nh", ".ad l")
    yield from (".SH NAME", r"tcptriage \- find out why TCP connections break, and what to change")
    yield ".SH SYNOPSIS"
    yield from _synopsis(r"tcptriage", dashboard_parser(version))
    yield from (".br", r".B tcptriage", r"\fICOMMAND\fR [\fIOPTION\fR...]")
    yield from (".SH DESCRIPTION", _text(DESCRIPTION), ".SH OPTIONS")
    yield from _arguments(dashboard_parser(version))
    yield ".SH COMMANDS"
    for name, parser in parsers().items():
        yield f".SS {_text(f'tcptriage {name}')}"
        yield from _synopsis(f"tcptriage {name}", parser)
        yield from (".PP", _text(parser.description or ABOUT[name]))
        yield from _arguments(parser)
        yield from _epilog(parser.epilog or "")
    for title, rows in (("EXIT STATUS", STATUS), ("FILES", FILES), ("ENVIRONMENT", ENVIRONMENT)):
        yield f".SH {title}"
        for term, said in rows:
            yield from (".TP", rf"\fB{_text(term)}\fR", _text(said))
    yield from (".SH SEE ALSO", r".BR ss (8),", r".BR tcpdump (8),", r".BR tshark (1),", r".BR tcp (7)")


def _synopsis(program: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    needed = [action for action in parser._actions if not action.option_strings or action.required]
    optional = len(needed) < len(parser._actions)
    yield rf".B {_text(program)}"
    words = [r"[\fIOPTION\fR...]"] if optional else []
    words += [" ".join(_usage(action)) for action in needed]
    yield " ".join(words)


def _usage(action: argparse.Action) -> Iterator[str]:
    name = rf"\fI{_text(_metavar(action))}\fR"
    if action.option_strings:
        yield rf"\fB{_text(action.option_strings[0])}\fR"
    yield {"*": f"[{name}...]", "+": f"{name}...", "?": f"[{name}]"}.get(str(action.nargs), name)


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        term = ", ".join(rf"\fB{_text(option)}\fR" for option in action.option_strings)
        if not term or action.nargs != 0:
            term = f"{term} " * bool(term) + rf"\fI{_text(_metavar(action))}\fR"
        yield from (".TP", term, _text((action.help or "").replace("%(prog)s", parser.prog)))


def _epilog(epilog: str) -> Iterator[str]:
    """Paragraphs; those with indented lines as they are."""
    for paragraph in filter(None, epilog.split("\n\n")):
        if "\n  " in paragraph:
            head, *rest = paragraph.split("\n")
            yield from (".PP", _text(head), ".PP", ".nf", *(_text(line) for line in rest), ".fi")
        else:
            yield from (".PP", _text(paragraph))


def _text(text: str) -> str:
    """Text for roff: hyphens that can be copied, and no line that begins with a control character."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("…", "...")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


if __name__ == "__main__":
    from capture import __version__

    sys.stdout.write(man_page(__version__))
