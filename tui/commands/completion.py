"""`tcptriage completion bash|zsh|fish`: a script for the shell, to standard output."""

from __future__ import annotations

import sys

from tui.arguments.screen_commands import completion_parser


def run(arguments: list[str]) -> int:
    """Write the script; returns the exit status."""
    chosen = completion_parser().parse_args(arguments)
    import shtab

    from capture import __version__
    from playbooks.loader import load_all
    from tui.arguments.shell_words import whole_parser

    parser = whole_parser(__version__, sorted(load_all()))
    sys.stdout.write(shtab.complete(parser, chosen.shell) + "\n")
    return 0
