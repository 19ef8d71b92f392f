"""The command line: which command was meant, and what its end means to the shell.

Exit status: 0 done, 1 found, 2 usage or unreadable input, 3 undecided, 130 Ctrl-C. Everything heavy is imported by the
command that needs it, so that --help and --version answer at once and no command without a screen loads textual.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INTERRUPTED = 130
UNUSABLE = 2

COMMANDS = {
    "report": "tui.commands.report",
    "sockets": "tui.commands.sockets",
    "explain": "tui.commands.explain",
    "compare": "tui.commands.compare",
    "fleet": "tui.commands.fleet",
    "playbooks": "tui.commands.playbooks",
    "playbook": "tui.commands.playbook",
    "check": "tui.commands.check",
    "watch": "tui.commands.watch",
    "cases": "tui.commands.cases",
    "demo": "tui.commands.demo",
    "completion": "tui.commands.completion",
    "info": "tui.commands.info",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status. `argv` is without the program's name; default: the process's."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    status = 0
    from tui.arguments import parser

    parser.commands_with = _commands_with
    parser.speak(arguments)
    try:
        status = _command(arguments)(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        _silence(sys.stderr.fileno)  # a worker thread's last words would follow the prompt
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has left: not an error of ours. Python would complain again while it flushes at exit.
        _silence(sys.stdout.fileno)
        return 0
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except Exception as error:  # the last resort: one line for the tired, the traceback for whoever reports it
        if os.environ.get("TCPTRIAGE_DEBUG"):
            raise
        no_room = _no_room(error)
        if no_room is None or not status:  # else the command has said so, and this was its last flush
            print(no_room or _defect(error), file=sys.stderr)
        return UNUSABLE
    return status


def _no_room(error: Exception) -> str | None:
    """What is no defect of the program but a lack of memory or of disk."""
    if isinstance(error, MemoryError):
        return "tcptriage: not enough memory; give it more, or a part of the capture (editcap -c 1000000 IN OUT)"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        _silence(sys.stdout.fileno)  # what could not be written would be tried again at the end
        return f"tcptriage: the output cannot be written: {os.strerror(error.errno)}"
    return None


def _defect(error: Exception) -> str:
    from capture.safe_text import printable

    what = printable(f"{type(error).__name__}: {error}", 300)
    return f"tcptriage: a defect of this program ({what}); please report it, with what TCPTRIAGE_DEBUG=1 shows"


def _command(arguments: list[str]) -> Callable[[list[str]], int]:
    named = bool(arguments) and arguments[0] in COMMANDS
    if arguments and not named:
        _mistyped(arguments[0])
    module = COMMANDS[arguments.pop(0)] if named else "tui.commands.dashboard"
    run: Callable[[list[str]], int] = import_module(module).run
    return run


def _mistyped(word: str) -> None:
    """Leaves with one line where a word is close to a command's name, and names no file."""
    import difflib

    if not word.isalpha() or os.path.lexists(word):
        return
    close = difflib.get_close_matches(word, COMMANDS, 1, 0.7)
    if close:
        from tui.text.language import tr

        complaint = tr("{word}: no such file, and no command; did you mean {close}?", word=word, close=close[0])
        print(f"tcptriage: {complaint}", file=sys.stderr)
        raise SystemExit(UNUSABLE)


def _commands_with(option: str) -> list[str]:
    from tui.arguments.shell_words import parsers

    return [name for name, parser in parsers().items() if option in parser._option_string_actions]


def _silence(descriptor: Callable[[], int]) -> None:
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor())
    except (OSError, ValueError):  # closed already
        return


def program() -> NoReturn:
    """The process that the shell starts. It leaves without taking itself apart, which would cost 40 ms."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started it: nobody reads what is said there
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - until the end
    status = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # who reads has left
        pass
    except OSError:  # a full disk
        status = status or UNUSABLE
    os._exit(status)


if __name__ == "__main__":
    program()
